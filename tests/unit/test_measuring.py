"""Measures of many copies at once, against the definitions and against one copy at a time."""

import numpy as np
import pytest

from labmtj.errors import InputError
from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped_networks
from labmtj.nets.measures import agreement
from labmtj.nets.measuring.agreement import agreements
from labmtj.nets.measuring.decisions import decisions, margins
from labmtj.nets.measuring.pseudo import pseudo_inputs
from labmtj.nets.measuring.sensitivity import injected_errors, loss_slopes, softmax
from labmtj.nets.measuring.spread import across_dies, plateau_width
from labmtj.nets.measuring.table import inputs_like, of_inference, of_map, of_writing, reference
from labmtj.nets.measuring.writing import distance, drift, rate, weights, write_errors
from labmtj.nets.readout import ideal_products, infer, nominal
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tune import scale_grid, scale_in_software
from labmtj.nets.tuning.copies import Copies, in_software, map_weights, one_scale
from labmtj.physics.chance import Purpose, normals

DATA = wine()
NETWORKS = shipped_networks().networks[:6]
STACK = NetworkStack.of(NETWORKS)


@pytest.fixture(scope="module")
def software():
    return in_software(STACK, DATA)


def copies_with(software, spread, *, gain=1.0, seed=3):
    """Copies whose conductances, 2 and 1 windows, are off by this share of a window."""
    maps = []
    for layer, devices in enumerate(STACK.devices):
        draws = normals(seed + layer, Purpose.TMR, devices.size).reshape(devices.shape)
        maps.append(gain * (1.0 + devices + spread * draws))
    return Copies(STACK, DATA, map_weights(tuple(maps), window=1.0), software)


def test_wilsons_interval_is_the_published_one():
    # Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I, method 3
    found = rate(np.array([81, 15, 0, 1]), np.array([263, 148, 20, 29]))
    assert [0.2553, 0.0624, 0.0, 0.0061] == np.round(found.low, 4).tolist()
    assert [0.3662, 0.1605, 0.1611, 0.1718] == np.round(found.high, 4).tolist()


def test_write_errors_are_counted_for_each_state_alone():
    target = [np.array([[[0, 0, 1, 1]], [[1, 1, 1, 1]]])]
    seen = [np.array([[[0, 1, 1, -1]], [[1, 1, 0, 1]]])]
    to_p, to_ap = write_errors(target, seen)
    assert ([1, 0], [2, 0]) == (to_p.errors.tolist(), to_p.trials.tolist())
    assert ([1, 1], [2, 4]) == (to_ap.errors.tolist(), to_ap.trials.tolist())
    assert np.isnan(to_p.rate[1])
    assert (0.0, 1.0) == (to_p.low[1], to_p.high[1])


def test_two_errors_of_a_pair_can_cancel_and_heavy_weights_count_more():
    target = [np.array([[[0, 0, 1, 1]]])]
    seen = [np.array([[[1, 1, 1, 0]]])]
    found = distance(target, seen, slopes=[np.array([[[5.0, 3.0]]])])
    assert (0.75, 0.5, 3.0 / 8.0) == (found.raw[0], found.pairs[0], found.weighted[0])
    assert [[0, -1]] == weights(seen[0])[0].tolist()
    apart, lost_p, lost_ap = drift(target, seen, slopes=[np.ones((1, 1, 2))])
    assert (0.75, 2, 1) == (apart.raw[0], lost_p.errors[0], lost_ap.errors[0])


def test_slopes_of_the_loss_are_those_of_small_steps():
    def loss(network, layer, row, output, step):
        matrices = [STACK.weights(n)[network].copy() for n in (0, 1)]
        matrices[layer][row, output] += step
        hidden = np.tanh(DATA.inputs[DATA.train] @ matrices[0] + STACK.bias[0][network])
        chance = softmax(hidden @ matrices[1] + STACK.bias[1][network])
        return -np.log(chance[np.arange(len(DATA.train)), DATA.labels[DATA.train]]).mean()

    slopes = loss_slopes(STACK, DATA)
    for network, layer, row, output in ((0, 0, 3, 2), (4, 0, 12, 5), (2, 1, 1, 0)):
        both = [loss(network, layer, row, output, step) for step in (1e-5, -1e-5)]
        assert abs(both[0] - both[1]) / 2e-5 == pytest.approx(slopes[layer][network, row, output], rel=1e-4, abs=1e-9)


def test_injected_errors_cost_nothing_at_zero_and_more_with_more():
    found = injected_errors(STACK, DATA, rates=np.array([0.0, 0.02, 0.2]), draws=3)
    right = infer(STACK, DATA.inputs, products=ideal_products(STACK), readout=nominal(STACK)).classes == DATA.labels
    assert np.allclose(right[:, DATA.train].mean(axis=1), found.train[0])
    assert found.train[0].mean() >= found.train[1].mean() > found.train[2].mean()


def test_agreement_of_many_is_that_of_each():
    expected = normals(1, Purpose.TMR, 120).reshape(4, 10, 3)
    measured = 0.9 * expected + 0.1 + 0.05 * normals(2, Purpose.TMR, 120).reshape(4, 10, 3)
    expected[3], measured[2] = 1.0, expected[2]
    found = agreements(measured, expected)
    for number in range(4):
        one = agreement(measured[number], expected[number])
        for name in ("pearson", "slope", "offset", "nrmse", "sndr", "effective_bits"):
            several = float(getattr(found, name)[number])
            if number == 2 and name in ("sndr", "effective_bits"):
                assert several > 100.0
            else:
                assert getattr(one, name) == pytest.approx(several, nan_ok=True)


def test_decisions_count_what_was_lost_and_gained():
    expected = np.array([[[2.0, 0.0, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 3.0], [1.0, 0.0, 0.0]]])
    scores = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 2.0], [4.0, 0.0, 3.0], [1.0, 0.0, 2.0]]])
    found = decisions(scores, expected, np.array([0, 1, 2, 2]))
    assert (2, 1) == (found.lost[0], found.gained[0])
    assert (0.75, 0.25) == (found.flip_rate[0], found.agreement[0])
    assert found.mcnemar[0] == 1.0
    assert [1.0, -1.0, -1.0, -1.0] == margins(scores, np.array([[0, 1, 2, 0]]))[0].tolist()
    assert found.margin_shift[0] == pytest.approx(-9.0 / 4.0 / np.sqrt(15.0 / 4.0))


def test_mcnemars_test_is_exact():
    labels = np.zeros(10, dtype=np.int64)
    right, wrong = [1.0, 0.0], [0.0, 1.0]
    found = decisions(np.array([[wrong] * 6 + [right] * 4]), np.array([[right] * 9 + [wrong]]), labels)
    assert (6, 1) == (found.lost[0], found.gained[0])
    assert found.mcnemar[0] == pytest.approx(2 * (1 + 7) / 2**7)


def test_the_plateau_is_that_of_the_tuned_scale(software):
    for number, network in enumerate(NETWORKS[:2]):
        one = scale_in_software(network, DATA)
        correct = np.rint(one.train * len(DATA.train)).astype(np.int64)[np.newaxis]
        width = plateau_width(correct, scale_grid())[0]
        low, high = one.plateau
        assert width == pytest.approx((high - low + 0.01) / (0.5 * (high + low)))
        assert one.scale == software.scale[number]


def test_the_worst_dies_are_a_share_of_them():
    found = across_dies(np.array([[0.9, 0.5, 0.7, 1.0]]), share=0.375)
    assert (0.775, 0.5) == (found.mean[0], found.worst[0])
    assert found.cvar[0] == pytest.approx((0.5 + 0.5 * 0.7) / 1.5)
    assert across_dies(np.array([[0.9, 0.5]])).cvar[0] == 0.5


def test_pseudo_inputs_keep_mean_and_covariance_and_are_the_same_again(software):
    mean, root = np.full(13, 0.5), 0.03 * normals(4, Purpose.TMR, 169).reshape(13, 13)
    known = {"mean": mean, "covariance": root @ root.T, "readout": one_scale(STACK, software.scale)}
    found = pseudo_inputs(STACK, **known)
    assert np.allclose(mean, found.mean(axis=0), atol=0.005)
    assert np.allclose(root @ root.T, np.cov(found.T), atol=0.1 * np.abs(root @ root.T).max())
    assert found.tobytes() == pseudo_inputs(STACK, **known).tobytes()
    assert found.tobytes() != pseudo_inputs(STACK, **known, seed=1).tobytes()


