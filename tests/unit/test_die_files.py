"""A die's truth, saved and reopened."""

import dataclasses
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.config.bench import load_bench
from labmtj.errors import StorageError
from labmtj.physics.die_files import FORMAT, load_die, save_die
from labmtj.physics.variation import draw_die
from labmtj.twin.build import die_model

MODEL = die_model(load_bench("simulated-15x15").bench)
ARRAYS = [field.name for field in dataclasses.fields(draw_die(MODEL)) if field.name not in ("model", "threshold")]


def stored(path):
    with np.load(path) as file:
        return {name: file[name] for name in file}


def rewrite(path, **changes):
    np.savez(path, **{k: v for k, v in (stored(path) | changes).items() if v is not None})


def with_header(path, **changes):
    header = json.loads(str(stored(path)["header"])) | changes
    rewrite(path, header=np.array(json.dumps(header)))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "die.npz"
    save_die(path, truth=draw_die(MODEL))
    return path


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    seed=st.integers(0, 2**63 - 1),
    rows=st.integers(1, 6),
    cols=st.integers(1, 6),
    sigma=st.floats(0, 0.3),
    field=st.floats(-0.1, 0.1),
    tilt=st.floats(-0.2, 0.2),
    sign=st.sampled_from([1, -1]),
)
def test_a_die_comes_back_to_the_last_digit(tmp_path_factory, seed, rows, cols, sigma, field, tilt, sign):
    model = dataclasses.replace(
        MODEL, seed=seed, rows=rows, cols=cols, sigma_v_c=sigma, neighbour_field=field, gradient_v_c=tilt, sign=sign
    )
    path, truth = tmp_path_factory.mktemp("die") / "die.npz", draw_die(model)
    save_die(path, truth=truth)
    again = load_die(path)
    assert model == again.model
    assert repr(model) == repr(again.model)  # what the twin's state file knows a die by
    for name in ARRAYS:
        assert np.array_equal(getattr(truth, name), getattr(again, name))
        assert getattr(truth, name).dtype == getattr(again, name).dtype


def test_what_is_saved_counts_and_not_what_the_model_would_draw_now(tmp_path):
    truth = dataclasses.replace(draw_die(MODEL), delta=np.full((15, 15), 33.0))
    save_die(tmp_path / "die.npz", truth=truth)
    assert {33.0} == set(load_die(tmp_path / "die.npz").delta.ravel().tolist())


def test_saving_again_replaces_the_file_and_leaves_nothing_beside_it(saved):
    other = draw_die(dataclasses.replace(MODEL, seed=9))
    save_die(saved, truth=other)
    assert 9 == load_die(saved).model.seed
    assert [saved] == list(saved.parent.iterdir())


def test_a_die_of_a_newer_labmtj_is_refused(saved):
    with_header(saved, format=FORMAT + 1)
    with pytest.raises(StorageError, match="newer labmtj"):
        load_die(saved)


def test_options_that_an_older_file_does_not_name_are_off(saved):
    model = dataclasses.asdict(MODEL)
    del model["neighbour_field"], model["heating"]
    with_header(saved, model=model)
    assert MODEL == load_die(saved).model


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": None}, "names no format"),
        ({"format": 0}, "names no format"),
        ({"model": None}, "does not know"),
        ({"model": dataclasses.asdict(MODEL) | {"colour": 1}}, "does not know"),
        ({"model": dataclasses.asdict(MODEL) | {"tmr": "much"}}, "not complete"),
        ({"model": dataclasses.asdict(MODEL) | {"breakdown": {}}}, "not complete"),
        ({"model": {"seed": 1}}, "not complete"),
        ({"model": dataclasses.asdict(MODEL) | {"rows": 14}}, "not float64 of"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(saved, changes, match):
    with_header(saved, **changes)
    with pytest.raises(StorageError, match=match):
        load_die(saved)


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_that_is_missing_or_of_another_kind_is_refused(saved, name):
    rewrite(saved, **{name: None})
    with pytest.raises(StorageError, match=f"{name} is missing"):
        load_die(saved)
    rewrite(saved, **{name: np.zeros((15, 15), np.float32)})
    with pytest.raises(StorageError, match=f"{name} is float32"):
        load_die(saved)


def test_what_is_no_die_is_refused(tmp_path, saved):
    whole = saved.read_bytes()
    np.save(tmp_path / "array.npy", np.zeros(3))
    array = (tmp_path / "array.npy").read_bytes()
    for number, content in enumerate((b"", b"no die", whole[: len(whole) // 2], pickle.dumps([1, 2]), array)):
        path = tmp_path / f"{number}.npz"
        path.write_bytes(content)
        with pytest.raises(StorageError, match="not a die"):
            load_die(path)
    with pytest.raises(StorageError, match="not a die"):
        load_die(tmp_path / "nowhere.npz")
    rewrite(saved, header=None)
    with pytest.raises(StorageError, match="not a die"):
        load_die(saved)


def test_arrays_of_objects_are_never_unpacked(saved):
    rewrite(saved, tmr=np.array([[object]], dtype=object))
    with pytest.raises(StorageError, match="not a die"):
        load_die(saved)


def test_a_die_that_cannot_be_written_is_said_so(tmp_path):
    with pytest.raises(StorageError, match="cannot be written"):
        save_die(tmp_path / "no folder" / "die.npz", truth=draw_die(MODEL))
