"""Cassettes: the traffic of VISA sessions as a file that can be replayed in the place of the instruments.

One JSON object a line: a header, then each write, read, clear, trigger and serial poll with its resource, in
the order in which they happened. Bytes are kept as latin-1 text, so that binary blocks survive and text
stays readable. Anybody's session can be recorded: what is watched is the VISA library, not a driver.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from labmtj.errors import InputError, StorageError

FORMAT = 1
SUFFIX = ".cassette"
_LARGEST = 256 * 1024 * 1024  # chosen: bytes of a cassette that are read into memory


@dataclass(frozen=True)
class Entry:
    """One exchange on the bus: resource, what was done (write, read, clear, trigger, poll) and its bytes as latin-1."""

    resource: str
    action: str
    text: str


def read_cassette(path: Path) -> list[Entry]:
    """The entries of a cassette. Raises InputError, naming the line, for anything that is not one."""
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path}: larger than {_LARGEST} bytes; record fewer exchanges")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: this cassette cannot be read: {error}") from error
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        try:
            found: dict[str, Any] = json.loads(line)
            if number == 1:
                if found["cassette"] != FORMAT:
                    raise InputError(f"{path}: format {found['cassette']} is not known; this labmtj reads {FORMAT}")
                continue
            entries.append(Entry(str(found["resource"]), str(found["do"]), str(found.get("text", ""))))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}:{number}: not a line of a cassette: {error!r}") from error
    if not lines:
        raise InputError(f"{path}: the cassette is empty")
    return entries


@contextmanager
def recording(library: Any, path: Path) -> Generator[None, None, None]:
    """Record every session that is opened on a VISA library object (`manager.visalib`) meanwhile.

    Raises StorageError if the file cannot be written.
    """
    try:
        file = open(path, "w", encoding="utf-8")  # noqa: SIM115 - closed below, when the library is itself again
    except OSError as error:
        raise StorageError(f"{path}: the cassette cannot be written: {error}") from error
    names: dict[Any, str] = {}

    def keep(session: Any, action: str, data: bytes = b"") -> None:
        if session in names:
            entry = {"resource": names[session], "do": action, "text": bytes(data).decode("latin-1")}
            file.write(json.dumps(entry if data else {**entry, "text": ""}) + "\n")

    def watch(name: str, around: Callable[..., Any]) -> None:
        setattr(library, name, partial(around, getattr(library, name)))

    def opened(original: Any, session: Any, resource: str, *args: Any, **kwargs: Any) -> Any:
        found = original(session, resource, *args, **kwargs)
        names[found[0]] = resource
        return found

    def written(original: Any, session: Any, data: bytes) -> Any:
        keep(session, "write", data)
        return original(session, data)

    def was_read(original: Any, session: Any, count: int) -> Any:
        found = original(session, count)
        keep(session, "read", found[0])
        return found

    def plain(action: str) -> Callable[..., Any]:
        def around(original: Any, session: Any, *args: Any, **kwargs: Any) -> Any:
            keep(session, action)
            return original(session, *args, **kwargs)

        return around

    file.write(json.dumps({"cassette": FORMAT}) + "\n")
    watched: dict[str, Callable[..., Any]] = {
        "open": opened,
        "write": written,
        "read": was_read,
        "clear": plain("clear"),
        "assert_trigger": plain("trigger"),
        "read_stb": plain("poll"),
    }
    for name, around in watched.items():
        watch(name, around)
    try:
        yield
    finally:
        for name in watched:
            delattr(library, name)
        file.close()
