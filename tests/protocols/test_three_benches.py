"""The same steps on the shipped benches: other instruments, other text, the same results within noise."""

from __future__ import annotations

import numpy as np
import pytest

from labmtj.bench.session import open_bench
from labmtj.config.bench import load_bench
from labmtj.nets.measures import agreement
from labmtj.nets.placement import identity
from labmtj.protocol.engine import run
from labmtj.records import Scheme, State
from labmtj.routines.characterise import map_die, write_amplitudes
from labmtj.routines.infer import analog, bit_serial
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.program import WriteSettings, program_layer

BENCHES = {
    "simulated-15x15": ('lines.rows={"1..5": "1..5"}', 'lines.cols={"1..5": "6..10"}'),
    "keysight": ('lines.rows={"1..5": "1..5"}', 'lines.cols={"1..5": "6..10"}'),
    "parallel": ('lines.rows={"1..5": "dac.1..5"}', 'lines.cols={"1..5": "1..5"}'),
    "lines": ('lines.rows={"1..5": "dac_rows.1..5"}', 'lines.cols={"1..5": "dac_cols.1..5"}'),
}
SMALL = (
    "simulation.die.telegraph=0",
    "array.rows=5",
    "array.cols=5",
    *(f"simulation.die.defects.{kind}=0" for kind in ("short", "open", "stuck")),
)
VOLTS = 0.05


@pytest.fixture(params=BENCHES)
def bench(request, tmp_path):
    """One of the benches with an array of 5 x 5."""
    file = load_bench(request.param, overrides=[*BENCHES[request.param], *SMALL])
    path = tmp_path / f"{request.param}.yaml"
    path.write_text(file.source.effective_text())
    return load_bench(path)


def world_of(opened):
    return opened.clock.world


def test_a_die_is_mapped_written_and_summed_by_its_array(bench):
    width = bench.bench.pulse.width
    with open_bench(bench) as opened:
        array = opened.array
        polarity = find_polarity(
            array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=width, read=VOLTS
        )
        assert State.P == polarity.positive_writes
        die = map_die(array, polarity=polarity, read=VOLTS, width=width)
        assert die.good.all()
        truth = world_of(opened).electrics.truth
        most = 0.12 if bench.bench.every_line else 0.05  # 50 ohm at both ends of every line, or at one, or at none
        assert np.abs(die.r_p / truth.r_p - 1).max() < most  # wires, contacts, the source's own resistance
        target = np.arange(16).reshape(4, 4) % 3 % 2
        settings = WriteSettings(
            amplitudes=write_amplitudes(die.switching),
            width=width,
            scheme=Scheme.V_HALF,
            retries=10,
            repair_sweeps=2,
            read=VOLTS,
        )
        placement = identity((4, 4))
        copy = program_layer(array, die_map=die, target=target, placement=placement, settings=settings)
        assert not copy.wrong.any()
        assert (target == world_of(opened).electrics.state.state[:4, :4]).all()
        inputs = np.array([[1.0, 0.4, 0.0, 0.8], [0.2, 1.0, 0.6, 0.0], [-0.6, 0.4, -1.0, 0.2]])
        if array.analog:
            sums = analog(array, placement=placement, inputs=inputs, voltage=VOLTS)
        else:
            sums = bit_serial(array, placement=placement, inputs=inputs, bits=5, voltage=VOLTS)
        match = agreement(sums, inputs @ copy.conductance)
        assert match.pearson > 0.999
        assert abs(match.slope - 1) < 0.02
        assert [] == world_of(opened).violations
    assert not any(output.hot for output in world_of(opened).outputs.values())
    assert frozenset() == world_of(opened).closed


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHES)
def test_the_whole_protocol_runs_unchanged_with_the_same_accuracy(name, tmp_path):
    figures = run("wine-measured", bench=name, out=tmp_path).figures
    assert 1.0 == figures["write_fidelity"]
    accuracy = figures["accuracy"]
    assert abs(accuracy["untuned"]["test"] - accuracy["software"]["test"]) <= 0.1
