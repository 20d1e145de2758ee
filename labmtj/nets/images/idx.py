"""IDX files, the format of MNIST: two zero bytes, type, number of axes, sizes as big-endian uint32, then the values.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, section "File formats".
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError, MissingFile

Bytes = NDArray[np.uint8]
_UNSIGNED = 8  # type of values that are unsigned bytes
_MOST = 1 << 28  # chosen: five times the largest known file; a hostile .gz is refused before it fills the memory


def read_idx(folder: Path, name: str, *, digest: str = "", fetch: str = "") -> Bytes:
    """Values of the IDX file `name`, or `name`.gz, in `folder`, in the shape that the file states.

    With `digest`, SHA-256 of the decompressed bytes has to be this. Raises MissingFile, with `fetch` as the advice,
    and InputError for a file that is damaged, is another one, or holds anything but unsigned bytes.
    """
    path, content = _content(folder, name, fetch)
    found = hashlib.sha256(content).hexdigest()
    if digest and found != digest:
        raise InputError(
            f"{path}: this is not the file that was published: SHA-256 of its decompressed bytes is {found}, "
            f"expected is {digest}; fetch it again" + (f": {fetch}" if fetch else "")
        )
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED:
        raise InputError(f"{path}: this is no IDX file of unsigned bytes: it begins with {content[:4].hex(' ')}")
    start = 4 + 4 * content[3]
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], ">u4"))
    if len(shape) != content[3] or len(content) - start != int(np.prod(shape, dtype=np.int64)):
        raise InputError(f"{path}: its head states the shape {shape}, but {max(0, len(content) - start)} bytes follow")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _content(folder: Path, name: str, fetch: str) -> tuple[Path, bytes]:
    plain, packed = folder / name, folder / f"{name}.gz"
    if plain.is_file():
        if plain.stat().st_size > _MOST:
            raise InputError(f"{plain}: more than {_MOST} bytes; this is none of the files of an image set")
        return plain, plain.read_bytes()
    if not packed.is_file():
        raise MissingFile(f"{plain}: there is no such file, nor {packed.name}" + (f"; {fetch}" if fetch else ""))
    try:
        with gzip.open(packed) as stream:
            content = stream.read(_MOST + 1)
    except (OSError, EOFError, zlib.error) as wrong:
        raise InputError(f"{packed}: this file cannot be unpacked ({wrong}); fetch it again") from wrong
    if len(content) > _MOST:
        raise InputError(f"{packed}: unpacks to more than {_MOST} bytes; this is none of the files of an image set")
    return packed, content
