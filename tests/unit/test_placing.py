"""The best lines for each network: what the search promises, against trying everything."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from labmtj.errors import PlacementError
from labmtj.nets import placement
from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped_networks
from labmtj.nets.placing.moments import Moments, moments
from labmtj.nets.placing.optimise import optimise
from labmtj.nets.placing.picture import picture
from labmtj.nets.stack import NetworkStack
from labmtj.physics.chance import Purpose, normals, uniforms
from labmtj.records import Amplitudes, Cell, Defect, DieMap, Polarity, State
from labmtj.studies.placing import Place, place


def die(shape=(15, 15), *, seed=1, spread=0.1, defects=()):
    """A map of 5 kohm and 10 kohm cells with this spread and these defects."""
    draws = [normals(seed + n, Purpose.TMR, shape[0] * shape[1]).reshape(shape) for n in (0, 1)]
    r_p = 5e3 * np.exp(spread * draws[0])
    r_ap = r_p * (2.0 + 0.5 * spread * draws[1])
    defect = np.zeros(shape, dtype=np.int64)
    for (row, col), kind in defects:
        defect[row, col] = kind
        r_p[row, col] = r_ap[row, col] = np.nan
    polarity = Polarity(State.P, Cell(1, 1), 0.3, 0.35)
    return DieMap(r_p, r_ap, defect, 0.05, polarity, Amplitudes(0.3, 0.35), 1e-4)


def layer(networks, inputs, outputs, seed=5):
    """Random bits and moments of a layer."""
    bits = uniforms(seed, Purpose.PULSE, networks * inputs * 2 * outputs) < 0.5
    root = normals(seed, Purpose.TMR, networks * inputs * inputs).reshape(networks, inputs, inputs)
    mean = uniforms(seed, Purpose.TMR, networks * inputs).reshape(networks, inputs)
    share = 0.5 + uniforms(seed, Purpose.LEAK, networks * outputs).reshape(networks, outputs)
    known = Moments(mean, root @ np.swapaxes(root, 1, 2) / inputs, share)
    return bits.astype(np.int64).reshape(networks, inputs, 2 * outputs), known


def error_of(found, devices, known, rows, cols):
    """The formula of the module, written out for one network."""
    seen = picture(found)
    spread = known.covariance[0] + 0.05 * np.outer(known.mean[0], known.mean[0])
    total = 0.0
    for output in range(devices.shape[2] // 2):
        plus, minus = cols[2 * output], cols[2 * output + 1]
        gain = 2.0 / (seen.gain[plus] + seen.gain[minus])
        bits = devices[0, :, 2 * output : 2 * output + 2]
        error = gain * (seen.value[1 - bits[:, 0], rows, plus] - seen.value[1 - bits[:, 1], rows, minus])
        error = error - (bits[:, 0] - bits[:, 1])
        doubt = gain**2 * (np.diag(spread) @ (seen.doubt[rows, plus] + seen.doubt[rows, minus]))
        loaded = seen.apart[plus, minus] * np.trace(spread)
        total += known.weight[0, output] * (error @ spread @ error + doubt + loaded)
    return total


DEFECTS = [((0, 1), Defect.SHORT), ((2, 3), Defect.STUCK), ((1, 0), Defect.OPEN)]


@pytest.mark.parametrize("defects", [(), DEFECTS])
def test_the_error_of_what_was_found_is_what_the_formula_says(defects):
    chosen, (devices, known) = die((4, 5), spread=0.2, defects=defects), layer(1, 3, 2)
    found = optimise(chosen, devices, known)
    assert error_of(chosen, devices, known, found.rows[0], found.cols[0]) == pytest.approx(found.error[0])


@pytest.mark.parametrize("seed", range(4))
def test_a_small_layer_lies_as_well_as_any_placement_or_nearly(seed):
    chosen, (devices, known) = die((3, 4), seed=seed, spread=0.2, defects=DEFECTS[:1]), layer(1, 2, 2, seed=seed)
    every = sorted(
        error_of(chosen, devices, known, np.array(rows), np.array(cols))
        for rows in itertools.permutations(range(3), 2)
        for cols in itertools.permutations(range(4))
    )
    found = optimise(chosen, devices, known).error[0]
    assert every[0] - 1e-12 <= found <= every[len(every) // 20]


def test_every_network_gets_lines_of_its_own_and_none_twice():
    devices, known = layer(20, 13, 6)
    found = optimise(die(), devices, known)
    assert ((20, 13), (20, 12)) == (found.rows.shape, found.cols.shape)
    for rows, cols in zip(found.rows, found.cols, strict=True):
        assert (13, 12) == (len(set(rows.tolist())), len(set(cols.tolist())))
    assert 0 <= found.rows.min() <= found.rows.max() < 15
    assert len({cols.tobytes() for cols in found.cols}) > 1


def test_the_others_have_no_say_in_where_a_network_lies():
    devices, known = layer(20, 13, 6)
    alone = Moments(known.mean[7:8], known.covariance[7:8], known.weight[7:8])
    together, one = optimise(die(), devices, known), optimise(die(), devices[7:8], alone)
    assert together.rows[7].tolist() == one.rows[0].tolist()
    assert together.cols[7].tolist() == one.cols[0].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_shorts_are_not_crossed_while_spare_lines_last(seed):
    places = uniforms(seed, Purpose.DEFECT, 10).reshape(5, 2)
    shorts = [(tuple((15 * at).astype(int)), Defect.SHORT) for at in places]
    chosen, (devices, known) = die(defects=shorts), layer(10, 13, 6, seed=seed)
    found = optimise(chosen, devices, known)
    used = (chosen.defect == Defect.SHORT)[found.rows[:, :, None], found.cols[:, None, :]]
    assert not used.any()


def test_a_short_that_cannot_be_avoided_stands_where_it_hurts_least():
    chosen, (devices, known) = die((6, 6), spread=0.01, defects=[((2, 3), Defect.SHORT)]), layer(30, 6, 3)
    quiet = np.full((30, 6), 0.3)
    quiet[:, 4] = 0.01
    known = Moments(np.zeros((30, 6)), quiet[:, :, np.newaxis] * np.eye(6), np.tile([1.0, 0.1, 1.0], (30, 1)))
    found = optimise(chosen, devices, known)
    assert (found.rows[:, 4] == 2).all()
    assert ((found.cols[:, 2] == 3) | (found.cols[:, 3] == 3)).all()


def test_a_stuck_cell_is_used_where_its_state_is_the_one_that_is_wanted():
    chosen = die((2, 2), spread=0.0, defects=[((0, 0), Defect.STUCK)])
    chosen = replace(chosen, state=np.array([[1, 0], [0, 0]]))
    devices = np.array([[[1, 0], [1, 1]]])
    known = Moments(np.zeros((1, 2)), np.eye(2)[np.newaxis], np.ones((1, 1)))
    found = optimise(chosen, devices, known)
    at = found.rows[0].tolist().index(0), found.cols[0].tolist().index(0)
    assert 0 == devices[0][at]
    assert found.error[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("shape", [(12, 15), (15, 11)])
def test_a_layer_that_does_not_fit_is_refused(shape):
    with pytest.raises(PlacementError, match="a layer of 13 x 12 cells does not fit"):
        optimise(die(shape), *layer(1, 13, 6))


def test_moments_are_those_of_softwares_own_pass():
    stack, data = NetworkStack.of(shipped_networks().networks[:3]), wine()
    first, second = moments(stack, data.inputs[data.train])
    hidden = np.tanh(data.inputs[data.train] @ stack.weights(0)[1] + stack.bias[0][1])
    assert np.allclose(np.cov(data.inputs[data.train].T, bias=True), first.covariance[2])
    assert np.allclose(hidden.mean(axis=0), second.mean[1])
    assert np.allclose(np.cov(hidden.T, bias=True), second.covariance[1])
    assert (second.weight == 1.0).all()
    slope = ((1.0 - hidden**2) ** 2).mean(axis=0)
    assert np.allclose(slope * (stack.weights(1)[1] ** 2).sum(axis=1), first.weight[1])


def test_a_study_places_every_layer_of_every_network_in_three_ways():
    stack, data = NetworkStack.of(shipped_networks().networks[:4]), wine()
    known, chosen = moments(stack, data.inputs[data.train]), die(defects=[((2, 2), Defect.SHORT)])
    for how in Place:
        for found, devices in zip(place(chosen, stack, how=how, moments=known), stack.devices, strict=True):
            assert (devices.shape[:2], (4, devices.shape[2])) == (found.rows.shape, found.cols.shape)
    first = place(chosen, stack, how=Place.IDENTITY, moments=known)[0]
    assert list(range(13)) == first.rows[3].tolist()


def test_one_network_alone_lies_as_it_does_among_others():
    networks, data = shipped_networks().networks[:4], wine()
    stack, chosen = NetworkStack.of(networks), die()
    known = moments(stack, data.inputs[data.train])
    among = place(chosen, stack, how=Place.OPTIMISE, moments=known)[1]
    alone = placement.optimise(chosen, networks[2], layer=1, inputs=data.inputs[data.train])
    assert alone.rows == tuple((among.rows[2] + 1).tolist())
    assert alone.cols == tuple((among.cols[2] + 1).tolist())
