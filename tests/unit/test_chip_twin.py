"""The twin of a chip: kernels at rest and on the lines, its state in a file, the card behind the digital port."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.dies import die_model
from labmtj.errors import InputError
from labmtj.gate_register import CLOSED, Gates, words
from labmtj.physics.variation import DieTruth, draw_die
from labmtj.twin.build import electrics, simulated_bench
from labmtj.twin.chip_electrics import ChipElectrics
from labmtj.twin.hookup import GROUND, Connections, Contact, Hookup, OpenGates
from labmtj.twin.sources import Source
from labmtj.twin.state import DieState
from labmtj.twin.world import Output

ROWS, COLS, KERNELS = 4, 5, 3
SMALL = (
    f"array={{rows: {ROWS}, cols: {COLS}, kernels: {KERNELS}}}",
    f"lines={{rows: {{1..{ROWS}: 1..{ROWS}}}, cols: {{1..{COLS}: {ROWS + 1}..{ROWS + COLS}}}}}",
)
# All rows on source 0, column 2 on source 1, the other columns at ground.
LINES = Connections(
    ((Contact(0, 0.7),),) * ROWS + tuple((Contact(1 if n == 1 else GROUND, 0.7),) for n in range(COLS)), 2
)


def truth(**options: object) -> DieTruth:
    model = die_model(load_bench("simulated-1t1r", overrides=SMALL).bench)
    return draw_die(dataclasses.replace(model, short=0.0, open=0.0, stuck=0.0, telegraph=0.0, **options))


def chip(path: Path | None = None, **options: object) -> ChipElectrics:
    found = truth(**options)
    return ChipElectrics(found, DieState(found, path))


def at(volts: float, gates: OpenGates | None, *, sensed: float = 0.0) -> Hookup:
    return Hookup(LINES, (Source(volts, 0.1), Source(sensed, 0.1)), gates)


# -- kernels -----------------------------------------------------------------------------------------


def test_current_flows_through_open_gates_only():
    found = chip()
    point = found.operating_point(at(0.1, OpenGates(2, 0b101, 0.75)))
    assert [True, False, True, False] == (point.cell_i > 1e-6).all(axis=1).tolist()
    assert [0.0, 0.0] == point.cell_i[[1, 3]].sum(axis=1).tolist()
    assert found.operating_point(at(0.1, None)).source_current == (0.0, 0.0)


def test_the_transistor_bounds_what_a_short_draws():
    found = truth()
    found.defect[0, 1] = 1
    shorted = dataclasses.replace(found, r_p=np.where(found.defect == 1, 1.0, found.r_p))
    electric = ChipElectrics(shorted, DieState(shorted))
    currents = [-electric.operating_point(at(v, OpenGates(1, 1, 0.75))).source_current[1] for v in (0.1, 1.0, 2.0)]
    model = found.model.transistor
    assert model is not None
    assert found.threshold is not None
    saturated = 0.5 * model.k * (0.75 - found.threshold[0, 1]) ** 2
    assert currents[0] < currents[1] == pytest.approx(saturated, rel=0.05)
    assert currents[1] == pytest.approx(currents[2], rel=1e-6)


def test_a_pulse_concerns_the_kernel_on_the_lines_and_no_other():
    found = chip(delta=30.0)
    before = found.state.state.copy()
    for _ in range(20):
        found.pulse(at(0.0, OpenGates(2, 0b1111, 1.6), sensed=-0.8), 1e-4)
    changed = (before != found.state.state).any(axis=1).reshape(KERNELS, ROWS).any(axis=1)
    assert [False, True, False] == changed.tolist()
    assert 20 == found.state.pulses
    assert 0.0 < found.state.damage[ROWS : 2 * ROWS, 1].min()
    assert 0.0 == np.delete(found.state.damage, np.s_[ROWS : 2 * ROWS], axis=0).max()


def test_a_pulse_through_closed_gates_is_counted_and_does_nothing():
    found = chip()
    before = found.state.state.copy()
    found.pulse(at(0.0, None, sensed=-0.9), 1e-4)
    assert (before == found.state.state).all()
    assert (1, 1e-4) == (found.state.pulses, found.state.clock)


def test_kernels_at_rest_age_whatever_happens_to_others():
    quiet, busy = (chip(delta=33.0, sigma_delta=0.0) for _ in range(2))
    for _ in range(50):
        quiet.rest(20.0)
        busy.hold(at(0.1, OpenGates(1, 0b11, 0.75)), 15.0)
        busy.rest(5.0)
    accounts = [found.account() for found in (quiet, busy)]
    assert quiet.state.clock == pytest.approx(busy.state.clock)
    assert (quiet.state.flips[ROWS:] == busy.state.flips[ROWS:]).all()
    assert quiet.state.flips[ROWS:].sum() > 0
    np.testing.assert_allclose(quiet.state.hazard[ROWS:], busy.state.hazard[ROWS:], rtol=1e-6)
    assert 0.0 == accounts[0].read_energy < accounts[1].read_energy
    assert (KERNELS * ROWS, COLS) == accounts[0].peak.shape


def test_exposure_does_not_depend_on_how_time_is_cut_up_or_on_who_looks():
    once, often = (chip(delta=30.0) for _ in range(2))
    hookup = at(0.15, OpenGates(3, 0b0110, 0.75))
    once.hold(hookup, 30.0)
    for _ in range(60):
        often.hold(hookup, 0.5)
        often.measure(hookup, 1, 1e-3)
    for found in (once, often):
        found.settle()
    assert (once.state.state == often.state.state).all()
    assert once.state.flips.sum() > 0
    np.testing.assert_allclose(once.state.hazard, often.state.hazard, rtol=1e-9)


def test_cells_of_two_kernels_have_draws_of_their_own():
    found = chip()
    thresholds = [found.kernel(number)._threshold for number in range(KERNELS)]
    assert KERNELS * ROWS * COLS == np.unique(np.concatenate(thresholds)).size


# -- state -------------------------------------------------------------------------------------------


def test_a_commit_of_some_kernels_leaves_the_whole_state(tmp_path):
    path = tmp_path / "die.state"
    path.touch()
    found = chip(path, delta=32.0)
    for number in (1, 1, 2, 3, 3, 1, 1, 1):
        found.pulse(at(0.0, OpenGates(number, 0b1011, 1.6), sensed=-0.7), 1e-4)
        found.hold(at(0.1, OpenGates(number % 3 + 1, 0b1, 0.75)), 0.2)
        found.rest(3.0)
        found.commit()
        again = DieState(found.truth, path)
        for name in ("state", "flips", "hazard", "damage", "rests", "left", "cycles"):
            assert getattr(found.state, name).tolist() == getattr(again, name).tolist()
        assert (found.state.clock, found.state.pulses) == (again.clock, again.pulses)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_chip_twin import at, chip
from labmtj.twin.hookup import OpenGates
found = chip(Path(sys.argv[1]), delta=32.0)
for _ in range(6):
    found.pulse(at(0.0, OpenGates(2, 0b1011, 1.6), sensed=-0.7), 1e-4)
    found.commit()
print(found.state.state.ravel().tolist(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_what_was_committed_outlives_a_kill(tmp_path):
    path = tmp_path / "die.state"
    path.touch()
    command = [sys.executable, "-c", KILLED, str(path), str(Path(__file__).parent)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert -signal.SIGKILL == ended.returncode
    found = chip(path, delta=32.0)
    assert ended.stdout.strip() == str(found.state.state.ravel().tolist())
    assert 6 == found.state.pulses


# -- the card ----------------------------------------------------------------------------------------


@pytest.fixture
def bench():
    return simulated_bench(load_bench("simulated-1t1r", overrides=SMALL))


def smu(bench):
    return next(bench.instruments[address] for address, name in bench.names.items() if name == "smu")


def test_the_digital_port_of_the_source_meter_opens_gates(bench):
    said = "".join(f"digio.writeport({level}) " for level in words(None, Gates(3, 0b1010)))
    smu(bench).firmware.execute(said)
    assert OpenGates(3, 0b1010, 0.75) == bench.world.hookup().gates
    smu(bench).firmware.execute("digio.writebit(13, 1)")
    assert OpenGates(3, 0b1010, 1.6) == bench.world.hookup().gates
    smu(bench).firmware.execute(f"digio.writeport({CLOSED})")
    assert bench.world.hookup().gates is None
    assert ["1.63830e+04"] == smu(bench).firmware.execute("print(digio.readport())")


def test_an_instrument_that_was_switched_off_and_on_has_closed_its_gates(bench):
    for level in words(None, Gates(1, 0b1)):
        bench.world.digital("smu", level)
    assert bench.world.hookup().gates is not None
    smu(bench).restart(bench.power_on("smu"))
    assert bench.world.hookup().gates is None


def test_digital_lines_of_other_instruments_open_nothing(bench):
    for level in words(None, Gates(1, 0b1)):
        bench.world.digital("matrix", level)
    assert bench.world.hookup().gates is None


@pytest.mark.parametrize(
    ("before", "after", "noted"),
    [
        (Gates(1, 0b1), Gates(1, 0b10), False),  # on the rail of reads transistors bound what flows
        (Gates(1, 0b1, write=True), Gates(1, 0b10, write=True), True),
        (Gates(1, 0, write=True), Gates(1, 0b10, write=True), True),
    ],
)
def test_gates_on_the_rail_of_writes_that_move_with_a_source_on_are_noted(before, after, noted, bench):
    world = bench.world
    for level in words(None, before):
        world.digital("smu", level)
    world.force(("smu", "a"), Output(0.1, 1e-3))
    world.violations.clear()  # of the lines that float
    for level in words(before, after):
        world.digital("smu", level)
    assert noted == bool(world.violations)
    world.violations.clear()
    world.force(("smu", "a"), Output(0.0, 1e-3))
    for level in words(after, before):
        world.digital("smu", level)
    assert [] == world.violations


def test_dead_kernels_and_broken_gate_lines_open_nothing(bench):
    card = bench.world.card
    card.dead.add(2)
    card.broken.add(3)
    assert card.opened(Gates(2, 0b1)) is None
    assert card.opened(Gates(1, 0b100)) is None
    assert OpenGates(1, 0b1011, 0.75) == card.opened(Gates(1, 0b1111))
    assert card.opened(Gates(KERNELS + 1, 0b1)) is None


def test_a_chip_is_no_array_of_bare_junctions():
    with pytest.raises(InputError, match="transistor"):
        electrics(load_bench("simulated-1t1r", overrides=SMALL))


def test_passive_benches_do_not_hear_digital_lines():
    bench = simulated_bench("simulated-15x15")
    smu(bench).firmware.execute("digio.writeport(5)")
    assert (None, None) == (bench.world.card, bench.world.hookup().gates)
