"""A chip behind its instruments: what goes out, what is refused, power cuts, leaving, and the check of its lines."""

from __future__ import annotations

import numpy as np
import pytest

from labmtj.bench.doctor import Verdict, examine
from labmtj.bench.gates import Register
from labmtj.bench.life_ledger import contribution_of_run
from labmtj.bench.limits import Gate, Limits
from labmtj.bench.living_array import living
from labmtj.bench.message_gate import message_gate
from labmtj.bench.panic import make_safe, prepare
from labmtj.bench.reach import Target, targets
from labmtj.bench.session import open_bench, resource_manager
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.model import load_model
from labmtj.errors import FileProblems, InputError, LimitExceeded
from labmtj.gate_register import Gates, Latches
from labmtj.ports import GatedArray
from labmtj.records import Cell, Line, Pulse, Scheme
from labmtj.runs.journal import FileJournal, MemoryJournal, patterns_of

BENCH = """title: Three kernels of four by three
format: 1
visa: "@labmtj"
instruments:
  smu:    {model: keithley_2636b,   address: "TCPIP0::192.0.2.11::inst0::INSTR"}
  matrix: {model: keithley_707b_72, address: "TCPIP0::192.0.2.12::inst0::INSTR"}
roles: {A: smu.a, B: smu.b, C: ground}
lines: {rows: {1..4: 1..4}, cols: {1..3: 5..7}}
array: {rows: 4, cols: 3, kernels: 3, wire: 1 ohm}
gates: {port: smu, read: 750 mV, write: 1.6 V}
limits: {cell_voltage: 700 mV, terminal_voltage: 1.5 V, line_compliance: 3 mA, bias_compliance: 20 mA}
wait: {after_relay: 3 ms, after_source: 200 us}
measure: {nplc: 1, range: 1 mA, source_range: 2 V}
mains: 50 Hz
simulation: {die: {diameter: 60 nm, wire: 1 ohm, seed: 4, telegraph: 0, defects: {short: 0, open: 0, stuck: 0}}}
"""
SMU = load_model(find("models", "keithley_2636b"))
LIMITS = Limits(cell_voltage=0.7, terminal_voltage=1.5, line_compliance=3e-3)
CELL = Cell(6, 2)  # row 2 of kernel 2


def write(folder, *changes):
    text = BENCH
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "chip.yaml"
    path.write_text(text, encoding="utf-8")
    return path


class Chip:
    def __init__(self, opened, journal, simulated):
        self.array, self.contact, self.journal, self.file = opened.array, opened.contact, journal, opened.file
        self.world, self.faults = simulated.world, simulated.faults

    def kinds(self, kind):
        return [entry for entry in self.journal.entries if entry["k"] == kind]

    def logged(self, kind):
        return [entry for entry in self.world.log.entries if entry["kind"] == kind]

    def read(self, cell=CELL):
        return self.array.read([cell], voltage=0.1)[0].conductance

    def pulse(self, volts, cell=CELL, scheme=Scheme.GATED):
        return self.array.pulse(Pulse(cell, volts, 1e-4, scheme))

    def cut(self, name):
        """Off and on again, between two messages."""
        self.faults.add("late", on=name, delay="1 s", after=1_000_000)
        self.faults._cycle(name)


@pytest.fixture
def make(tmp_path):
    made = []

    def open_(*changes):
        file, journal = load_bench(write(tmp_path, *changes)), MemoryJournal()
        manager, context = resource_manager(file), open_bench(file, journal=journal)
        made.append((manager, context))
        return Chip(context.__enter__(), journal, manager.visalib.bench)

    yield open_
    for manager, context in made:
        context.__exit__(None, None, None)
        manager.close()


# -- reads, pulses, products -----------------------------------------------------------------------


def test_a_chip_is_one_array_of_all_its_kernels(make):
    chip = make()
    assert isinstance(chip.array, GatedArray)
    assert (12, 3) == chip.array.shape
    assert 3 == chip.array.kernels


