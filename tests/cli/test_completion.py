"""What shells are offered, asked as they ask: by environment variables, in the forms of bash, zsh and fish."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labmtj.cli import main
from labmtj.config.finder import shipped_names


@pytest.fixture
def offered(monkeypatch, capsys, tmp_path):
    """Ask as a shell does; the values that it gets, without what the form puts around them."""
    monkeypatch.chdir(tmp_path)

    def ask(line: str, shell: str = "bash") -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("_LABMTJ_COMPLETE", f"complete_{shell}")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        monkeypatch.setattr(sys, "argv", ["labmtj"])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert not stopped.value.code
        lines = capsys.readouterr().out.splitlines()
        if shell == "zsh":
            lines = [text.split('"')[1] for text in lines if '"' in text]
        return [text.split("\t")[0] for text in lines if text]

    return ask


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shipped_protocols_and_files_are_offered_for_a_protocol(shell, offered):
    Path("winery.yaml").touch()
    Path("wine.txt").touch()
    expected = [name for name in shipped_names("protocols") if name.startswith("wine")]
    assert offered("labmtj run wine", shell) == [*expected, "winery.yaml"]
    assert offered("labmtj run ./w", shell) == ["./winery.yaml"]


@pytest.mark.parametrize("command", ["run wine --bench", "plan wine --bench", "check wine --bench", "doctor", "safe"])
def test_shipped_benches_are_offered_for_a_bench(command, offered):
    assert offered(f"labmtj {command} ke") == ["keithley", "keithley-1t1r", "keysight"]


@pytest.mark.parametrize("command", ["status", "resume", "rebuild", "study --resume", "ledger --collect"])
def test_runs_are_offered_newest_first(command, offered, monkeypatch, tmp_path):
    runs = tmp_path / "kept"
    for name in ("2026-01-02T03-04-05-wine", "2026-01-03T03-04-05-map", "notes"):
        (runs / name).mkdir(parents=True)
    monkeypatch.setenv("LABMTJ_RUNS", str(runs))
    assert offered(f"labmtj {command} ") == ["kept/2026-01-03T03-04-05-map", "kept/2026-01-02T03-04-05-wine"]
    assert offered(f"labmtj {command} kept/2026-01-02") == ["kept/2026-01-02T03-04-05-wine"]


def test_fields_are_offered_for_set_by_the_names_of_steps(offered):
    assert offered("labmtj run wine --set program.re") == ["program.retries=", "program.repair_sweeps="]
    assert "simulation.die.diameter=" in offered("labmtj run wine --set simulation.die.di")
    assert "networks.count=" in offered("labmtj study goodwill --set networks.")
    assert offered("labmtj doctor keithley --set program.") == []
    assert offered("labmtj run wine --set program.retries=") == []


def test_every_field_that_is_offered_is_one_that_a_protocol_has(offered):
    from labmtj.protocol.load import load_protocol

    found = offered("labmtj run wine --set program.pulse.w")
    assert found == ["program.pulse.width="]
    job = load_protocol("wine", overrides=[f"{found[0]}200 us"])
    assert job.source.data["steps"][3]["program"]["pulse"]["width"] == "200 us"


def test_kinds_of_files_are_offered_for_a_schema(offered):
    from labmtj.studies.schemas import KINDS

    assert offered("labmtj schema ") == [*sorted(KINDS), "all"]


def test_commands_and_options_are_offered(offered):
    assert offered("labmtj res") == ["resume"]
    assert "--json" in offered("labmtj run wine --js")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_shown(shell):
    # The option's value is taken as the shell's name where typer does not look for the shell itself.
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    command = [sys.executable, "-m", "labmtj", "--show-completion", shell]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "_LABMTJ_COMPLETE" in done.stdout


def test_a_shell_waits_for_no_heavy_library():
    code = (
        "import os, sys; sys.argv = ['labmtj']; from labmtj.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'scipy', 'h5py', 'numba', 'yaml', 'pyvisa', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    asked = {"_LABMTJ_COMPLETE": "complete_bash", "COMP_WORDS": "labmtj run wine --set program.", "COMP_CWORD": "4"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **asked},
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
