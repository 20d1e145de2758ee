"""A bench of three neurons, at both of its doors."""

from __future__ import annotations

import copy

import pytest

from labmtj.bench.session import open_bench, resource_manager
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.neuron_access import TwinNeurons

COUNT = 3


class Door:
    """Neurons with the journal that they write, and the twin behind them; the wire has an open bench, too."""

    def __init__(self, neurons, journal, electrics, opened=None, simulated=None):
        self.neurons, self.journal, self.electrics = neurons, journal, electrics
        self.opened, self.simulated = opened, simulated

    @property
    def world(self):
        return self.simulated.world

    @property
    def hot(self):
        """Sources that do not stand at 0 V; offsets are below a millivolt."""
        return [channel for channel, output in self.world.outputs.items() if abs(output.level) > 1e-3]


def small(**changes):
    """The document of a bench of three good neurons; `changes` are entries below its own."""
    data = copy.deepcopy(dict(read(find("benches", "neurons")).data))
    data["lines"] = {"rows": {"1..6": "1..6"}, "cols": {"1..3": "33..35"}}
    data["array"] = {"rows": 2 * COUNT, "cols": COUNT}
    data["neurons"] = {"count": COUNT, "common": "C", "range": "100 uA"}
    data["simulation"] = {"die": {"seed": 17}, "neurons": {"defects": {"short": "0 %", "open": "0 %"}}}
    for key, value in changes.items():
        data[key] = {**data[key], **value} if isinstance(data.get(key), dict) else value
    return data


@pytest.fixture
def make_file(tmp_path):
    """A bench file of its own: PyVISA keeps one library a path."""

    def make(**changes):
        path = tmp_path / f"neurons-{len(list(tmp_path.iterdir()))}.yaml"
        path.write_text(yaml12.dump(small(**changes)), encoding="utf-8")
        return load_bench(path)

    return make


@pytest.fixture
def open_door(make_file):
    """Open a door ("wire" or "array")."""
    made = []

    def opened(kind, **changes):
        file, journal = make_file(**changes), MemoryJournal()
        if kind == "array":
            neurons = TwinNeurons(file, journal)
            return Door(neurons, journal, neurons.electrics)
        manager, context = resource_manager(file), open_bench(file, journal=journal)
        bench = context.__enter__()
        made.append((manager, context))
        simulated = manager.visalib.bench
        return Door(bench.neurons, journal, simulated.world.electrics, bench, simulated)

    yield opened
    for manager, context in made:
        context.__exit__(None, None, None)
        manager.close()
