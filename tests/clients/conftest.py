"""A served bench for drivers that nobody here wrote, and a record of what they say to it.

Nothing of the drivers is imported before a test asks for it: they take seconds.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
import pyvisa

from labmtj.config.bench import load_bench
from labmtj.runs.cassette import read_cassette, recording
from labmtj.twin.served.control import ask
from labmtj.twin.served.ready import read_ready

BENCH = Path(__file__).parent / "everything.yaml"
MISSING = "the drivers that this test lets loose are not here: pip install 'labmtj[clients]'"
ENVIRONMENT = dict(os.environ)  # as it is before a home folder is exchanged: kernels are kept there
MATRIX = "keysight_b2201a"
ROWS = {MATRIX: 11, "keysight_34980a": 16, "keithley_3706a": 6, "keithley_707b": 8}  # of the matrix, no more are used
READY_WITHIN = 90  # [s] of a loaded machine that has to compile the kernels first
TIMEOUT = 5000  # [ms] what drivers have by default, and more than any of these tests takes


@pytest.fixture
def like():
    """like(text): see `_like`."""
    return _like


def _like(text):
    """A pattern of replies with numbers of this form: as many digits, the sign where it is written."""

    def form(number):
        written = number[0]
        digits = re.sub(r"\d", r"\\d", re.escape(written).replace(r"\+", "[+-]").replace(r"\-", "[+-]"))
        return digits if written[0] in "+-" else f"-?{digits}"

    parts = re.split(r"([+-]?\d[\d.]*(?:[eE][+-]\d+)?)", text)
    return re.compile("".join(form([part]) if number % 2 else re.escape(part) for number, part in enumerate(parts)))


class Dialogue:
    """What a driver must have said and what it must have been told, message by message.

    A reply is given as it must be, or as a pattern; `meanwhile` allows any number of some queries in any order.
    """

    def __init__(self, *, end):
        self.end, self.wanted = end, []

    def __call__(self, sent, reply="", *, end=None):
        self.wanted.append({sent + (self.end if end is None else end): reply})

    def clear(self):
        self("viClear", end="")

    def meanwhile(self, replies):
        self.wanted.append([{sent + self.end: reply for sent, reply in replies.items()}])

    def compare(self, entries):
        exchanges = []
        for entry in entries:
            if entry.action == "write":
                exchanges.append([entry.text, ""])
            elif entry.action == "clear":
                exchanges.append(["viClear", ""])
            elif entry.action == "read":
                exchanges[-1][1] += entry.text
        expected, place = [], 0
        for wanted in self.wanted:
            loop = isinstance(wanted, list)
            known = wanted[0] if loop else wanted
            while place < len(exchanges) and (not loop or exchanges[place][0] in known):
                sent, reply = exchanges[place]
                pattern = known.get(sent, "" if loop else next(iter(known.values())))
                shown = [sent if sent in known else next(iter(known)), self.shown(pattern, reply)]
                expected.append(shown)
                place += 1
                if not loop:
                    break
            else:
                if not loop:
                    expected.append(list(next(iter(known.items()))))
        assert expected == exchanges

    @staticmethod
    def shown(pattern, reply):
        if isinstance(pattern, re.Pattern):
            return reply if pattern.fullmatch(reply.removesuffix("\n")) and reply.endswith("\n") else pattern
        return f"{pattern}\n" if pattern else ""


class Served:
    """A bench that another process serves: `address` of an instrument over HiSLIP or as a raw socket."""

    def __init__(self, file, folder):
        self.file, self.state, ready = file, folder / "die.state", folder / "ready.json"
        self.state.touch()
        options = ["--hislip-port", "0", "--socket-port", "0", "--set", f"simulation.state={self.state}"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "labmtj", "twin", "serve", str(file), "--ready-file", str(ready), *options],
            stdout=subprocess.DEVNULL,
            env=ENVIRONMENT,
        )
        deadline = time.monotonic() + READY_WITHIN
        while not ready.exists():
            assert self.process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.01)
        self.ready = read_ready(ready)

    def address(self, name, kind="hislip"):
        return self.ready["instruments"][name][kind]

    def status(self):
        return ask({"do": "status"}, port=self.ready["control_port"], token=self.ready["token"])

    def bench_file(self):
        """The bench with a copy of the die's state in place of its own."""
        return load_bench(self.file, overrides=[f"simulation.state={self.copied_state()}"])

    def copied_state(self):
        """The die as it is now, in a new file: an older one may still be mapped."""
        copy = self.state.with_suffix(".copy")
        copy.unlink(missing_ok=True)
        return Path(shutil.copy(self.state, copy))


def exchanged(matrix):
    """The bench file with another matrix, and without what is plugged into rows that this one does not have."""
    text = BENCH.read_text(encoding="utf-8").replace(MATRIX, matrix)
    beyond = "".join(chr(ord("A") + row) for row in range(ROWS[matrix], 16))
    return re.sub(rf"^  [{beyond}]: .*\n", "", text, flags=re.MULTILINE) if beyond else text


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """serve(matrix): the bench with this matrix, served until the last test has run."""
    running = {}

    def start(matrix):
        if matrix not in running:
            folder = tmp_path_factory.mktemp(matrix)
            (folder / "bench.yaml").write_text(exchanged(matrix), encoding="utf-8")
            running[matrix] = Served(folder / "bench.yaml", folder)
        return running[matrix]

    yield start
    for bench in running.values():
        bench.process.terminate()
    for bench in running.values():
        assert 0 == bench.process.wait(timeout=10)


