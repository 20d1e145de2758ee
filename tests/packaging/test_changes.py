"""Fragments of the changelog, and the version."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import labmtj

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "labmtj" / "docs" / "changes"
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
FRAGMENTS = sorted(path for path in FOLDER.iterdir() if path.name not in CONFIG["towncrier"]["ignore"])


def test_every_fragment_has_a_known_type():
    kinds = {entry["directory"] for entry in CONFIG["towncrier"]["type"]}
    assert kinds == {"added", "changed", "fixed", "removed"}
    assert [] == [
        path.name for path in FRAGMENTS if not re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(kinds)})\.md", path.name)
    ]


def test_every_fragment_is_a_sentence_or_two():
    for path in FRAGMENTS:
        text = path.read_text(encoding="utf-8").strip()
        assert text.endswith((".", ")", "`")), path.name
        assert "\n\n" not in text, path.name
        assert 20 < len(text) < 900, path.name


def test_the_page_of_changes_has_the_place_for_new_ones():
    page = (ROOT / CONFIG["towncrier"]["filename"]).read_text(encoding="utf-8")
    assert page.count(CONFIG["towncrier"]["start_string"].strip()) == 1


def test_the_version_is_that_of_the_installed_package():
    assert labmtj.__version__ == version("labmtj")
    assert CONFIG["hatch"]["version"]["source"] == "vcs"


def test_importing_labmtj_asks_for_no_version():
    code = "import sys, labmtj; print('importlib.metadata' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
