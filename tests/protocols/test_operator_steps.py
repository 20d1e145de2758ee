"""Steps that wait for a person or for time, and who answered what."""

import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labmtj.bench.session import WallClock
from labmtj.cli import app
from labmtj.errors import Declined, FileProblems
from labmtj.protocol import engine
from labmtj.protocol.load import load_protocol
from labmtj.protocol.observer import Silent
from labmtj.protocol.replay.past import Past
from labmtj.protocol.stop import Stopped, StopRequest
from labmtj.protocol.waiting import Answering, Asking, Waiting
from labmtj.runs.asking import give, pending
from labmtj.runs.journal import FileJournal, read_journal
from labmtj.runs.netcdf import read
from labmtj.runs.status import read_status

THREE = Path(__file__).parents[1] / "faults" / "three"
BENCH = THREE / "bench.yaml"
STEPS = """\
title: Operator steps
format: 1
operator: Ada
steps:
  - confirm: Lower the probes
  - polarity: {start: 250 mV, step: 20 mV, ceiling: 600 mV, read: 50 mV}
  - pause: {for: 30 s, why: the sample cools}
  - pause: Change the filter
"""


@pytest.fixture
def written(tmp_path):
    """A protocol file with one text replaced by another."""

    def make(old="", new=""):
        assert old in STEPS
        path = tmp_path / "mine.yaml"
        path.write_text(STEPS.replace(old, new, 1) if old else STEPS, encoding="utf-8")
        return path

    return make


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody was asked in."""
    out = tmp_path_factory.mktemp("whole")
    (out / "mine.yaml").write_text(STEPS, encoding="utf-8")
    return engine.run(out / "mine.yaml", bench=BENCH, out=out, sample="W3-17").folder


class Typist(Silent):
    """Somebody at a keyboard: types these lines, and keeps what was asked."""

    def __init__(self, *lines):
        self.lines, self.questions, self.done_steps = list(lines), [], []

    def asked(self, question, how):
        self.questions.append((question.text, how))

    def done(self, name, line, bench_seconds, *, replayed=False):
        self.done_steps.append((name, replayed))

    @property
    def asking(self):
        return Asking(Answering.PERSON, lambda seconds: self.lines.pop(0) if self.lines else None, "Bob")


def entries(folder, *kinds):
    return [entry for entry in read_journal(folder / "journal.jsonl") if entry["k"] in kinds]


def answers(folder):
    return [(entry["answer"], entry["who"], entry["how"]) for entry in entries(folder, "answer")]


def test_a_simulated_bench_without_a_terminal_answers_by_itself_and_pauses_take_bench_time(whole):
    assert [("yes", "", "simulated"), ("go on", "", "time"), ("go on", "", "simulated")] == answers(whole)
    pause = next(entry for entry in entries(whole, "done") if entry["name"] == "pause")
    assert 30.0 == pytest.approx(pause["seconds"], abs=0.1)


def test_operator_and_sample_are_in_the_records_of_a_run(whole):
    (header,) = entries(whole, "run")
    assert ("Ada", "W3-17", {}) == (header["operator"], header["sample"], header["abort"])
    root = read(whole / "run.h5")["/"].attributes
    assert ("Ada", "W3-17") == (root["operator"], root["sample"])
    assert "sample W3-17   operator Ada" in read_status(whole).lines


def test_the_contact_check_comes_after_what_a_person_confirms_first(whole):
    kinds = [entry["k"] for entry in entries(whole, "ask", "answer", "contact", "read", "intent")]
    assert ["ask", "answer", "contact"] == kinds[:3]
    assert 1 == kinds.count("contact")


def test_nobody_known_is_nobody_invented_and_the_environment_comes_before_a_file(tmp_path, monkeypatch):
    def header(names):
        (tmp_path / "x.yaml").write_text(f"title: x\nformat: 1\n{names}steps:\n  - confirm: Is it dark?\n")
        folder = engine.run(tmp_path / "x.yaml", bench=BENCH, out=tmp_path / "runs").folder
        return tuple(entries(folder, "run")[0][name] for name in ("operator", "sample"))

    monkeypatch.delenv("LABMTJ_OPERATOR", raising=False)
    assert ("", "") == header("")
    monkeypatch.setenv("LABMTJ_OPERATOR", "Cleo")
    assert ("Cleo", "W3") == header("operator: Ada\nsample: W3\n")


def test_answers_are_typed_and_what_is_none_is_asked_again(written, tmp_path):
    typist = Typist("perhaps\n", "Y\n", "\n")
    folder = engine.run(written(), bench=BENCH, out=tmp_path, observer=typist, asking=typist.asking).folder
    assert [("yes", "Bob", "terminal"), ("go on", "", "time"), ("go on", "Bob", "terminal")] == answers(folder)
    assert ["Lower the probes", "Lower the probes", "Change the filter"] == [text for text, _ in typist.questions]
    assert f"labmtj answer {folder} yes|no" in typist.questions[0][1]


def test_no_stops_the_run_and_resuming_asks_again_but_nothing_twice(written, tmp_path):
    typist = Typist("n\n")
    with pytest.raises(Stopped, match="Bob answered no: Lower the probes") as stopped:
        engine.run(written(), bench=BENCH, out=tmp_path, observer=typist, asking=typist.asking)
    assert 130 == stopped.value.exit_code
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert "stopped" == read_status(folder).how
    assert [] == entries(folder, "contact")
    typist = Typist("y\n", "\n")
    engine.resume(folder, observer=typist, asking=typist.asking)
    assert ["Lower the probes", "Change the filter"] == [text for text, _ in typist.questions]
    assert ["no", "yes", "go on", "go on"] == [answer for answer, _, _ in answers(folder)]


@pytest.mark.parametrize(("what", "error"), [("fail", Declined), ("go_on", None)])
def test_a_protocol_says_what_becomes_of_the_run_at_no(what, error, tmp_path):
    path, typist = tmp_path / "mine.yaml", Typist("n\n", "\n")
    path.write_text(f"title: x\nformat: 1\nsteps:\n  - confirm: {{ask: Is it dark, no: {what}}}\n", encoding="utf-8")
    if error is None:
        folder = engine.run(path, bench=BENCH, out=tmp_path, observer=typist, asking=typist.asking).folder
        assert "Is it dark   no by Bob (terminal)" == entries(folder, "done")[0]["line"]
        return
    with pytest.raises(error, match="Bob answered no: Is it dark"):
        engine.run(path, bench=BENCH, out=tmp_path, observer=typist, asking=typist.asking)


def cut(folder, to, kind, number):
    """A copy of a run whose journal ends before the n-th entry of a kind, as if its process had died there."""
    shutil.copytree(folder, to)
    lines = (to / "journal.jsonl").read_bytes().splitlines(keepends=True)
    place = [n for n, entry in enumerate(read_journal(to / "journal.jsonl")) if entry["k"] == kind][number - 1]
    (to / "journal.jsonl").write_bytes(b"".join(lines[:place]))
    return to


def test_a_run_that_died_in_a_question_asks_it_again_and_no_other(whole, tmp_path):
    asked = {1: ["Lower the probes", "Change the filter"], 2: ["Change the filter"], 3: ["Change the filter"]}
    for number, texts in asked.items():
        folder = cut(whole, tmp_path / str(number), "answer", number)
        typist = Typist("y\n", "\n", "\n")
        engine.resume(folder, observer=typist, asking=typist.asking)
        assert texts == [text for text, _ in typist.questions]
        assert ["yes", "go on", "go on"] == [answer for answer, _, _ in answers(folder)]
        steps = [name for name, _ in typist.done_steps if name != "contact"]
        assert ["confirm", "polarity", "pause", "pause"] == steps


def test_a_run_waits_for_labmtj_answer_and_status_says_so(written, tmp_path):
    runs, path, found = tmp_path / "runs", written(), []
    asking = Asking(Answering.PERSON)
    work = threading.Thread(target=lambda: found.append(engine.run(path, bench=BENCH, out=runs, asking=asking)))
    work.start()
    runner, journal, said = CliRunner(), None, []
    until = time.monotonic() + 120
    for word in ("yes", "go-on"):
        question = None
        while question is None or question.text in said:
            assert work.is_alive()
            assert time.monotonic() < until
            time.sleep(0.02)
            journal = journal or next(runs.glob("*/journal.jsonl"), None)
            question = None if journal is None else pending(read_journal(journal))
        said.append(question.text)
        folder = str(journal.parent)
        status = runner.invoke(app, ["status", folder]).stdout
        assert f"waits for a person: {question.text}" in status
        assert f"labmtj answer {folder} {'yes|no' if word == 'yes' else 'go-on'}" in status
        wrong = runner.invoke(app, ["answer", folder, "go-on" if word == "yes" else "no"])
        assert 3 == wrong.exception.exit_code
        assert 0 == runner.invoke(app, ["answer", folder, word, "--as", "Ada"]).exit_code
    work.join(120)
    assert [journal.parent] == [outcome.folder for outcome in found]
    assert [("yes", "Ada", "command"), ("go on", "", "time"), ("go on", "Ada", "command")] == answers(journal.parent)
    late = runner.invoke(app, ["answer", str(journal.parent), "yes"])
    assert "no process has this run" in str(late.exception)


def test_an_answer_in_advance_is_an_option(written, tmp_path):
    command = ["run", str(written()), "--bench", str(BENCH), "--out", str(tmp_path / "runs"), "--yes", "-q"]
    assert 0 == CliRunner().invoke(app, [*command, "--operator", "Bob"]).exit_code
    (folder,) = (tmp_path / "runs").iterdir()
    assert [("yes", "Bob", "option"), ("go on", "", "time"), ("go on", "Bob", "option")] == answers(folder)


def test_check_says_what_a_person_will_be_asked(written):
    out = CliRunner().invoke(app, ["check", str(written()), "--bench", str(BENCH)]).stdout
    assert "asks a person: Lower the probes" in out
    assert "waits until a person goes on: Change the filter" in out
    assert "pauses: 30 s in all" in out


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("confirm: Lower the probes", "confirm:", "5:13", "says what a person has to confirm"),
        ("confirm: Lower the probes", "confirm: {ask: x, no: stopp}", "5:27", "not one of the choices"),
        ("Change the filter", "30 furlongs", "8:12", "no unit 'furlongs'"),
        ("{for: 30 s, why: the sample cools}", "{form: 30 s}", "7:13", "there is no field form"),
        ("{for: 30 s, why: the sample cools}", "{for: 30, why: x}", "7:18", "has no unit"),
        ("Change the filter", "5", "8:12", "5 is no pause"),
    ],
)
def test_a_mistake_in_an_operator_step_has_its_place(old, new, place, message, written):
    with pytest.raises(FileProblems, match=message) as error:
        load_protocol(written(old, new), bench=BENCH)
    (problem,) = error.value.problems
    assert place == f"{problem.line}:{problem.column}"


def test_a_pause_on_the_wall_s_clock_ends_early_when_somebody_says_so(written, tmp_path):
    """A bench whose time is the wall's: what waits there is told by another process."""
    rests = []
    journal = FileJournal(tmp_path / "journal.jsonl")

    class Answers(Silent):
        def asked(self, question, how):
            if question.seconds > 1:
                give(tmp_path, question.number, "go on", who="Ada", how="page")

    waiting = Waiting(
        tmp_path, journal, Past(), WallClock(), lambda: rests.append(1), Answers(), StopRequest(), Asking(),
        simulated=False,
    )  # fmt: skip
    began = time.monotonic()
    assert "page" == waiting.ask("pause", "it cools", seconds=60.0).how
    assert "time" == waiting.ask("pause", "it cools", seconds=0.3).how
    assert 0.3 <= time.monotonic() - began < 20
    assert [1, 1] == rests
    journal.close()


