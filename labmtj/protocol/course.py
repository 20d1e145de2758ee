"""The steps of a run in their order, each with its record; over the journal first, where there is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labmtj.bench.session import OpenBench
from labmtj.config.bench import BenchFile
from labmtj.errors import InputError
from labmtj.ports import ArrayAccess, Ticker
from labmtj.protocol import run_folder
from labmtj.protocol.abort import AbortWatch
from labmtj.protocol.come_back import Return
from labmtj.protocol.kinds.contact import ContactStep
from labmtj.protocol.kinds.program import ProgramStep
from labmtj.protocol.kinds.program_network import ProgramNetworkStep
from labmtj.protocol.kinds.report import ReportStep
from labmtj.protocol.load import Job
from labmtj.protocol.observer import Observer
from labmtj.protocol.progress import Progress
from labmtj.protocol.replay.access import run_array
from labmtj.protocol.replay.neurons import RunNeurons
from labmtj.protocol.replay.past import RETURN, Entry, Past
from labmtj.protocol.replay.surroundings import RunContact, RunField, RunJournal, RunThermometer
from labmtj.protocol.stop import StopRequest
from labmtj.protocol.summary import summary
from labmtj.protocol.waiting import Asking, Waiting
from labmtj.records import DieMap
from labmtj.runs.die_map import write_die_map
from labmtj.runs.journal import FileJournal
from labmtj.runs.neuron_map import write_neuron_map
from labmtj.runs.tempered import Tempered

if TYPE_CHECKING:
    from labmtj.protocol.chip_task import ChipTask


@dataclass(frozen=True)
class Course:
    """What a run is made of, a new one or one that goes on; `asking` is how its questions are answered."""

    job: Job
    file: BenchFile
    folder: Path
    journal: FileJournal
    past: Past
    watcher: Observer
    what: str = "run"
    record: Path | None = None
    acknowledge: str | None = None
    asking: Asking = field(default_factory=Asking)
    elapsed: float = 0.0  # [s] on the bench's clock until now, and since, if that clock is the wall's


def carry_out(run: Course, opened: OpenBench, live: ArrayAccess, noted: Tempered, stop: StopRequest) -> dict[str, Any]:
    """Carry out the steps on an open bench; the figures of the run. `live` is its array, lives of cells included."""
    past, watcher = run.past, run.watcher
    progress = _progress(run, opened, live, noted, stop)
    back = Return(progress, past, settle=_settler(run.journal, past), told=watcher.returned)
    past.come_back, past.go_on = back, lambda: _go_on(run)
    instruments = ", ".join(f"{name} {serial}" for name, serial in opened.identities.items())
    watcher.started(f"{opened.file.bench.title}   {instruments}{_die_line(opened.file)}{_note(run.file, opened)}")
    start = opened.clock.now()
    run.journal.record("bench", {"identities": opened.identities, "t": round(start, 9)})
    steps = run.job.protocol.steps
    first = next((step for step in steps if step.touches), None)
    waiting, abort = _waiting(run, opened, progress, stop), _abort(run, progress)
    for number, step in enumerate(steps, start=1):
        if isinstance(step, ReportStep):
            continue
        if step is first and not isinstance(step, ContactStep):  # every run begins so, once a person has seen to it
            _contact(run, progress)
        back.step, waiting.step = step, number
        name, known, neurons = step.kind, progress.die_map, progress.neuron_map
        stop.check()
        replayed, before = not past.live, progress.array.clock.now()
        items = step.items(progress)
        content = {"number": number, "name": name, "items": items, "fields": step.model_dump(mode="json")}
        progress.journal.record("step", {**content, "t": round(before, 9)})
        tick = stop.wrap(_counted(run, watcher.step(name, items)))
        try:
            line = step.carry_out(progress, tick)
        except InputError as error:  # what no check of the file could know
            error.add_note(f"in step {number}, {run.job.source.place(('steps', number - 1))}")
            raise
        if progress.die_map is not None and progress.die_map is not known:
            _keep_map(run, progress.die_map)
        if progress.neuron_map is not None and progress.neuron_map is not neurons:
            write_neuron_map(run.folder / run_folder.NEURONS, progress.neuron_map)
        elapsed = progress.array.clock.now() - before
        done = {"number": number, "name": name, "line": line, "seconds": round(elapsed, 9)}
        progress.journal.record("done", done)
        if isinstance(step, ProgramStep):
            back.written[step.layer] = step
        elif isinstance(step, ProgramNetworkStep):
            back.network = step
        watcher.done(name, line, elapsed, replayed=replayed and not past.live)
        if abort is not None and step.touches and elapsed:
            abort.after(name)
    if first is None:
        _contact(run, progress)
    figures = summary(progress, bench_seconds=progress.array.clock.now() - past.began)
    run.journal.record("summary", figures)
    return figures


def _contact(run: Course, progress: Progress) -> None:
    """The contact check that no step asks for."""
    replayed, before = not run.past.live, progress.array.clock.now()
    line = progress.contact()
    seconds = progress.array.clock.now() - before
    run.watcher.done(ContactStep.kind, line, seconds, replayed=replayed and not run.past.live)


def _waiting(run: Course, opened: OpenBench, progress: Progress, stop: StopRequest) -> Waiting:
    """Whom the steps of a run may ask; all of its bench is at rest meanwhile."""

    def rest() -> None:
        progress.array.rest()
        if progress.neurons is not None:
            progress.neurons.rest()

    progress.person = Waiting(
        run.folder,
        run.journal,
        run.past,
        opened.clock,
        rest,
        run.watcher,
        stop,
        run.asking,
        simulated=run.file.bench.visa == "@labmtj",
    )
    return progress.person


def _abort(run: Course, progress: Progress) -> AbortWatch | None:
    """What watches over the abort criteria of a run that has some."""
    criteria = run.job.protocol.abort
    if criteria is None:
        return None
    found = AbortWatch(criteria, progress, run.journal, run.past.acknowledged)
    progress.tally = found.written
    return found


def _keep_map(run: Course, die: DieMap) -> None:
    """Write the map as it is known now; states that later steps have changed are in the journal, too."""
    if run.past.live and die.state is not None:
        run.journal.record("states", {"state": die.state.tolist()})
    write_die_map(run.folder / run_folder.MAP, die)


def _progress(run: Course, opened: OpenBench, live: ArrayAccess, noted: Tempered, stop: StopRequest) -> Progress:
    """What the run knows before its first step; all that it asks passes its journal."""
    past = run.past
    network, data = run_folder.network_of(run.job)
    array = run_array(live, past, before=stop.check_late)
    magnet, sensor = opened.field, opened.thermometer
    return Progress(
        network,
        data,
        array,
        RunJournal(noted, past),
        run.file.bench.array.positive_row_writes,
        opened.limits,
        magnet=None if magnet is None else RunField(magnet, noted, past),
        thermometer=None if sensor is None else RunThermometer(sensor, noted, past),
        check=RunContact(opened.contact, past),
        kernels=run.file.bench.array.kernels,
        chip=chip_of(run.job),
        neurons=None if opened.neurons is None else RunNeurons(opened.neurons, past, before=stop.check_late),
        die_name=_die_name(run.file),
        neuron_range=_neuron_range(run.file),
    )


def chip_of(job: Job) -> ChipTask | None:
    """The network that a job writes onto a chip (labmtj.protocol.chip_task); None if there is none."""
    if job.protocol.network is None or not job.protocol.network.for_chips:
        return None
    # Image sets and tilings are not for a run on an array without transistors.
    from labmtj.protocol.chip_task import chip_task

    return chip_task(job)


def _go_on(run: Course) -> Entry:
    """Note in the journal that it ends here and that the run goes on."""
    content = {"unresolved": run.past.unresolved, "read": run.past.read_voltage, "wall": now()}
    run.journal.record(RETURN, content)
    return content


def _settler(journal: FileJournal, past: Past) -> Any:
    """What writes down that a pulse nobody saw end has been looked at."""

    def settle(number: int, outcome: Any) -> None:
        journal.outcome(number, outcome)
        past.settled({"of": number, "t": round(outcome.time, 9), "uncertain": True})

    return settle


def _counted(run: Course, tick: Ticker) -> Ticker:
    """A ticker that also notes in the journal how many items are done, for `labmtj status`."""
    count = 0

    def counted(done: int = 1) -> None:
        nonlocal count
        count += int(done)
        if run.past.live:
            run.journal.record("at", {"done": count})
        tick(done)

    return counted


def now() -> str:
    """The wall's time, for an entry."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _neuron_range(file: BenchFile) -> float | None:
    """The range [A] of the meter on the z terminals of neurons, where there are some."""
    entry = file.bench.neurons
    return None if entry is None else entry.range or file.bench.measure.range


def _die_name(file: BenchFile) -> str:
    """The name of the die by the bench file; of a simulated one its seed."""
    if file.bench.visa != "@labmtj":
        return file.bench.array.die or ""
    simulation = file.bench.simulation
    return f"simulated, seed {0 if simulation is None or simulation.die is None else simulation.die.seed or 0}"


def _note(file: BenchFile, opened: OpenBench) -> str:
    """A line below the first that says that a bench was not commissioned; none for what is simulated here."""
    if opened.account is not None:
        return ""
    from labmtj.bench.commission.commissioned import missing

    found = missing(file)
    return f"\n{'note':<9}{found}" if found else ""


def _die_line(file: BenchFile) -> str:
    simulation = file.bench.simulation
    if file.bench.visa != "@labmtj" or simulation is None or simulation.die is None:
        return ""
    diameter, seed = simulation.die.diameter, simulation.die.seed
    return f"   die {'' if diameter is None else f'{1e9 * diameter:.0f} nm, '}seed {seed or 0}"
