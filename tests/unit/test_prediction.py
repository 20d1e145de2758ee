"""What predicts a good copy: ranks against scipy's, intervals, held-out dies, and words made from the figures."""

import numpy as np
import pytest

from labmtj.errors import InputError
from labmtj.physics.chance import Purpose, normals, uniforms
from labmtj.studies.predicting.ranking import centred_ranks, rank_correlations
from labmtj.studies.predicting.regression import held_out
from labmtj.studies.prediction import answer, labels, needs, targets

DIES, NETWORKS = 5, 40


def table(seed=1):
    """Copies of two kinds of dies: a hidden damage, a measure that follows it, and one that does not."""
    kinds = [(diameter, wire) for diameter in (20.0, 100.0) for wire in (1.0, 5.0)]
    count = len(kinds) * DIES * NETWORKS
    draws = normals(seed, Purpose.TMR, 3 * count).reshape(3, count)
    kind = np.repeat(np.arange(len(kinds)), DIES * NETWORKS)
    damage = 0.02 * (1.0 + kind) * np.exp(0.5 * draws[0])
    quantum = 148.0
    return {
        "diameter_nm": np.array([kinds[k][0] for k in kind]),
        "r_wire_ohm": np.array([kinds[k][1] for k in kind]),
        "die": np.tile(np.repeat(np.arange(DIES), NETWORKS), len(kinds)),
        "network": np.tile(np.arange(NETWORKS), len(kinds) * DIES),
        "train_software": np.full(count, 0.98),
        "train_untuned": np.round((0.98 - damage) * quantum) / quantum,
        "train_software_scale": np.full(count, 0.99),
        "train_scale": np.full(count, 0.99),
        "loss_train_software_scale": np.full(count, 0.1),
        "loss_train_scale": 0.1 + damage,
        "write_fidelity": 1.0 - 0.001 * np.round(5 * uniforms(seed, Purpose.PULSE, count)),
        "m_predicted_drop_untuned": damage * np.exp(0.1 * draws[1]),
        "m_predicted_rise_scale": damage * np.exp(0.1 * draws[1]),
        "m_flip_rate_untuned": draws[2],
    }


@pytest.fixture(scope="module")
def found():
    return answer(table(), regress=())


@pytest.fixture(scope="module")
def regressed():
    """With regressions: scikit-learn takes seconds to import, so tests of it are run by hand."""
    return answer(table(), regress=("drop_untuned",))


def row(found, target, measure, scope="pooled"):
    ranks = found.ranks
    (at,) = np.flatnonzero((ranks["target"] == target) & (ranks["measure"] == measure) & (ranks["scope"] == scope))
    return {name: column[at] for name, column in ranks.items()}


@pytest.mark.slow
def test_correlations_are_those_of_scipy_with_ties_and_without():
    from scipy.stats import spearmanr

    values = normals(3, Purpose.TMR, 120).reshape(60, 2)
    target = np.round(values.sum(axis=1) + 0.5 * normals(4, Purpose.TMR, 60))
    found = rank_correlations(values, target[:, np.newaxis], np.arange(60))
    for column in (0, 1):
        assert spearmanr(values[:, column], target).statistic == pytest.approx(found.spearman[column, 0])
        assert found.low[column, 0] < found.spearman[column, 0] < found.high[column, 0]


def test_correlations_with_ties_are_those_of_ranks():
    measure, target = np.array([3.0, 1.0, 2.0, 2.0, 5.0]), np.array([1.0, 1.0, 1.0, 2.0, 3.0])
    ranks = np.array([4.0, 1.0, 2.5, 2.5, 5.0]), np.array([2.0, 2.0, 2.0, 4.0, 5.0])
    found = rank_correlations(measure[:, np.newaxis], target[:, np.newaxis], np.arange(5))
    assert np.corrcoef(*ranks)[0, 1] == pytest.approx(found.spearman[0, 0])


def test_what_never_varies_has_no_rank_correlation():
    found = rank_correlations(np.ones((20, 1)), np.arange(20.0)[:, np.newaxis], np.arange(20))
    assert np.isnan([found.spearman, found.low, found.high]).all()


