"""From connected instruments to an array: who drives, who senses, who pulses, behind the last gate.

What a bench file does not say under `use` follows from its instruments: the source meters on matrix rows
in their order drive and sense; a pulse generator's channels make the pulses, where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labmtj.bench.access import BenchArray, Standing, Waits
from labmtj.bench.bank_lines import BankEnds
from labmtj.bench.contact import BankLines, ContactCheck, Examine, TwoMeterLines
from labmtj.bench.limits import Gate, GatedBank, GatedPulses, GatedSense, GatedSource, Limits
from labmtj.bench.parallel import BankWiring, ParallelArray
from labmtj.bench.quick_lines import Meters
from labmtj.bench.reader import TwoMeters
from labmtj.bench.routing import Harness, Line, Router
from labmtj.bench.upkeep import Upkeep
from labmtj.config.bench import Bench, BenchFile
from labmtj.config.model import InstrumentModel, PulseGeneratorModel, SourceMeterModel, VoltageBankModel
from labmtj.errors import InputError
from labmtj.ports import ArrayAccess, Clock, Journal, NeuronAccess
from labmtj.records import Role


@dataclass(frozen=True)
class Connected:
    """The instruments of a bench: drivers and data sheets by name."""

    devices: Mapping[str, Any]
    models: Mapping[str, InstrumentModel]


@dataclass(frozen=True)
class Roles:
    """Matrix row letters of what a read and a pulse need; `second` senses a second column of analog rows.

    Of neurons `drive` is on the x terminals, `sense` on the z terminals and `second` on the common ones. Empty where
    every line has a source of its own.
    """

    drive: str | None
    sense: str
    second: str | None
    pulse_row: str | None
    pulse_col: str


def roles_of(bench: Bench, models: Mapping[str, InstrumentModel]) -> Roles:
    """Who does what. Raises InputError where the file leaves it open, or where something is missing."""
    letters = sorted(bench.channels)
    if bench.every_line:
        return Roles(None, "", None, None, "")

    def of(kind: type[InstrumentModel]) -> list[str]:
        return [letter for letter in letters if isinstance(models.get(bench.channels[letter][0]), kind)]

    use, meters, banks = bench.use, of(SourceMeterModel), of(VoltageBankModel)
    common = None if bench.neurons is None else bench.neurons.common
    meters = [letter for letter in meters if letter != common]
    generators = of(PulseGeneratorModel)
    if any(not isinstance(end, int) for end in bench.lines.rows.values()):
        sense, col = use.sense or _first(meters, "a source meter, to sense a column"), use.pulse_col
        second = next((letter for letter in meters if letter != sense), None)
        return Roles(None, sense, second, None, col or _first(banks, "a channel of the bank, for column pulses"))
    if use.drive is None and use.sense is None and len(meters) != 2:
        names = ", ".join(f"{letter}: {bench.roles[letter]}" for letter in meters) or "none"
        raise InputError(
            f"{bench.title}: two source meters are needed on matrix rows, one for the selected row and one for the "
            f"selected column; here: {names}. Say which with, for example, use: {{drive: A, sense: B}}"
        )
    drive = use.drive or next(letter for letter in meters if letter != use.sense)
    sense = use.sense or next(letter for letter in meters if letter != drive)
    if len(generators) >= 2 or use.pulse_row or use.pulse_col:
        row = use.pulse_row or next(letter for letter in generators if letter != use.pulse_col)
        col = use.pulse_col or next(letter for letter in generators if letter != row)
        return Roles(drive, sense, common, row, col)
    return Roles(drive, sense, common, drive, sense)


def _first(letters: list[str], what: str) -> str:
    if not letters:
        raise InputError(f"no matrix row has {what}: plug one in under roles")
    return letters[0]


def router(bench: Bench, roles: Roles, connected: Connected) -> Router:
    """The routes of the lines that pass the matrix."""
    matrix = next(device for device in connected.devices.values() if hasattr(device, "switch"))
    return Router(matrix, harness(bench, roles))


def harness(bench: Bench, roles: Roles) -> Harness:
    """How the lines that pass the matrix, and the roles that they may have, are wired to it."""
    columns = {Line("row", n): c for n, c in bench.lines.rows.items() if isinstance(c, int)}
    columns |= {Line("col", n): c for n, c in bench.lines.cols.items() if isinstance(c, int)}
    letters = {
        Role.DRIVE: roles.drive,
        Role.SENSE: roles.sense,
        Role.SECOND_SENSE: roles.second,
        Role.PULSE_ROW: roles.pulse_row,
        Role.PULSE_COL: roles.pulse_col,
        Role.GROUND: min(bench.ground_rows),
    }
    return Harness(columns, {role: letter for role, letter in letters.items() if letter is not None})


@dataclass(frozen=True)
class Assembled:
    """An array, what looks at its lines, and the neurons that its junctions are, if they are."""

    array: ArrayAccess
    contact: ContactCheck
    neurons: NeuronAccess | None = None


def assemble(
    file: BenchFile,
    limits: Limits,
    journal: Journal,
    connected: Connected,
    clock: Clock,
    *,
    gate: Gate | None = None,
) -> Assembled:
    """The array of a bench whose instruments are connected and set up, and the check of its contacts.

    `gate` is what the messages to its instruments pass, too.
    """
    bench = file.bench
    roles = roles_of(bench, connected.models)
    gate = gate or Gate(limits)
    shared: dict[str, Any] = {
        "waits": Waits(bench.wait.after_relay, bench.wait.after_source),
        "clock": clock,
        "journal": journal,
        "upkeep": upkeep(bench, roles, connected, clock, journal),
    }
    if bench.every_line:
        from labmtj.bench.assemble_lines import line_array

        own, direct, left_out = line_array(bench, connected, gate, shared)
        return Assembled(own, ContactCheck(direct, left_out, clock, journal))
    shared |= {"gate": gate, "router": router(bench, roles, connected)}
    if bench.gates is not None:
        from labmtj.bench.assemble_chip import chip  # which needs what stands here

        return chip(bench, connected, roles, gate, shared)
    shared |= {"shape": bench.array.shape}
    if roles.drive is None:
        array, examine = _parallel(bench, connected, roles, gate, shared)
        return Assembled(array, ContactCheck(examine, shared["router"], clock, journal))
    return _pairwise(bench, connected, roles, gate, clock, shared)


def upkeep(bench: Bench, roles: Roles, connected: Connected, clock: Clock, journal: Journal) -> Upkeep:
    """Who notices that an instrument of the array was switched off, and sets it up again."""
    able = {name: device for name, device in connected.devices.items() if hasattr(device, "restore")}
    matrix = next((name for name, device in able.items() if hasattr(device, "switch")), None)
    pulser = bench.channels[roles.pulse_col][0] if roles.pulse_col else _bank_of_rows(bench)
    if bench.neurons is not None:
        pulser = None  # it reads, and is asked like the others
    return Upkeep(able, clock, journal, matrix=matrix, pulser=pulser)


def _bank_of_rows(bench: Bench) -> str:
    """The instrument on the rows of a bench with a source on every line."""
    return next(end[0] for end in bench.lines.rows.values() if not isinstance(end, int))


def _pairwise(
    bench: Bench, connected: Connected, roles: Roles, gate: Gate, clock: Clock, shared: dict[str, Any]
) -> Assembled:
    """An array behind two source meters and, where it has one, a pulse generator; with a third one, neurons."""
    devices, limits, measure = connected.devices, gate.limits, bench.measure
    (first, drive), (second, sense) = (bench.channels[letter] for letter in (roles.drive or "", roles.sense))
    driving = meter(bench, connected, roles.drive or "", gate)
    sensing = meter(bench, connected, roles.sense, gate)
    # A range can hold a source below its limit, so the driving one gets a range that the limit fits in.
    driving.current_range = limits.line_compliance
    sensing.current_range = measure.range
    pair = None
    if first == second and hasattr(devices[first], "pair"):
        pair = devices[first].pair(
            drive, sense, compliance=limits.line_compliance, nplc=measure.nplc, read_range=measure.range
        )
    reader = GatedSense(pair or TwoMeters(driving, sensing, clock), gate)
    generator = pulser = generator_pulses(bench, roles, connected, gate)
    if pulser is None and pair is None and bench.neurons is not None:
        from labmtj.bench.assemble_neurons import NoPulses

        pulser = GatedPulses(NoPulses(), gate)
    if pulser is None:
        if pair is None:
            raise InputError(
                f"{bench.title}: nothing on this bench makes pulses: {first} and {second} do not fire together; "
                "plug two channels of a pulse generator into matrix rows"
            )
        pulser = GatedPulses(pair, gate)
    waits: Waits = shared["waits"]
    meters = Meters(
        reader,
        driving,
        sensing,
        clock,
        settle=waits.after_source,
        relay=waits.after_relay,
        compliance=limits.line_compliance,
        range=measure.range,
        nplc=measure.nplc,
    )
    ohms = 0.0 if generator is None else generator.ohms
    array_of, standing, neurons = (shared["router"], meters, shared["shape"], generator, ohms), Standing(), None
    examine: Examine = TwoMeterLines(*array_of)
    if bench.neurons is not None:
        from labmtj.bench import assemble_neurons  # which needs what stands here
        from labmtj.bench.neuron_lines import NeuronLines

        ends: dict[str, Any] = {"driving": driving, "sensing": sensing, "pulser": pulser, "standing": standing}
        neurons, relays = assemble_neurons.neurons(bench, connected, roles, gate, shared, **ends)
        blocks = assemble_neurons.blocks_of(bench.neurons.count)
        examine = NeuronLines(TwoMeterLines(*array_of, blocks=blocks, row_kinds=bench.row_kinds), relays)
    array = BenchArray(reader=reader, pulser=pulser, standing=standing, **shared)
    return Assembled(array, ContactCheck(examine, shared["router"], clock, shared["journal"]), neurons)


def generator_pulses(bench: Bench, roles: Roles, connected: Connected, gate: Gate) -> GatedPulses | None:
    """The two channels of a generator on matrix rows of their own; None where those that read pulse as well."""
    if roles.pulse_row == roles.drive and roles.pulse_col == roles.sense:
        return None
    (generator, row), (other, col) = (bench.channels[letter or ""] for letter in (roles.pulse_row, roles.pulse_col))
    device, model = connected.devices[generator], connected.models[generator]
    if generator != other or not hasattr(device, "pair") or not isinstance(model, PulseGeneratorModel):
        raise InputError(
            f"{bench.title}: {generator} and {other} do not fire together: use two channels of a generator"
        )
    return GatedPulses(device.pair(row, col), gate, ohms=model.output_impedance)


def _parallel(
    bench: Bench, connected: Connected, roles: Roles, gate: Gate, shared: dict[str, Any]
) -> tuple[ParallelArray, Examine]:
    """An array with a bank of sources on its rows."""
    rows = {n: end for n, end in bench.lines.rows.items() if not isinstance(end, int)}
    bank, col = bench.channels[roles.pulse_col]
    others = sorted({name for name, _ in rows.values()} | {bank})
    if len(rows) != bench.array.rows or others != [bank] or not isinstance(connected.models[bank], VoltageBankModel):
        raise InputError(
            f"{bench.title}: every row and the column's pulse need a channel of one bank of voltages; here: "
            f"{', '.join(others)}, {len(rows)} of {bench.array.rows} rows"
        )
    wiring = BankWiring({n: channel for n, (_, channel) in rows.items()}, col)
    ends = bank_ends(bench, roles, connected, gate)
    sensing = list(ends.meters.values())
    examine = BankLines(shared["router"], ends, shared["clock"], shared["shape"], shared["waits"], bench.measure.range)
    return ParallelArray(bank=ends.bank, wiring=wiring, meters=sensing, **shared), examine


def bank_ends(bench: Bench, roles: Roles, connected: Connected, gate: Gate) -> BankEnds:
    """The bank on the rows of a bench and the meters on its columns, on at 0 V with the range of readings."""
    name, col = bench.channels[roles.pulse_col]
    model = connected.models[name]
    letters = {Role.SENSE: roles.sense, Role.SECOND_SENSE: roles.second}
    meters = {role: meter(bench, connected, letter, gate) for role, letter in letters.items() if letter is not None}
    for channel in meters.values():
        channel.current_range = bench.measure.range
    rows = {n: end[1] for n, end in bench.lines.rows.items() if not isinstance(end, int)}
    ohms = model.output_impedance if isinstance(model, VoltageBankModel) else 0.0
    return BankEnds(GatedBank(connected.devices[name], gate), rows, col, ohms, meters)


def meter(bench: Bench, connected: Connected, letter: str, gate: Gate, *, feeds_many: bool = False) -> GatedSource:
    """A source meter's channel, on at 0 V with the bench's limit (of one line, or of many) and integration time."""
    name, channel = bench.channels[letter]
    source = GatedSource(connected.devices[name].channel(channel), gate, f"{name}.{channel}", feeds_many=feeds_many)
    source.compliance_current = gate.limits.of_many if feeds_many else gate.limits.line_compliance
    source.nplc = bench.measure.nplc
    source.source_voltage = 0.0
    source.source_enabled = True
    return source
