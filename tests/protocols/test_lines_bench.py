"""The bench with a source on every line: own voltages on both axes, all columns at once, nothing unseen."""

from __future__ import annotations

import numpy as np
import pytest

from labmtj.bench.direct_lines import DirectLineTester
from labmtj.bench.line_array import LineBanks
from labmtj.bench.session import open_bench, resource_manager
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.errors import FileProblems, InputError, LimitExceeded
from labmtj.physics.reach import Path
from labmtj.protocol.engine import resume, run
from labmtj.protocol.through_wires import ohms
from labmtj.records import Cell, LinePulse, Pulse, Scheme, State
from labmtj.runs.journal import MemoryJournal, read_journal
from labmtj.twin.access import TwinArray
from labmtj.twin.record import TwinLog

PLAIN = (
    *(f"simulation.die.defects.{kind}=0" for kind in ("short", "open", "stuck")),
    "simulation.die.telegraph=0", "simulation.die.sigma_v_c=0", "simulation.die.sigma_stray_field=0",
    "simulation.die.sigma_delta=0",
)  # fmt: skip


def sized(rows, cols, *, one=False):
    """Overrides for an array of this size, on two instruments or on one."""
    bank = "dac_rows" if one else "dac_cols"
    first = rows + 1 if one else 1
    return (
        f'lines.rows={{"1..{rows}": "dac_rows.1..{rows}"}}',
        f'lines.cols={{"1..{cols}": "{bank}.{first}..{first + cols - 1}"}}',
        f"array.rows={rows}",
        f"array.cols={cols}",
    )


@pytest.fixture
def make(tmp_path):
    """Open the bench with a small array: the array's bench, its journal and its world."""
    made = []

    def opened(*overrides, rows=5, cols=4, one=False):
        path = tmp_path / f"bench-{len(made)}.yaml"
        path.write_text(
            load_bench("lines", overrides=[*sized(rows, cols, one=one), *overrides]).source.effective_text()
        )
        file, journal = load_bench(path), MemoryJournal()
        manager, context = resource_manager(file), open_bench(file, journal=journal)
        made.append((manager, context))
        return context.__enter__(), journal, manager.visalib.bench

    yield opened
    for manager, context in made:
        context.__exit__(None, None, None)
        manager.close()


def pulses(simulated):
    return [entry for entry in simulated.world.log.entries if entry["kind"] == "pulse"]


@pytest.mark.parametrize("one", [False, True])
def test_every_cell_gets_the_difference_of_its_own_line_levels(make, one):
    opened, _, simulated = make(*PLAIN, one=one)
    array, state = opened.array, simulated.world.electrics.state
    assert ((5, 4), (True, True), True) == (array.shape, array.own_levels, array.analog)
    array.pulse_lines(LinePulse((1, 2, 3, 4, 5), (-0.25,) * 5, (1, 2, 3, 4), (0.25,) * 4, 1e-3))
    assert (state.state == State.AP).all()
    volts = (0.15, 0.03, 0.15), (-0.14, -0.02)
    array.pulse_lines(LinePulse((1, 2, 4), volts[0], (2, 3), volts[1], 1e-3))
    expected = np.ones((5, 4), int)
    expected[[0, 3], [1, 1]] = State.P  # 290 mV; all others have 170 mV or less, and outputs of 50 ohm take their part
    assert expected.tolist() == state.state.tolist()
    assert [] == simulated.world.violations
    assert not any(output.hot for output in simulated.world.outputs.values())
    last = pulses(simulated)[-1]["volts"]
    assert pytest.approx(0.29, abs=2e-3) == max(last.values()) - min(last.values())


def test_a_whole_product_takes_as_long_as_that_of_one_column(make):
    opened, journal, _ = make(*PLAIN, "simulation.die.wire=1 mohm")
    array, times, found = opened.array, [], []
    inputs = [0.05, -0.03, 0.0, 0.04, 0.01]
    array.multiply((1, 2), (1,), volts=[0.01, 0.01])
    for cols in ((2,), (1, 2, 3, 4)):
        begun = array.clock.now()
        found.append(array.multiply((1, 2, 3, 4, 5), cols, volts=inputs))
        times.append(array.clock.now() - begun)
    assert times[1] < 1.5 * times[0]
    cells = [Cell(row, col) for row in range(1, 6) for col in range(1, 5)]
    g = np.array([reading.conductance for reading in array.read(cells, voltage=0.05)]).reshape(5, 4)
    assert found[1] == pytest.approx(inputs @ g, abs=4e-7)  # of 1e-5: what outputs of 50 ohm and the sensors leave
    products = [entry for entry in journal.entries if entry["k"] == "product"]
    assert [1, 2, 1, 2, 3, 4] == [entry["col"] for entry in products]
    assert [0.0, 0.0] == array.multiply((), (1, 2), volts=()).tolist()
    total = array.total((1, 2, 3, 4, 5), (1, 2), voltage=0.05).current
    assert total == pytest.approx(0.05 * g[:, :2].sum(), rel=0.1)
    assert abs(array.sense((1,), (1,), voltage=0.05).current) > 1e-6


