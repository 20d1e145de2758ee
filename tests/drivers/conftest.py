"""A scripted transport: drivers are tested by the exact words they exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from labmtj.config.finder import find
from labmtj.config.model import load_model
from labmtj.drivers.link import TspLink

CLEAR = "<device clear>"
Turn = tuple[str, str | Exception | None]


class Dialogue:
    """What may be sent, in this order, and what is answered: text, an exception that the read raises, or nothing."""

    def __init__(self, turns: list[Turn]) -> None:
        self.turns = list(turns)
        self._answer: str | Exception | None = None

    def write(self, message: str) -> int:
        assert self.turns, f"nothing should be sent any more, but {message!r} was"
        sent, self._answer = self.turns.pop(0)
        assert sent == message
        return len(message)

    def read(self) -> str:
        answer, self._answer = self._answer, None
        assert answer is not None, "a reply was read where none is due"
        if isinstance(answer, Exception):
            raise answer
        return answer

    def clear(self) -> None:
        self.write(CLEAR)


@pytest.fixture
def talk() -> Iterator[Callable[..., TspLink]]:
    """A link whose conversation is given as (sent, reply) pairs; all of it must take place."""
    begun: list[Dialogue] = []

    def scripted(*turns: Turn) -> TspLink:
        begun.append(Dialogue(list(turns)))
        return TspLink(begun[-1], "box")

    yield scripted
    assert [] == [turn for dialogue in begun for turn in dialogue.turns]


@pytest.fixture(scope="session")
def smu_model():
    return load_model(find("models", "keithley_2636b"))


@pytest.fixture(scope="session")
def matrix_model():
    return load_model(find("models", "keithley_707b"))
