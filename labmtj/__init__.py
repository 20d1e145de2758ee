"""labmtj: program and read arrays of magnetic tunnel junctions, on a bench or on its simulated twin."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labmtj.bench.session import open_bench
    from labmtj.protocol.engine import run

    __version__: str

_LAZY = {"open_bench": "labmtj.bench.session", "run": "labmtj.protocol.engine"}
__all__ = ["__version__", "open_bench", "run"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'labmtj' has no attribute {name!r}")


def _version() -> str:
    """The version of what is installed, told by the last tag when it was; an editable install keeps it until the next.

    A folder of sources that was never installed has none, and says so.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("labmtj")
    except PackageNotFoundError:
        return "0+not.installed"
