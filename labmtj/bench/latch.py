"""An interlock that opened stays latched until a person acknowledges it, in whichever process that comes.

Somebody has opened a fixture with a die in it. What is latched is the instrument that said so, by model and
serial number, in the folder that all users of the host share; for a simulated die, in the run folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from labmtj.errors import InterlockOpen, StorageError
from labmtj.host_state import who
from labmtj.ports import Journal


class Latched(InterlockOpen):
    """An interlock opened before; it is latched already."""


class Latch:
    """Latched interlocks in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, name: str, identity: str, *, acknowledge: str | None, journal: Journal) -> dict[str, Any] | None:
        """Raise InterlockOpen if the interlock of this instrument ("model/serial") is latched.

        `acknowledge` is what a person has found and says about it: it removes the latch, and both stand in the
        journal. What was acknowledged is returned.
        """
        path, found = self._file(identity), self.found(identity)
        if found is None:
            return None
        if not (acknowledge or "").strip():
            raise Latched(
                f"{name}: its interlock opened at {found.get('wall')} ({found.get('what')}) and stays latched: look at "
                'the fixture and the die, then run again with --acknowledge "what you found"'
            )
        said = {"instrument": name, "identity": identity, "latched": found, "acknowledged": acknowledge, **who()}
        journal.record("acknowledge", said)
        path.unlink(missing_ok=True)
        return said

    def found(self, identity: str) -> dict[str, Any] | None:
        """What is latched for this instrument ("model/serial"); None for nothing. Raises StorageError."""
        path = self._file(identity)
        try:
            return cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StorageError(f"{path}: the latch of an interlock cannot be read: {error}") from error

    def close(self, name: str, identity: str, what: str) -> None:
        """Latch the interlock of an instrument ("model/serial"). Raises StorageError."""
        path = self._file(identity)
        text = json.dumps({"instrument": name, "identity": identity, "what": what, **who()})
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f"{path.name}.{os.getpid()}")
            beside.write_text(text, "utf-8")
            os.replace(beside, path)
        except OSError as error:
            raise StorageError(f"{path}: the interlock cannot be latched: {error.strerror}") from error

    def _file(self, identity: str) -> Path:
        readable = re.sub(r"[^a-z0-9.]+", "-", identity.lower()).strip("-")[:60]
        return self._folder / f"interlock-{readable}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}.json"


class Interlocks:
    """The latches of one open bench; without a folder (a simulated die that nobody keeps) nothing is latched."""

    def __init__(self, folder: Path | None, *, acknowledge: str | None, journal: Journal) -> None:
        self._latch = None if folder is None else Latch(folder)
        self._acknowledge, self._journal = acknowledge, journal
        self._known: dict[str, str] = {}

    def connected(self, name: str, identity: str) -> dict[str, Any] | None:
        """An instrument ("model/serial") answers: what was acknowledged, if anything. Raises InterlockOpen."""
        self._known[name] = identity
        if self._latch is None:
            return None
        return self._latch.check(name, identity, acknowledge=self._acknowledge, journal=self._journal)

    def left(self, error: BaseException) -> None:
        """The bench is left with an error: latch the interlocks that have opened."""
        for opened in _interlocks(error):
            text = str(opened)
            # Who says so stands in front; where nobody is named, no instrument of the bench is free of it.
            said = {n: i for n, i in self._known.items() if text.startswith((f"{n} ", f"{n}:"))} or self._known
            if self._latch is None or isinstance(opened, Latched):
                return
            for name, identity in said.items():
                self._latch.close(name, identity, text)
            self._journal.record("interlock", {"instruments": sorted(said), "what": text})


def _interlocks(error: BaseException | None) -> Iterable[InterlockOpen]:
    """The open interlocks among an error and what it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, InterlockOpen):
            yield error
        error = error.__cause__ or error.__context__
