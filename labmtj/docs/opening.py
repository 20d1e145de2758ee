"""Where the built pages are, and which of them a word means."""

from __future__ import annotations

import difflib
from pathlib import Path

from labmtj.docs.building import HTML
from labmtj.errors import InputError, MissingFile


def page(topic: str = "", *, html: Path = HTML) -> Path:
    """The page that a topic names ("wire-a-bench", "howto/wire-a-bench"); the first page if it is empty.

    Raises MissingFile where the pages are not built, InputError with the nearest names for an unknown topic.
    """
    start = html / "index.html"
    if not start.is_file():
        raise MissingFile(
            f"{html}: the pages of the documentation are not built; with Sphinx, which pip install 'labmtj[docs]' "
            "brings, this builds them: labmtj docs --build"
        )
    if not topic:
        return start
    asked = topic.strip("/").removesuffix(".html").removesuffix(".md").lower().replace(" ", "-")
    names = topics(html=html)
    for name in names:
        if asked in (name, name.rpartition("/")[2]):
            return html / f"{name}.html"
    short = {name.rpartition("/")[2]: name for name in names}
    near = difflib.get_close_matches(asked, [*short, *names], n=3, cutoff=0.5)
    near += [one for one in short if asked in one and one not in near][:3]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise InputError(f"{topic!r}: there is no such page; {hint}pages: {', '.join(sorted(names))}")


def topics(*, html: Path = HTML) -> list[str]:
    """All pages as "folder/name", sorted."""
    made_by_sphinx = {"index", "search", "genindex"}
    found = (path.relative_to(html).with_suffix("").as_posix() for path in html.rglob("*.html"))
    return sorted(name for name in found if name not in made_by_sphinx and not name.startswith("_"))
