import threading

import pytest
import pyvisa

from labmtj.twin.build import SimulatedBench
from labmtj.twin.clock import HostClock
from labmtj.twin.instrument import Instrument
from labmtj.twin.visa.backend import TwinVisaLibrary

GPIB, OTHER = "GPIB0::5::INSTR", "GPIB0::6::INSTR"
LAN, SOCKET = "TCPIP0::192.0.2.21::inst0::INSTR", "TCPIP0::192.0.2.21::5025::SOCKET"
USB, SERIAL = "USB0::10893::769::MY1::0::INSTR", "ASRL3::INSTR"
KINDS = (GPIB, LAN, SOCKET, USB, SERIAL)


class World:
    """Time, and the lock."""

    def __init__(self, *, realtime=False):
        self.lock = threading.RLock()
        self.time = 0.0
        self.host = HostClock(self, realtime=realtime)

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


class Echo:
    """ECHO? gives back what follows it; the other commands do what they are called."""

    blocks = True

    def __init__(self, world):
        self.world = world
        self.messages, self.errors = [], []
        self.events = self.enabled = self.clears = self.triggers = 0

    def execute(self, message):
        self.messages.append(message)
        command, _, argument = message.partition(" ")
        match command:
            case "ECHO?":
                return [argument]
            case "TWICE?":
                return [argument, argument]
            case "SLOW?":
                self.world.sleep(float(argument))
                return ["done"]
            case "WORK":
                self.world.sleep(float(argument))
                self.events |= 1
            case "SRE":
                self.enabled = int(argument)
            case "EVENT":
                self.events = int(argument)
            case "BLOCK?":
                return ["#15he\nlo"]
            case "ERROR?":
                return [str(self.errors.pop(0) if self.errors else 0)]
            case "CRASH":
                raise AttributeError("a mistake in a firmware")
        return []

    def clear(self):
        self.clears += 1

    def status_byte(self, *, waiting):
        status = (16 if waiting else 0) | self.events
        return status | (64 if status & self.enabled else 0)

    def trigger(self):
        self.triggers += 1
        self.events |= 1

    def query_error(self, code):
        self.errors.append(code)


class EchoLibrary(TwinVisaLibrary):
    """The backend, with one echo behind all kinds of addresses, and another."""

    @staticmethod
    def build(name):
        world = World(realtime=name.endswith("realtime"))
        one, other = (Instrument(Echo(world), clock=world, lock=world.lock) for _ in range(2))
        return SimulatedBench(world, dict.fromkeys(KINDS, one) | {OTHER: other})


class Link:
    """An echo and one conversation with it."""

    def __init__(self, *, exchange=True, realtime=False):
        self.world = World(realtime=realtime)
        self.firmware = Echo(self.world)
        self.instrument = Instrument(self.firmware, clock=self.world, lock=self.world.lock)
        self.conversation = self.instrument.converse(exchange=exchange)

    def ask(self, message):
        self.conversation.write(message.encode("latin-1") + b"\n")
        return self.conversation.read(1000)[0]


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def raw_link():
    """One on which the instrument does not see reads."""
    return Link(exchange=False)


@pytest.fixture
def real_time_link():
    return Link(realtime=True)


class VisaBench:
    """A resource manager with echoes behind it; PyVISA keeps one library a path: each test has its own."""

    def __init__(self, name):
        self.library = EchoLibrary(name)
        self.manager = pyvisa.ResourceManager(self.library)
        self.world, self.clock = self.library.bench.world, self.library.clock
        self.instrument = self.library.bench.instruments[GPIB]
        self.firmware = self.instrument.firmware

    def open(self, address=GPIB, **options):
        return self.manager.open_resource(
            address, **{"read_termination": "\n", "write_termination": "\n", "timeout": 2000} | options
        )

    def another_manager(self):
        return pyvisa.ResourceManager(self.library)


@pytest.fixture
def bench(request):
    found = VisaBench(request.node.nodeid)
    yield found
    found.manager.close()


@pytest.fixture
def real_time_bench(request):
    found = VisaBench(f"{request.node.nodeid} realtime")
    yield found
    found.manager.close()
