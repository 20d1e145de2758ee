"""Pages of what ships: instrument models with their ranges and sources, protocols and benches with their titles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from labmtj.config.finder import find, shipped_names, shipped_root
from labmtj.config.source import read
from labmtj.docs.reference.markdown import escape, flat, table


def instrument_models() -> str:
    """The page of the data sheets."""
    rows: list[tuple[str, str, str, str]] = []
    for name in shipped_names("models"):
        data: dict[str, Any] = read(find("models", name)).data
        rows.append((f"`{name}`", escape(str(data["title"])), escape(str(data["kind"])), f"`{data['driver']}`"))
    return "\n".join(
        [
            "# Instrument models\n",
            "Each has a data sheet in `instruments/models`, a driver and a simulation that speaks its language. A\n"
            "bench names it by the first column. Each figure of a data sheet has the page of the manual that it is\n"
            "from; what is marked `unverified` must be checked against your instrument before a sample is connected.\n",
            table(("model", "instrument", "kind", "driver"), rows),
            "A data sheet of your own is one file beside your bench, and its driver may be, too: see\n"
            "`labmtj schema model` for every field of one.\n",
        ]
    )


def shipped_files() -> str:
    """The page of protocols, studies, benches and scripts."""
    root = shipped_root()
    parts = [
        "# Shipped files\n",
        "A name is enough to use one: `labmtj run wine --bench keysight`. To change one, copy it; a file of yours is\n"
        "named by its path.\n",
        "## Benches\n",
        table(("name", "title", "simulated as it stands"), (_bench(root, name) for name in shipped_names("benches"))),
        "## Protocols, studies and training\n",
        table(("name", "title", "what it does"), (_protocol(root, name) for name in shipped_names("protocols"))),
        "## Scripts\n",
        "Short programs in `protocols/scripts`, to read and to copy.\n",
        table(
            ("script", "what it does"), (_script(path) for path in sorted((root / "protocols/scripts").glob("*.py")))
        ),
    ]
    return "\n".join(parts)


def _bench(root: Path, name: str) -> tuple[str, str, str]:
    data: dict[str, Any] = read(root / f"instruments/benches/{name}.yaml").data
    return f"`{name}`", escape(str(data["title"])), "yes" if data["visa"] == "@labmtj" else "no"


def _protocol(root: Path, name: str) -> tuple[str, str, str]:
    path = root / f"protocols/{name}.yaml"
    return f"`{name}`", escape(str(read(path).data["title"])), escape(flat(comment(path)))


def comment(path: Path) -> str:
    """The first paragraph of what a YAML file says of itself above its first field, examples left out."""
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#") or (lines and line.strip() == "#"):
            break
        if not line.startswith("# yaml-language-server"):
            lines.append(line.removeprefix("#").strip())
    return " ".join(lines).partition(" labmtj run ")[0]


def _script(path: Path) -> tuple[str, str]:
    match = re.match(r'"""(.*?)(?:\n\n|""")', path.read_text(encoding="utf-8"), re.DOTALL)
    return f"`{path.name}`", escape(flat(match[1] if match else ""))
