"""The report of a study: one page from plain tables, and every figure a file of its own."""

import csv
import io
import re
import time
from xml.etree import ElementTree

import numpy as np
import pytest

from labmtj.report import svg
from labmtj.report.study import inverse, overview, placing
from labmtj.report.study.content import Content, chosen, texts
from labmtj.report.study.density import binned, rank_correlation
from labmtj.report.study.page import study_page, write_study_report
from labmtj.studies import summary

ALL = ("untuned", "scale", "layer_scales", "columns", "rows_columns", "bias", "threshold", "best")
FAILURES = ("spread", "write_errors", "wires", "noise", "defects")
SIZES, WIRES = (15.0, 20.0, 30.0, 40.0, 50.0, 75.0, 100.0), (1.0, 5.0, 20.0)


def copies(*, networks=6, dies=2, sizes=(15.0, 40.0, 100.0), wires=(1.0, 20.0), failed=True, tunings=ALL):
    """A table as a study writes it, from chance alone: losses grow with size and wire, and with 15 nm."""
    chance = np.random.default_rng(7)
    axes = np.meshgrid(np.array(sizes), np.array(wires), np.arange(dies), np.arange(networks), indexing="ij")
    diameter, wire, die, network = (axis.ravel() for axis in axes)
    rows = len(diameter)
    base = chance.uniform(0.96, 1.0, networks)[network.astype(int)]
    wrong = chance.poisson(np.where(diameter < 18, 4.0, 0.6), rows)
    loss = 0.006 * (diameter / 40) ** 2 * wire**0.8 * chance.lognormal(0, 0.35, rows) + 0.004 * wrong
    cure = {"untuned": 1.0, "scale": 0.25, "layer_scales": 0.22, "columns": 0.06, "rows_columns": 0.05}
    cure |= {"bias": 0.5, "threshold": 0.4, "best": 0.03}
    table = {
        "diameter_nm": diameter,
        "r_wire_ohm": wire,
        "die": die.astype(int),
        "network": network.astype(int),
        "place": np.full(rows, "optimise"),
        "wrong": wrong.astype(float),
        "write_fidelity": 1 - wrong / 192,
        "write_fidelity_good": 1 - np.maximum(wrong - 1, 0) / 192,
        "scale": 1 / (1 + 0.3 * loss / 0.01) + chance.normal(0, 0.02, rows),
        "software_scale": np.full(rows, 0.93),
        "m_expected_disagreement": loss * chance.lognormal(0, 0.2, rows),
        "m_pearson_layer_1": 1 - 0.3 * loss,
    }
    for part, samples in (("train", 148), ("test", 30), ("all", 178)):
        software = np.round(base * samples) / samples
        table[f"{part}_software"] = np.round((software - 0.015) * samples) / samples
        table[f"{part}_software_scale"] = software
        for name in tunings:
            left = np.clip(software - cure[name] * loss + chance.normal(0, 0.004, rows), 0.2, 1)
            table[f"{part}_{name}"] = np.round(left * samples) / samples
    if failed:
        lost = (diameter == sizes[-1]) & (wire == wires[-1]) & (die == dies - 1)
        for name, column in list(table.items()):
            if name.startswith(("train_", "test_", "all_", "wr", "m_", "scale")) and "software" not in name:
                table[name] = np.where(lost, np.nan, column)
    return table


