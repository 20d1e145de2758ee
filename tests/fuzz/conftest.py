"""One instrument on a small array, and a link to it that holds what must hold whatever is sent."""

import math
import resource
import time

import pytest
from hypothesis import note

from labmtj.config.bench import load_bench
from labmtj.config.model import PulseGeneratorModel, SourceMeterModel, SwitchMatrixModel, VoltageBankModel
from labmtj.twin.build import models, simulated_bench

BENCH = """title: Three by three
format: 1
visa: "@labmtj"
instruments:
  box:   {{model: {box}, address: "{address}"}}
  other: {{model: {other}, address: "TCPIP0::192.0.2.12::inst0::INSTR"}}
roles: {roles}
lines: {{rows: {{1..3: 1..3}}, cols: {{1..3: 4..6}}}}
array: {{rows: 3, cols: 3}}
limits: {{cell_voltage: 700 mV, terminal_voltage: 1.5 V, line_compliance: 3 mA}}
wait: {{after_relay: 3 ms, after_source: 200 us}}
mains: 50 Hz
simulation: {{die: {{diameter: 40 nm, seed: 17}}}}
"""
MATRICES = ("keithley_7001", "keithley_707b", "keithley_3706a", "keysight_b2201a", "keysight_34980a")
CHANNELS = {
    "keithley_2400": ["1"],
    "keithley_2450": ["1"],
    "keithley_2602b": ["a", "b"],
    "keithley_2636b": ["a", "b"],
}
MAGNET = "magnet: {source: box, tesla_per_ampere: 11 mT/A, limit: 220 mT}\n"
BESIDE = {"kepco_bop_20_20": MAGNET, "lakeshore_336": ""}  # what is not on lines, and stands in the file for it
ADDRESS = "TCPIP0::192.0.2.11::inst0::INSTR"
LONGEST = 6.0  # [s] of processor time for one message; the worst take two to three on a core that others share
MEMORY = 300_000  # [KiB] that a run may add to what the process had at its largest
OVER = 1.1  # overrange, calibration errors


class Watched:
    """A firmware under watch: how long each message takes, and what it answers."""

    def __init__(self, firmware, scpi):
        self.inner, self.blocks, self.scpi = firmware, firmware.blocks, scpi
        self.slowest = 0.0, ""

    def _timed(self, what, work):
        began = time.process_time()
        found = work()
        took = time.process_time() - began
        self.slowest = max(self.slowest, (took, what[:200]))
        assert took < LONGEST, f"{took:.1f} s for {what[:2000]!r}"
        return found

    def execute(self, message):
        replies = self._timed(message, lambda: self.inner.execute(message))
        if self.scpi:
            assert len(replies) <= 1
        for reply in replies:
            reply.encode("latin-1")
        return replies

    def clear(self):
        self._timed("device clear", self.inner.clear)

    def status_byte(self, *, waiting):
        status = self.inner.status_byte(waiting=waiting)
        assert 0 <= status <= 255
        assert not self.scpi or bool(status & 16) >= waiting
        return status

    def trigger(self):
        self._timed("trigger", self.inner.trigger)

    def query_error(self, code):
        self.inner.query_error(code)


