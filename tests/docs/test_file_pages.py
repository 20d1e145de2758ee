"""What the reference says of run.h5 and of the journal is what the program writes: nothing on these pages is stale."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from labmtj.runs.tables import CLOCK

ROOT = Path(__file__).parents[2] / "labmtj"
REFERENCE = ROOT / "docs" / "source" / "reference"


@pytest.fixture(scope="module")
def constants():
    """All texts in the program, and the pieces of those that are put together."""
    found = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)  # a field of a record that is written as a whole
    return found


def rows(page):
    text = (REFERENCE / page).read_text(encoding="utf-8")
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]


def test_every_kind_and_key_of_an_entry_is_in_the_program(constants):
    named = {name for row in rows("journal.md") for part in row[:2] for name in re.findall(r"`(\w+)`", part)}
    assert {"read", "intent", "outcome", "end"} < named
    assert [] == sorted(name for name in named if name not in constants)


def test_every_variable_of_run_h5_and_its_meaning_are_in_the_program(constants):
    pieces = "\n".join(constants)
    found = [(row[0].strip("` *"), row[-1]) for row in rows("run-file.md") if len(row) == 5]
    assert len(found) > 250
    missing = []
    for name, meaning in found:
        # What is put together of a name and a number, a state or a layer: its longest piece.
        stem = max(re.split(r"_(?:p|ap|x|z)(?=_|$)|N(?:_INPUTS)?", name), key=len)
        text = meaning.removeprefix(CLOCK)
        words = max(re.split(r" \(\w+ -?\d.*\)$|\.\.|[:;,(]|\b(?:AP|P|x|z|m_x|m_z|tanh|sech)\b|\d+", text), key=len)
        phrase, stem = words.split(), stem.removesuffix("_error").removesuffix("_class")
        # Some words may be put in: "parallel" resistance; half of them in a row must be there.
        half = (len(phrase) + 1) // 2
        tries = [" ".join(phrase[first : first + half]) for first in range(len(phrase) - half + 1)]
        if stem not in pieces or not any(part in pieces for part in tries):
            missing.append((name, meaning))
    assert not missing, missing