def side_tables(table, *, sizes=(15.0, 40.0, 100.0), wires=(1.0, 20.0)):
    """Side tables of the shapes that the report's content describes."""
    chance = np.random.default_rng(8)
    variants = [(v, f) for v in ("only", "without") for f in FAILURES] + [("all", ""), ("none", "")]
    lines = [(v, f, d, w, t) for v, f in variants for d in sizes for w in wires for t in ("untuned", "scale", "best")]
    variant, failure, diameter, wire, tuning = (np.array(column) for column in zip(*lines, strict=True))
    size = np.array([FAILURES.index(f) + 1.0 if f else 6.0 for f in failure]) * diameter / 40
    gap = -0.4 * size * np.where(tuning == "untuned", 4.0, np.where(tuning == "scale", 1.0, 0.2))
    gap[variant == "none"] = 0.02
    ablation = {"variant": variant, "failure": failure, "diameter_nm": diameter, "r_wire_ohm": wire, "tuning": tuning}
    ablation |= {f"gap_{part}": gap + chance.normal(0, 0.05, len(gap)) for part in ("train", "test", "all")}
    planes = []
    for plane, x_axis, y_axis in (
        ("Spread and write errors", "spread of G / window", "write errors (%)"),
        ("Wires and leakage", "wire (ohm a segment)", "leakage (share of G)"),
    ):
        x, y = np.meshgrid(np.linspace(0.01, 0.3, 9), np.linspace(0.0, 8.0, 8))
        slope = 0.9 * x**2 + 0.0015 * y**2
        # wires as people choose them: 1, 2, 5, 10 ...
        x = np.array([1.0, 2, 5, 10, 20, 50, 100, 200, 500])[np.newaxis].repeat(8, 0) if "Wires" in plane else x
        planes.append((np.full(x.size, plane), np.full(x.size, x_axis), np.full(x.size, y_axis), x.ravel(), y.ravel()))
        planes[-1] += ((0.985 - slope).ravel(),)
    names = ("plane", "x_axis", "y_axis", "x", "y", "median")
    inverse = {name: np.concatenate([plane[n] for plane in planes]) for n, name in enumerate(names)}
    inverse |= {"default_x": np.full(len(inverse["x"]), 0.05), "default_y": np.full(len(inverse["x"]), 0.2)}
    small = chosen(table, table["diameter_nm"] == sizes[0])
    ages = (0.0, 60.0, 600.0, 3600.0, 86400.0, 2592000.0)
    ageing = {"seconds": np.repeat(ages, len(small["die"]))}
    for name in ("diameter_nm", "r_wire_ohm"):
        ageing[name] = np.tile(small[name], len(ages))
    for name in [name for name in small if name.startswith(("train_", "test_"))]:
        fall = np.repeat(np.array([0.0, 0.01, 0.05, 0.12, 0.3, 0.45]), len(small["die"]))
        ageing[name] = np.clip(np.tile(small[name], len(ages)) - (0 if "software" in name else 1) * fall, 0.3, 1)
    scopes = ("pooled", *(f"{size:g} nm" for size in sizes))
    measures = [
        ("expected_disagreement", "none", 0.93),
        ("pearson_layer_1", "none", -0.8),
        ("margin_shift", "all", 0.7),
    ]
    measures += [(f"measure_{n}", "all", 0.6 - 0.05 * n) for n in range(20)]
    targets = ("untuned accuracy drop", "rise of loss after tuning")
    predicted = [
        (t, m, s, lab, r * (1 if s == "pooled" else 0.3)) for t in targets for m, lab, r in measures for s in scopes
    ]
    target, measure, scope, labels, value = (np.array(column) for column in zip(*predicted, strict=True))
    prediction = {"target": target, "measure": measure, "scope": scope, "labels": labels, "spearman": value}
    prediction |= {"low": value - 0.1, "high": value + 0.06}
    costs = {"tuning": np.array(ALL), "measurements": np.array([0, 0, 0, 30, 0, 0, 148, 30])}
    costs |= {"calibration": np.array(["", "", "", "inputs", "", "", "inputs", "inputs"]), "labels": np.full(8, "none")}
    scales = {"f": np.linspace(0.5, 1.5, 21)}
    scales |= {"train": 0.985 - (scales["f"] - 0.93) ** 2, "test": 0.94 - (scales["f"] - 0.93) ** 2}
    drop = table["train_software_scale"] - table.get("train_untuned", table["train_software_scale"])
    return {
        "ablation": ablation,
        "inverse": inverse,
        "crossings": {"label": np.array(["wire (ohm a segment)", "leakage"]), "at": np.array([31.4159, np.nan])},
        "ageing": ageing,
        "prediction": prediction,
        "costs": costs,
        "scales": scales,
        "targets": {targets[0]: drop, targets[1]: drop * np.abs(drop)},
        "predictors": {targets[0]: "expected_disagreement", targets[1]: "expected_disagreement"},
    }


