"""Text of the program as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`[^`]*`)")


def escape(text: str) -> str:
    """Plain text with `code` in it, so that nothing else of it means anything in Markdown."""
    parts = _CODE.split(text)
    parts[::2] = [re.sub(r"([*<$\\|\[\]#])", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [part.replace("|", r"\|") for part in parts[1::2]]
    return "".join(parts)


def flat(text: str) -> str:
    """Text on one line, with a full stop."""
    joined = " ".join(text.split())
    return joined if not joined or joined[-1] in ".!?:" else f"{joined}."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def prose(docstring: str) -> str:
    """A docstring as paragraphs; what is indented in it is shown as it stands."""
    found: list[str] = []
    for part in docstring.strip().split("\n\n"):
        lines = part.splitlines()
        if all(line.startswith("  ") or not line for line in lines):
            shown = "\n".join(line[2:] for line in lines).strip("\n")
            if found and found[-1].endswith("```\n"):  # one block for examples that follow one another
                found[-1] = found[-1].removesuffix("```\n") + f"{shown}\n```\n"
            else:
                found.append(f"```text\n{shown}\n```\n")
        else:
            found.append(escape(" ".join(part.split())) + "\n")
    return "\n".join(found)


def link(name: str) -> str:
    """A link to the section of this page that has the name."""
    return f"[{name}](#{name.lower()})"