@pytest.fixture(scope="session")
def served(serve):
    """The bench as it stands in everything.yaml, with a B2201A."""
    return serve(MATRIX)


@pytest.fixture(scope="session")
def visa():
    """PyVISA with pyvisa-py: one object for all that ask for it in this process, whoever they are."""
    manager = pyvisa.ResourceManager("@py")
    yield manager
    manager.close()


@pytest.fixture
def opened(visa, served):
    """opened(name): a plain session over HiSLIP, for what no driver is needed for."""
    sessions = []

    def connect(name, *, bench=served, kind="hislip"):
        session = visa.open_resource(bench.address(name, kind), read_termination="\n", write_termination="\n")
        session.timeout = TIMEOUT
        sessions.append(session)
        return session

    yield connect
    for session in sessions:
        session.close()


@pytest.fixture
def fresh(opened):
    """fresh(name): an instrument as it is after power-on, as far as a test can see."""

    def reset(name):
        session = opened(name)
        session.write("*RST")
        session.write("*CLS")
        session.query("*IDN?")

    return reset


@pytest.fixture
def cell(opened):
    """cell(row letter): word line 2 on this matrix row, all other lines at ground, by plain messages to the B2201A."""
    matrix = opened("matrix")

    def select(letter, column_letter="E"):
        source, sense, ground = (ord(row) - ord("A") + 1 for row in (letter, column_letter, "E"))
        lines = dict.fromkeys(range(1, 31), ground) | {2: source, 15 + 4: sense}
        matrix.write(":OPEN:CARD 0")
        matrix.write(f":CLOS (@{','.join(f'0{row:02}{column:02}' for column, row in lines.items())})")
        assert '0,"No Error"' == matrix.query(":SYST:ERR?")

    return select


@pytest.fixture
def listening(visa, tmp_path):
    """listening(end): a Dialogue, compared when the test is over with what sessions opened from now on have said."""
    file = tmp_path / "said.cassette"
    with ExitStack() as stack:

        def begin(*, end):
            dialogue = Dialogue(end=end)
            stack.callback(lambda: dialogue.compare(read_cassette(file)))
            stack.enter_context(recording(visa.visalib, file))
            return dialogue

        yield begin


@pytest.fixture(scope="session")
def pymeasure():
    """The classes of PyMeasure that drive what stands on the bench."""
    pytest.importorskip("pymeasure", reason=MISSING)
    from pymeasure.instruments import agilent, keithley, keysight

    return SimpleNamespace(
        Keithley2400=keithley.Keithley2400,
        Keithley2400Legacy=getattr(keithley, "Keithley2400Legacy", None) or _legacy(),
        Keithley2450=keithley.Keithley2450,
        Keithley2600=keithley.Keithley2600,
        Agilent33500=agilent.Agilent33500,
        Keysight81160A=keysight.Keysight81160A,
    )


def _legacy():
    from pymeasure.instruments.keithley.keithley2400_legacy import Keithley2400Legacy

    return Keithley2400Legacy


@pytest.fixture
def pymeasured(pymeasure, served):
    """pymeasured(class name, instrument): a driver of PyMeasure, closed after the test."""
    drivers = []

    def connect(kind, name, *, address="hislip", **options):
        resource = served.address(name, address)
        driver = getattr(pymeasure, kind)(resource, visa_library="@py", timeout=TIMEOUT, **options)
        drivers.append(driver)
        return driver

    yield connect
    for driver in drivers:
        driver.adapter.close()


@pytest.fixture(scope="session")
def qcodes(tmp_path_factory):
    """The classes of QCoDeS that drive what stands on the bench; its home is a folder of the tests."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "USERPROFILE"):
            patch.setitem(os.environ, name, str(home))
        pytest.importorskip("qcodes", reason=MISSING)
        from qcodes.instrument_drivers import Keithley, Keysight

        yield SimpleNamespace(
            **{name: getattr(Keithley, name) for name in ("Keithley2400", "Keithley2450", "Keithley2636B")},
            Keithley3706A=Keithley.Keithley3706A,
            KeysightB2962A=Keysight.KeysightB2962A,
            KeysightB2201=Keysight.KeysightB2201,
            Keysight34980A=Keysight.Keysight34980A,
            Keysight33522B=Keysight.Keysight33522B,
        )
    assert [] == [path.name for path in home.rglob("*")], "QCoDeS has written into the home folder"


@pytest.fixture
def qcodesed(qcodes, served):
    """qcodesed(class name, instrument): a driver of QCoDeS, closed after the test."""
    drivers = []

    def connect(kind, name, *, bench=served, address="hislip", **options):
        driver = getattr(qcodes, kind)(f"{name}_{len(drivers)}", bench.address(name, address), visalib="@py", **options)
        drivers.append(driver)
        return driver

    yield connect
    for driver in drivers:
        driver.close()
