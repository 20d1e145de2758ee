"""What README shows in Python runs as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[-1][:40])
def test_every_python_block_runs(block: str) -> None:
    names: dict[str, Any] = {}
    exec(compile(block, str(README), "exec"), names)
    for manager in (value for value in names.values() if hasattr(value, "list_opened_resources")):
        manager.close()
    if "point" in names:
        assert names["point"].kcl < 1e-9
        assert 0.3 < names["point"].cell_v[3, 7] < 0.34
        assert names["steep"].kcl < 1e-9
        assert names["currents"].shape == (15, 15)


def test_there_are_blocks_to_run() -> None:
    assert len(BLOCKS) >= 2
