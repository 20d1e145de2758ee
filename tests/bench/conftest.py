"""The bench under test: the one that --bench names, or small ones of every kind, simulated.

The tests here know ports, sessions and drivers, never the twin: what they ask holds for real instruments as it holds
for simulated ones. Nothing above 10 mV is put on an array, but by the tests that pulse, which a real bench gets with
--bench-pulses only. What a bench lacks is skipped, and listed at the end.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest

from labmtj.bench.assemble import Connected, roles_of
from labmtj.bench.latch import Interlocks
from labmtj.bench.safe_state import SafeState, leave_safe
from labmtj.bench.session import WallClock, connect_instrument, open_bench, resource_manager, set_up
from labmtj.bench.taking import admitted, custody_of, private
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.model import SwitchMatrixModel, load_model
from labmtj.config.source import read
from labmtj.runs.journal import MemoryJournal

LEVEL = 10e-3  # [V] nothing above it but pulses
CLEAN = {"short": "0 %", "open": "0 %", "stuck": "0 %"}
# Shipped benches, with as few lines as show what they are: (rows, cols, lines of rows, lines of cols).
KINDS = {
    "simulated-15x15": (3, 3, "1..3", "4..6"),
    "keysight": (3, 3, "1..3", "4..6"),
    "parallel": (3, 3, "dac.1..3", "1..3"),
    "lines": (3, 3, "dac_rows.1..3", "dac_cols.1..3"),
    "neurons": (6, 3, "1..6", "7..9"),
    "simulated-1t1r": (4, 3, "1..4", "5..7"),
    "magnet": (3, 3, "1..3", "4..6"),
}


def pytest_generate_tests(metafunc):
    if "file" in metafunc.fixturenames:
        named = metafunc.config.getoption("--bench")
        names = list(KINDS) if named is None else [named]
        metafunc.parametrize("file", names, indirect=True, ids=[Path(name).stem for name in names], scope="session")


@pytest.fixture(scope="session")
def small_benches(tmp_path_factory):
    """Small benches of every kind, by name."""
    folder = tmp_path_factory.mktemp("benches")
    return {name: _small(folder, name, *size) for name, size in KINDS.items()}


def _small(folder, name, rows, cols, row_lines, col_lines):
    data = dict(read(find("benches", name)).data)
    data["lines"] = {"rows": {f"1..{rows}": row_lines}, "cols": {f"1..{cols}": col_lines}}
    data["array"] |= {"rows": rows, "cols": cols} | ({"kernels": 2} if "kernels" in data["array"] else {})
    if name == "neurons":
        data["neurons"] |= {"count": cols}
    else:
        data["simulation"]["die"] |= {"defects": CLEAN, "telegraph": "0 %"}
    path = folder / f"{name}.yaml"
    path.write_text(yaml12.dump(data), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def file(request, small_benches):
    """The bench's file, checked. Its library stays as it is for all tests of a bench, as instruments do."""
    named = request.config.getoption("--bench")
    found = load_bench(small_benches[request.param] if named is None else named)
    manager = resource_manager(found)
    yield found
    manager.close()


@pytest.fixture(scope="session")
def models(file):
    """Data sheets of its instruments by their names."""
    return {name: load_model(file.model_file(name)) for name in file.bench.instruments}


@pytest.fixture
def journal():
    return MemoryJournal()


@pytest.fixture
def opened(file, journal):
    """The bench, open and at rest."""
    with open_bench(file, journal=journal) as bench:
        yield bench


@contextmanager
def connecting(file, models):
    """The instruments by themselves, set up with outputs off and relays open; left as after any session."""
    safe = SafeState()
    try:
        manager = resource_manager(file)
        custody = custody_of(file, manager, safe)
        latches = Interlocks(None, acknowledge=None, journal=MemoryJournal())
        devices = {}
        for name in sorted(models, key=lambda name: isinstance(models[name], SwitchMatrixModel)):
            devices[name], close = connect_instrument(file, manager, name, models[name], custody=custody)
            safe.add(3, f"close {name}", close)
            admitted(file.bench, name, models[name], devices[name].identify(), custody, latches)
            leave_safe(safe, name, models[name], devices[name], register=file.bench.register == name)
            set_up(file.bench, name, models[name], devices[name])
        if custody is not None:
            custody.arm()
        yield Connected(devices, models), getattr(manager.visalib, "clock", None) or WallClock()
    finally:
        safe.reach(None)


@pytest.fixture
def connected(file, models):
    """The instruments by themselves."""
    with connecting(file, models) as (found, _):
        yield found


@pytest.fixture
def roles(file, models):
    return roles_of(file.bench, models)


@pytest.fixture
def reachable(file):
    """Skips where other processes cannot have the instruments."""
    if private(resource_manager(file)):
        pytest.skip("instruments that other processes can reach: these live and end with this one")


@pytest.fixture
def pulses_allowed(file, request):
    """Skips on a real bench, unless --bench-pulses says that its cells may be pulsed."""
    if file.bench.visa != "@labmtj" and not request.config.getoption("--bench-pulses"):
        pytest.skip("leave to pulse cells: --bench-pulses gives it")
    if file.bench.neurons is not None:
        pytest.skip("cells that pulses write: these are neurons")


class Heard:
    """Counts the messages that are sent on a VISA library meanwhile."""

    def __init__(self, library):
        self.messages, self._library, self._write = [], library, library.write

    def __enter__(self):
        def write(session, data):
            self.messages.append(bytes(data))
            return self._write(session, data)

        self._library.write = write
        return self

    def __exit__(self, *_):
        del self._library.write


@pytest.fixture
def heard(file):
    """What counts messages; the bench is open before it begins."""
    return Heard(resource_manager(file).visalib)
