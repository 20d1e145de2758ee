"""What produced a run: versions, git revision, hashes, the machine's Python."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import labmtj

_PACKAGES = ("numpy", "numba", "scikit-learn", "pyvisa", "pyvisa-sim", "pydantic", "h5py", "matplotlib", "lupa")


def provenance(files: Mapping[str, str], *, packages: Iterable[str] = ()) -> dict[str, str]:
    """Versions, those of further `packages` too, git revision (with a mark for local changes), SHA-256 of each text."""
    found = {"labmtj": labmtj.__version__, "python": platform.python_version(), "platform": platform.platform()}
    for package in (*_PACKAGES, *packages):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    found["git"] = revision()
    for name, text in files.items():
        found[f"sha256 of {name}"] = hashlib.sha256(text.encode()).hexdigest()
    return found


def program() -> str:
    """What writes a run.h5 here and now, in one line: versions and revision on which its bytes depend."""
    return f"labmtj {labmtj.__version__}, {revision()}, h5py {version('h5py')}"


@cache
def revision() -> str:
    """Commit of the checkout, with "+changes" if files differ from it; "no checkout" for an installed wheel."""
    checkout = Path(labmtj.__file__).resolve().parent.parent
    if not (checkout / ".git").exists():
        return "no checkout"
    try:
        commit = _git(checkout, "rev-parse", "HEAD")
        return commit + ("+changes" if _git(checkout, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError) as error:
        return f"unknown: {error}"


def _git(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(checkout), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()