def test_pseudo_inputs_lie_further_apart_than_normal_ones(software):
    training = DATA.inputs[DATA.train]
    known = {"mean": training.mean(axis=0), "covariance": np.cov(training.T)}
    typical = []
    for separation in (0.0, 0.85):
        made = pseudo_inputs(STACK, **known, readout=one_scale(STACK, software.scale), separation=separation)
        scores = infer(STACK, made, products=ideal_products(STACK), readout=nominal(STACK)).scores
        typical.append(np.median(margins(scores, np.argmax(scores, axis=-1))))
    assert typical[1] > 1.2 * typical[0]


def test_what_is_no_covariance_is_refused(software):
    best = one_scale(STACK, software.scale)
    with pytest.raises(InputError, match="13 x 13, not"):
        pseudo_inputs(STACK, mean=np.zeros(13), covariance=np.eye(12), readout=best)
    with pytest.raises(InputError, match="no negative eigenvalue"):
        pseudo_inputs(STACK, mean=np.zeros(13), covariance=-np.eye(13), readout=best)


def test_a_perfect_copy_is_predicted_to_cost_nothing_and_a_bad_one_much(software):
    inputs = inputs_like(DATA, STACK, scale=software.scale)
    known = reference(STACK, DATA, software=software, inputs=inputs)
    ways = {"untuned": nominal(STACK), "scale": one_scale(STACK, software.scale)}
    perfect, bad = (of_map(copies_with(software, spread), known, ways) for spread in (0.0, 0.5))
    for name in ways:
        assert np.allclose(perfect[f"m_predicted_drop_{name}"], 0.0, atol=1e-6)
        assert np.allclose(perfect[f"m_predicted_rise_{name}"], 0.0, atol=1e-6)
        assert bad[f"m_predicted_drop_{name}"].mean() > 0.02
        assert bad[f"m_predicted_flips_{name}"].mean() > 0.05
    assert np.allclose(perfect["m_weights_1"], 0.0)
    assert (bad["m_weights_1"] > 0.3).all()


def test_a_copy_is_measured_the_same_alone_and_among_others(software):
    inputs = inputs_like(DATA, STACK, scale=software.scale)
    among = copies_with(software, 0.2)
    alone = Copies(
        STACK.take([4]), DATA, tuple(part[4:5] for part in among.weights), in_software(STACK.take([4]), DATA)
    )
    found = [
        of_map(
            part, reference(part.stack, DATA, software=part.software, inputs=inputs), {"untuned": nominal(part.stack)}
        )
        for part in (among, alone)
    ]
    for name, values in found[1].items():
        assert values[0] == pytest.approx(found[0][name][4], rel=1e-5, abs=1e-6)


def test_every_measure_of_physics_section_5_has_its_column(software):
    copies = copies_with(software, 0.1)
    known = reference(STACK, DATA, software=software, inputs=inputs_like(DATA, STACK, scale=software.scale))
    trace = infer(STACK, DATA.inputs, products=copies.products, readout=nominal(STACK))
    states = [STACK.states(layer) for layer in (0, 1)]
    table = of_writing(known, target=states, seen=states) | of_map(copies, known, {"untuned": nominal(STACK)})
    table |= of_inference(copies, {"untuned": trace})
    expected = {
        "m_wer_p", "m_wer_ap_high", "m_hamming", "m_hamming_pairs", "m_hamming_weighted", "m_pearson_1_untuned",
        "m_slope_2_untuned", "m_offset_1_untuned", "m_nrmse_2_untuned", "m_bits_1_untuned", "m_margin_shift_untuned",
        "m_flip_rate_untuned", "m_agreement_untuned", "m_mcnemar_untuned", "m_plateau", "m_predicted_drop_untuned",
    }  # fmt: skip
    assert expected <= set(table)
    assert {(len(STACK),)} == {values.shape for values in table.values()}
    assert all(np.isfinite(values).all() for values in table.values())
