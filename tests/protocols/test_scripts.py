"""The short scripts run as they are."""

from __future__ import annotations

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "protocols" / "scripts" / "one_cell.py"


def test_the_script_of_one_cell_runs(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [str(SCRIPT)])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    before, to_p, to_ap, _ = capsys.readouterr().out.splitlines()
    assert before.startswith("before")
    assert int(to_ap.split()[-2]) > 1.5 * int(to_p.split()[-2])