def test_single_pulses_write_and_what_is_not_made_here_is_refused_before_its_intent(make):
    opened, journal, simulated = make(*PLAIN)
    array, state = opened.array, simulated.world.electrics.state
    for sign, target in ((-1, State.AP), (1, State.P)):
        array.pulse(Pulse(Cell(2, 3), sign * 0.5, 1e-3))
        assert target == state.state[1, 2]
        read = array.read([Cell(2, 3)], voltage=0.05)[0].resistance
        assert (read > 15e3) == (target is State.AP)
    told = len(journal.entries)
    refused = [
        Pulse(Cell(2, 3), 0.71, 1e-3),
        Pulse(Cell(2, 3), 0.3, 1e-3, Scheme.V_THIRD),
        Pulse(Cell(2, 3), 0.3, 1e-3, Scheme.V_HALF_BIAS),
    ]
    for pulse in refused:
        with pytest.raises(LimitExceeded):
            array.pulse(pulse)
    with pytest.raises(LimitExceeded):
        array.pulse_lines(LinePulse((1, 2), (0.4, 0.1), (1, 2), (-0.1, -0.31), 1e-3))
    with pytest.raises(LimitExceeded):
        array.multiply((1, 2), (1,), volts=[0.4, -0.4])
    assert told == len(journal.entries)


def test_the_last_gate_holds_both_banks_together_against_the_limit_of_a_cell(make):
    opened, _, simulated = make()
    banks = opened.array._banks
    banks.rows.apply({"1": 0.4})
    with pytest.raises(LimitExceeded, match="dac_cols"):
        banks.cols.apply({"2": -0.31})
    assert {"dac_rows.1"} == set(simulated.world.driven())
    banks.cols.apply({"2": -0.29})
    banks.rest()
    assert [] == simulated.world.driven()


def test_columns_stand_at_their_part_for_some_milliseconds(make, tmp_path):
    opened, _, simulated = make(rows=13, cols=12)
    simulated.world.log = TwinLog(tmp_path / "log.jsonl")
    pulse = LinePulse(tuple(range(1, 14)), (0.2,) * 13, tuple(range(1, 13)), (-0.2,) * 12, 1e-3)
    opened.array.pulse_lines(pulse)
    changes = [e for e in simulated.world.log.entries if e["kind"] == "output" and e["channel"] == "dac_cols.1"]
    up, down = (entry["t"] for entry in changes[-2:])
    assert 1e-3 < down - up < 8e-3  # however many lines there are


@pytest.mark.parametrize("name", ["dac_rows", "dac_cols"])
def test_a_power_cut_is_mended_before_the_next_pulse_on_lines(make, name):
    opened, journal, simulated = make()
    pulse = LinePulse((1, 2), (0.1, 0.12), (1, 3), (-0.1, -0.05), 1e-3)
    opened.array.pulse_lines(pulse)
    simulated.faults.add("late", on=name, delay="1 s", after=1_000_000)  # so that faults stand before the firmware
    simulated.faults._cycle(name)
    outcome = opened.array.pulse_lines(pulse)
    assert not outcome.uncertain
    assert [name] == [entry["instrument"] for entry in journal.entries if entry["k"] == "gap"]
    assert 2 == len(pulses(simulated))
    assert {0.1, 0.12, -0.1, -0.05} == {round(volts, 2) for volts in pulses(simulated)[-1]["volts"].values()}


@pytest.mark.parametrize("name", ["dac_rows", "dac_cols"])
def test_a_lost_reply_leaves_an_uncertain_pulse_and_every_line_at_0_v(make, name):
    opened, journal, simulated = make()
    pulse = LinePulse((1, 2), (0.1, 0.12), (1, 3), (-0.1, -0.05), 1e-3)
    opened.array.pulse_lines(pulse)
    seen = 0
    for after in range(1, 12):
        simulated.faults.add("timeout", on=name, after=after, times=1)
        outcome = opened.array.pulse_lines(pulse)
        seen += outcome.uncertain
        simulated.faults.clear()
        assert not any(output.hot for output in simulated.world.outputs.values())
    intents = [entry for entry in journal.entries if entry["k"] == "intent"]
    assert seen > 0
    assert len(intents) - seen <= len(pulses(simulated)) <= len(intents)


def test_an_open_wire_is_named_left_out_and_never_pulsed(make):
    opened, _, simulated = make(*PLAIN, rows=3, cols=2)
    assert opened.contact().passed
    del simulated.world.wiring.direct[2]  # row 3 is not wired any more
    simulated.world._known.clear()
    found = opened.contact(quarantine="open")
    assert (["row 3"], ["row 3"]) == ([str(f.line) for f in found.faults], [str(line) for line in found.quarantined])
    with pytest.raises(LimitExceeded, match="row 3 is left out"):
        opened.array.check_lines(LinePulse((1, 3), (0.1, 0.1), (1,), (0.0,), 1e-3))
    with pytest.raises(LimitExceeded, match="row 3 is left out"):
        opened.array.check(Pulse(Cell(3, 1), 0.1, 1e-3))
    opened.array.check_lines(LinePulse((1, 2), (0.1, 0.1), (1,), (0.0,), 1e-3))


