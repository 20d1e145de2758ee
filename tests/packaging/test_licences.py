"""The licence, the notices of shipped data, and what labmtj's dependencies say of theirs."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

PERMISSIVE = re.compile(r"0BSD|Apache|BSD|CC0|ISC|MIT|PSF|Python Software Foundation|Zlib")
WEAK = re.compile(r"LGPL|Lesser|MPL|Mozilla")
STRONG = re.compile(r"(?<!L)GPL|General Public License")
# Public domain but for two files under BSD and an Emacs mode, which is not in its wheel, under GPL (its COPYING.rst).
EXCEPTIONS = {"docutils"}


def said(name: str) -> str:
    """What the metadata of an installed distribution say of its licence."""
    metadata = distribution(name).metadata
    classified = [entry for entry in metadata.get_all("Classifier") or [] if entry.startswith("License ::")]
    return metadata.get("License-Expression") or "; ".join(classified) or str(metadata.get("License", ""))[:100]


def closure(requirements: list[str]) -> dict[str, str]:
    """Every installed distribution that these requirements lead to, with its licence."""
    found: dict[str, str] = {}
    open_ends = [Requirement(text) for text in requirements]
    while open_ends:
        wanted = open_ends.pop()
        name = wanted.name.lower().replace("_", "-")
        if name in found or name == "labmtj":
            continue
        try:
            further = [Requirement(text) for text in distribution(name).requires or []]
        except PackageNotFoundError:
            continue  # an extra that is not installed here
        found[name] = said(name)
        extras = {"", *wanted.extras}
        open_ends += [q for q in further if q.marker is None or any(q.marker.evaluate({"extra": e}) for e in extras)]
    return found


def test_what_every_user_installs_is_permissive():
    assert {} == {name: text for name, text in closure(PROJECT["dependencies"]).items() if not PERMISSIVE.search(text)}


def test_nothing_that_labmtj_asks_for_is_under_the_gpl():
    extras = [text for group in PROJECT["optional-dependencies"].values() for text in group]
    found = closure(PROJECT["dependencies"] + extras)
    assert {} == {name: text for name, text in found.items() if STRONG.search(text) and name not in EXCEPTIONS}
    unknown = {name: text for name, text in found.items() if not (PERMISSIVE.search(text) or WEAK.search(text))}
    assert {} == unknown


def test_the_licence_is_bsd_3_clause_everywhere_it_is_said():
    assert PROJECT["license"] == "BSD-3-Clause"
    text = (ROOT / "labmtj" / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("BSD 3-Clause License\n\nCopyright (c) 2026, labmtj contributors\n")
    assert "Neither the name of the copyright holder" in text
    assert [] == [entry for entry in PROJECT["classifiers"] if entry.startswith("License ::")]  # the expression says it


def test_the_notice_names_every_data_file_that_ships():
    notice = (ROOT / "data" / "reference" / "NOTICE.md").read_text(encoding="utf-8")
    shipped = {path.name for path in (ROOT / "data" / "reference").iterdir()} - {".keep", "NOTICE.md"}
    assert shipped == {name for name in shipped if f"`{name}`" in notice}
    named = set(re.findall(r"^\| (`[^|]*`) \|", notice, re.MULTILINE))
    assert shipped == {name for entry in named for name in re.findall(r"`([^`]*)`", entry)}


def test_the_notice_has_a_source_and_a_licence_in_every_row():
    notice = (ROOT / "data" / "reference" / "NOTICE.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in notice.splitlines() if line[:1] == "|"]
    assert [] == [row[0] for row in rows if not all(row)]
    assert len({len(row) for row in rows}) == 2  # shipped, and not shipped
