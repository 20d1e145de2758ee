"""The neurons of a run over its journal (labmtj.ports.NeuronAccess)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from labmtj.ports import Clock, NeuronAccess
from labmtj.protocol.replay.access import RunClock
from labmtj.protocol.replay.past import Past
from labmtj.records import NeuronReading
from labmtj.runs.neuron_entry import neuron_reading

_SAME = 1e-9  # two computers may differ in the last digit of what they work out from the same readings


class RunNeurons:
    """Neurons whose answers come from a journal until it ends, and then from the bench, in the middle of a sweep too.

    `before` each question it may be told to stop.
    """

    def __init__(self, neurons: NeuronAccess, past: Past, *, before: Callable[[], None]) -> None:
        self._neurons, self._past, self._before = neurons, past, before
        self._clock = RunClock(neurons.clock, past)

    @property
    def count(self) -> int:
        """How many there are."""
        return self._neurons.count

    @property
    def clock(self) -> Clock:
        """The run's clock."""
        return self._clock

    def operate(self, neuron: int, drives: Sequence[float], *, probe: float) -> list[NeuronReading]:
        """Put the x terminal at each of `drives` [V] in turn, the z terminal at `probe` [V], and read all three."""
        found: list[NeuronReading] = []
        for done, drive in enumerate(drives):
            self._before()
            entry = self._past.answer("neuron")
            if entry is None:
                found += self._neurons.operate(neuron, drives[done:], probe=probe)
                self._past.seen(found[-1].time)
                break
            for name, now in (("neuron", neuron), ("drive", drive), ("probe", probe)):
                if not math.isclose(entry[name], now, rel_tol=_SAME, abs_tol=1e-15):
                    raise self._past.differs(entry, name, entry[name], now)
            found.append(neuron_reading(entry))
        return found

    def check(self, neuron: int, drives: Sequence[float], *, probe: float) -> None:
        """Raise `LimitExceeded` or `InputError` if `operate` would; touches nothing."""
        self._neurons.check(neuron, drives, probe=probe)

    def rest(self) -> None:
        """All terminals to ground, sources at 0 V."""
        if self._past.live:
            self._neurons.rest()