def test_a_stop_is_heard_while_a_run_waits(written, tmp_path):
    class Stopping(Silent):
        def asked(self, question, how):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Stopped) as stopped:
        engine.run(written(), bench=BENCH, out=tmp_path, observer=Stopping(), asking=Asking(Answering.PERSON))
    assert 130 == stopped.value.exit_code
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert "stopped" == read_status(folder).how


def test_the_cells_of_a_simulated_die_forget_during_a_pause(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        f"title: x\nformat: 1\nnetwork: {{files: {THREE / 'network'}, solution: 1}}\nsteps:\n"
        "  - polarity: {start: 150 mV, step: 20 mV, ceiling: 600 mV, read: 20 mV}\n  - map: {read: 20 mV}\n"
        "  - program: {layer: 1}\n  - verify: {layer: 1}\n  - pause: 20 d\n  - verify: {layer: 1}\n",
        encoding="utf-8",
    )
    folder = engine.run(path, bench=BENCH, settings=["simulation.die.delta=35"], out=tmp_path).folder
    before, after = (entry["flips"] for entry in entries(folder, "verify"))
    assert before == 0 < after
    assert "20 d" == next(entry["line"] for entry in entries(folder, "done") if entry["name"] == "pause")


def test_time_that_has_passed_without_the_run_counts_for_its_pause(tmp_path):
    class Clock:
        time = 100.0

        def now(self):
            return self.time

        def sleep(self, seconds):
            self.time += seconds

    asked = {"n": 5, "k": "ask", "kind": "pause", "text": "it cools", "seconds": 60.0, "began": 70.0, "t": 70.0}
    later = [{"n": 8, "k": "resume"}, {**asked, "n": 9, "t": 80.0}]
    past = Past([{"n": 0, "k": "run"}, asked, *later])
    past.live, clock = True, Clock()
    journal = FileJournal(tmp_path / "journal.jsonl")
    waiting = Waiting(tmp_path, journal, past, clock, lambda: None, Silent(), StopRequest(), Asking(), simulated=True)
    assert "time" == waiting.ask("pause", "it cools", seconds=60.0).how
    assert 130.0 == clock.now()
    waiting.ask("pause", "it cools", seconds=60.0)  # another one begins anew
    assert 190.0 == clock.now()
    journal.close()