def test_copies_that_go_together_make_the_interval_wider():
    shared = normals(5, Purpose.TMR, 20)
    measure = np.repeat(shared, 30)
    target = np.repeat(shared + normals(6, Purpose.TMR, 20), 30)
    alone, together = (
        rank_correlations(measure[:, np.newaxis], target[:, np.newaxis], groups)
        for groups in (np.arange(600), np.repeat(np.arange(20), 30))
    )
    assert together.high[0, 0] - together.low[0, 0] > 3 * (alone.high[0, 0] - alone.low[0, 0])


def test_unknown_values_stand_in_the_middle():
    assert [-1 / 3, 0.0, 1 / 3, 0.0] == centred_ranks(np.array([[1.0], [2.0], [5.0], [np.nan]]))[:, 0].tolist()


def test_targets_compare_untuned_with_untuned_and_tuned_with_tuned():
    found = targets(table())
    assert {"drop_untuned", "drop_scale", "rise_scale"} == set(found)
    assert np.allclose(table()["loss_train_scale"] - 0.1, found["rise_scale"])


def test_the_measure_that_follows_the_damage_ranks_first_and_the_other_does_not(found):
    good, bad = row(found, "rise_scale", "m_predicted_rise_scale"), row(found, "rise_scale", "m_flip_rate_untuned")
    assert good["spearman"] > 0.97
    assert good["low"] <= good["spearman"] <= good["high"]
    assert bad["low"] < 0.0 < bad["high"]
    within = row(found, "drop_untuned", "m_predicted_drop_untuned", "20 nm, 1 ohm")
    assert 0.6 < within["spearman"] < row(found, "drop_untuned", "m_predicted_drop_untuned")["spearman"]
    assert DIES * NETWORKS == within["copies"]


def test_what_a_measure_needs_stands_beside_it(found):
    assert ("map", "none") == (needs("m_predicted_drop_untuned"), labels("m_predicted_drop_untuned"))
    assert ("samples", "all") == (needs("m_flip_rate_best"), labels("m_flip_rate_best"))
    assert ("map", "training") == (needs("m_hamming_weighted"), labels("m_hamming_weighted"))
    assert "all" == row(found, "drop_untuned", "m_flip_rate_untuned")["labels"]


@pytest.mark.slow
def test_held_out_dies_are_predicted_better_with_the_measure_than_from_their_size(regressed):
    regression = regressed.regression
    here = regression["target"] == "drop_untuned"
    explained = dict(zip(regression["features"][here], regression["r_squared"][here], strict=True))
    assert explained["size, wire and the prediction made for it"] > explained["size and wire alone"] + 0.1
    assert explained["size, wire and all measures of the map"] > 0.7


@pytest.mark.slow
def test_the_words_tell_of_held_out_dies(regressed):
    assert any(said.startswith("On dies that the regression had not seen, of the loss") for said in regressed.sentences)


def test_one_die_alone_cannot_be_held_out():
    assert held_out(np.ones((500, 1)), np.arange(500.0), np.zeros(500, dtype=np.int64)) is None


def test_the_words_are_made_from_the_figures(found):
    said = " ".join(found.sentences)
    good = row(found, "drop_untuned", "m_predicted_drop_untuned")
    assert f"predicted drop untuned with a rank correlation of {good['spearman']:+.2f}" in said
    assert "write fidelity with a rank correlation of" in said
    assert "in 4 of 4 kinds its interval lies above 0" in said
    assert "the loss of training accuracy with one tuned scale is 0 points on average" not in said


def test_copies_that_were_not_judged_do_not_count():
    broken = table()
    broken["train_untuned"] = broken["train_untuned"].copy()
    broken["train_untuned"][:100] = np.nan
    found = answer(broken, regress=())
    assert len(broken["die"]) - 100 == row(found, "drop_untuned", "write_fidelity")["copies"]


def test_a_table_without_measures_is_refused():
    with pytest.raises(InputError, match="has no measures"):
        answer({name: values for name, values in table().items() if not name.startswith(("m_", "write"))})
