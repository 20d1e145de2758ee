"""Networks in software and from conductances: the published formula, the published files, the shipped ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labmtj.errors import FileProblems, InputError, MissingFile
from labmtj.nets import files, measures, tune
from labmtj.nets.dataset import Dataset, scaled, stratified_split, wine
from labmtj.nets.network import Layer, Network, activate, forward, forward_array
from labmtj.records import State

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "nist-wine"
with_published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the published networks are not in shared/nist-wine beside the checkout"
)
GON, GOFF = 1.0 / 8e3, 1.0 / 17.6e3


@pytest.fixture
def tiny() -> Network:
    first = Layer(np.array([[1, 0, 0, 1], [1, 1, 0, 0], [0, 1, 1, 0]]), np.array([0.5, -0.25]))
    second = Layer(np.array([[1, 0, 0, 1, 1, 1], [0, 0, 1, 0, 0, 1]]), np.array([0.1, 0.0, -0.2]))
    return Network("tiny", (first, second))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small folder in the published format, solution 4 only."""
    random = np.random.RandomState(1)
    (tmp_path / "solutions").mkdir()
    (tmp_path / "dataset").mkdir()
    for name, shape in (("fc1", (13, 12)), ("fc2", (6, 6))):
        np.savetxt(tmp_path / f"solutions/4_{name}_weight.txt", random.randint(0, 2, shape), fmt="%d")
        np.savetxt(tmp_path / f"solutions/4_{name}_bias.txt", random.normal(size=shape[1] // 2))
    for part, count in (("train", 5), ("test", 2)):
        np.savetxt(tmp_path / f"dataset/X_{part}.txt", random.uniform(size=(13, count)))
        np.savetxt(tmp_path / f"dataset/Y_{part}.txt", np.eye(3)[:, random.randint(0, 3, count)], fmt="%d")
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# The data set


def test_wine_is_scikit_learns_table_scaled_over_all_samples() -> None:
    from sklearn.datasets import load_wine

    source = load_wine()
    data = wine()
    assert np.array_equal(scaled(np.asarray(source.data)), data.inputs)
    assert np.array_equal(source.target, data.labels)
    assert (data.inputs.min(axis=0) == 0.0).all()
    assert (data.inputs.max(axis=0) == 1.0).all()


def test_wine_is_split_into_148_and_30_in_proportion_to_the_classes() -> None:
    data = wine()
    assert (len(data.train), len(data.test)) == (148, 30)
    assert np.bincount(data.labels[data.test]).tolist() == [10, 12, 8]
    assert np.array_equal(np.sort(np.concatenate([data.train, data.test])), np.arange(178))


def test_a_split_depends_on_its_seed_only() -> None:
    labels = np.repeat([0, 1, 2], [59, 71, 48])
    first, again, other = (stratified_split(labels, test_size=30, seed=seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_data_are_read_without_importing_scikit_learn_or_jax() -> None:
    program = (
        "import sys, labmtj.nets.train, labmtj.nets.files, labmtj.nets.tune\n"
        "labmtj.nets.dataset.wine()\n"
        "print([name for name in ('sklearn', 'jax', 'optax') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@with_published
def test_our_scaled_wines_are_the_published_ones() -> None:
    data = files.read_dataset(PUBLISHED)
    assert data is not None
    ours = wine().inputs
    assert np.allclose(ours[np.lexsort(ours.T)], data.inputs[np.lexsort(data.inputs.T)], rtol=0, atol=1e-12)


def test_a_data_set_refuses_inputs_that_would_exceed_the_read_voltage() -> None:
    with pytest.raises(InputError, match=r"0\.\.1"):
        Dataset("bad", np.array([[0.5], [1.1]]), np.array([0, 1]), np.array([0]), np.array([1]), 2)


# The forward pass


def test_the_forward_pass_is_the_formula_written_out(tiny: Network) -> None:
    inputs = np.array([[0.2, 0.7, 1.0], [0.0, 0.1, 0.9]])
    hidden = np.tanh(inputs @ np.array([[1, -1], [0, 0], [-1, 1]]) / 0.8 + np.array([0.5, -0.25]))
    scores = hidden @ np.array([[1, -1, 0], [0, 1, -1]]) / 0.8 + np.array([0.1, 0.0, -0.2])
    trace = forward(tiny, inputs, scale=0.8)
    assert np.allclose(hidden, trace.outputs[0], rtol=1e-14)
    assert np.allclose(scores, trace.scores, rtol=1e-14)
    assert np.allclose(np.tanh(scores), trace.outputs[1], rtol=1e-14)
    assert np.array_equal(scores.argmax(axis=1), trace.classes)


def test_many_scales_at_once_are_the_scales_one_by_one(tiny: Network) -> None:
    inputs = np.random.RandomState(0).uniform(size=(7, 3))
    scales = np.array([0.5, 1.0, 1.7])
    together = forward(tiny, inputs, scale=scales)
    assert together.scores.shape == (3, 7, 3)
    for place, scale in enumerate(scales):
        assert np.allclose(forward(tiny, inputs, scale=scale).scores, together.scores[place], rtol=1e-14)


def test_ideal_conductances_give_the_software_result(tiny: Network) -> None:
    inputs = np.random.RandomState(0).uniform(size=(7, 3))
    ideal = [np.where(layer.states == State.P, GON, GOFF) for layer in tiny.layers]
    trace = forward_array(tiny, inputs, conductances=ideal, window=GON - GOFF, scale=0.9)
    for expected, actual in zip(forward(tiny, inputs, scale=0.9).pre_activations, trace.pre_activations, strict=True):
        assert np.allclose(expected, actual, rtol=1e-12, atol=1e-12)


def test_measured_differential_currents_give_the_software_result(tiny: Network) -> None:
    inputs, volts = np.array([[0.2, 0.7, 1.0]]), 0.05
    columns = inputs * volts @ np.where(tiny.layers[0].devices == 1, GON, GOFF)
    differential = columns[:, 0::2] - columns[:, 1::2]
    before, after = activate(tiny.layers[0], differential / ((GON - GOFF) * volts), scale=1.1)
    expected = forward(tiny, inputs, scale=1.1)
    assert np.allclose(expected.pre_activations[0], before, rtol=1e-12)
    assert np.allclose(expected.outputs[0], after, rtol=1e-12)


def test_conductances_that_cannot_be_used_are_refused(tiny: Network) -> None:
    inputs = np.zeros((1, 3))
    good = [np.full(layer.shape, GON) for layer in tiny.layers]
    with pytest.raises(InputError, match="must be positive"):
        forward_array(tiny, inputs, conductances=good, window=0.0)
    with pytest.raises(InputError, match=r"layer 2 .*\(2, 6\).*\(3, 4\)"):
        forward_array(tiny, inputs, conductances=[good[0], good[0]], window=GON)
    good[1][0, 0] = np.nan
    with pytest.raises(InputError, match="layer 2: the conductance of 1 devices"):
        forward_array(tiny, inputs, conductances=good, window=GON)


def test_layers_that_cannot_be_used_are_refused(tiny: Network) -> None:
    with pytest.raises(InputError, match="0 or 1"):
        Layer(np.array([[0, 2]]), np.zeros(1))
    with pytest.raises(InputError, match="half as many"):
        Layer(np.zeros((2, 4), dtype=np.int64), np.zeros(4))
    with pytest.raises(InputError, match="finite"):
        Layer(np.zeros((2, 2), dtype=np.int64), np.array([np.inf]))
    with pytest.raises(InputError, match="layer 1 has 2 outputs, layer 2 3 inputs"):
        Network("bad", (tiny.layers[0], tiny.layers[0]))


# The published networks


def published_accuracy(solution: int) -> tuple[float, float, float]:
    """The formula in plain numpy, from the files alone: train, test, all."""

    def table(name: str) -> np.ndarray:
        return np.loadtxt(PUBLISHED / name)

    weights = [table(f"solutions/{solution}_fc{n}_weight.txt") for n in (1, 2)]
    biases = [table(f"solutions/{solution}_fc{n}_bias.txt") for n in (1, 2)]
    right = []
    for part in ("train", "test"):
        x = table(f"dataset/X_{part}.txt")
        for devices, bias in zip(weights, biases, strict=True):
            columns = devices.T @ x
            x = np.tanh(columns[0::2] - columns[1::2] + bias[:, None])
        right.append(x.argmax(axis=0) == table(f"dataset/Y_{part}.txt").argmax(axis=0))
    return right[0].mean(), right[1].mean(), np.concatenate(right).mean()


@with_published
@pytest.mark.parametrize("solution", range(20))
def test_a_published_solution_has_exactly_the_accuracy_of_the_formula(solution: int) -> None:
    data = files.read_dataset(PUBLISHED)
    assert data is not None
    network = files.read_network(PUBLISHED, solution=solution)
    found = measures.accuracy(forward(network, data.inputs).classes, data)
    assert published_accuracy(solution) == (found.train, found.test, found.all)


@with_published
def test_the_folder_of_solutions_itself_may_be_named() -> None:
    assert files.solutions(PUBLISHED / "solutions") == list(range(20))
    inner, outer = (files.read_dataset(where) for where in (PUBLISHED / "solutions", PUBLISHED))
    assert inner is not None
    assert outer is not None
    assert np.array_equal(outer.inputs, inner.inputs)
    one, other = (files.read_network(where, solution=7) for where in (PUBLISHED, PUBLISHED / "solutions"))
    assert np.array_equal(one.layers[0].devices, other.layers[0].devices)


# Files that are wrong


def test_a_folder_in_the_published_format_is_read(folder: Path) -> None:
    network = files.read_network(folder, solution=4)
    assert [layer.shape for layer in network.layers] == [(13, 12), (6, 6)]
    data = files.read_dataset(folder)
    assert data is not None
    assert (data.inputs.shape, data.train.tolist(), data.test.tolist()) == ((7, 13), [0, 1, 2, 3, 4], [5, 6])


def test_a_folder_without_dataset_has_no_split(folder: Path) -> None:
    shutil.rmtree(folder / "dataset")
    assert files.read_dataset(folder) is None


def test_a_missing_solution_names_those_that_are_there(folder: Path) -> None:
    with pytest.raises(MissingFile, match=r"no 7_fc1_weight\.txt; solutions found: 4$"):
        files.read_network(folder, solution=7)


def test_a_missing_folder_and_a_missing_file_are_named(folder: Path) -> None:
    with pytest.raises(MissingFile, match="nowhere: there is no such folder"):
        files.read_network(folder / "nowhere", solution=4)
    (folder / "solutions/4_fc2_bias.txt").unlink()
    with pytest.raises(MissingFile, match=r"4_fc2_bias\.txt"):
        files.read_network(folder, solution=4)
    (folder / "dataset/Y_test.txt").unlink()
    with pytest.raises(MissingFile, match=r"Y_test\.txt"):
        files.read_dataset(folder)


def test_a_device_that_is_no_bit_is_named_with_its_line_and_column(folder: Path) -> None:
    path = folder / "solutions/4_fc2_weight.txt"
    path.write_text("1 0 1 0 1 0\n1 0 0.5 0 1 0\n" + "1 0 1 0 1 0\n" * 4)
    with pytest.raises(FileProblems, match=r"4_fc2_weight\.txt:2:5: 0\.5 is not a bit"):
        files.read_network(folder, solution=4)


@pytest.mark.parametrize(("word", "message"), [("nan", "not a finite"), ("1e999", "not a finite"), ("x", "no")])
def test_a_bias_that_is_no_finite_number_is_named_with_its_line(folder: Path, word: str, message: str) -> None:
    (folder / "solutions/4_fc2_bias.txt").write_text(f"0.1\n{word}\n0.3\n")
    with pytest.raises(FileProblems, match=rf"4_fc2_bias\.txt:2:1: .*{message}"):
        files.read_network(folder, solution=4)


def test_tables_of_the_wrong_shape_are_refused(folder: Path) -> None:
    path = folder / "solutions/4_fc1_weight.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(FileProblems, match=r"4_fc1_weight\.txt:12:1: 12 rows where 13 are expected"):
        files.read_network(folder, solution=4)
    path.write_text("\n".join([*lines[:3], lines[3] + " 1", *lines[4:]]))
    with pytest.raises(FileProblems, match=r"4_fc1_weight\.txt:4:1: 13 columns where 12 are expected"):
        files.read_network(folder, solution=4)
    path.write_text("\n".join(line + " 1" for line in lines))
    with pytest.raises(FileProblems, match="13 columns; devices come in pairs"):
        files.read_network(folder, solution=4)
    path.write_text("")
    with pytest.raises(FileProblems, match="0 rows where 13 are expected"):
        files.read_network(folder, solution=4)


def test_labels_that_are_not_one_hot_and_inputs_above_one_are_refused(folder: Path) -> None:
    path = folder / "dataset/Y_test.txt"
    kept = path.read_text()
    path.write_text("1 0\n1 1\n0 0\n")
    with pytest.raises(FileProblems, match=r"sample 1 \(column 1\) must belong to exactly one class"):
        files.read_dataset(folder)
    path.write_text(kept)
    np.savetxt(folder / "dataset/X_test.txt", np.full((13, 2), 1.5))
    with pytest.raises(InputError, match=r"must lie in 0\.\.1"):
        files.read_dataset(folder)


# The shipped networks


@pytest.fixture(scope="module")
def shipped() -> files.NetworkFile:
    return files.shipped_networks()


def test_300_different_networks_ship_with_the_split_of_the_data_set(shipped: files.NetworkFile) -> None:
    different = {b"".join(layer.devices.tobytes() for layer in network.layers) for network in shipped.networks}
    assert (len(shipped.networks), len(different)) == (300, 300)
    assert all([layer.shape for layer in network.layers] == [(13, 12), (6, 6)] for network in shipped.networks)
    data = wine()
    assert np.array_equal(data.train, shipped.train)
    assert np.array_equal(data.test, shipped.test)
    for words in ("10.24432/C5PC7J", "BSD-3-Clause", "labmtj.nets.train_wine"):
        assert words in shipped.header


def test_the_shipped_networks_are_at_least_as_accurate_as_the_published_ones(shipped: files.NetworkFile) -> None:
    data = wine()
    found = [measures.accuracy(forward(network, data.inputs).classes, data) for network in shipped.networks]
    assert np.median([one.train for one in found]) >= 0.9797
    assert np.mean([one.test for one in found]) >= 0.915
    assert min(one.train for one in found) >= 0.95


def test_a_shipped_network_is_found_by_its_name(shipped: files.NetworkFile) -> None:
    network = files.shipped("wine/17")
    assert network.name == "wine/17"
    assert network.devices == 192
    assert np.array_equal(shipped.networks[17].layers[1].devices, network.layers[1].devices)
    for name in ("wine/300", "wine/-1", "beer/1", "wine"):
        with pytest.raises(InputError, match=r"there are wine/0 \.\. wine/299"):
            files.shipped(name)


def test_networks_survive_writing_and_reading(tmp_path: Path, tiny: Network) -> None:
    again = Network("tiny", tuple(Layer(1 - layer.devices, -layer.bias) for layer in tiny.layers))
    content = files.NetworkFile((tiny, again), "made by a test", np.array([0, 2]), np.array([1]))
    files.write_networks(tmp_path / "two.npz", content)
    found = files.read_networks(tmp_path / "two.npz", prefix="t")
    assert [network.name for network in found.networks] == ["t/0", "t/1"]
    assert (found.header, found.train.tolist(), found.test.tolist()) == ("made by a test", [0, 2], [1])
    for wrote, read in zip(content.networks, found.networks, strict=True):
        for one, other in zip(wrote.layers, read.layers, strict=True):
            assert np.array_equal(one.devices, other.devices)
            assert np.array_equal(one.bias.astype(np.float32), other.bias)


# Measures and tuning


def test_accuracy_and_confusion_count_samples() -> None:
    labels = np.array([0, 1, 2, 2])
    data = Dataset("four", np.zeros((4, 1)), labels, np.array([0, 2]), np.array([1, 3]))
    classes = np.array([0, 1, 1, 2])
    assert measures.accuracy(classes, data) == measures.Accuracy(0.5, 1.0, 0.75)
    assert measures.confusion(classes, labels).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]


def test_agreement_finds_slope_offset_and_effective_bits() -> None:
    expected = np.array([-1.0, -1.0, 1.0, 1.0])
    residual = np.array([0.1, -0.1, 0.1, -0.1])
    found = measures.agreement(0.9 * expected + 0.05 + residual, expected)
    assert found.slope == pytest.approx(0.9)
    assert found.offset == pytest.approx(0.05)
    assert found.pearson == pytest.approx(0.9 / np.hypot(0.9, 0.1))
    assert found.sndr == pytest.approx(20 * np.log10(9.0))
    assert found.effective_bits == pytest.approx((20 * np.log10(9.0) - 1.76) / 6.02)
    assert found.nrmse == pytest.approx(np.sqrt(np.mean((-0.1 * expected + 0.05 + residual) ** 2)) / 2.0)


def test_agreement_of_equal_and_of_constant_values_raises_no_warning() -> None:
    values = np.array([0.0, 1.0, 4.0])
    same = measures.agreement(values, values)
    assert (same.pearson, same.slope, same.nrmse) == (pytest.approx(1.0), 1.0, 0.0)
    assert same.effective_bits == np.inf
    assert np.isnan(measures.agreement(np.ones(3), values).pearson)
    assert np.isnan(measures.agreement(values, np.ones(3)).slope)


def test_the_scale_of_a_copy_with_weak_conductances_is_found_where_it_belongs(shipped: files.NetworkFile) -> None:
    data, network = wine(), shipped.networks[17]
    software = tune.scale_in_software(network, data)
    weak = [0.8 * np.where(layer.devices == 1, GON, GOFF) for layer in network.layers]
    array = tune.scale_on_array(network, data, conductances=weak, window=GON - GOFF)
    assert array.scale == pytest.approx(0.8 * software.scale, abs=0.02)
    assert software.train.max() == array.train.max()
    assert software.plateau[0] <= software.scale <= software.plateau[1]


def test_the_scale_is_the_middle_of_the_widest_plateau_on_training_samples_alone() -> None:
    data = Dataset("two", np.zeros((2, 1)), np.array([1, 0]), np.array([0]), np.array([1]), 2)
    train_right = np.array([1, 0, 1, 1, 1, 1, 0])
    test_right = np.array([0, 1, 0, 0, 0, 0, 1])

    def scores(scales: np.ndarray) -> np.ndarray:
        train = np.stack([1 - train_right, train_right], axis=-1)
        test = np.stack([test_right, 1 - test_right], axis=-1)
        return np.stack([train, test], axis=1).astype(float)

    found = tune.scale(scores, data, scales=np.arange(1.0, 8.0))
    assert found.scale == 4.0
    assert found.plateau == (3.0, 6.0)
    assert found.train.tolist() == train_right.tolist()
    assert found.test.tolist() == test_right.tolist()


def test_scores_that_cannot_be_used_are_refused() -> None:
    data = wine()
    with pytest.raises(InputError, match=r"\(141, 178, 3\) is expected"):
        tune.scale(lambda scales: np.zeros((1, 178, 3)), data)
    with pytest.raises(InputError, match="not finite"):
        tune.scale(lambda scales: np.full((len(scales), 178, 3), np.nan), data)
