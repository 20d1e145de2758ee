"""Many exchanges with late, lost and spoilt replies: what comes back is right, or a typed error; nothing acts twice."""

import threading

import pytest

from labmtj.drivers.link import TspLink
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BadReply, BenchError, InstrumentError, LabmtjError, NoReply
from labmtj.physics.chance import uniform
from labmtj.twin.faults.replies import FORMS

LONG = pytest.mark.slow
VOLTS = [0.0, 1e-3, 0.05, 0.125, -0.3, 0.4]


def delivered(bench):
    return sum(entry["kind"] == "pulse" for entry in bench.world.log.entries)


def select(matrix, row, col):
    grounds = [("C", n) for n in range(1, 31) if n not in (row, 15 + col)]
    matrix.open_all()
    return matrix.switch([("close", [("A", row), ("B", 15 + col), *grounds])])


class Day:
    """Exchanges of every meaning, and what came of them; `right` counts values that were as they had to be."""

    def __init__(self, bench):
        self.bench = bench
        self.smu, self.matrix = bench.connect("smu"), bench.connect("matrix")
        for name in ("a", "b"):
            channel = self.smu.channel(name)
            channel.compliance_current, channel.source_voltage, channel.source_enabled = 3e-3, 0.0, True
        self.pair = self.smu.pair("a", "b", compliance=3e-3, nplc=0.1, read_range=1e-3)
        select(self.matrix, 2, 4)
        self.expected = self.pair.sense(0.05, settle=1e-3)[0]
        self.right = self.errors = self.asked = self.uncertain = 0

    def exchange(self, number):
        """The number-th exchange, with its values looked at. Raises LabmtjError, and nothing else."""
        kind, volts = number % 5, VOLTS[number % 6]
        if kind == 0:
            channel = self.smu.channel("ab"[number % 2])
            channel.source_voltage = volts
            # A reply that was lost after it leaves 0 V: that is what the source then has.
            assert channel.source_voltage in (volts, 0.0)
            channel.source_voltage = 0.0
        elif kind == 1:
            current, limited = self.pair.sense(0.05, settle=1e-3)
            assert not limited
            assert current == pytest.approx(self.expected, rel=0.05)
        elif kind == 2:
            assert self.smu.channel("a").compliance_current == pytest.approx(3e-3)
        elif kind == 3:
            # What the matrix says is what it was asked for: the twin tells what that was.
            relay = ("D", 1 + number % 30)
            assert self.bench.world.asked | {relay} == self.matrix.switch([("close", [relay])])
            assert relay not in self.matrix.switch([("open", [relay])])
        else:
            self.asked += 1
            try:
                self.pair.pulse((0.05, -0.05), 1e-4)  # far below what a junction notices
            except (NoReply, BadReply):
                self.uncertain += 1
                raise

    def spend(self, exchanges):
        for number in range(exchanges):
            try:
                self.exchange(number)
                self.right += 1
            except BenchError:
                self.errors += 1
            assert self.bench.world.violations == []
        return self


@pytest.mark.parametrize("exchanges", [300, pytest.param(10_000, marks=LONG)])
def test_late_replies_give_no_wrong_value_and_no_pulse_twice(bench, exchanges):
    day = Day(bench)
    before = delivered(bench)
    bench.faults.seed = 4
    bench.faults.add("late", on="*", probability=0.01, times=0, delay="12 s")
    day.spend(exchanges)
    hits = sum(entry["hits"] for entry in bench.faults.listed())
    assert hits >= exchanges // 150
    # Reads and settings were repeated; only what acts may have been given up.
    assert day.errors <= hits
    assert day.right + day.errors == exchanges
    assert day.asked - day.uncertain <= delivered(bench) - before <= day.asked


@pytest.mark.parametrize("replies", [120, pytest.param(5_000, marks=LONG)])
def test_garbage_gives_typed_errors_and_no_value_outside_what_is_physical(bench, replies):
    day = Day(bench)
    before, number = delivered(bench), 0
    spoilt = 0
    while spoilt < replies:
        bench.faults.seed = number
        form = FORMS[number % len(FORMS)]
        after = int(uniform(5, 1, 2, number) * 3)
        bench.faults.add("garbage", on=["smu", "matrix"][number % 2], form=form, after=after)
        for step in range(6):
            try:
                day.exchange(6 * number + step)
                day.right += 1
            except BenchError:
                day.errors += 1
        spoilt += 1 - len(bench.faults.listed())
        bench.faults.clear()
        number += 1
    assert day.errors > 0.2 * replies
    assert delivered(bench) - before <= day.asked


@pytest.mark.parametrize("kind", [ScpiLink, TspLink])
@pytest.mark.parametrize("queries", [50, pytest.param(1000, marks=LONG)])
def test_eight_threads_on_one_session_never_get_the_reply_of_another(kind, queries, make_bench):
    bench = make_bench("keysight_b2201a")
    name, link = ("matrix", "*ESE {n};*ESE?") if kind is ScpiLink else ("smu", "n{n}")
    session = kind(bench.raw(name), name)
    wrong = []

    def ask(first):
        for n in range(queries):
            mine = (first * 31 + n) % 256
            if kind is ScpiLink:
                found = session.number("*ESE?", after=link.format(n=mine).split(";")[0])
            else:
                found = session.number(f"{mine}")
            if found != mine:
                wrong.append((mine, found))

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == wrong


# -- row 10: an error after any command ------------------------------------------------------------

COMMANDS = {
    "level": lambda smu, matrix: setattr(smu.channel("a"), "source_voltage", 0.1),
    "limit": lambda smu, matrix: setattr(smu.channel("b"), "compliance_current", 1e-3),
    "range": lambda smu, matrix: setattr(smu.channel("a"), "current_range", 1e-3),
    "output": lambda smu, matrix: setattr(smu.channel("a"), "source_enabled", True),
    "question": lambda smu, matrix: smu.channel("a").nplc,
    "reading": lambda smu, matrix: smu.channel("a").measure_current(),
    "relays": lambda smu, matrix: matrix.switch([("close", [("A", 1)])]),
    "look": lambda smu, matrix: matrix.closed(),
}


@pytest.mark.parametrize("what", COMMANDS)
def test_an_error_that_an_instrument_reports_names_the_command_and_is_drained_once(bench, what):
    smu, matrix = bench.connect("smu"), bench.connect("matrix")
    smu.channel("a").compliance_current = 1e-3  # without one no output may be turned on
    name = "matrix" if what in ("relays", "look") else "smu"
    engine = bench.firmware(name).engine
    messages = []
    execute = engine.execute
    engine.execute = lambda message: messages.append(message) or execute(message)
    for code in (1115, 1116):
        engine.queue(code, "Something is wrong")
    with pytest.raises(InstrumentError, match="1115") as caught:
        COMMANDS[what](smu, matrix)
    assert caught.value.command in messages[0]
    assert ["print(errorqueue.next()) errorqueue.clear()"] == messages[1:]
    COMMANDS[what](smu, matrix)


# -- hazards of PyVISA -----------------------------------------------------------------------------


def test_a_session_that_somebody_has_closed_is_opened_again(bench, smu):
    channel = smu.channel("a")
    channel.compliance_current = 1e-3
    smu.link._transport._resource.close()
    assert 1e-3 == channel.compliance_current


def test_a_dead_manager_is_a_typed_error_within_the_deadline(bench, smu):
    bench.manager.close()
    with pytest.raises(LabmtjError):
        smu.channel("a").measure_current()
