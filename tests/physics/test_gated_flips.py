"""Pulses on cells with transistors: shapes asked for a probability, and what cells and wires make of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labmtj.dies import chip_model
from labmtj.errors import InputError
from labmtj.physics.gated import solve_gated
from labmtj.physics.gated_flips import GatedDevices, pulse_shape
from labmtj.physics.switching_cells import Switching
from labmtj.physics.variation import draw_die
from labmtj.records import Defect, State
from labmtj.studies.in_situ.chip_plant import ChipPlant, ChipPulses, sized_chip

RAIL = 1.6
EVEN = {"sigma_v_c": 0.0, "sigma_r_p": 0.0, "sigma_tmr": 0.0, "sigma_delta": 0.0, "sigma_stray_field": 0.0,
        "short": 0.0, "open": 0.0, "stuck": 0.0, "telegraph": 0.0}  # fmt: skip


def even_chip(**changes):
    """A chip of one kernel whose cells are all alike."""
    model = chip_model(1, **EVEN, **changes)
    return dataclasses.replace(
        model, rows=25, kernels=1, transistor=dataclasses.replace(model.transistor, sigma_threshold=0.0)
    )


@pytest.mark.parametrize("width", [10e-9, 100e-6])
def test_the_shape_gives_the_device_without_spread_what_is_asked(width):
    model = even_chip()
    device, shape = GatedDevices.nominal(model, rail=RAIL), pulse_shape(model, rail=RAIL, width=width, least=1e-3)
    asked = np.minimum(np.exp(np.linspace(np.log(1e-3), 0.0, shape.volts.shape[1])), 0.999)
    for place, towards in enumerate((State.P, State.AP)):
        found = -np.expm1(-np.exp(device.log_hazard(shape.volts[place], towards=towards, width=width)))
        assert found == pytest.approx(asked, rel=1e-3)
    assert (shape.volts[1] > shape.volts[0]).all()  # the node lies above ground, and V_c0 is larger


def test_the_slope_of_the_probability_is_that_of_short_and_of_long_pulses():
    # d ln H / d ln V between P = 0.1 and 0.9, of the terminal's voltage.
    slopes = []
    for width in (10e-9, 100e-6):
        shape = pulse_shape(even_chip(), rail=RAIL, width=width, least=1e-3)
        low, high = (np.interp(np.log(p), np.linspace(np.log(1e-3), 0.0, 512), shape.volts[0]) for p in (0.1, 0.9))
        slopes.append(np.log(np.log(0.1) / np.log(0.9)) / np.log(high / low))
    assert slopes == pytest.approx([9.0, 30.0], abs=3.0)


def test_a_voltage_that_the_rail_does_not_leave_is_refused():
    with pytest.raises(InputError, match="take longer pulses or a higher rail"):
        pulse_shape(even_chip(), rail=0.9, width=1e-9, least=1e-3)


@pytest.mark.parametrize("towards", [State.P, State.AP])
def test_a_junction_gets_what_the_network_of_its_kernel_leaves_it(towards):
    model = dataclasses.replace(chip_model(3), rows=25, kernels=1, wire=4.0)
    truth = draw_die(model)
    good = truth.defect == Defect.NONE
    found = GatedDevices.of(truth, rail=RAIL).junction(np.full(good.shape, 0.6), towards)[0]
    gates, columns, worst = np.full(25, np.nan), np.zeros(25), 0.0
    for row in (0, 12, 24):
        gates[:], gates[row], columns[:] = np.nan, RAIL, 0.0
        columns[0] = -0.6 if towards is State.P else 0.6
        seen = solve_gated(
            np.where(good, int(towards.other), 2), truth.r_p, v_row=0.0, v_col=columns, gates=gates, r_wire=4.0,
            tmr=truth.tmr, v_h=model.v_h, k_p=model.k_p, transistor=model.transistor, v_t=truth.threshold,
        )  # fmt: skip
        worst = max(worst, abs(abs(seen.cell_v[row, 0]) - found[row, 0]))
    # One segment of the row's wire, some 80 uA through 4 ohm, is not in it.
    assert worst < 6e-4


def test_a_factor_of_its_own_gives_every_good_cell_the_same_hazard():
    truth = draw_die(dataclasses.replace(chip_model(5), rows=25, kernels=1))
    device, good = GatedDevices.of(truth, rail=RAIL), truth.defect == Defect.NONE
    factor = device.matched(0.35, np.log(0.05), towards=State.P, width=10e-9)
    found = device.log_hazard(0.35 * factor, towards=State.P, width=10e-9)
    assert found[good] == pytest.approx(np.full(good.sum(), np.log(0.05)), abs=1e-3)


def test_cells_of_a_row_flip_as_the_network_with_all_of_them_pulsed_says():
    # Twelve columns are pulsed together through a wire of 2 ohm a segment, which takes some of the last one's hazard.
    model, asked, copies = even_chip(wire=2.0), 0.3, 1500
    layers = ((3, 12), (12, 1))
    model = sized_chip(model, layers)
    plant = ChipPlant([model], layers, ChipPulses(width=10e-9), of=np.zeros(copies, np.int64), seeds=np.arange(copies))
    plant.write(0, np.zeros((copies, 3, 24), np.int8))
    wanted = np.zeros((copies, 3, 12))
    wanted[:, 1] = asked
    plant.ask(0, wanted)
    seen = plant.states(0)
    assert 0 == seen[:, [0, 2]].sum()
    assert 0 == seen[:, 1, 1::2].sum()  # those are asked to be AP, and are
    volts = np.interp(np.log(asked), np.linspace(np.log(1e-3), 0.0, 512), plant.shape.volts[0])
    columns, gates = np.zeros(25), np.full(25, np.nan)
    columns[:24:2], gates[1] = -volts, RAIL
    # Cells between the pulsed columns are not, and carry what the row's wire sends them.
    solved = solve_gated(
        np.ones((25, 25), np.int64), np.full((25, 25), model.resistance_area / model.area), v_row=0.0, v_col=columns,
        gates=gates, r_wire=2.0, tmr=model.tmr, v_h=model.v_h, k_p=model.k_p, transistor=model.transistor,
    )  # fmt: skip
    drive = solved.cell_v[1, :24:2] / model.v_c0 + model.stray_field
    law = Switching(np.full(12, model.delta), tau_d=model.tau_d)
    expected = -np.expm1(-law.hazards(drive, width=10e-9))
    error = 4.0 * np.sqrt(asked * (1 - asked) / copies)
    assert seen[:, 1, 0::2].mean(axis=0) == pytest.approx(expected, abs=error)
    assert expected[-1] < 0.9 * expected[0]
