"""Every command of the app: what its help teaches, and what it prints for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from labmtj import errors
from labmtj.cli import app, main

ROOT = Path(__file__).parents[2]


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(path), command
        return
    for name, one in below.items():
        yield from commands(one, (*path, name))


ROOT_COMMAND = typer.main.get_command(app)
COMMANDS = dict(commands(ROOT_COMMAND))


@pytest.fixture
def asked(monkeypatch, capsys):
    """Call the entry point as a shell does; exit code, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["labmtj", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return call


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_with_an_example(name):
    text = COMMANDS[name].help or ""
    assert re.search(rf"^  labmtj {name}\b", text, re.MULTILINE), text
    assert len(text.splitlines()[0]) > 20


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_prints_json_for_programs(name):
    assert "--json" in {text for one in COMMANDS[name].params for text in one.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_with_progress_can_be_quiet(name):
    options = {text for one in COMMANDS[name].params for text in one.opts}
    assert ("--quiet" in options) == (name in {"run", "resume", "study", "train"})


def test_every_command_stands_in_a_panel_that_says_what_it_is_for():
    assert [] == [name for name, one in ROOT_COMMAND.commands.items() if one.rich_help_panel in (None, "Others")]


def test_the_help_says_where_to_begin_and_which_exit_codes_there_are(asked):
    code, out, _ = asked("--help")
    assert code == 0
    assert "Begin with:" in out
    assert "labmtj run wine" in out
    said = {int(number) for number in re.findall(r"(?:Exit codes:|;|,)\s+(\d+)\s", out.replace("│", " "))}
    raised = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    assert (raised - {1}) | {0, 2, 8, 129, 130, 131, 143} <= said


@pytest.mark.parametrize(
    "line",
    [
        "check protocols/wine.yaml",
        "check keithley",
        "schema protocol",
        "ledger",
        "discover --visa simulated-15x15@labmtj",
        "doctor simulated-15x15",
        "safe simulated-15x15",
    ],
)
def test_with_json_standard_output_holds_one_object_and_nothing_else(line, asked, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("LABMTJ_LEDGER", str(tmp_path / "ledger.sqlite3"))
    code, out, err = asked(*line.split(), "--json")
    assert (code, err) == (0, "")
    assert isinstance(json.loads(out), dict)


FAILING = {
    "run": "run nowhere.yaml",
    "plan": "plan nowhere.yaml",
    "check": "check nowhere.yaml",
    "copy": "copy nowhere",
    "study": "study nowhere.yaml",
    "train": "train nowhere.yaml",
    "chaos": "chaos nowhere.yaml",
    "doctor": "doctor nowhere.yaml",
    "safe": "safe nowhere.yaml",
    "resume": "resume nowhere",
    "status": "status nowhere",
    "rebuild": "rebuild nowhere",
    "ledger": "ledger no-such-die",
    "answer": "answer nowhere yes",
    "watch": "watch nowhere --no-open",
    "verify": "verify nowhere",
    "export": "export nowhere --to csv",
    "docs": "docs no-such-page --no-open",
    "twin serve": "twin serve nowhere.yaml",
    "twin fault": "twin fault --ready-file nowhere.json",
    "twin place": "twin place --ready-file nowhere.json die",
}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in {"schema", "discover"}])
def test_with_json_an_error_is_an_object_with_its_exit_code(name, asked, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABMTJ_LEDGER", str(tmp_path / "ledger.sqlite3"))
    code, out, err = asked(*FAILING[name].split(), "--json")
    content = json.loads(out)
    assert code in (3, 7)
    if name == "check":  # what is wrong with a file is its result
        assert content["exit_code"] == code
        return
    assert content["exit_code"] == code
    assert set(content["error"]) == {"type", "message", "notes", "problems"}
    assert err.startswith("error: ")
    assert content["error"]["message"].splitlines()[0] in err


def test_with_json_a_command_line_that_is_wrong_is_an_object_too(asked):
    code, out, err = asked("run", "wine", "--json", "--no-such-option")
    assert (code, json.loads(out)["exit_code"]) == (2, 2)
    assert "--no-such-option" in json.loads(out)["error"]["message"]
    assert "Usage: labmtj run" in err


def test_a_problem_in_a_file_has_its_place_in_json_and_a_caret_for_people(asked, tmp_path):
    file = tmp_path / "mine.yaml"
    text = (ROOT / "protocols" / "wine.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("retries: 10", "retreis: 10"), encoding="utf-8")
    code, out, err = asked("run", str(file), "--json")
    (problem,) = json.loads(out)["error"]["problems"]
    assert code == 3
    line = text.splitlines().index("      retries: 10") + 1
    assert (problem["file"], problem["line"], problem["column"]) == (str(file), line, 7)
    assert problem["hint"].startswith("did you mean retries?")
    assert f"\n          retreis: 10\n          {'^' * len('retreis')}" in err
