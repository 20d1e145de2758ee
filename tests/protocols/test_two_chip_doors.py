"""Both doors of a chip with a transistor in every cell: the bench behind PyVISA, and the bare chip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from labmtj.bench.session import open_bench
from labmtj.config import yaml12
from labmtj.config.bench import BenchFile, load_bench
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.errors import InputError, LimitExceeded
from labmtj.ports import GatedArray
from labmtj.records import Cell, LinePulse, Pulse, Scheme, State
from labmtj.runs.journal import MemoryJournal, line_pulse_of
from labmtj.twin.chip_access import TwinChip

DOORS = ("wire", "chip")
QUIET = {"defects": {"short": 0, "open": 0, "stuck": 0}, "telegraph": "0 %"}
WHOLE = {"rows": 25, "cols": 25, "kernels": 32}


def chip_bench(folder: Path, array: dict[str, int] | None = None, **die: object) -> BenchFile:
    """The bench of a chip, small unless said, as a file of its own (PyVISA keeps one library a path)."""
    data = dict(read(find("benches", "simulated-1t1r")).data)
    size = array or {"rows": 4, "cols": 5, "kernels": 3}
    rows, cols = size["rows"], size["cols"]
    data["array"] = {**size, "wire": "1 ohm"}
    data["lines"] = {"rows": {f"1..{rows}": f"1..{rows}"}, "cols": {f"1..{cols}": f"{rows + 1}..{rows + cols}"}}
    data["limits"] = {**data["limits"], "cell_voltage": "1 V"}
    data["simulation"] = {"die": {"diameter": "60 nm", "seed": 17, **die}}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bench.yaml"
    path.write_text(yaml12.dump(data), encoding="utf-8")
    return load_bench(path)


class Door:
    """A chip with the journal it writes, and a look at what is hidden, for the referee."""

    def __init__(self, array: GatedArray, journal: MemoryJournal, electrics: object, violations: list[str]) -> None:
        self.array, self.journal, self.electrics, self.violations = array, journal, electrics, violations

    @property
    def states(self) -> np.ndarray:
        return self.electrics.state.state.copy()  # type: ignore[attr-defined]


@pytest.fixture
def open_chip(tmp_path: Path) -> Iterator[Callable[..., Door]]:
    with ExitStack() as stack:

        def opened(kind: str, array: dict[str, int] | None = None, **die: object) -> Door:
            file = chip_bench(tmp_path / f"{kind}-{len(list(tmp_path.iterdir()))}", array, **die)
            journal = MemoryJournal()
            if kind == "chip":
                chip = TwinChip(file, journal)
                return Door(chip, journal, chip.electrics, [])
            bench = stack.enter_context(open_bench(file, journal=journal))
            world = bench.clock.world  # type: ignore[attr-defined]
            return Door(bench.array, journal, world.electrics, world.violations)  # type: ignore[arg-type]

        yield opened


def written(cell: Cell, volts: float) -> Pulse:
    return Pulse(cell, volts, 1e-4, Scheme.GATED)


@pytest.mark.parametrize("door", DOORS)
def test_a_pulse_writes_the_state_of_its_sign_through_an_open_gate_only(door, open_chip):
    opened = open_chip(door, **QUIET)
    for sign, state in ((1, State.P), (-1, State.AP), (1, State.P)):
        before = opened.states
        opened.array.pulse(written(Cell(6, 2), sign * 0.95))
        assert state == opened.states[5, 1]
        after = opened.states
        after[5, 1] = before[5, 1]
        assert before.tolist() == after.tolist()
    assert [] == opened.violations


@pytest.mark.parametrize("door", DOORS)
def test_reads_tell_the_states_of_a_chip_apart(door, open_chip):
    opened = open_chip(door, **QUIET)
    currents = np.array([reading.current for reading in opened.array.read(
        [Cell(row, col) for row in range(1, 13) for col in range(1, 6)], voltage=0.1)]).reshape(12, 5)  # fmt: skip
    high, low = currents[opened.states == State.P], currents[opened.states == State.AP]
    assert low.max() < 1.25e-5 < high.min()
    assert high.max() < 2.5e-5


@pytest.mark.parametrize("door", DOORS)
def test_a_product_is_the_sum_of_the_cells_whose_gates_are_open(door, open_chip):
    array = open_chip(door, wire="0 ohm", **QUIET).array
    rows = [reading.current for reading in array.read([Cell(row, 3) for row in range(5, 9)], voltage=0.1)]
    patterns = np.array([[bool(number >> row & 1) for row in range(4)] for number in range(16)])
    np.testing.assert_allclose(array.multiply([6, 8], [3], volts=[0.1, 0.1]), rows[1] + rows[3], rtol=2e-3)
    # What is subtracted from patterns has the gates closed: the offsets of both sources, some 0.5 mV, stay in them.
    found = array.multiply_each(2, patterns, 3, voltage=0.1)
    np.testing.assert_allclose(found, patterns @ rows, rtol=2.5e-2, atol=5e-8)


@pytest.mark.parametrize("door", DOORS)
def test_a_chip_refuses_other_schemes_high_volts_and_rows_of_two_kernels(door, open_chip):
    opened = open_chip(door)
    before = opened.array.clock.now()
    for pulse in (Pulse(Cell(1, 1), 0.9, 1e-4, Scheme.V_HALF), written(Cell(1, 1), 1.2)):
        with pytest.raises(LimitExceeded):
            opened.array.pulse(pulse)
    with pytest.raises(LimitExceeded):
        opened.array.read([Cell(1, 1)], voltage=1.2)
    with pytest.raises(InputError, match="not of one kernel"):
        opened.array.multiply([4, 5], [1], volts=[0.1, 0.1])
    with pytest.raises(InputError, match="columns"):
        opened.array.read([Cell(1, 6)], voltage=0.1)
    assert before == opened.array.clock.now()


def everything(door: Door, kernels: list[int]) -> list[np.ndarray]:
    """Reads, pulses of many strengths, products, sums and samples on some kernels; what was read."""
    array, (rows, cols) = door.array, door.array.shape
    own, found = rows // array.kernels, list[np.ndarray]()
    rng = np.random.default_rng(3)
    for kernel in kernels:
        first = (kernel - 1) * own
        cells = [Cell(first + 1 + n % own, 1 + n % cols) for n in range(2 * own)]
        found.append(np.array([reading.current for reading in array.read(cells, voltage=0.1)]))
        for number, cell in enumerate(cells):
            array.pulse(written(cell, min(0.55 + 0.02 * number, 0.97) * (-1) ** (number // 2)))
        found.append(np.array([reading.current for reading in array.read(cells, voltage=0.1)]))
        found.append(array.multiply_each(kernel, rng.random((9, own)) < 0.5, 2, voltage=0.1))
        found.append(array.multiply([first + 1, first + own], [1, cols], volts=[0.1, 0.1]))
        found.append(np.array([array.total([first + 1, first + 2], [1, 2], voltage=0.1).current]))
        found.append(np.array([array.sense([first + 2], [cols], voltage=0.1).current]))
        array.rest()
    return found


def agree(wire: Door, chip: Door, kernels: list[int]) -> None:
    chip.array.clock.sleep(wire.array.clock.now() - chip.array.clock.now())  # what connecting the bench took
    before = chip.states
    readings = [everything(door, kernels) for door in (wire, chip)]
    assert wire.states.tolist() == chip.states.tolist()
    assert (before != chip.states).any()
    for told, true in zip(*readings, strict=True):
        np.testing.assert_allclose(told, true, rtol=1e-12, atol=1e-17)
    kinds = [[entry["k"] for entry in door.journal.entries] for door in (wire, chip)]
    assert kinds[0] == kinds[1]
    times = [[entry["t"] for entry in door.journal.entries if "t" in entry] for door in (wire, chip)]
    np.testing.assert_allclose(*times, atol=2e-9)
    for name in ("flips", "row_reads", "col_reads"):
        both = [getattr(door.electrics.state, name).tolist() for door in (wire, chip)]
        assert both[0] == both[1]
    assert wire.electrics.state.pulses == chip.electrics.state.pulses
    np.testing.assert_allclose(wire.electrics.state.hazard, chip.electrics.state.hazard, rtol=1e-9)
    np.testing.assert_allclose(wire.electrics.state.damage, chip.electrics.state.damage, rtol=1e-9)
    assert [] == wire.violations


@pytest.mark.parametrize("die", [{"seed": 5}, {"seed": 6, "telegraph": "30 %", "defects": {"short": "10 %"}}])
def test_both_doors_of_a_chip_give_the_same_states_and_the_same_readings(die, open_chip):
    agree(open_chip("wire", **die), open_chip("chip", **die), [1, 3, 1])


@pytest.mark.slow
def test_both_doors_of_a_whole_chip_agree(open_chip):
    agree(open_chip("wire", WHOLE, seed=9), open_chip("chip", WHOLE, seed=9), [1, 32, 7])


def test_reads_that_disturb_do_it_alike_at_both_doors_of_a_chip(open_chip):
    die = {"diameter": "20 nm", "seed": 4}
    wire, chip = open_chip("wire", **die), open_chip("chip", **die)
    chip.array.clock.sleep(wire.array.clock.now() - chip.array.clock.now())
    before = chip.states
    cells = [Cell(row, col) for row in range(1, 13) for col in range(1, 6)]
    for door in (wire, chip):
        door.array.read(cells, voltage=0.35)
    assert wire.states.tolist() == chip.states.tolist()
    assert (before != chip.states).any()


def on_columns(volts: float, *, rows: tuple[int, ...] = (5, 7), cols: tuple[int, ...] = (1, 4)) -> LinePulse:
    """A pulse on columns with the gates of some rows open; positive cell voltages are negative columns."""
    return LinePulse(rows, (0.0,) * len(rows), cols, (-volts,) * len(cols), 1e-4)


@pytest.mark.parametrize("door", DOORS)
def test_a_pulse_on_lines_writes_the_cells_between_open_gates_and_pulsed_columns_only(door, open_chip):
    opened = open_chip(door, **QUIET)
    opened.array.pulse_lines(on_columns(-0.95))
    before = opened.states
    for sign, state in ((1, State.P), (-1, State.AP)):
        outcome = opened.array.pulse_lines(on_columns(sign * 0.95))
        expected = before.copy()
        expected[np.ix_([4, 6], [0, 3])] = state
        assert expected.tolist() == opened.states.tolist()
        assert not outcome.in_compliance
    kinds = [entry["k"] for entry in opened.journal.entries if entry["k"] in ("intent", "outcome")]
    assert ["intent", "outcome"] * 3 == kinds
    intents = [entry for entry in opened.journal.entries if entry["k"] == "intent"]
    assert on_columns(-0.95) == line_pulse_of(intents[-1])
    assert ((False, False), []) == (opened.array.own_levels, opened.violations)


@pytest.mark.parametrize("door", DOORS)
def test_pulses_on_lines_of_two_kernels_with_rows_off_zero_or_too_high_are_refused(door, open_chip):
    opened = open_chip(door)
    own = LinePulse((1,), (0.0,), (1, 2), (-0.5, -0.4), 1e-4)
    for pulse in (on_columns(1.2), LinePulse((1,), (0.1,), (1,), (-0.5,), 1e-4), own):
        for ask in (opened.array.check_lines, opened.array.pulse_lines):
            with pytest.raises(LimitExceeded):
                ask(pulse)
    with pytest.raises(InputError, match="not of one kernel"):
        opened.array.pulse_lines(on_columns(0.5, rows=(4, 5)))
    for pulse in (on_columns(0.5, cols=(6,)), on_columns(0.5, rows=(13,)), on_columns(0.5, rows=())):
        with pytest.raises(InputError):
            opened.array.pulse_lines(pulse)
    assert [] == [entry for entry in opened.journal.entries if entry["k"] == "intent"]


def test_both_doors_make_the_same_of_pulses_on_lines(open_chip):
    seen: list[tuple[np.ndarray, float, list[float]]] = []
    for kind in DOORS:
        opened = open_chip(kind)
        array = opened.array
        array.rest()
        begun, random = array.clock.now(), np.random.RandomState(5)
        states: list[np.ndarray] = []
        for number in range(20):
            kernel = number // 4 % 3
            rows = tuple((4 * kernel + 1 + np.flatnonzero(random.uniform(size=4) < 0.6)).tolist()) or (1,)
            cols = tuple((1 + np.flatnonzero(random.uniform(size=5) < 0.5)).tolist()) or (1,)
            array.pulse_lines(on_columns((-1) ** number * random.uniform(0.24, 0.5), rows=rows, cols=cols))
            states.append(opened.states)
            if number % 7 == 3:
                array.pulse(written(Cell(6, 2), 0.6))  # pulses of both kinds share routes, gates and widths
        currents = [reading.current for reading in array.read([Cell(3, 3), Cell(9, 4)], voltage=0.1)]
        seen.append((np.array(states), array.clock.now() - begun, currents))
    (wire, wire_time, at_wire), (bare, bare_time, at_bare) = seen
    assert (wire == bare).all()
    assert len(np.unique(wire, axis=0)) > 10  # pulses did something
    assert wire_time == pytest.approx(bare_time, abs=1e-9)
    assert at_wire == pytest.approx(at_bare, rel=1e-6)