class Network:
    """Two banks of ideal sources on the lines of a network of `siemens` between any two of them, and to ground."""

    def __init__(self, rows, cols, ties=(), to_ground=()):
        count = rows + cols
        self.names = [f"r{n}" for n in range(rows)] + [f"c{n}" for n in range(cols)]
        g = np.zeros((count, count))
        g[:rows, rows:] = 1e-4
        for a, b in ties:
            g[a, b] = 1e-2
        self.g, self.ground, self.volts = g + g.T, np.zeros(count), np.zeros(count)
        self.ground[list(to_ground)] = 1e-2

    def apply(self, levels):
        for name, volts in levels.items():
            self.volts[self.names.index(name)] = volts

    def rest(self):
        self.volts[:] = 0.0

    def measure_together(self, names, *, nplc):
        currents = (self.g.sum(axis=1) + self.ground) * self.volts - self.g @ self.volts
        return [float(currents[self.names.index(name)]) for name in names]


class Still:
    """A clock that nobody waits for."""

    def now(self):
        return 0.0

    def sleep(self, seconds):
        del seconds


@pytest.mark.parametrize(
    ("network", "faults"),
    [
        (Network(6, 5), []),
        (Network(6, 5, ties=[(1, 3)]), ["row 2 is tied to row 4", "row 4 is tied to row 2"]),
        (Network(6, 5, ties=[(6, 10)]), ["col 1 is tied to col 5", "col 5 is tied to col 1"]),
        (Network(6, 5, to_ground=[4, 7]), ["row 5 is tied to ground", "col 2 is tied to ground"]),
    ],
)
def test_lines_that_are_tied_to_something_are_named(network, faults):
    names = tuple(network.names)
    banks = LineBanks(network, network, names[:6], names[6:], one=True, nplc=1.0, full_scale=10e-3)
    found = [str(fault) for fault in DirectLineTester(banks, Still(), settle=0.0).faults()]
    assert faults == [text.partition(":")[0] for text in found]
    assert not network.volts.any()


def test_a_run_on_this_bench_goes_on_after_it_was_cut(tmp_path):
    path = tmp_path / "bench.yaml"
    path.write_text(load_bench("lines", overrides=[*sized(2, 2), *PLAIN]).source.effective_text())
    protocol = tmp_path / "polarity.yaml"
    protocol.write_text(
        "title: polarity\nformat: 1\nsteps:\n  - polarity: {start: 150 mV, step: 20 mV, ceiling: 600 mV, read: 50 mV}\n"
    )
    folder = run(protocol, bench=path, out=tmp_path / "runs").folder
    journal = folder / "journal.jsonl"
    kinds = [entry["k"] for entry in read_journal(journal)]
    assert "done" in kinds
    place = [n for n, kind in enumerate(kinds) if kind == "outcome"][3]
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:place]))
    resume(folder)
    entries = list(read_journal(journal))
    assert "done" == entries[-1]["how"]
    outcomes = [entry for entry in entries if entry["k"] == "outcome"]
    assert 1 == sum(entry.get("uncertain", False) for entry in outcomes)
    assert len(outcomes) == sum(entry["k"] == "intent" for entry in entries)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ('lines.cols={"1..18": "1..18"}', "no matrix row is at ground"),
        ('roles={"A": "ground"}', "this bench has no matrix"),
        ('lines.cols={"1..9": "dac_cols.1..9", "10..18": "dac_rows.20..24"}', "cannot go to"),
        ('lines.cols={"1..17": "dac_cols.1..17", "18": "dac_rows.20"}', "need sources that change together"),
    ],
)
def test_files_that_do_not_fit_say_why(override, says):
    with pytest.raises(FileProblems, match=says):
        load_bench("lines", overrides=[override])


def test_a_matrix_without_lines_is_named(tmp_path):
    data = dict(load_bench("lines").source.data)
    matrix = {"model": "keithley_707b", "address": "TCPIP0::192.0.2.13::inst0::INSTR"}
    path = tmp_path / "bench.yaml"
    path.write_text(yaml12.dump({**data, "instruments": {**data["instruments"], "matrix": matrix}}))
    with pytest.raises(FileProblems, match="it has nothing to switch"):
        load_bench(path)


def test_what_else_knows_of_matrices_says_that_there_is_none():
    file = load_bench("lines")
    assert Path(0.5, 50.0) == ohms(file)
    with pytest.raises(InputError, match="this bench has no matrix"):
        TwinArray(file, MemoryJournal())


@pytest.mark.slow
def test_the_whole_protocol_runs_on_it_unchanged(tmp_path):
    figures = run("wine", bench="lines", out=tmp_path).figures
    assert 1.0 == figures["write_fidelity_good"]
    assert figures["accuracy"]["tuned"]["test"] >= 0.85