def test_a_pulse_writes_its_cell_alone_and_the_sign_says_what(make):
    chip = make()
    states = chip.world.electrics.state.state
    for volts in (0.65, -0.65, 0.65):
        before = states.copy()
        chip.pulse(volts)
        before[CELL.position] = 0 if volts > 0 else 1
        assert before.tolist() == states.tolist()
        assert (1.3e-4 < chip.read()) == (volts > 0)
    assert [] == chip.world.violations


def test_between_the_cells_of_a_column_no_relay_moves(make):
    chip = make()
    chip.read(Cell(1, 2))
    before = len(chip.logged("relays"))
    for row in range(1, 13):
        chip.read(Cell(row, 2))
    chip.pulse(0.65)
    chip.read()
    assert before == len(chip.logged("relays"))


def test_patterns_give_the_sums_of_their_cells(make):
    chip = make()
    cells = np.array([chip.read(Cell(row, 2)) for row in range(5, 9)])
    patterns = np.array([[n >> row & 1 for row in range(4)] for n in range(16)], dtype=bool)
    found = chip.array.multiply_each(2, patterns, 2, voltage=0.1)
    assert np.allclose(0.1 * patterns @ cells, found, rtol=0.02, atol=2e-7)  # the source's offset at 0 V is in these
    rows = [row + 5 for row in range(4) if patterns[11][row]]
    (once,) = chip.array.multiply(rows, [2], volts=[0.1] * len(rows))
    assert once == pytest.approx(0.1 * cells[patterns[11]].sum(), rel=1e-2)
    (entry,) = chip.kinds("products")
    assert (2, 2, 0.1, found.tolist()) == (entry["kernel"], entry["col"], entry["v"], entry["i"])
    assert patterns.tolist() == patterns_of(entry).tolist()
    assert [] == chip.world.violations


def test_sums_and_samples_are_of_one_kernel(make):
    chip = make()
    whole = chip.array.total([5, 6], [1, 2], voltage=0.1).current
    parts = sum(chip.read(Cell(row, col)) for row in (5, 6) for col in (1, 2))
    assert whole == pytest.approx(0.1 * parts, rel=0.02)
    assert chip.array.sense([5, 6], [1, 2], voltage=0.1).current == pytest.approx(whole, rel=0.02)
    with pytest.raises(InputError, match="not of one kernel"):
        chip.array.total([4, 5], [1], voltage=0.1)


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("volts", "cell", "scheme", "says"),
    [
        (0.71, CELL, Scheme.GATED, "above the cell limit"),
        (float("nan"), CELL, Scheme.GATED, "above the cell limit"),
        (0.5, CELL, Scheme.V_HALF, "scheme: gated"),
        (0.5, Cell(13, 1), Scheme.GATED, "not of one kernel"),
        (0.5, Cell(1, 4), Scheme.GATED, "columns 1 to 3"),
    ],
)
def test_what_is_refused_moves_nothing(make, volts, cell, scheme, says):
    chip = make()
    before = len(chip.world.log.entries)
    with pytest.raises((LimitExceeded, InputError), match=says):
        chip.pulse(volts, cell, scheme)
    assert before == len(chip.world.log.entries)
    assert [] == chip.kinds("intent")


def test_a_voltage_above_the_limit_reaches_no_product_and_no_read(make):
    chip = make()
    with pytest.raises(LimitExceeded):
        chip.array.multiply_each(1, np.ones((1, 4), dtype=bool), 1, voltage=0.71)
    with pytest.raises(LimitExceeded):
        chip.array.read([CELL], voltage=-0.71)
    with pytest.raises(InputError, match="3 kernels of 4 rows"):
        chip.array.multiply_each(4, np.ones((1, 4), dtype=bool), 1, voltage=0.1)


def test_gated_is_for_chips(tmp_path, make_bench):
    with open_bench(make_bench(tmp_path / "bench")) as opened, pytest.raises(LimitExceeded, match="is for chips"):
        opened.array.pulse(Pulse(Cell(1, 1), 0.4, 1e-4, Scheme.GATED))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("gates: {port: smu, read: 750 mV, write: 1.6 V}\n", "", "a chip's gates are opened by its register"),
        ("kernels: 3, ", "", "gates are of a chip"),
        ("port: smu", "port: smo", "there is no instrument smo"),
        ("port: smu", "port: matrix", "has no digital port of 14 lines"),
        ("read: 750 mV, write: 1.6 V", "read: 1.7 V, write: 1.6 V", "open further while cells are read"),
        ("rows: 4, cols", "rows: 57, cols", "up to 56 rows"),
        ("kernels: 3", "kernels: 257", "must be at most 256"),
    ],
)
def test_a_bench_file_that_cannot_be_is_refused_where_it_says_so(tmp_path, old, new, says):
    with pytest.raises(FileProblems) as caught:
        load_bench(write(tmp_path, (old, new)))
    assert says in str(caught.value)


# -- gates and what stands around them -------------------------------------------------------------


def test_words_lead_to_every_pattern_from_wherever_the_register_stands():
    random, register, latches = np.random.default_rng(5), Register(), Latches()
    for turn in range(300):
        wanted = Gates(int(random.integers(1, 33)), int(random.integers(0, 1 << 25)), bool(random.integers(2)))
        closed = not register.open
        for level in (steps := register.steps(wanted)):
            assert not closed or latches.gates is None
            latches.take(level)
        register.keep(wanted)
        assert wanted == latches.gates
        assert not closed or steps
        if turn % 3 == 0:
            register.shut()
            latches.take(register.level)
            assert latches.gates is None
        if turn % 7 == 0:
            register.doubt()
            latches.take(int(random.integers(0, 1 << 14)))


def test_no_relay_moves_with_a_gate_open_and_rest_closes_all(make):
    chip = make()
    chip.pulse(0.3)
    for col in (1, 2, 3):
        chip.read(Cell(5, col))
    chip.array.rest()
    gates = None
    for entry in chip.world.log.entries:
        gates = entry["gates"] if entry["kind"] == "gates" else gates
        assert entry["kind"] != "relays" or gates is None
    assert gates is None
    assert chip.world.card.open is None
    assert [] == chip.world.violations


def test_a_power_cut_of_the_instrument_with_the_port_is_mended_and_the_register_written_anew(make):
    chip = make()
    chip.pulse(0.65)
    before = chip.read()
    chip.cut("smu")
    assert chip.world.card.open is None
    assert chip.read() == pytest.approx(before, rel=0.02)
    chip.cut("smu")
    outcome = chip.pulse(0.65)
    assert not outcome.uncertain
    chip.cut("smu")
    found = chip.array.multiply_each(2, np.eye(4, dtype=bool), 2, voltage=0.1)
    assert found[1] == pytest.approx(0.1 * before, rel=0.03)
    assert ["smu"] * 3 == [gap["instrument"] for gap in chip.kinds("gap")]
    assert 2 == len(chip.logged("pulse"))
    assert [] == chip.world.violations


def test_a_lost_reply_closes_the_gates_and_what_follows_is_written_anew(make):
    chip = make()
    before = chip.read()
    for after in (2, 9):
        chip.faults.add("timeout", on="smu", after=after)
    found = [chip.read() for _ in range(12)]
    assert np.allclose(before, found, rtol=0.02)
    assert [] == chip.world.violations


@pytest.mark.parametrize("how", ["leaving", "failing"])
def test_however_it_is_left_sources_are_off_then_gates_closed_then_relays_open(tmp_path, how):
    file = load_bench(write(tmp_path))
    manager = resource_manager(file)
    world = manager.visalib.bench.world
    try:
        with open_bench(file) as opened:
            opened.array.pulse(Pulse(CELL, 0.3, 1e-4, Scheme.GATED))
            assert world.card.open is not None
            if how == "failing":
                raise RuntimeError("on purpose")
    except RuntimeError:
        pass
    assert world.card.open is None
    assert frozenset() == world.closed
    kinds = [entry["kind"] for entry in world.log.entries if entry["kind"] in ("gates", "relays")]
    assert ["gates", "relays"] == kinds[-2:]
    assert [] == world.violations
    manager.close()


