"""The short scripts run as they are."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[2] / "protocols" / "scripts").glob("one_*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_runs(script, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [str(script)])
    runpy.run_path(str(script), run_name="__main__")
    before, to_p, to_ap, _ = capsys.readouterr().out.splitlines()
    assert before.startswith("before")
    assert int(to_ap.split()[-2]) > 1.5 * int(to_p.split()[-2])