class Bed:
    """A bench, the link to its instrument, and the invariants."""

    def __init__(self, file):
        self.bench = simulated_bench(file)
        self.sheets = models(file)
        self.world = self.bench.world
        self.instrument = self.bench.instruments[ADDRESS]
        self.engine = self.instrument.firmware.engine
        self.scpi = self.instrument.firmware.blocks
        self.watched = self.instrument.firmware = Watched(self.instrument.firmware, self.scpi)
        self.link = self.instrument.converse()
        self.identity = self.engine.identity.encode("latin-1") + b"\n"
        if not isinstance(self.sheets["box"], SwitchMatrixModel):  # two lines of each side on the first channels
            self.world.set_relays([("A", 1), ("A", 2), ("B", 4), ("B", 5), ("C", 3), ("C", 6)])

    def do(self, action):
        """Carry out (name, arguments ...)."""
        name, *arguments = action
        getattr(self, name)(*arguments)

    def play(self, composer, numbers, noise):
        """The messages that a composer makes of these numbers, then noise; the instrument must answer after it."""
        for number in numbers:
            action = composer.action(number)
            note(repr(action)[:2000])
            self.do(action)
            self.check()
        self.send(noise)
        self.check()
        self.answers()

    def send(self, data, end=True):
        self.link.write(data, end=end)
        self.world.host.wait_until(self.world.now())

    def drip(self, data, size):
        """Send in pieces, END with the last."""
        for start in range(0, len(data), size):
            self.link.write(data[start : start + size], end=start + size >= len(data))

    def read(self, count):
        if self.link.waiting:
            found, _ = self.link.read(count)
            assert 0 < len(found) <= count
        else:
            self.link.starved()

    def poll(self):
        assert 0 <= self.link.serial_poll() <= 255

    def trigger(self):
        self.link.trigger()

    def clear(self):
        self.link.clear()
        assert not self.link.waiting

    def ask(self, data):
        """Send a question and read the whole reply."""
        self.clear()
        self.link.write(data + b"\n")
        return self.link.read(1 << 25)[0]

    def check(self):
        """What must hold after anything."""
        world = self.world
        assert math.isfinite(world.now())
        for (name, which), output in world.outputs.items():
            assert math.isfinite(output.level)
            assert abs(output.level) <= self.most(name, current=output.current), (name, which, output)
            assert 0 < output.limit <= self.limit(name, current=output.current), (name, which, output)
        matrix = next(sheet for sheet in self.sheets.values() if isinstance(sheet, SwitchMatrixModel))
        if world.electrics.coil is not None:
            now = world.now()
            assert abs(world.electrics.coil.current(now)) <= 1.01 * self.sheets["box"].current
            assert math.isfinite(world.electrics.coil.field(now))
        rows = [chr(ord("A") + n) for n in range(matrix.rows)]
        columns = range(1, matrix.cards.count * matrix.cards.columns + 1)
        assert all(row in rows and column in columns for row, column in world.closed | world.asked)
        for entry in world.log.entries:
            if entry["kind"] == "pulse":
                for channel, volts in entry["volts"].items():
                    assert abs(volts) <= self.most(channel.partition(".")[0], current=False), entry
        world.log.entries.clear()

    def currents(self):
        """No channel gives more than its limit."""
        hookup = self.world.hookup()
        point = self.world.electrics.operating_point(hookup)
        for number, channel in enumerate(self.world.wiring.channels):
            output = self.world.outputs[channel]
            if output.connected and not output.current:
                assert abs(point.source_current[number]) <= output.limit * 1.01 + 1e-9, (channel, output)
            if output.connected and output.current:
                assert abs(point.source_volts[number]) <= output.limit * 1.01 + 1e-6, (channel, output)

    def most(self, name, *, current):
        """The largest level of an instrument [V or A]."""
        sheet = self.sheets[name]
        if isinstance(sheet, SourceMeterModel):
            if current:
                ranges = sheet.source_current
                return OVER * (max(entry.range for entry in ranges) if ranges else sheet.compliance.maximum)
            return OVER * max(entry.range for entry in sheet.source_voltage)
        if isinstance(sheet, PulseGeneratorModel):
            return sheet.level.maximum
        assert isinstance(sheet, VoltageBankModel)
        return 1.01 * max(entry.range for entry in sheet.source_voltage)

    def limit(self, name, *, current):
        """The largest limit of an instrument [A or V]."""
        sheet = self.sheets[name]
        if isinstance(sheet, SourceMeterModel):
            if current:
                return OVER * max(entry.range for entry in sheet.source_voltage)
            return OVER * sheet.compliance.maximum
        return sheet.current_limit if isinstance(sheet, VoltageBankModel) else 1.0

    def answers(self):
        """*IDN? and the error queue answer after a device clear, and the queue has an end."""
        assert self.identity == self.ask(b"*IDN?")
        self.currents()
        if self.scpi:
            for _ in range(self.engine.dialect.queue + 1):
                reply = self.ask(b"SYST:ERR?")
                if reply.startswith((b"0,", b"+0,")):
                    break
            assert reply.startswith((b"0,", b"+0,")), reply
        else:
            assert len(self.engine.errors) <= 100
            self.ask(b"*CLS")
            assert not self.engine.errors
        assert self.identity == self.ask(b"*IDN?")


@pytest.fixture(scope="session")
def bed_of(tmp_path_factory):
    """A fresh bed for a model, by the model's name."""
    files = {}

    def make(model):
        if model not in files:
            if model in MATRICES:
                other, roles = "keithley_2636b", {"A": "other.a", "B": "other.b", "C": "ground"}
            elif model in BESIDE:
                other, roles = "keithley_7001", {"A": "ground", "B": "ground", "C": "ground"}
            else:
                other, names = "keithley_7001", CHANNELS.get(model, ["1", "2"])
                roles = {"A": f"box.{names[0]}", "B": f"box.{names[-1]}" if len(names) > 1 else "ground", "C": "ground"}
            shown = "{" + ", ".join(f"{row}: {what}" for row, what in roles.items()) + "}"
            path = tmp_path_factory.mktemp("fuzz") / f"{model}.yaml"
            text = BENCH.format(box=model, other=other, roles=shown, address=ADDRESS)
            path.write_text(text + BESIDE.get(model, ""))
            files[model] = load_bench(str(path))
        return Bed(files[model])

    return make


@pytest.fixture
def bounded_memory():
    """The process does not grow by more than `MEMORY` while a test runs."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY
