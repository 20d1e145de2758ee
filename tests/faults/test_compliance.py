"""A source in compliance: the reading is flagged, never a conductance, and its cell gets one more pulse at most."""

from dataclasses import replace

import numpy as np
import pytest

from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.source import parse
from labmtj.errors import BenchError, PolarityNotFound
from labmtj.nets.placement import identity
from labmtj.records import Amplitudes, Cell, Defect, Scheme, State
from labmtj.routines.bring import bring, writes_of
from labmtj.routines.characterise import map_die
from labmtj.routines.classify import classify
from labmtj.routines.polarity import find_polarity
from labmtj.routines.program import WriteSettings, program_layer
from labmtj.routines.ramps import RampSettings, switching_voltages
from labmtj.routines.states import write_states
from labmtj.routines.writing.settings import Algorithm, Order
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

BAD = Cell(2, 3)


class Tripping:
    """An array on which everything that has to do with one cell meets a source's limit, as far as asked for."""

    def __init__(self, array, *, reads, pulses):
        self.array, self.reads, self.pulses = array, reads, pulses
        self.fired = self.tripped = 0

    def __getattr__(self, name):
        return getattr(self.array, name)

    def read(self, cells, *, voltage):
        found = []
        for reading in self.array.read(cells, voltage=voltage):
            trips = self.reads and reading.cell == BAD
            self.tripped += trips
            found.append(replace(reading, in_compliance=True) if trips else reading)
        return found

    def total(self, rows, cols, *, voltage):
        found = self.array.total(rows, cols, voltage=voltage)
        trips = self.reads and BAD.row in rows and BAD.col in cols
        return replace(found, in_compliance=True) if trips else found

    def pulse(self, pulse):
        outcome = self.array.pulse(pulse)
        if pulse.cell.row != BAD.row or BAD.col not in pulse.columns:
            return outcome
        self.fired += self.tripped > 0  # only pulses after a trip count
        if self.pulses:
            self.tripped += 1
            return replace(outcome, in_compliance=True)
        return outcome


def find_it(array, cell):
    return find_polarity(array, cells=[cell], start=0.15, step=0.02, ceiling=0.6, width=1e-4, read=0.05)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A file of a 4 x 4 bench without defects, and the map of its die."""
    text = find("benches", "simulated-15x15").read_text().replace("1..15", "1..4").replace("16..30", "16..19")
    data = dict(parse(text, name="small").data)
    data["array"] |= {"rows": 4, "cols": 4}
    clean = {"short": "0 %", "open": "0 %", "stuck": "0 %"}
    data["simulation"] = {"die": {"diameter": "40 nm", "wire": "5 ohm", "seed": 17, "defects": clean}}
    path = tmp_path_factory.mktemp("small") / "small.yaml"
    path.write_text(yaml12.dump(data), encoding="utf-8")
    file = load_bench(path)
    array = TwinArray(file, MemoryJournal())
    return file, map_die(array, polarity=find_it(array, Cell(4, 4)), read=0.05, width=1e-4, wire=5.0)


@pytest.fixture
def small(known):
    """The file."""
    return known[0]


@pytest.fixture
def mapped(known):
    """The array as it was before it was mapped, its map, and the states in which no cell is now."""
    file, die = known
    array = TwinArray(file, MemoryJournal())
    states = np.array([[int(die.state_of(array.read([Cell(r, c)], voltage=0.05)[0])) for c in LINES] for r in LINES])
    return array, replace(die, state=states), 1 - states


LINES = range(1, 5)
TRIPS = [{"reads": True, "pulses": False}, {"reads": False, "pulses": True}, {"reads": True, "pulses": True}]
WAYS = [
    {"order": order, "algorithm": algorithm}
    for order in Order
    for algorithm in (Algorithm.VERIFY_FIRST, Algorithm.ISPP, Algorithm.ONE_SHOT)
]


@pytest.mark.parametrize("trips", TRIPS)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_writing_a_layer_gives_a_cell_that_trips_one_more_pulse_at_most_and_no_conductance(mapped, trips, way):
    array, die, target = mapped
    tripping = Tripping(array, **trips)
    settings = WriteSettings(
        amplitudes=Amplitudes(0.3, 0.4), width=1e-4, scheme=Scheme.V_HALF, retries=10, repair_sweeps=4, read=0.05, **way
    )
    copy = program_layer(
        tripping,
        die_map=replace(die, state=None),
        target=target,
        placement=identity((4, 4)),
        settings=settings,
        picture=None,
    )
    assert tripping.fired <= 1
    if trips["reads"]:
        assert np.isnan(copy.conductance[BAD.position])
        assert np.isfinite(np.delete(copy.conductance.ravel(), 4 * (BAD.row - 1) + BAD.col - 1)).all()


@pytest.mark.parametrize("trips", TRIPS)
def test_patterns_of_states_do_so_too(mapped, trips):
    array, die, target = mapped
    tripping = Tripping(array, **trips)
    standing = write_states(tripping, die, target, voltage=0.05)
    assert tripping.fired <= 1
    assert trips["reads"] == bool(np.isnan(standing.conductance[BAD.position]))


@pytest.mark.parametrize("trips", TRIPS)
def test_a_map_calls_such_a_cell_a_short(small, trips):
    array = TwinArray(small, MemoryJournal())
    polarity = find_it(array, Cell(4, 4))
    tripping = Tripping(array, **trips)
    die = map_die(tripping, polarity=polarity, read=0.05, width=1e-4, wire=5.0)
    assert tripping.fired <= 1
    assert Defect.SHORT == die.defect[BAD.position]
    assert np.isnan(die.r_p[BAD.position])


@pytest.mark.parametrize("trips", TRIPS)
def test_the_search_for_the_polarity_leaves_it(small, trips):
    tripping = Tripping(TwinArray(small, MemoryJournal()), **trips)
    with pytest.raises(PolarityNotFound):
        find_it(tripping, BAD)
    assert tripping.fired <= 1


@pytest.mark.parametrize("trips", TRIPS)
def test_ramps_learn_nothing_of_it(mapped, trips):
    array, die, _ = mapped
    tripping = Tripping(array, **trips)
    found, _ = switching_voltages(tripping, die, settings=RampSettings(ramps=1, width=1e-4))
    assert tripping.fired <= 1
    assert np.isnan(found.v_switch_p[BAD.position]) or np.isnan(found.v_switch_ap[BAD.position])


@pytest.mark.parametrize("trips", TRIPS)
def test_bringing_cells_into_states_ends_with_its_name(mapped, trips):
    array, die, _ = mapped
    tripping = Tripping(array, **trips)
    wanted = State(int(die.state[BAD.position])).other
    with pytest.raises(BenchError, match=r"\(2, 3\) drives a source into compliance"):
        bring(tripping, writes_of(die, [BAD]), {BAD: wanted}, read=0.05)
    assert tripping.fired <= 1


@pytest.mark.parametrize("trips", TRIPS)
def test_classifying_a_die_leaves_it(mapped, trips):
    array, die, _ = mapped
    tripping = Tripping(array, **trips)
    classify(tripping, die=die)
    assert tripping.fired <= 1
