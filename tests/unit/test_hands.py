"""What lies on the lines of a simulated bench: nothing, a resistor, its die; as a person changes it."""

import pytest
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.errors import BenchError, InputError
from labmtj.twin.build import simulated_bench
from labmtj.twin.hands import INSULATION
from labmtj.twin.served.control import ask
from labmtj.twin.served.ready import write_ready
from labmtj.twin.served.server import BenchServer
from labmtj.twin.world import Output


@pytest.fixture
def bench():
    return simulated_bench("simulated-15x15")


def current(bench, col):
    """Amperes through row 1 and a column with 10 mV on the row, all relays that this needs closed."""
    world = bench.world
    world.set_relays({("A", 1), ("B", 15 + col)})
    world.force(("smu", "a"), Output(level=10e-3))
    world.force(("smu", "b"), Output(level=0.0))
    found, _ = world.measure(("smu", "a"), 1e-3)
    world.force(("smu", "a"), Output(level=0.0))
    world.set_relays(set())
    return found


def test_a_resistor_is_where_it_was_put_and_nothing_is_elsewhere(bench):
    bench.hands.resistor(1, 2, 10e3)
    assert current(bench, 2) == pytest.approx(10e-3 / 10e3, rel=1e-3)
    assert abs(current(bench, 3)) < 10e-3 / INSULATION * 100
    bench.hands.lift()
    assert abs(current(bench, 2)) < 10e-3 / INSULATION * 100


def test_the_die_comes_back_older_and_otherwise_as_it_was(bench):
    die = bench.world.electrics
    before, states = current(bench, 1), die.state.state.copy()
    bench.hands.lift()
    assert not bench.hands.hold_die
    bench.world.sleep(3600.0)
    cycles = die.state.cycles.sum()
    current(bench, 1)
    bench.hands.die()
    assert bench.hands.hold_die
    assert bench.world.electrics is die
    assert bench.world.now() > 3600.0
    assert cycles + 4 == die.state.cycles.sum()
    assert (states == die.state.state).all()
    assert current(bench, 1) == pytest.approx(before, rel=0.05)


def test_hands_stay_off_while_a_source_drives(bench):
    bench.world.force(("smu", "a"), Output(level=10e-3))
    with pytest.raises(InputError, match=r"hands off: smu\.a drives the lines"):
        bench.hands.lift()


@pytest.mark.parametrize(("row", "col", "ohms"), [(0, 1, 1e3), (16, 1, 1e3), (1, 16, 1e3), (1, 1, 0.0), (1, 1, 1e13)])
def test_a_resistor_fits_between_lines_that_there_are(bench, row, col, ohms):
    with pytest.raises(InputError, match="no resistor"):
        bench.hands.resistor(row, col, ohms)


@pytest.mark.parametrize("name", ["neurons", "simulated-1t1r", "parallel", "lines", "magnet"])
def test_every_kind_of_bench_can_be_emptied_and_filled(name):
    bench = simulated_bench(name)
    die = bench.world.electrics
    bench.hands.resistor(2, 1, 1e3)
    assert bench.world.electrics.truth.r_p.shape == (bench.world.wiring.rows, bench.world.wiring.cols)
    bench.hands.die()
    assert bench.world.electrics is die


def test_a_served_bench_is_emptied_by_a_command(bench, tmp_path):
    ready = tmp_path / "bench.json"
    with BenchServer(bench, hislip_port=0, socket_port=0) as server:
        write_ready(ready, server.description())
        for what, holds in (("nothing", False), ("resistor", False), ("die", True)):
            result = CliRunner().invoke(app, ["twin", "place", "--ready-file", str(ready), what])
            assert (0, f"{bench.title}: {what} on its lines\n") == (result.exit_code, result.output)
            assert holds is bench.hands.hold_die
        for request in ({"what": "hammer"}, {"what": "resistor", "row": "1"}, {"what": "resistor", "resistance": "5"}):
            with pytest.raises(BenchError, match="refuses 'place'"):
                ask({"do": "place", **request}, port=server.control_port, token=server.token)
