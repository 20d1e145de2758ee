"""The rows by diameter and wire that a study prints and reports."""

import numpy as np
import pytest

from labmtj.errors import InputError
from labmtj.studies import summary


def _table(**more):
    table = {
        "diameter_nm": np.array([40.0, 40.0, 40.0, 15.0]),
        "r_wire_ohm": np.array([5.0, 5.0, 5.0, 5.0]),
        "die": np.array([1, 1, 2, 1]),
        "network": np.array([0, 1, 0, 0]),
        "write_fidelity": np.array([1.0, 0.99, 0.98, np.nan]),
        "train_software_scale": np.array([1.0, 0.98, 1.0, 1.0]),
        "train_scale": np.array([0.99, 0.98, 0.95, np.nan]),
        "test_scale": np.array([0.9, 0.8, 1.0, np.nan]),
    }
    return table | more


def test_a_row_for_each_diameter_and_wire_has_the_keys_that_json_promises():
    low, high = summary.rows(_table())
    assert [low["diameter_nm"], high["diameter_nm"]] == [15.0, 40.0]
    assert (high["networks"], high["dies"], high["copies"], high["failed"]) == (2, 2, 3, 0)
    assert high["write_fidelity_median"] == 0.99
    assert high["train_scale_median"] == 0.98
    assert high["train_scale_mean"] == pytest.approx(np.mean([0.99, 0.98, 0.95]))
    assert high["train_scale_p5"] == pytest.approx(np.percentile([0.99, 0.98, 0.95], 5))
    assert high["test_scale_mean"] == pytest.approx(0.9)


def test_gaps_are_taken_copy_by_copy_against_software_with_its_scale_tuned():
    high = summary.rows(_table())[1]
    assert high["train_scale_gap_mean"] == pytest.approx(np.mean([-0.01, 0.0, -0.05]))
    assert "test_scale_gap_mean" not in high
    assert "train_software_scale_gap_mean" not in high


def test_a_die_that_could_not_be_mapped_is_counted_and_has_no_numbers():
    low = summary.rows(_table())[0]
    assert (low["copies"], low["failed"], low["train_scale_mean"], low["write_fidelity_median"]) == (0, 1, None, None)


def test_placements_of_one_study_have_rows_of_their_own():
    found = summary.rows(_table(place=np.array(["identity", "optimise", "optimise", "identity"])))
    assert [(row["diameter_nm"], row["place"]) for row in found] == [
        (15.0, "identity"),
        (40.0, "identity"),
        (40.0, "optimise"),
    ]


def test_a_table_without_its_first_columns_is_refused():
    table = _table()
    del table["die"]
    with pytest.raises(InputError, match="no column die"):
        summary.rows(table)
