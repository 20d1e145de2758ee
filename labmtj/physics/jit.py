"""One decorator for all compiled kernels.

numba keeps compiled code on disk next to a key of the defining file, so it does not notice that a
kernel of another module, which was compiled in, has changed. Here the cache folder itself is named
after a hash of every file with kernels, and lies where the user may write: LABMTJ_CACHE, else the
user's cache folder, else a private folder of the system's temporary folder, else nowhere.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import compiler as numba_compiler
from numba.core import config as numba_config

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def _sources() -> str:
    """Hash of all kernel sources, of numba's version and of the interpreter's."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    here = Path(__file__).parent
    for path in sorted({*here.glob("*.py"), *here.parent.rglob("*_kernels.py")}):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _candidates() -> list[Path]:
    """Folders to try, best first."""
    named = os.environ.get("LABMTJ_CACHE")
    if named:
        return [Path(named)]
    user = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    home = Path(user) if user else Path.home() / ".cache"
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    return [home / "labmtj", Path(tempfile.gettempdir()) / f"labmtj-{owner}"]


def _usable(folder: Path) -> bool:
    """Make `folder` for this user alone; False where that cannot be done (a cache is code that will run)."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022):
            return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except (OSError, RuntimeError):
        return False


@functools.cache
def cache_folder() -> Path | None:
    """Where compiled kernels are kept, or None if they are compiled anew in each process."""
    for base in _candidates():
        folder = base / "kernels" / _sources()
        if _usable(folder):
            return folder
    return None


class _Apart(numba_compiler.CompilerBase):
    """The usual compiler, told that the arrays given to a kernel lie apart in memory."""

    def define_pipelines(self) -> list[Any]:
        state = cast(Any, self).state
        state.flags.noalias = True
        return [cast(Any, numba_compiler).DefaultPassBuilder.define_nopython_pipeline(state)]


def _compile(kernel: Kernel, **options: Any) -> Kernel:
    folder = cache_folder()
    compiled = cast(Any, numba).njit(nogil=True, error_model="numpy", **options)(kernel)
    if folder is not None:
        settings = cast(Any, numba_config)
        before = settings.CACHE_DIR
        settings.CACHE_DIR = str(folder)
        try:
            compiled.enable_caching()
        finally:
            settings.CACHE_DIR = before
    return cast(Kernel, compiled)


def jit(kernel: Kernel) -> Kernel:
    """Compile `kernel` at its first call, without the interpreter lock, kept on disk where possible."""
    return _compile(kernel)


def jit_apart(kernel: Kernel) -> Kernel:
    """As `jit`, for a kernel whose arrays never overlap: its loops over many arrays become vector operations."""
    return _compile(kernel, pipeline_class=_Apart)
