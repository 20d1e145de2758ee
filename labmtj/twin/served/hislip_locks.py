"""Locks of one HiSLIP device: one exclusive holder, or several that share a key (IVI-6.1, AsyncLock)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class LockAnswer(IntEnum):
    """What AsyncLockResponse says; a release answers which of the two locks it was."""

    FAILED = 0
    GRANTED = 1
    SHARED_RELEASED = 2
    INVALID = 3


Answer = Callable[[LockAnswer], None]


@dataclass(eq=False)
class _Waiter:
    owner: object
    key: str
    answer: Answer
    timer: asyncio.TimerHandle


class Locks:
    """Who may talk to a device; owners are told nothing but the answers to their requests.

    As in VISA, one of several that share a lock may take the exclusive one on top of it; a new owner may
    share only while nobody holds the exclusive lock. `changed` is called whenever somebody may talk who
    could not before.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._exclusive: object | None = None
        self._shared: set[object] = set()
        self._key = ""
        self._waiters: list[_Waiter] = []

    @property
    def exclusive(self) -> bool:
        """Whether an exclusive lock is held."""
        return self._exclusive is not None

    @property
    def holders(self) -> int:
        """How many clients hold a lock."""
        return len(self._shared) + (self._exclusive is not None and self._exclusive not in self._shared)

    def admits(self, owner: object) -> bool:
        """Whether this owner's messages are carried out now."""
        if self._exclusive is not None:
            return owner is self._exclusive
        return not self._shared or owner in self._shared

    def request(self, owner: object, *, key: str, seconds: float, answer: Answer) -> None:
        """Ask for a lock, exclusive with an empty `key`; the answer comes at once or within `seconds`."""
        if owner is self._exclusive or (key and owner in self._shared):
            answer(LockAnswer.INVALID)
        elif self._grant(owner, key):
            answer(LockAnswer.GRANTED)
        elif seconds <= 0:
            answer(LockAnswer.FAILED)
        else:
            timer = asyncio.get_running_loop().call_later(seconds, lambda: self._give_up(waiter))
            waiter = _Waiter(owner, key, answer, timer)
            self._waiters.append(waiter)

    def release(self, owner: object) -> LockAnswer:
        """Give back the exclusive lock, or else the shared one."""
        if owner is self._exclusive:
            self._exclusive = None
            answer = LockAnswer.GRANTED
        elif owner in self._shared:
            self._shared.discard(owner)
            answer = LockAnswer.SHARED_RELEASED
        else:
            return LockAnswer.INVALID
        self._look_again()
        return answer

    def leave(self, owner: object) -> None:
        """Forget an owner with all that it holds and waits for."""
        for waiter in [waiter for waiter in self._waiters if waiter.owner is owner]:
            waiter.timer.cancel()
            self._waiters.remove(waiter)
        if owner is self._exclusive:
            self._exclusive = None
        self._shared.discard(owner)
        self._look_again()

    def _grant(self, owner: object, key: str) -> bool:
        if self._exclusive is not None:
            return False
        if key:
            if self._shared and key != self._key:
                return False
            self._key = key
            self._shared.add(owner)
            return True
        if self._shared and owner not in self._shared:
            return False
        self._exclusive = owner
        return True

    def _look_again(self) -> None:
        for waiter in list(self._waiters):
            if self._grant(waiter.owner, waiter.key):
                waiter.timer.cancel()
                self._waiters.remove(waiter)
                waiter.answer(LockAnswer.GRANTED)
        self._changed()

    def _give_up(self, waiter: _Waiter) -> None:
        self._waiters.remove(waiter)
        waiter.answer(LockAnswer.FAILED)
