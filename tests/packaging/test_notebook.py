"""The notebook of the whole story runs as it is shipped, keeps no outputs, and no finder takes it for a protocol."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from labmtj.config.finder import shipped_names

STORY = Path(__file__).parents[2] / "protocols" / "notebooks" / "the-whole-story.ipynb"
MISSING = [name for name in ("nbclient", "ipykernel", "nbformat") if importlib.util.find_spec(name) is None]
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": sys.argv[2]}}).execute()
nbformat.write(book, sys.argv[3])
"""


def test_it_keeps_no_outputs_and_is_no_protocol():
    cells = json.loads(STORY.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [([], None)] * len(code) == [(cell["outputs"], cell["execution_count"]) for cell in code]
    assert "the-whole-story" not in shipped_names("protocols")


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
def test_it_tells_the_whole_story(tmp_path):
    done = tmp_path / "done.ipynb"
    command = [sys.executable, "-c", EXECUTE, str(STORY), str(tmp_path), str(done)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert 0 == ran.returncode, ran.stderr[-3000:]
    outputs = [output for cell in json.loads(done.read_text())["cells"] for output in cell.get("outputs", ())]
    assert [] == [output["text"] for output in outputs if output.get("name") == "stderr"]
    assert 5 == sum("image/png" in output.get("data", {}) for output in outputs)
    said = "".join("".join(output["text"]) for output in outputs if output.get("name") == "stdout")
    assert "0 of 156 devices of layer 1 are in the wrong state" in said
    assert "96 pulses wrote 192 devices" in said
    assert (next((tmp_path / "runs").iterdir()) / "run.h5").is_file()