def test_the_panic_button_and_the_guardian_close_gates_that_a_dead_process_has_left_open(tmp_path):
    file = load_bench(write(tmp_path))
    manager = resource_manager(file)
    simulated = manager.visalib.bench
    with open_bench(file) as opened:
        opened.array.pulse(Pulse(CELL, 0.3, 1e-4, Scheme.GATED))
        assert simulated.world.card.open is not None
        made = make_safe(manager, prepare([Target(**target.record()) for target in targets(file)]))
        assert [] == [entry.error for entry in made if not entry.safe]
        assert {"smu": "sources at 0 V and off, gates closed", "matrix": "relays open"} == {
            m.name: m.what for m in made
        }
        assert simulated.world.card.open is None
        kinds = [e["kind"] for e in simulated.world.log.entries if e["kind"] in ("gates", "relays")]
        assert ["gates", "relays"] == kinds[-2:]
    assert [] == simulated.world.violations
    manager.close()


# -- the last gate ---------------------------------------------------------------------------------

UP = "smua.source.limiti = 0.003 smua.source.levelv = 0.1 "


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("digio.writeport(4096)", True),
        (UP + "digio.writeport(2049) digio.writeport(0)", True),  # on the rail of reads
        (UP + "digio.writeport(4096)", False),
        ("digio.writeport(4096) " + UP + "digio.writeport(4097)", False),
        ("digio.writeport(4096) " + UP + "digio.writeport(0)", False),
        ("digio.writeport(4096) " + UP + "digio.writeport(12288)", True),  # closing passes always
        (UP + "smua.source.levelv = 0 digio.writeport(4096)", True),
        ("digio.writeport(16384)", False),
        ("digio.writeport(1.5)", False),
        ("digio.writeport(-1)", False),
        ("digio.writeport(x)", False),
        ("digio.writeport(4096 + 1)", False),
        ("digio.writebit(13, 1)", False),
        ("node[2].digio.writeport(0)", False),
        ("xdigio.writeport(0)", False),
        ("print(digio.writeport(0))", False),
        ("digio.writeport(0)(1)", False),
        ("digio.writeport(0) digio.writeport ( 4096 )", True),
        (UP + "digio.writeport ( 4096 )", False),
        ("x = digio.writeport", False),
        ("digio.writeprotect = 0", False),
        ("print(digio.readport())", True),
    ],
)
def test_the_last_gate_knows_the_words_of_the_register(text, passes):
    gate = message_gate(SMU, LIMITS, register=True)
    if passes:
        gate.admit(text)
    else:
        with pytest.raises(LimitExceeded):
            gate.admit(text)


def test_a_matrix_has_no_digital_port():
    with pytest.raises(LimitExceeded, match="does not know"):
        message_gate(load_model(find("models", "keithley_707b_72")), LIMITS).admit("digio.writeport(0)")


def test_another_instrument_with_a_source_on_keeps_the_gates_where_they_are():
    bench = Gate(LIMITS)
    smu, other = message_gate(SMU, LIMITS, gate=bench, register=True, name="a"), message_gate(SMU, LIMITS, gate=bench)
    other.admit(UP)
    with pytest.raises(LimitExceeded, match="with every source at 0 V only"):
        smu.admit("digio.writeport(4096)")
    other.admit("smua.source.levelv = 0")
    smu.admit("digio.writeport(4096)")


def test_on_a_bench_without_a_chip_nobody_writes_the_digital_port():
    with pytest.raises(LimitExceeded, match="the digital port is not for this"):
        message_gate(SMU, LIMITS).admit("digio.writeport(16383)")


