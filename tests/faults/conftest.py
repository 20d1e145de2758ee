"""A simulated bench with its drivers connected, and the faults that can be put into it."""

import pytest

from labmtj.bench.session import connect_instrument, resource_manager, set_up
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.model import load_model
from labmtj.config.source import read

CLEAN = {"short": "0 %", "open": "0 %", "stuck": "0 %"}


class Bench:
    """The default bench, with another matrix if wanted, in a file of its own: PyVISA keeps one library a path."""

    def __init__(self, folder, matrix):
        data = dict(read(find("benches", "simulated-15x15")).data)
        die = {"diameter": "40 nm", "wire": "5 ohm", "seed": 17, "defects": CLEAN, "telegraph": "0 %"}
        data["simulation"] = {"die": die}
        data["instruments"]["matrix"]["model"] = matrix
        path = folder / "bench.yaml"
        path.write_text(yaml12.dump(data), encoding="utf-8")
        self.file = load_bench(path)
        self.manager = resource_manager(self.file)
        self.simulated = self.manager.visalib.bench
        self.world, self.faults = self.simulated.world, self.simulated.faults

    def connect(self, name):
        """The driver of an instrument, as a session connects it."""
        model = load_model(self.file.model_file(name))
        device, _ = connect_instrument(self.file, self.manager, name, model)
        device.identify()
        set_up(self.file.bench, name, model, device)
        return device

    def raw(self, name, *, timeout=2.0):
        """A bare session with an instrument."""
        address = self.file.bench.instruments[name].address
        return self.manager.open_resource(
            address, read_termination="\n", write_termination="\n", timeout=timeout * 1000
        )

    def firmware(self, name):
        """What stands behind the faults."""
        address = self.file.bench.instruments[name].address
        return self.simulated.instruments[address].firmware


@pytest.fixture
def make_bench(tmp_path):
    made = []

    def make(matrix="keithley_707b"):
        made.append(Bench(tmp_path, matrix))
        return made[-1]

    yield make
    for bench in made:
        bench.manager.close()


@pytest.fixture
def bench(make_bench):
    return make_bench()


@pytest.fixture
def smu(bench):
    return bench.connect("smu")


@pytest.fixture
def matrix(bench):
    return bench.connect("matrix")
