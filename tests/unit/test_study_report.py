"""The report of a study: one page from plain tables, and every figure a file of its own."""

import csv
import io
import re
import xml.etree.ElementTree as xml

import numpy as np
import pytest

from labmtj.report.study.content import Content, chosen
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
        for name in table:
            if name.startswith(("train_", "test_", "all_", "wr", "m_", "scale")) and "software" not in name:
                table[name] = np.where(lost, np.nan, table[name])
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
        x = np.where(plane.startswith("Wires"), 10 ** (x * 6), x)
        slope = 0.9 * (np.log10(x) / 6 if plane.startswith("Wires") else x) ** 2 + 0.0015 * y**2
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
    measures = [("expected_disagreement", "none", 0.93), ("pearson_layer_1", "none", -0.8), ("margin_shift", "all", 0.7)]
    measures += [(f"measure_{n}", "all", 0.6 - 0.05 * n) for n in range(20)]
    targets = ("untuned accuracy drop", "rise of loss after tuning")
    predicted = [(t, m, s, lab, r * (1 if s == "pooled" else 0.3)) for t in targets for m, lab, r in measures for s in scopes]
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
        "ageing": ageing,
        "prediction": prediction,
        "costs": costs,
        "scales": scales,
        "targets": {targets[0]: drop, targets[1]: drop**1.5},
        "predictors": {targets[0]: "expected_disagreement", targets[1]: "expected_disagreement"},
    }


def content(table, **more):
    facts = {"labmtj": "0.1", "seed": "1", "networks' files": "shipped"}
    return Content(title="A study of chance", copies=table, summary=summary.rows(table), facts=facts, **more)