def content(table, **more):
    facts = {"labmtj": "0.1", "seed": "1", "networks' files": "shipped"}
    return Content(title="A study of chance", copies=table, summary=summary.rows(table), facts=facts, **more)


@pytest.fixture(scope="module")
def whole():
    return study_page(content(TABLE, **_few(side_tables(TABLE)), sentences={"measures": ["One measure is <first>."]}))


TABLE = copies(sizes=(15.0, 100.0), wires=(20.0,), tunings=("untuned", "scale", "best"))


def _few(tables):
    """Fewer figures: each takes matplotlib a while."""
    tables["ageing"] = {name: column for name, column in tables["ageing"].items() if not name.startswith("test_")}
    tables["ablation"] = chosen(tables["ablation"], tables["ablation"]["tuning"] == "scale")
    tables["inverse"] = chosen(tables["inverse"], tables["inverse"]["plane"] == "Wires and leakage")
    tables["prediction"] = chosen(tables["prediction"], tables["prediction"]["target"] == "untuned accuracy drop")
    return tables


def _headings(page):
    return re.findall("<h2>(.*?)</h2>", page)


def test_a_page_of_all_tables_has_every_section_in_its_order(whole):
    assert _headings(whole[0]) == [
        "What was found",
        "By diameter and wire",
        "Accuracy by size and wire",
        "Write fidelity, and accuracy against it",
        "Effect and cost of each tuning",
        "Placement",
        "Which failures cause the loss",
        "Measures: what predicts a good copy",
        "The inverse question: what gives 95.3 %?",
        "Time since the write",
        "Provenance",
    ]
    assert "One measure is &lt;first&gt;." in whole[0]
    said = "wire (ohm a segment): at 31.4; leakage: at none of the values tried."
    assert said in whole[0]


def test_the_page_needs_nothing_else(whole):
    page = whole[0]
    assert re.findall(r"""(?:src|href|url\(|@import)\W*(?:https?:|//|data:|file:)""", page) == []
    assert set(re.findall(r"https?://[^\"'< ]*", page)) == {"http://www.w3.org/2000/svg"}
    assert "<script" not in page
    assert "<link" not in page


def test_no_two_elements_of_the_page_have_one_name(whole):
    names = re.findall(r' id="([^"]*)"', whole[0])
    assert len(names) == len(set(names)) > 0


def test_every_figure_has_a_text_for_those_who_do_not_see_it(whole):
    page, drawings = whole
    assert len(re.findall(r'<svg [^>]*role="img" [^>]*aria-label="[^"]{20,}"', page)) == len(drawings)


def test_a_figure_stands_alone_with_its_own_ink_and_its_numbers(whole):
    for drawing in whole[1]:
        root = ElementTree.fromstring(drawing.alone)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "currentColor" not in drawing.alone
        assert "currentColor" in drawing.inline
        lines = list(csv.reader(io.StringIO(drawing.numbers)))
        assert len(lines) > 1, drawing.name
        assert {len(line) for line in lines} == {len(lines[0])}


def test_numbers_of_a_figure_are_those_of_the_summary(whole):
    numbers = next(drawing.numbers for drawing in whole[1] if drawing.name == "accuracy_train_20ohm")
    found = next(
        line
        for line in csv.DictReader(io.StringIO(numbers))
        if line["diameter_nm"] == "15" and line["tuning"] == "scale"
    )
    row = next(row for row in summary.rows(TABLE) if (row["diameter_nm"], row["r_wire_ohm"]) == (15.0, 20.0))
    assert float(found["median"]) == pytest.approx(row["train_scale_median"], rel=1e-6)
    assert float(found["p5"]) == pytest.approx(row["train_scale_p5"], rel=1e-6)


def test_the_same_content_makes_the_same_figures(whole):
    again = {drawing.name: drawing for drawing in _section(inverse, **_few(side_tables(TABLE))).drawings}
    assert list(again) == ["inverse_wires_and_leakage"]
    assert [drawing for drawing in whole[1] if drawing.name in again] == list(again.values())


def _section(module, table=TABLE, **more):
    with svg.styled():
        return module.section(content(table, **more))


