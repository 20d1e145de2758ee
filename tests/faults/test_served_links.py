"""Links to a bench in real time, over HiSLIP and raw sockets: recovery, deadlines, panic."""

import time

import pytest
import pyvisa

from labmtj.bench.transport import GuardedTransport
from labmtj.config.finder import find
from labmtj.config.model import load_model
from labmtj.drivers.keithley_707b import Keithley707B
from labmtj.drivers.keithley_2600 import Keithley2600
from labmtj.drivers.link import TspLink
from labmtj.errors import BenchError, NoReply
from labmtj.twin.build import simulated_bench
from labmtj.twin.served.server import BenchServer

LINKS = ["hislip", "socket"]
TIMEOUT, GRACE = 0.5, 1.0  # [s]; the second is what GuardedTransport adds to the first
DRIVERS = {"smu": (Keithley2600, "keithley_2636b"), "matrix": (Keithley707B, "keithley_707b")}


class Served:
    """A served bench and drivers that talk to it."""

    def __init__(self, server):
        self.server, self.faults, self.world = server, server.bench.faults, server.bench.world
        self.manager = pyvisa.ResourceManager("@py")
        self.made = []

    def transport(self, name, link):
        address = getattr(self.server.resources[name], link)
        resource = self.manager.open_resource(address, read_termination="\n", write_termination="\n")
        resource.timeout = TIMEOUT * 1000
        self.made.append(GuardedTransport(resource))
        return self.made[-1]

    def connect(self, name, link):
        kind, model = DRIVERS[name]
        device = kind(TspLink(self.transport(name, link), name), load_model(find("models", model)))
        device.identify()
        device.setup(**({"source_range": 2.0, "mains": 50.0} if name == "smu" else {}))
        return device


@pytest.fixture
def served():
    with BenchServer(simulated_bench("simulated-15x15", realtime=True), hislip_port=0, socket_port=0) as server:
        bench = Served(server)
        yield bench
        for transport in bench.made:
            transport.close()


def seconds(call):
    """How long a call takes that ends in a BenchError."""
    begun = time.monotonic()
    with pytest.raises(BenchError):
        call()
    return time.monotonic() - begun


@pytest.mark.parametrize("link", LINKS)
def test_a_late_reply_is_never_that_of_a_later_message(served, link):
    smu = served.connect("smu", link)
    channel = smu.channel("a")
    channel.compliance_current = 1e-3
    for volts in (0.1, 0.2):
        served.faults.add("late", on="smu", delay="800 ms")
        channel.source_voltage = volts
        assert [volts, 1e-3] == [channel.source_voltage, channel.compliance_current]
        time.sleep(0.4)  # by now the late reply has come, if there is anybody whom it could reach
        assert [volts, 1e-3] == [channel.source_voltage, channel.compliance_current]


@pytest.mark.parametrize("link", ["socket", pytest.param("hislip", marks=pytest.mark.slow)])
def test_an_instrument_that_hangs_ends_each_call_by_its_deadline_and_may_come_back(served, link):
    smu = served.connect("smu", link)
    number = served.faults.add("hang", on="smu")
    # The exchange, the device clear, and the question who it is.
    assert seconds(lambda: smu.channel("a").source_voltage) < 3 * TIMEOUT + GRACE
    assert seconds(smu.panic) < 1.5
    served.faults.clear(number)
    assert 0.0 == smu.channel("a").source_voltage


@pytest.mark.parametrize("link", ["hislip", pytest.param("socket", marks=pytest.mark.slow)])
def test_a_byte_a_second_ends_an_exchange_by_its_deadline(served, link):
    transport = served.transport("smu", link)
    served.faults.add("slow", on="smu")
    transport.write("print(1, 2, 3, 4, 5, 6, 7, 8)")
    begun = time.monotonic()
    with pytest.raises((TimeoutError, pyvisa.Error)):
        transport.read()
    assert time.monotonic() - begun < TIMEOUT + GRACE + 1.2  # the byte that is on its way comes first
    served.faults.clear()
    transport.clear()
    transport.write("print(2)")
    assert "2.00000e+00" == transport.read()


@pytest.mark.slow
@pytest.mark.parametrize("link", LINKS)
def test_a_byte_a_second_ends_each_call_of_a_driver_by_its_deadline(served, link):
    smu, matrix = served.connect("smu", link), served.connect("matrix", link)
    served.faults.add("slow", on="*")
    for call in (lambda: smu.channel("a").source_voltage, matrix.closed, matrix.open_all, smu.shutdown, smu.panic):
        assert seconds(call) < 4 * (TIMEOUT + GRACE + 1.2)


@pytest.mark.parametrize("link", LINKS)
def test_a_panic_zeroes_outputs_and_opens_relays_though_a_reply_is_pending(served, link):
    smu, matrix = served.connect("smu", link), served.connect("matrix", link)
    channel = smu.channel("a")
    grounds = [("C", n) for n in range(1, 31) if n not in (1, 16)]  # the twin solves floating lines too slowly for this
    matrix.switch([("close", [("A", 1), ("B", 16), *grounds])])
    channel.source_enabled, channel.source_voltage = True, 0.2
    for device in (smu, matrix):
        device.link._transport.write("print(1)")  # nobody reads this
        begun = time.monotonic()
        device.panic()
        assert time.monotonic() - begun < 1.0
    assert abs(served.world.outputs["smu", "a"].level) < 1e-3
    assert frozenset() == served.world.closed


def test_a_pulse_whose_reply_is_lost_is_not_fired_again(served):
    smu = served.connect("smu", "socket")
    for name in "ab":
        channel = smu.channel(name)
        channel.compliance_current, channel.source_enabled = 3e-3, True
    pair = smu.pair("a", "b", compliance=3e-3, nplc=1, read_range=1e-3)
    assert not pair.pulse((0.1, -0.1), 1e-4)
    served.faults.add("late", on="smu", delay="800 ms")
    with pytest.raises(NoReply):
        pair.pulse((0.1, -0.1), 1e-4)
    assert not pair.pulse((0.1, -0.1), 1e-4)
    assert 3 == sum(entry["kind"] == "pulse" for entry in served.world.log.entries)


def test_closing_one_session_closes_no_other(served):
    one, other = served.transport("smu", "hislip"), served.transport("matrix", "hislip")
    one.close()
    other.write("print(3)")
    assert "3.00000e+00" == other.read()
