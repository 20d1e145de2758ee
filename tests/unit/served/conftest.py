import socket
import struct
import threading

import pytest
import pyvisa

from labmtj.twin.build import SimulatedBench
from labmtj.twin.clock import HostClock
from labmtj.twin.instrument import Instrument
from labmtj.twin.record import TwinLog
from labmtj.twin.served.server import BenchServer

NAMES = ("box", "crate", "chest")


class Empty:
    """A world in which nothing stands but time."""

    def __init__(self, *, realtime):
        self.lock = threading.RLock()
        self.time = 0.0
        self.closed = frozenset({("A", 3)})
        self.violations = []
        self.log = TwinLog()
        self.host = HostClock(self, realtime=realtime)

    def now(self):
        return self.time

    def driven(self):
        return []

    def sleep(self, seconds):
        self.time += seconds


class Box:
    """A firmware that answers, keeps a block and is slow when asked to be."""

    blocks = True

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.kept, self.errors, self.triggers, self.cleared = "", [], 0, 0
        self.service = False

    def execute(self, message):
        head, _, rest = message.partition(" ")
        match head:
            case "*IDN?":
                return [f"LABMTJ,BOX,{self.name},1"]
            case "ECHO?":
                return [rest]
            case "LEN?":
                return [str(len(rest))]
            case "KEEP":
                self.kept = rest
            case "KEPT?":
                return [self.kept]
            case "SLOW?":
                self.world.sleep(float(rest))
                return ["at last"]
            case "ERR?":
                return [str(self.errors.pop(0) if self.errors else 0)]
            case "TRIG?":
                return [str(self.triggers)]
            case "FAIL":
                raise ZeroDivisionError("the firmware has a fault")
            case "SERVE":
                self.service = True
        return []

    def clear(self):
        self.cleared += 1

    def status_byte(self, *, waiting):
        return (16 if waiting else 0) | (64 if self.service else 0)

    def trigger(self):
        self.triggers += 1

    def query_error(self, code):
        self.errors.append(code)


def a_bench(*, realtime=False):
    world = Empty(realtime=realtime)
    instruments, names = {}, {}
    for number, name in enumerate(NAMES, start=1):
        address = f"TCPIP0::192.0.2.{number}::inst0::INSTR"
        instruments[address] = Instrument(Box(world, name), clock=world, lock=world.lock)
        names[address] = name
    return SimulatedBench(world, instruments, names, "Boxes")


@pytest.fixture
def make_server():
    running = []

    def make(*, realtime=False, **options):
        ports = {"hislip_port": 0, "socket_port": 0} | options
        server = BenchServer(a_bench(realtime=realtime), **ports)
        running.append(server.__enter__())
        return server

    yield make
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def options():
    """What the server of a test is made with."""
    return {}


@pytest.fixture
def server(make_server, options):
    return make_server(**options)


@pytest.fixture
def visa():
    manager = pyvisa.ResourceManager("@py")
    yield manager
    manager.close()


@pytest.fixture
def raw(server):
    """A bare connection to the HiSLIP port: `send(kind, ...)`, `receive() -> (kind, control, parameter, payload)`."""
    opened = []

    def connect():
        link = Raw(server.hislip_port)
        opened.append(link)
        return link

    yield connect
    for link in opened:
        link.socket.close()


class Raw:
    header = struct.Struct("!2sBBIQ")

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)

    def send(self, kind, control=0, parameter=0, payload=b""):
        self.socket.sendall(self.header.pack(b"HS", kind, control, parameter, len(payload)) + payload)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data

    def receive(self):
        prologue, kind, control, parameter, length = self.header.unpack(self.exactly(16))
        assert b"HS" == prologue
        return kind, control, parameter, self.exactly(length)