def test_one_network_on_one_die_makes_a_page_that_says_what_is_not_there(tmp_path):
    table = copies(networks=1, dies=1, sizes=(40.0,), wires=(5.0,), failed=False, tunings=("untuned", "scale"))
    table = {name: column for name, column in table.items() if not name.startswith(("test_", "all_", "write_"))}
    page = write_study_report(tmp_path, content(table)).read_text(encoding="utf-8")
    assert "The study has no write fidelity: nothing was written." in page
    assert "1 copy was judged: 1 network on 1 die of one kind" in page
    assert "This study has no ablation." in page
    assert "This study has no answer to the inverse question." in page
    assert "No measure was compared with accuracy in this study." in page
    assert "Copies were judged only once, right after the write." in page
    files = sorted(file.name for file in (tmp_path / "figures").iterdir())
    assert "accuracy_train_5ohm.svg" in files
    assert [f"{name[:-4]}.csv" for name in files if name.endswith(".svg")] == [n for n in files if n.endswith(".csv")]


def test_dies_that_all_failed_make_a_page_without_numbers():
    table = copies(networks=2, dies=1, sizes=(100.0,), wires=(20.0,), tunings=("untuned", "scale"))
    page, _ = study_page(content(table))
    assert "0 copies were judged" in page
    assert "2 more could not be judged" in page
    assert re.findall(r"\bnan\b", page) == []


def test_a_study_of_nothing_makes_a_page():
    page, _ = study_page(Content(title="Nothing", copies={}, summary=[], facts={}))
    assert "nothing was found" in page


def test_several_placements_are_compared_and_one_of_them_shown_elsewhere():
    first = copies(networks=3, sizes=(40.0,), wires=(5.0,), failed=False, tunings=("untuned", "best"))
    second = {**first, "place": np.full(len(first["die"]), "identity"), "train_best": first["train_best"] - 0.02}
    table = {name: np.concatenate([second[name], first[name]]) for name in first}
    assert content(table).place == "optimise"
    assert "Figures and tables show the placement optimise" in "".join(overview.in_words(content(table)))
    numbers = next(drawing.numbers for drawing in _section(placing, table).drawings if drawing.name == "placement_best")
    gap = {line["place"]: float(line["gap_train_mean"]) for line in csv.DictReader(io.StringIO(numbers))}
    assert gap["optimise"] - gap["identity"] == pytest.approx(2.0)


def test_texts_of_a_table_may_be_bytes_as_hdf5_gives_them():
    table = {"place": np.array([b"identity", b"optimise"]), "network": np.array([1, 2])}
    assert texts(table, "place").tolist() == ["identity", "optimise"]
    assert texts({"place": table["place"].astype(object)}, "place").tolist() == ["identity", "optimise"]
    assert texts(table, "tuning").tolist() == ["", ""]


def test_ranks_that_are_equal_count_at_their_mean():
    x, y = np.array([1.0, 2.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0, 40.0])
    # ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4: 4.5 / sqrt(4.5 * 5)
    assert rank_correlation(x, y) == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert np.isnan(rank_correlation(x, np.ones(4)))


def test_values_on_a_raster_are_counted_in_whole_steps():
    chance = np.random.default_rng(4)
    right, loss = chance.integers(100, 149, 5000) / 148, chance.normal(0, 1, 5000)
    counts, x, _ = binned(right, loss)
    assert int(counts.sum()) == 5000
    steps = np.diff(x) * 148
    assert steps == pytest.approx(np.full(len(steps), steps[0]))
    assert steps[0] == pytest.approx(round(steps[0]))


@pytest.mark.slow
def test_a_report_of_31500_copies_stays_small_and_quick():
    table = copies(networks=300, dies=5, sizes=SIZES, wires=WIRES)
    tables = side_tables(table, sizes=SIZES, wires=WIRES)
    begun = time.process_time()
    page, drawings = study_page(content(table, **tables))
    assert time.process_time() - begun < 25
    assert len(page.encode()) < 3_000_000
    assert max(len(drawing.inline) for drawing in drawings) < 200_000
