"""Switching, disturb and retention as protocols, on a small die, with what the report makes of them."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labmtj.config import yaml12
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.errors import FileProblems, InputError, LimitExceeded
from labmtj.protocol.kinds import ReportStep
from labmtj.protocol.kinds.chosen import chosen_cells, forget_states
from labmtj.protocol.load import load_protocol
from labmtj.protocol.progress import Progress
from labmtj.records import Cell
from labmtj.report.findings import sections
from labmtj.runs.journal import MemoryJournal
from labmtj.runs.tables import finding
from labmtj.twin.access import TwinArray

SIZE = 4
SMALL = (
    f'lines.rows={{"1..{SIZE}": "1..{SIZE}"}}', f'lines.cols={{"1..{SIZE}": "7..{SIZE + 6}"}}',
    f"array.rows={SIZE}", f"array.cols={SIZE}",
    *(f'simulation.die.defects.{kind}="0 %"' for kind in ("short", "open", "stuck")),
)  # fmt: skip
SCRIPTS = Path(__file__).parents[2] / "protocols" / "scripts"


def carried_out(name, *settings):
    """The steps of a shipped protocol on a small die; its progress, and the lines by kind."""
    loaded = load_protocol(name, overrides=(*SMALL, *settings), seed=3)
    journal = MemoryJournal()
    progress = Progress(None, None, TwinArray(loaded.bench, journal), journal)
    lines = {}
    for step in loaded.protocol.steps:
        if not isinstance(step, ReportStep):
            ticks = []
            items = step.items(progress) if step.kind not in {"polarity", "map"} else None
            lines.setdefault(step.kind, []).append(
                step.carry_out(progress, lambda done=1, ticks=ticks: ticks.append(done))
            )
            assert items in (None, sum(ticks))
    return progress, lines


def found(progress):
    """What the steps found, as groups of run.h5."""
    groups = {}
    for entry in progress.journal.entries:
        if entry["k"] == "finding":
            name = entry["name"] if entry["name"] not in groups else f"{entry['name']}2"
            groups[name] = finding(entry)
    return groups


def drawn(progress):
    """Sections of the report, and groups, by the name of the finding."""
    groups = found(progress)
    return dict(zip(groups, sections(groups), strict=True)), groups


@pytest.fixture(scope="module")
def switching():
    return carried_out("switching", "switching.cells=2", "switching.pulses=50", "write_error.pulses=10")


def test_the_switching_protocol_fills_the_die_map(switching):
    progress, lines = switching
    die, truth = progress.known_map, progress.array.electrics.truth
    known = np.isfinite(die.v_c0_p)
    assert 2 == known.sum() == np.isfinite(die.delta_ap).sum()
    assert known.sum() <= np.isfinite(die.v_switch_p).sum() <= 4
    expected = (truth.v_c0 * (1 - truth.stray_field))[known]
    assert np.abs(die.v_c0_p[known] / expected - 1).max() < 0.15
    assert 2 == len(lines["switching"])
    assert "V_c0" in lines["switching"][0]
    assert "V_c0" not in lines["switching"][1]


def test_what_steps_find_is_on_the_reference_page(switching, on_the_page):
    on_the_page(found(switching[0]))


def test_what_was_pulsed_is_of_unknown_state(switching):
    progress = replace(switching[0], journal=MemoryJournal())
    progress.die_map = replace(progress.known_map, state=None)
    forget_states(progress)
    assert [] == progress.journal.entries
    progress.die_map = replace(progress.known_map, state=np.zeros((4, 4), int))
    forget_states(progress, [Cell(2, 3)])
    assert [[1, 2]] == np.argwhere(progress.known_map.state == -1).tolist()
    forget_states(progress)
    assert 16 == (progress.known_map.state == -1).sum()


def test_switching_is_drawn_with_its_estimates(switching):
    html, groups = drawn(switching[0])
    assert {"switching", "switching2", "write_error"} == set(html)
    assert 2 == html["switching"].count("<svg")
    assert "V_c0 P" in html["switching"]
    assert "V_c0 P" not in html["switching2"]
    fired = groups["switching"].variables["fired"].values
    assert (2, 2) == fired.shape[:2]
    assert 60 < fired.sum() <= 100


def test_write_errors_state_the_rule_of_three(switching):
    progress, lines = switching
    group = found(progress)["write_error"]
    assert 0.0722 == pytest.approx(group.attributes["rate_p_bound"], abs=1e-4)  # 1 - 0.05^(1/40)
    assert "3 over the pulses" in lines["write_error"][0]


def test_disturb_and_retention_run_and_are_drawn(on_the_page):
    progress, lines = carried_out(
        "disturb", "half_select.pulses=20", 'read_disturb.dwell="200 ms"', "read_disturb.cells=6"
    )
    html, groups = drawn(progress)
    on_the_page(groups)
    assert {"half_select", "read_disturb", "retention"} == set(html) == set(lines) - {"contact", "polarity", "map"}
    assert [1, 2, 1] == [html[name].count("<svg") for name in ("half_select", "read_disturb", "retention")]
    assert 6 * 20 == groups["half_select"].attributes["cell_pulses_p"]
    assert 86400 <= groups["retention"].attributes["waited_second"]
    assert progress.array.clock.now() > 86400


def small_bench(folder):
    """The default bench with a small die, in a file."""
    data = dict(read(find("benches", "simulated-15x15")).data)
    lines = {"rows": {"1..2": "1..2"}, "cols": {"1..2": "7..8"}}
    defects = dict.fromkeys(("short", "open", "stuck"), "0 %")
    data |= {"lines": lines, "array": {"rows": 2, "cols": 2}}
    data["simulation"] = {"die": {"diameter": "40 nm", "seed": 3, "defects": defects}}
    path = folder / "small.yaml"
    path.write_text(yaml12.dump(data), encoding="utf-8")
    return path


def test_the_script_of_one_cell_says_its_intervals(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["script", str(small_bench(tmp_path)), "60"])
    runpy.run_path(str(SCRIPTS / "switching_of_one_cell.py"), run_name="__main__")
    *said, last = capsys.readouterr().out.splitlines()
    assert ["to P: v_c0", "to P: delta", "to AP: v_c0", "to AP: delta"] == [" ".join(x.split()[:3]) for x in said]
    assert 10 < float(last.split()[2]) < 100


def test_the_script_of_waiting_counts_what_is_left(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["script", str(small_bench(tmp_path))])
    runpy.run_path(str(SCRIPTS / "waiting.py"), run_name="__main__")
    assert capsys.readouterr().out.startswith("4 cells after 86.4")


def test_cells_are_chosen_over_the_whole_array(switching):
    die = switching[0].known_map
    assert [Cell(1, 2), Cell(3, 4)] == chosen_cells(((1, 2), (3, 4)), die)
    assert 16 == len(chosen_cells("all", die))
    some = chosen_cells(4, die)
    assert 4 == len({cell.col for cell in some} | {cell.row for cell in some})
    with pytest.raises(InputError, match="16 good ones"):
        chosen_cells(17, die)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("switching.cells=[[9, 1]]", "not on the array"),
        ("switching.cells=0", "no choice of cells"),
        ('switching.widths=["1 s", "1 s"]', "stands twice"),
        ("write_error.cells=[[1, 1], [1, 1]]", "stands twice"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_runs(setting, message):
    with pytest.raises(FileProblems, match=message):
        load_protocol("switching", overrides=(*SMALL, setting))


def test_a_ceiling_above_the_limit_is_refused_before_anything_runs():
    with pytest.raises(LimitExceeded, match="above its limit"):
        load_protocol("switching", overrides=(*SMALL, 'switching.ceiling="3 V"'))


def test_flip_probabilities_are_calibrated_and_counted(on_the_page):
    progress, lines = carried_out(
        "flip-probability", "flip_probability.cells=2", "flip_probability.pulses=60", "flip_probability.trials=8",
        "flip_probability.asked=[0.1, 0.9]",
    )  # fmt: skip
    pages, groups = drawn(progress)
    figures = groups["flip_probability"].attributes
    on_the_page(groups)
    assert {"switching", "flip_probability"} <= set(groups)
    assert "asked: realised" in lines["flip_probability"][0]
    assert "Flip probabilities, asked and realised" in pages["flip_probability"]
    assert 2 * 2 * 2 * 8 <= figures["pulses"]
    assert figures["realised_p_asked_0.1"] < figures["realised_p_asked_0.9"]
    assert 2 == np.isfinite(progress.known_map.delta_p).sum()
