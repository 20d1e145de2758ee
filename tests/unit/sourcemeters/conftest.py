import re
from functools import cache

import pytest

from labmtj.config import finder
from labmtj.config.bench import load_bench
from labmtj.config.model import load_model
from labmtj.physics.variation import draw_die
from labmtj.twin.build import Place, die_model, firmware_class
from labmtj.twin.electrics import Electrics
from labmtj.twin.state import DieState
from labmtj.twin.wiring import Wiring
from labmtj.twin.world import World

CHANNEL = ("smu", "1")
CLEAN = ("simulation.die.defects.short=0", "simulation.die.defects.open=0", "simulation.die.defects.stuck=0")
SMALL = ('lines.rows={"1..4": "1..4"}', 'lines.cols={"1..4": "5..8"}', "array.rows=4", "array.cols=4")
MAINS = 50.0


@cache
def a_die():
    """16 cells that are good and quiet."""
    return draw_die(die_model(load_bench(overrides=[*SMALL, *CLEAN, "simulation.die.telegraph=0"]).bench))


@cache
def data_sheet(name):
    return load_model(finder.find("models", name))


class Meter:
    """A SourceMeter on row 2 of a 4 x 4 array, all other lines at ground, without PyVISA between."""

    def __init__(self, name):
        truth = a_die()
        wiring = Wiring(
            seed=1,
            roles={"A": CHANNEL, "B": None},
            row_lines={n: n for n in range(1, 5)},
            col_lines={n: n + 4 for n in range(1, 5)},
            relay=(0.1, 0.6),
            emf=0.0,
            lead=0.5,
        )
        self.world = World(Electrics(truth, DieState(truth)), wiring)
        self.connect()
        self.model = data_sheet(name)
        place = Place(self.world, "smu", MAINS, 1, {CHANNEL: 0})
        self.firmware = firmware_class(self.model)(place, self.model)

    def connect(self, *, row=2):
        """Put the channel on a row, or (None) on nothing."""
        grounds = [("B", n) for n in range(1, 9) if n != row]
        self.world.set_relays(grounds if row is None else [("A", row), *grounds])

    def ask(self, *messages):
        """The reply to the last message; None for none."""
        for message in messages:
            replies = self.firmware.execute(message)
            assert len(replies) <= 1
        return replies[0] if replies else None

    def floats(self, *messages):
        return [float(value) for value in self.ask(*messages).split(",")]

    def number(self, *messages):
        (found,) = self.floats(*messages)
        return found

    def errors(self):
        """Numbers of all errors that wait."""
        found = []
        while (code := int(self.ask("SYST:ERR?").split(",")[0])) != 0:
            found.append(code)
        return found

    def took(self, *messages):
        """Bench seconds of the messages, without those that each takes for itself."""
        before = self.world.now()
        self.ask(*messages)
        return self.world.now() - before - len(messages) * self.model.timing.command

    @property
    def point(self):
        """Amperes out of the channel, volts at it and whether it is limited, as the network has them."""
        found = self.world.electrics.operating_point(self.world.hookup())
        return found.source_current[0], found.source_volts[0], found.limited[0]

    @property
    def output(self):
        """What stands at the terminals."""
        return self.world.outputs[CHANNEL]

    def replay(self, traffic):
        """Send captured messages; replies must look like those captured: same signs, digits and exponents."""
        seen = [(message, shape(self.ask(message))) for message, _ in traffic]
        assert [(message, shape(reply)) for message, reply in traffic] == seen


def shape(reply):
    """A reply with its measured digits blotted out; exponents of readings differ from die to die."""
    if reply is None:
        return None
    return re.sub(r"\d\.\d{6}E[+-]\d\d", "#", re.sub(r"(^|,)[+-]?(?=\d\.\d{6}E)", _sign, reply))


def _sign(found):
    return f"{found[1]}{'s' if found[0].endswith(('+', '-')) else ''}"


@pytest.fixture
def make_meter():
    return Meter
