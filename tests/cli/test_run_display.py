"""What a run looks like in a terminal, in a pipe, in a narrow one and in a dumb one."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from labmtj.cli.run_display import STOPPING, Lasting, Quiet, Terminal
from labmtj.cli.run_picture import Now, picture
from labmtj.protocol.engine import run
from labmtj.protocol.stop import StopRequest

THREE = Path(__file__).parents[1] / "faults" / "three"
SHOWN = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
CONTROLS = re.compile(r"\x1b|\r(?!\n)")


def seen_on_a_terminal(work, **environment) -> str:
    """What arrives at the other end of a pseudo-terminal while `work` is given a Terminal on it."""
    master, slave = pty.openpty()
    pieces: list[bytes] = []

    def collect() -> None:
        try:
            while piece := os.read(master, 65536):
                pieces.append(piece)
        except OSError:
            pass  # the other end is closed

    reader = threading.Thread(target=collect)
    reader.start()
    with os.fdopen(slave, "w", encoding="utf-8") as file:
        display = Terminal(Console(file=file, highlight=False, markup=False, _environ={**SHOWN, **environment}))
        try:
            work(display)
        finally:
            display.close()
    reader.join(timeout=10)
    os.close(master)
    return b"".join(pieces).decode()


def seen_in_a_pipe(work) -> str:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as file:
        display = Terminal(Console(file=file, highlight=False, markup=False))
        work(display)
        display.close()
    with os.fdopen(reader, encoding="utf-8") as file:
        return file.read()


def a_short_run(display) -> None:
    """What the engine tells of a run with two steps."""
    display.begun(Path("runs/a"), ["map", "program 1", "report"])
    display.started("Bench   smu 1")
    tick = display.step("map", 4)
    display.entered("step", {"t": 1.0})
    display.entered("read", {"cell": [2, 3], "v": 0.05, "i": 5e-6, "t": 1.5})
    tick(2)
    time.sleep(0.3)  # a drawing or two
    display.done("map", "4 cells", 61.0)
    display.step("program", 2)
    display.done("program", "2/2 cells", 2.0, replayed=True)


LINES = "bench    Bench   smu 1\nmap      4 cells   bench 00:01:01\nprogram  2/2 cells   done before\n"


def test_in_a_pipe_there_is_a_line_a_finished_step_and_no_control_character():
    assert seen_in_a_pipe(a_short_run) == LINES


def test_a_whole_run_in_a_pipe_has_no_control_character(tmp_path):
    text = seen_in_a_pipe(
        lambda display: run(THREE / "protocol.yaml", bench=THREE / "bench.yaml", out=tmp_path, observer=display)
    )
    assert not CONTROLS.search(text)
    assert [line.split(" ")[0] for line in text.splitlines()][:3] == ["bench", "contact", "polarity"]
    assert "labmtj watch" not in text


def test_a_whole_run_on_a_terminal_shows_the_same_lines_and_what_is_going_on(tmp_path):
    piped = []

    def work(display) -> None:
        outcome = run(THREE / "protocol.yaml", bench=THREE / "bench.yaml", out=tmp_path, observer=display)
        for text in (outcome.folder / "journal.jsonl").read_text(encoding="utf-8").splitlines():
            entry = json.loads(text)
            piped.extend([entry["line"]] if entry["k"] == "done" else [])

    text = seen_on_a_terminal(work)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "in a browser: labmtj watch " in plain
    assert [line for line in piped if line not in plain] == []
    assert re.search(r"step \d of \d", plain)
    assert "\x1b[?25h" in text  # the cursor is back


def test_on_a_terminal_the_step_at_work_is_shown_with_its_items_and_the_last_reading():
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen_on_a_terminal(a_short_run))
    for words in (
        "runs/a",
        "2/4",
        "cell (2, 3) 10 kohm",
        "readings 1, pulses 0",
        "step 1 of 3, then program 1, report",
    ):
        assert words in plain


def test_a_terminal_that_cannot_move_its_cursor_gets_lines_only():
    text = seen_on_a_terminal(a_short_run, TERM="dumb")
    assert not CONTROLS.search(text)
    assert text.replace("\r\n", "\n") == LINES


def test_without_colour_there_is_no_colour():
    text = seen_on_a_terminal(a_short_run, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", text)
    assert "4 cells" in text


@pytest.mark.parametrize("width", [24, 40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width):
    now = Now(steps=9, next=[f"program {n}" for n in range(1, 9)], stopping=STOPPING)
    now.begin("map", 225)
    now.entered("read", {"cell": [12, 13], "v": 0.05, "i": 5e-6, "t": 1.5, "compliance": True})
    now.done = 100
    file = io.StringIO()
    Console(file=file, width=width).print(picture(now, width))
    lines = file.getvalue().splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) <= width
    assert "map" in lines[0]


def test_the_rate_is_that_of_the_last_seconds():
    now = Now()
    now.begin("map", 100)
    begun = now.begun
    assert now.rate(begun + 1.0) == 0.0  # the way to the first item is none
    now.done = 10
    assert now.rate(begun + 2.0) == 0.0
    now.done = 20
    assert now.rate(begun + 4.0) == 5.0
    for second in range(5, 40):
        now.rate(begun + second)
    assert now.rate(begun + 40.0) == 0.0


def test_the_first_signal_is_told_at_once_and_no_other(capfd):
    request = StopRequest()
    display = Terminal(Console(file=io.StringIO()))
    request.told = display.stopping
    request.signalled(2, None)
    assert capfd.readouterr().err == f"\n{STOPPING}\n"
    with pytest.raises(Exception, match="stopped at once"):
        request.signalled(2, None)
    assert capfd.readouterr().err == ""


def test_a_quiet_run_answers_the_signal_too(capfd):
    Quiet().stopping()
    out, err = capfd.readouterr()
    assert (out, err) == ("", f"\n{STOPPING}\n")


def test_a_run_goes_on_when_nobody_reads_any_more():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as file:
        display = Terminal(Lasting(file=file, highlight=False, markup=False))
        a_short_run(display)
        display.done("verify", "said to nobody", 1.0)
        display.close()