def test_what_a_chip_takes_counts_the_same_live_and_from_its_journal(tmp_path):
    file = load_bench(write(tmp_path))
    journal = FileJournal(tmp_path / "journal.jsonl")
    with open_bench(file, journal=journal) as opened:
        from labmtj.bench.exposure import exposure_of
        from labmtj.bench.life import LifeGate
        from labmtj.runs.ledger import new_life

        nothing = new_life(12, 3)
        gate = LifeGate(exposure_of(file, opened.limits), opened.limits, life=nothing)
        array = living(opened.array, gate)
        array.pulse(Pulse(CELL, 0.5, 1e-4, Scheme.GATED))
        array.multiply_each(2, np.array([[1, 0, 1, 0], [1, 1, 0, 0]], dtype=bool), 1, voltage=0.1)
        array.read([CELL], voltage=0.1)
        lived = gate.contribution()
    kept = contribution_of_run(tmp_path / "journal.jsonl", file, opened.limits)
    for field in ("positive", "damage", "read_dose"):
        assert np.allclose(getattr(lived, field), getattr(kept, field), rtol=1e-9)
    doses = lived.read_dose[:, 0]
    assert [2, 2, 1, 0] == (doses[4:8] / doses[6]).round().tolist()
    assert 0 == lived.damage[0, 0]


# -- the check of the lines ------------------------------------------------------------------------


def test_good_lines_pass_and_every_kernel_has_been_selected(make):
    chip = make()
    contact = chip.contact()
    assert () == contact.faults
    assert (12, 3) == (len(contact.rows), len(contact.cols))
    assert 3e-4 < min(contact.rows)
    assert chip.world.card.open is None
    assert [] == chip.world.violations


def test_a_dead_kernel_and_a_gate_line_that_opens_nothing_are_named(make):
    chip = make()
    chip.world.card.dead.add(2)
    chip.world.card.broken.add(4)
    found = {fault.line: fault.text for fault in chip.contact().faults}
    assert "kernel 2 does not answer: none of its rows carries current" == found[Line("row", 5)]
    assert "carries no current in any kernel: its drive relay, its wire or its probe is open" == found[Line("row", 4)]
    assert sorted(Line("row", n) for n in (4, 5, 6, 7, 8, 12)) == sorted(found)


def test_lines_without_contact_are_left_out_when_asked_and_their_cells_refused(make):
    chip = make()
    chip.world.card.dead.add(3)
    contact = chip.contact(quarantine="open")
    assert tuple(Line("row", n) for n in range(9, 13)) == contact.quarantined
    chip.pulse(0.3)
    with pytest.raises(LimitExceeded, match="row 9 is left out"):
        chip.pulse(0.3, Cell(9, 1))


@pytest.mark.parametrize(
    ("relay", "closed", "line", "says"),
    [
        ("A2", False, Line("row", 2), "carries no current in any kernel"),
        ("B6", False, Line("col", 2), "carries no current in any kernel"),
        ("C6", False, Line("col", 2), "takes too little current at ground"),
        ("C6", True, Line("col", 2), "ground relay is stuck closed"),
    ],
)
def test_a_relay_that_does_not_do_as_it_is_told_is_found(make, relay, closed, line, says):
    chip = make()
    chip.faults.add("stuck", relay=relay, closed=closed)
    faults = chip.contact().faults
    assert any(line == fault.line and says in fault.text for fault in faults), faults
    assert [] == [text for text in chip.world.violations if "gates" in text]


def test_the_doctor_looks_at_every_gate(tmp_path):
    findings = list(examine(load_bench(write(tmp_path))))
    assert [] == [finding for finding in findings if finding.verdict is not Verdict.GOOD]
    assert "15 of 15 conduct at 10 mV" == findings[-1].text


def test_the_shipped_benches_of_a_chip_are_the_same_but_for_the_library():
    simulated, real = (load_bench(name).bench for name in ("simulated-1t1r", "keithley-1t1r"))
    assert simulated.model_copy(update={"title": "", "visa": ""}) == real.model_copy(update={"title": "", "visa": ""})
    assert (800, 25) == real.array.shape
