"""The inverse question on few networks."""

import dataclasses

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.dies import die_model
from labmtj.errors import InputError
from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped_networks
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tuning.copies import in_software
from labmtj.studies.inverse import ERRORS, SPREAD, Question, accuracies, crossing, inverse

DATA = wine()
STACK = NetworkStack.of(shipped_networks().networks[:12])
MODEL = die_model(load_bench("simulated-15x15").bench)
QUESTION = Question(MODEL, (0, 1), 0.05)


def test_a_perfect_die_is_as_good_as_software() -> None:
    software = in_software(STACK, DATA).tuned.classes[:, DATA.train] == DATA.labels[DATA.train]
    found = accuracies((0.0, 0.0, 0.0, 0.0), QUESTION, stack=STACK, data=DATA)
    assert found.tolist() == np.tile(software.mean(axis=1), 2).tolist()


@pytest.mark.parametrize(
    "point", [(0.4, 0.0, 5.0, 0.0), (0.06, 0.1, 5.0, 0.0), (0.06, 0.0, 200.0, 0.0), (0.06, 0.0, 5.0, 0.3)]
)
def test_each_fault_costs_accuracy(point: tuple[float, float, float, float]) -> None:
    best = accuracies(QUESTION.default, QUESTION, stack=STACK, data=DATA).mean()
    assert accuracies(point, QUESTION, stack=STACK, data=DATA).mean() < best - 0.04


def test_planes_are_rows_and_lines_cross_where_they_fall() -> None:
    x = dataclasses.replace(ERRORS, values=(0.0, 0.2))
    y = dataclasses.replace(SPREAD, values=(0.0, 0.06, 0.4))
    tables = inverse(QUESTION, stack=STACK, data=DATA, planes=[(x, y)])
    plane, lines = tables["inverse"], tables["crossings"]
    assert set(plane["plane"]) == {"write errors and spread"}
    assert plane["x"].tolist() == [0.0, 0.0, 0.0, 20.0, 20.0, 20.0]
    assert plane["y"].tolist() == [0.0, 6.0, 40.0] * 2
    assert set(plane["default_x"]) == {0.0}
    assert set(plane["default_y"]) == {6.0}
    assert plane["median"][:2].min() > 0.98
    assert (plane["median"][[2, 3, 4, 5]] < 0.95).all()
    assert ((plane["p25"] <= plane["median"]) & (plane["median"] <= plane["p75"])).all()
    assert lines["axis"].tolist() == ["write_errors", "spread"]
    assert 0.0 < lines["at"][0] < 20.0
    assert 6.0 < lines["at"][1] < 40.0
    assert lines["none"][0] == plane["median"][1]


def test_a_line_that_does_not_fall_crosses_nowhere() -> None:
    values = np.array([0.0, 1.0, 3.0])
    assert crossing(values, np.array([1.0, 0.98, 0.9]), 0.94) == pytest.approx(2.0)
    assert np.isnan(crossing(values, np.array([1.0, 0.99, 0.98]), 0.953))
    assert np.isnan(crossing(values, np.array([0.9, 0.8, 0.7]), 0.953))


def test_values_that_do_not_rise_are_refused() -> None:
    falling = dataclasses.replace(ERRORS, values=(0.1, 0.0))
    with pytest.raises(InputError, match="do not rise"):
        inverse(QUESTION, stack=STACK, data=DATA, planes=[(falling, SPREAD)])


@pytest.mark.slow
def test_the_default_planes_have_a_contour_and_fall_along_every_axis() -> None:
    tables = inverse(QUESTION, stack=STACK, data=DATA)
    assert len(tables["inverse"]["x"]) == 4 * 49
    assert np.isfinite(tables["crossings"]["at"]).all()
    assert (tables["crossings"]["most"] < 0.953).all()
