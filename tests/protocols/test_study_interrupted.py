"""A study that is killed, interrupted or terminated goes on, to the same bytes; its workers go with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from labmtj.studies.engine import Means, resume_study, run_study
from labmtj.studies.progress import read_progress

BLOCKS = Path(__file__).parent / "blocks"
SMALL = ["networks.count=3", "diameters=[40 nm]", "wires=[5 ohm]", "dies=4", "compare=", "report=false"]
SCRIPT = """
import sys
sys.path.insert(0, {blocks!r})
from pathlib import Path
from labmtj.errors import LabmtjError
from labmtj.studies.engine import Means, run_study
if __name__ == "__main__":
    import study_blocks
    try:
        means = Means({workers}, block=study_blocks.waiting)
        run_study("goodwill", settings={settings!r}, out=Path({out!r}), means=means)
    except LabmtjError as error:
        print(error, *error.__notes__, sep="\\n")
        sys.exit(error.exit_code)
"""
PATIENCE = 60.0


def wait_for(what):
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "workers", "code"),
    [
        (signal.SIGKILL, 2, -signal.SIGKILL),
        pytest.param(signal.SIGINT, 2, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 2, 143, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 1, 143, marks=pytest.mark.slow),
    ],
)
def test_a_stopped_study_goes_on_to_the_same_bytes(number, workers, code, tmp_path, monkeypatch):
    go = tmp_path / "go"
    monkeypatch.setenv("LABMTJ_TEST_GO", str(go))
    monkeypatch.syspath_prepend(str(BLOCKS))
    out = tmp_path / "runs"
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(blocks=str(BLOCKS), settings=SMALL, out=str(out), workers=workers))
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, start_new_session=True, env=dict(os.environ)
    ) as process:
        wait_for(lambda: process.poll() is not None or any(read_progress(folder).done for folder in started(out)))
        assert process.poll() is None
        (folder,) = out.iterdir()
        children = psutil.Process(process.pid).children(recursive=True)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        if workers == 1:
            go.touch()
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert (f"go on with: labmtj resume {folder}" in said) == (number != signal.SIGKILL)
    wait_for(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))
    assert 1 <= read_progress(folder).done < 4
    go.touch()
    import study_blocks

    found = resume_study(folder, means=Means(workers=1, block=study_blocks.quick))
    whole = run_study("goodwill", settings=SMALL, out=tmp_path, means=Means(workers=1, block=study_blocks.quick))
    for name in ("study.h5", "study.csv", "ageing.csv"):
        assert (found.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def started(out):
    return [folder for folder in (out.iterdir() if out.exists() else []) if (folder / "study.json").exists()]
