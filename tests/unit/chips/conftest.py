"""A chip without instruments and without a circuit: currents add up, pulses above a threshold switch."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from labmtj.errors import LimitExceeded
from labmtj.records import Defect, PulseOutcome, Reading, Scheme, Sum

G_P, G_AP, SHORT = 170e-6, 100e-6, 450e-6


class Seconds:
    """A clock on which every question takes a millisecond."""

    def __init__(self):
        self.time = 0.0

    def now(self):
        self.time += 1e-3
        return self.time

    def sleep(self, seconds):
        self.time += seconds


@dataclass
class LinearChip:
    """Kernels of rows x cols; `kinds` are `Defect` values; a cell's amplitude is 0.45 V to P, 0.5 V to AP, or so."""

    kernels: int
    rows: int
    cols: int
    seed: int = 1
    analog = False
    own_levels = (False, False)
    clock: Seconds = field(default_factory=Seconds)

    def __post_init__(self):
        random = np.random.RandomState(self.seed)
        self.shape = (self.kernels * self.rows, self.cols)
        self.state = random.randint(0, 2, self.shape)
        self.spread = random.normal(1.0, 0.04, self.shape)
        self.kinds = np.zeros(self.shape, dtype=np.int64)
        self.volts = random.normal(1.0, 0.04, self.shape)
        self.pulses, self.reads, self.messages = [], 0, []

    @property
    def conductance(self):
        found = np.where(self.state == 0, G_P, G_AP) * self.spread
        return np.select([self.kinds == Defect.SHORT, self.kinds == Defect.OPEN], [SHORT, 1e-9], found)

    def check(self, pulse):
        assert pulse.scheme is Scheme.GATED
        if abs(pulse.amplitude) > 0.9:
            raise LimitExceeded("0.9 V")

    def check_lines(self, pulse):
        raise LimitExceeded(f"{pulse}: no pulses on many lines here")

    def pulse_lines(self, pulse):
        self.check_lines(pulse)

    def trust(self, model):
        del model

    def rest(self):
        pass

    def read(self, cells, *, voltage):
        self.reads += len(cells)
        g = self.conductance
        return [Reading(cell, voltage, voltage * float(g[cell.position]), self.clock.now()) for cell in cells]

    def pulse(self, pulse):
        self.check(pulse)
        self.pulses.append(pulse)
        at = pulse.cell.position
        needed, target = (0.45, 0) if pulse.amplitude > 0 else (0.5, 1)
        if abs(pulse.amplitude) >= needed * self.volts[at] and self.kinds[at] == Defect.NONE:
            self.state[at] = target
        return PulseOutcome(pulse, self.clock.now(), False)

    def multiply(self, rows, cols, *, volts):
        g = self.conductance
        return np.array([sum(g[row - 1, col - 1] for row in rows) for col in cols]) * volts[0]

    def multiply_each(self, kernel, patterns, col, *, voltage):
        self.messages.append((kernel, col, len(patterns)))
        first = (kernel - 1) * self.rows
        return voltage * (patterns @ self.conductance[first : first + self.rows, col - 1])

    def total(self, rows, cols, *, voltage):
        current = float(self.multiply(rows, cols, volts=[voltage]).sum())
        return Sum(tuple(rows), tuple(cols), voltage, current, self.clock.now())

    def sense(self, rows, cols, *, voltage):
        return self.total(rows, cols, voltage=voltage)


@pytest.fixture
def make_chip():
    return LinearChip
