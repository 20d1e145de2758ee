"""Where shipped files are: in the checkout if there is one, else beside the installed package.

In a checkout `instruments/`, `protocols/` and `data/reference/` stand next to the package; a wheel
carries the same folders under `labmtj/_shipped`.
"""

from __future__ import annotations

import difflib
from pathlib import Path, PurePath

from labmtj.errors import MissingFile

PACKAGE = Path(__file__).resolve().parents[1]
FOLDERS = {"benches": "instruments/benches", "models": "instruments/models", "protocols": "protocols"}
_NOUNS = {"benches": "bench", "models": "instrument model", "protocols": "protocol"}


def shipped_root() -> Path:
    """Folder that holds instruments/, protocols/ and data/reference/: the checkout, else labmtj/_shipped."""
    checkout = PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "instruments").is_dir():
        return checkout
    return PACKAGE / "_shipped"


def shipped_file(relative: str) -> Path:
    """Path of a shipped file such as "data/reference/x.npz". Raises MissingFile."""
    path = shipped_root() / relative
    if not path.is_file():
        raise MissingFile(f"{path}: this file belongs to labmtj and is missing; install labmtj again")
    return path


def shipped_names(kind: str) -> list[str]:
    """Names, without suffix and sorted, of the shipped files of a kind: benches, models or protocols."""
    return sorted(path.stem for path in (shipped_root() / FOLDERS[kind]).glob("*.yaml"))


def find(kind: str, name_or_path: str | Path, *, beside: Path | None = None) -> Path:
    """Find the file of a kind (benches, models, protocols) that a name or a path means.

    A name without a folder and a suffix is a shipped one ("simulated-15x15"). Anything else is a path,
    from the current folder or, if given, from `beside`; where no such file is, "wine.yaml" and
    "protocols/wine.yaml" still mean the shipped one. Raises MissingFile with the nearest names.
    """
    asked = PurePath(name_or_path)
    folder = shipped_root() / FOLDERS[kind]
    is_name = len(asked.parts) == 1 and asked.suffix not in {".yaml", ".yml"}
    candidates: list[Path] = []
    if is_name:
        candidates.append(folder / f"{asked.name}.yaml")
    candidates.append((beside or Path()) / asked)
    if not asked.is_absolute() and asked.parent in {PurePath(), PurePath(FOLDERS[kind])}:
        candidates.append(folder / asked.name)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    names = shipped_names(kind)
    near = difflib.get_close_matches(asked.stem, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    known = ", ".join(names) or "none"
    raise MissingFile(f"{asked}: there is no such {_NOUNS[kind]} file; {hint}shipped ones: {known}")
