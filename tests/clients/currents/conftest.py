"""The twin's own network of a served bench, and lines wired through its matrix: what readings are held against."""

import math

import numpy as np
import pytest

from labmtj.physics import noise
from labmtj.twin.build import electrics, matrix_model, models, wiring
from labmtj.twin.world import Output, World

VOLTS = (0.0, 0.025, 0.05, 0.075, 0.1)
LIMIT = 1e-3
ROW, COL = 2, 15 + 4  # matrix columns of the lines of cell (2, 4)
GROUND = "E"


class Network:
    """The twin's network of a served bench in this process; `close` gives it relays and the die as it is now."""

    def __init__(self, bench):
        self.bench, self.file = bench, bench.bench_file()
        self.models, self.mains = models(self.file), self.file.bench.mains

    def close(self, crosspoints):
        self.bench.copied_state()
        array = electrics(self.file)
        self.world = World(array, wiring(self.file, matrix_model(self.models), array.truth.model.seed))
        self.world.set_relays(crosspoints)
        return self

    def solve(self, channel, volts, meter):
        """Current out of the meter, and the standard deviation that the cells on its line give it in 1 PLC."""
        self.world.force(meter, Output(0.0, LIMIT))
        self.world.force(channel, Output(volts, LIMIT))
        array, hookup = self.world.electrics, self.world.hookup()
        number = self.world.wiring.channels.index(meter)
        point = array.operating_point(hookup)
        (line,) = map(int, hookup.connections.lines_of(number))
        cells = np.s_[line, :] if line < self.world.wiring.rows else np.s_[:, line - self.world.wiring.rows]
        model, parallel = array.truth.model, array.state.state[cells] == 0
        variance = noise.current_variance(
            point.cell_v[cells],
            point.cell_i[cells],
            fano=np.where(parallel, model.fano_p, model.fano_ap),
            flicker=np.where(parallel, model.flicker_p, model.flicker_ap),
            area=model.area,
            temperature=model.temperature,
            aperture=1 / self.mains,
        )
        return point.source_current[number], math.sqrt(variance.sum())

    def range(self, ranges, value):
        return next(used for used in ranges if used.range >= abs(value))

    def compare(self, channel, amperes, *, source_range=2.0, meter_range=1e-3, meter=None, sharp=0.02):
        """Each reading within gain and offset of the source and of the meter, and four sigma of the noise.

        `source_range` and `meter_range` are those that are fixed; None is the one that a value needs. `sharp`: what
        the sum of them may be, of the largest reading, so that something is said at all.
        """
        meter = meter or channel
        sheet, seen = self.models[channel[0]], self.models[meter[0]]
        expected, allowed = [], []
        for volts, found in zip(VOLTS, amperes, strict=True):
            true, junctions = self.solve(channel, volts, meter)
            source = self.range(sheet.source_voltage, source_range or volts)
            moved, _ = self.solve(channel, volts + source.gain * volts + source.offset, meter)
            own = self.range(seen.source_voltage, source_range or volts).offset if meter != channel else 0.0
            burden = own * abs(self.solve(channel, 0.1, channel)[0]) / 0.1
            used = self.range(seen.measure_current, meter_range or max(abs(true), abs(found)))
            sigma = math.hypot(used.noise, junctions)
            allowed.append(abs(moved - true) + burden + used.gain * abs(true) + used.offset + 4 * sigma)
            expected.append(true)
        assert [pytest.approx(true, abs=error) for true, error in zip(expected, allowed, strict=True)] == amperes
        assert sharp * abs(expected[-1]) > max(allowed)


def crosspoints(letter, sense=GROUND):
    """The cell's word line on one matrix row, its bit line on another, all other lines at ground."""
    lines = dict.fromkeys(range(1, 31), GROUND) | {ROW: letter, COL: sense}
    return {(row, column) for column, row in lines.items()}


@pytest.fixture
def lines():
    """lines(row letter, sense letter): see `crosspoints`."""
    return crosspoints


@pytest.fixture(scope="session")
def network():
    """network(bench): its `Network`; the files are read once."""
    known = {}

    def of(bench):
        if bench not in known:
            known[bench] = Network(bench)
        return known[bench]

    return of


@pytest.fixture
def sweep():
    """sweep(source, meter): five readings, with the function that sets a level and the one that reads."""

    def read(source, meter):
        found = []
        for volts in VOLTS:
            source(volts)
            found.append(meter())
        return found

    return read


@pytest.fixture
def wire(qcodesed, served, network):
    """wire(row letter, sense letter): the crosspoints closed in the B2201A with the driver of QCoDeS."""
    matrix = qcodesed("KeysightB2201", "matrix")
    before = served.status()["violations"]

    def close(letter, sense=GROUND):
        matrix.reset()
        wanted = crosspoints(letter, sense)
        matrix.connect_paths(sorted((ord(row) - ord("A") + 1, column) for row, column in wanted))
        assert {(chr(ord("A") + port - 1), column) for port, column in matrix.connections()} == wanted
        return network(served).close(wanted)

    yield close
    matrix.disconnect_all()
    assert before == served.status()["violations"]
