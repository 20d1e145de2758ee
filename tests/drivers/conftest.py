"""A scripted transport: drivers are tested by the exact words they exchange."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import pytest

from labmtj.config.finder import find
from labmtj.config.model import InstrumentModel, load_model
from labmtj.drivers.link import TspLink
from labmtj.drivers.scpi_link import ScpiLink

CLEAR = "<device clear>"
Answer = str | bytes | Exception | None
Turn = tuple[str, Answer]


class Dialogue:
    """What may be sent, in this order, and what is answered: text, bytes, an exception that the read
    raises, or nothing."""

    def __init__(self, turns: list[Turn]) -> None:
        self.turns = list(turns)
        self._answer: Answer = None

    def write(self, message: str) -> int:
        assert self.turns, f"nothing should be sent any more, but {message!r} was"
        sent, self._answer = self.turns.pop(0)
        assert sent == message
        return len(message)

    def read(self) -> str:
        answer, self._answer = self._answer, None
        assert isinstance(answer, str | Exception), "a reply was read where none is due"
        if isinstance(answer, Exception):
            raise answer
        return answer

    def read_raw(self) -> bytes:
        assert isinstance(self._answer, bytes | Exception), "bytes were read where none are due"
        if isinstance(self._answer, Exception):
            raise self._answer
        line, end, self._answer = self._answer.partition(b"\n")
        return line + end

    def clear(self) -> None:
        self.write(CLEAR)
        answer, self._answer = self._answer, None
        if isinstance(answer, Exception):
            raise answer


NO_ERROR = '0,"No error"'


class Told(list[Turn]):
    """Turns of an SCPI conversation: every message ends with the query of the error queue."""

    def __init__(self, no_error: str = NO_ERROR) -> None:
        super().__init__()
        self.no_error = no_error

    def say(self, command: str, *values: str) -> Told:
        """A message that is answered by these values and no error."""
        self.append((f"{command};:SYST:ERR?", ";".join([*values, self.no_error])))
        return self

    def set(self, command: str, query: str, value: str) -> Told:
        """A setting, and what reads back."""
        return self.say(f"{command};{query}", value)

    def send(self, *commands: str) -> Told:
        """Messages that nobody waits for."""
        self.extend((command, None) for command in commands)
        return self

    def reset(self) -> Told:
        """What every setup begins with."""
        return self.send("*CLS").say("*RST;*CLS")


@pytest.fixture
def told() -> Callable[..., Told]:
    """Begins the turns of an SCPI conversation."""
    return Told


@pytest.fixture
def conversation() -> Iterator[Callable[..., Dialogue]]:
    """A transport whose conversation is given as (sent, reply) pairs; all of it must take place."""
    begun: list[Dialogue] = []

    def scripted(*turns: Turn) -> Dialogue:
        begun.append(Dialogue(list(turns)))
        return begun[-1]

    yield scripted
    assert [] == [turn for dialogue in begun for turn in dialogue.turns]


@pytest.fixture
def talk(conversation: Callable[..., Dialogue]) -> Callable[..., TspLink]:
    """A TSP link whose conversation is given."""
    return lambda *turns: TspLink(conversation(*turns), "box")


@pytest.fixture
def scpi(conversation: Callable[..., Dialogue]) -> Callable[..., ScpiLink]:
    """An SCPI link whose conversation is given."""
    return lambda *turns: ScpiLink(conversation(*turns), "box")


@pytest.fixture(scope="session")
def sheet() -> Callable[[str], InstrumentModel]:
    """A shipped data sheet by its name."""
    return functools.cache(lambda name: load_model(find("models", name)))


@pytest.fixture(scope="session")
def smu_model():
    return load_model(find("models", "keithley_2636b"))


@pytest.fixture(scope="session")
def matrix_model():
    return load_model(find("models", "keithley_707b"))
