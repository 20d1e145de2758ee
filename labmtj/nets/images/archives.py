"""Files out of an archive or a folder, as bytes: nothing is extracted, no name in an archive becomes a path."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from labmtj.errors import InputError

_MOST = 1 << 28  # chosen: of one file; the largest known one has 155 million bytes
_MOST_UNPACKED = 1 << 30  # chosen: of an archive; the largest known one has 187 million bytes


def read_files(place: Path, folder: str, names: Sequence[str]) -> dict[str, bytes]:
    """Content of the files `names` of the folder `folder`, in their order; `place` is that folder or an archive of it.

    An archive is .tar or .tar.gz. Raises InputError for a file that is missing, too large, twice there or none (a
    link, a folder), and for an archive that cannot be unpacked.
    """
    found = _of_archive(place, folder, names) if place.is_file() else _of_folder(place, names)
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(f"{place}: there is no {', '.join(missing)}; the archive or folder is not whole")
    return {name: found[name] for name in names}


def _of_folder(place: Path, names: Sequence[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in (place / name for name in names):
        if path.is_file():
            if path.stat().st_size > _MOST:
                raise InputError(f"{path}: more than {_MOST} bytes; this is none of the files of an image set")
            found[path.name] = path.read_bytes()
    return found


def _of_archive(place: Path, folder: str, names: Sequence[str]) -> dict[str, bytes]:
    wanted = {f"{folder}/{name}": name for name in names}
    found: dict[str, bytes] = {}
    try:
        with _opened(place) as stream, tarfile.open(fileobj=_Bounded(stream, place), mode="r|") as archive:
            for member in archive:
                name = wanted.get(member.name.removeprefix("./"))
                if name is None:
                    continue
                content = archive.extractfile(member) if member.isfile() else None
                if content is None or member.size > _MOST or name in found:
                    raise InputError(f"{place}: {member.name} is a link, a folder, too large or there twice")
                found[name] = content.read()
    except InputError:
        raise
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError) as wrong:
        raise InputError(f"{place}: this archive cannot be unpacked ({wrong}); fetch it again") from wrong
    return found


def _opened(place: Path) -> gzip.GzipFile | IO[bytes]:
    with place.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(place) if packed else place.open("rb")


class _Bounded(io.RawIOBase):
    """A stream that ends with an error where an archive unpacks to more than any image set is."""

    def __init__(self, stream: gzip.GzipFile | IO[bytes], place: Path) -> None:
        super().__init__()
        self._stream, self._place, self._left = stream, place, _MOST_UNPACKED

    def read(self, size: int = -1, /) -> bytes:
        content = self._stream.read(min(size, _MOST) if size >= 0 else _MOST)
        self._left -= len(content)
        if self._left < 0:
            raise InputError(f"{self._place}: unpacks to more than {_MOST_UNPACKED} bytes; this is no image set")
        return content
