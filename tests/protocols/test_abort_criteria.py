"""Criteria of a protocol that end a run: each of them where it must, and none where nothing is wrong."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvisa
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.config import yaml12
from labmtj.config.source import read
from labmtj.errors import Aborted, CannotResume, FileProblems, LimitExceeded
from labmtj.nets.chips.files import ChipNetworkFile, write_network
from labmtj.nets.chips.network import ChipLayer, ChipNetwork
from labmtj.protocol import engine
from labmtj.protocol.load import load_protocol
from labmtj.protocol.observer import Silent
from labmtj.records import Cell, Defect
from labmtj.routines.characterise import map_die
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.soundness import new_shorts
from labmtj.routines.writing.picture import Picture
from labmtj.runs import netcdf
from labmtj.runs.journal import read_journal
from labmtj.runs.status import read_status

THREE = Path(__file__).parents[1] / "faults" / "three"
CHIP = Path(__file__).parent / "chip"
ALL = "{failed_cells: 0, failed_share: 1 %, r_p_drift: 2 %, leakage: 20 nA, shorts: 0, every: 2}"
WEAK = "{ap_to_p: 150 mV, p_to_ap: 150 mV}"


def three(folder, abort, *, begin="", amplitude="from_map", die=None, end=""):
    """A protocol that writes six cells of nine, and its bench, with another die where that is said."""
    data = dict(read(THREE / "bench.yaml").data)
    data["simulation"] = {"die": {"diameter": "40 nm", "wire": "5 ohm", "seed": 9, **(die or {})}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.yaml").write_text(yaml12.dump(data), encoding="utf-8")
    begin = begin or (
        "  - polarity: {start: 250 mV, step: 20 mV, ceiling: 600 mV, read: 50 mV}\n  - map: {read: 50 mV}\n"
    )
    (folder / "mine.yaml").write_text(
        f"title: Three\nformat: 1\noperator: Ada\nsample: W3-17\n"
        f"network: {{files: {THREE / 'network'}, solution: 1}}\nsteps:\n{begin}"
        f"  - program: {{layer: 1, pulse: {{amplitude: {amplitude}, width: 100 us}}, retries: 1}}\n"
        f"  - infer: {{layer: 1, inputs: map, samples: all}}\n{end}abort: {abort}\n",
        encoding="utf-8",
    )
    return {"protocol": folder / "mine.yaml", "bench": folder / "bench.yaml", "out": folder / "runs"}


def entries(folder, *kinds):
    return [entry for entry in read_journal(folder / "journal.jsonl") if entry["k"] in kinds]


def ended(made, observer=None):
    """The run that a criterion ends: its folder, and the entry of what was met."""
    with pytest.raises(Aborted) as error:
        engine.run(**made, observer=observer)
    assert 9 == error.value.exit_code
    folder = max(made["out"].iterdir())
    (met,) = entries(folder, "abort")
    assert met["text"] in str(error.value)
    return folder, met


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A run that states every criterion and meets none."""
    return engine.run(**three(tmp_path_factory.mktemp("good"), ALL)).folder


def test_nothing_ends_a_run_with_which_nothing_is_wrong(good):
    assert [] == entries(good, "abort")
    checks = entries(good, "check")
    whens = dict.fromkeys(c["when"] for c in checks)
    assert ["after map", "while writing", "after program"] == list(whens)  # inference from readings that the map has
    assert all(c["shorts"] == 0 and c["leakage"] < 20e-9 and c["seconds"] > 0 for c in checks)
    assert abs(checks[-1]["r_p_drift"]) < 0.02
    table = netcdf.read(good / "run.h5")["checks"].variables
    assert [c["leakage"] for c in checks] == table["leakage"].values.tolist()
    assert "s" == table["duration"].units


def test_cells_that_cannot_be_written_end_a_run_as_they_are_counted(tmp_path):
    folder, met = ended(three(tmp_path, "{failed_cells: 1}", amplitude=WEAK, end="  - report:\n"))
    assert ("failed_cells", 2, 1) == (met["criterion"], met["found"], met["limit"])
    assert [] == entries(folder, "program")  # in the middle of the step
    status = read_status(folder)
    assert ("aborted", "failed_cells") == (status.how, status.criterion)
    assert "the bench was left safe: sources at 0 V and off, relays open" in status.lines
    root = netcdf.read(folder / "run.h5")["/"].attributes
    assert "aborted" == root["ended"]
    assert {"failed_cells": 1.0} == json.loads(root["abort"])
    assert "failed_cells" == json.loads(root["abort_met"])["criterion"]
    page = (folder / "report.html").read_text("utf-8")
    assert "This run aborted: Aborted: abort criterion failed_cells" in page
    assert "Sample: W3-17; Operator: Ada" in page


def test_a_share_of_failed_cells_is_judged_once_it_is_a_whole_cell_and_at_the_end_of_a_step(tmp_path):
    folder, met = ended(three(tmp_path / "a", "{failed_share: 50 %}", amplitude=WEAK))
    assert ("failed_share", 0.5) == (met["criterion"], met["limit"])
    assert 0.5 < met["found"] <= 1.0
    assert [] == entries(folder, "program")
    folder, met = ended(three(tmp_path / "b", "{failed_share: 10 %}", amplitude=WEAK))
    assert 0.1 < met["found"] <= 1.0
    assert 1 == len(entries(folder, "program"))  # ten cells are not written here: judged when the step is over


def test_an_aborted_run_goes_on_only_when_somebody_says_what_was_found(tmp_path):
    made = three(tmp_path, "{failed_cells: 1, failed_share: 100 %}", amplitude=WEAK)
    folder, _ = ended(made)
    runner = CliRunner()
    with pytest.raises(CannotResume, match="failed_cells: 2 cells could not be written"):
        engine.resume(folder)
    lines = runner.invoke(app, ["status", str(folder)]).stdout
    assert f"labmtj resume {folder} --past-abort" in lines
    done = runner.invoke(app, ["resume", str(folder), "--past-abort", "they are stuck", "-q"])
    assert 8 == done.exit_code  # done, but cells could not be written
    (passed,) = entries(folder, "past_abort")
    assert ("failed_cells", "they are stuck") == (passed["criterion"], passed["text"])
    assert "done" == read_status(folder).how
    assert "{}" == netcdf.read(folder / "run.h5")["/"].attributes["abort_met"]


def opened(good):
    return f"  - open_map: {{file: {good / 'die.h5'}, cells: 8}}\n"


def test_a_set_up_whose_r_p_has_drifted_since_the_map_ends_a_run(good, tmp_path):
    warmer = {"temperature": "330 K", "r_p_per_kelvin": -0.001, "r_ap_per_kelvin": -0.001}
    _, met = ended(three(tmp_path, "{r_p_drift: 2 %}", begin=opened(good), die=warmer))
    assert "r_p_drift" == met["criterion"]
    assert -0.03 == pytest.approx(met["found"], abs=0.006)
    assert "% off the map's, 2 % are allowed" in met["text"]


def test_new_shorts_are_found_in_sums_and_the_map_s_own_are_none(open_door):
    door = open_door("array", defects={"short": 0.02})
    array, cells = door.array, spare_cells(door.array.shape)
    polarity = find_polarity(array, cells=cells, start=0.2, step=0.02, ceiling=0.6, width=1e-4, read=0.05)
    mapped = map_die(array, polarity=polarity, read=0.05, width=1e-4, wire=5.0)
    bad = mapped.defect == Defect.SHORT
    shorts = {Cell(int(row) + 1, int(col) + 1) for row, col in np.argwhere(bad)}
    assert len(shorts) >= 2
    for wire in (5.0, None):
        die = replace(mapped, wire=wire)
        assert [] == new_shorts(array, die, die.state, read=0.05, picture=Picture(die))
        believed = replace(
            die,
            defect=np.where(bad, int(Defect.NONE), die.defect),
            r_p=np.where(bad, 1.0 / die.conductance_p, die.r_p),
            r_ap=np.where(bad, 1.0 / die.conductance_ap, die.r_ap),
        )
        looks = sum(entry["k"] == "read" for entry in door.journal.entries)
        assert shorts == set(new_shorts(array, believed, die.state, read=0.05, picture=Picture(believed)))
        # Only rows with a short were read cell by cell.
        rows = np.array(sorted({cell.row for cell in shorts})) - 1
        good = int(believed.good[rows].sum())
        assert looks + good == sum(entry["k"] == "read" for entry in door.journal.entries)


def test_a_cell_that_has_become_a_short_since_the_map_ends_a_run(tmp_path):
    made = three(tmp_path, "{shorts: 0}")
    folder, met = ended(made, Saboteur(made["out"], "map", "short"))
    assert ("shorts", 1) == (met["criterion"], met["found"])
    assert [] == entries(folder, "program")
    assert [[2, 2]] == entries(folder, "check")[0]["shorted"]


class Saboteur(Silent):
    """When a step is over, a relay sticks or a barrier breaks."""

    def __init__(self, out, step, what):
        self.out, self.at, self.what = out, step, what

    def done(self, name, line, bench_seconds, *, replayed=False):
        if name != self.at:
            return
        (path,) = self.out.glob("*/bench.yaml")
        twin = pyvisa.ResourceManager(f"{path}@labmtj").visalib.bench
        if self.what == "short":
            twin.world.electrics.state.broken[1, 1] = 1
            twin.world.electrics._short_out(1, 1)
        else:
            twin.faults.add("stuck", relay=self.what, closed=True)


def test_current_where_no_row_is_selected_ends_a_run(tmp_path):
    made = three(tmp_path, "{leakage: 20 nA}")
    _, met = ended(made, Saboteur(made["out"], "map", "A2"))
    assert "leakage" == met["criterion"]
    assert met["found"] is None  # the drive is tied to a line at ground
    assert "more current than the range shows flow with no row selected, 20 nA are allowed" in met["text"]


@pytest.mark.parametrize(("number", "beside"), [(1, -5), (1, 0), (-1, 1)])
def test_a_run_that_died_around_a_check_finds_the_same_again(number, beside, good, tmp_path):
    shutil.copytree(good, tmp_path / "cut")
    journal = tmp_path / "cut" / "journal.jsonl"
    lines, found = journal.read_bytes().splitlines(keepends=True), list(read_journal(journal))
    place = [n for n, entry in enumerate(found) if entry["k"] == "check"][number]
    journal.write_bytes(b"".join(lines[: place + beside]))
    assert 1.0 == engine.resume(tmp_path / "cut").figures["write_fidelity"]
    whens = [c["when"] for c in entries(good, "check")]
    again = [c["when"] for c in entries(tmp_path / "cut", "check")]
    assert whens == again[: len(whens)]  # what coming back to a bench has taken is looked at, too
    assert len(entries(good, "intent")) == len(entries(tmp_path / "cut", "intent"))


def chip(folder, abort, *steps):
    """A protocol that writes ten columns of a chip of six kernels, and its bench."""
    random = np.random.RandomState(7)

    def layer(inputs, outputs):
        bits = random.randint(0, 2, (inputs, outputs, 2)).astype(np.uint8)
        return ChipLayer(bits, random.uniform(1.0, 2.0, (1, outputs, 2)), random.normal(0.0, 0.3, outputs))

    network = ChipNetwork("four-five-ten", 2, 2, 3, 5, (layer(4, 5), layer(5, 10)))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(CHIP / "bench.yaml", folder)
    text = (CHIP / "protocol.yaml").read_text(encoding="utf-8").partition("  - infer_network")[0]
    (folder / "protocol.yaml").write_text(f"{text}abort: {abort}\n", encoding="utf-8")
    write_network(folder / "network.npz", ChipNetworkFile(network, "of a test"))
    settings = [f"network.trained={folder / 'network.npz'}", *steps]
    return {"protocol": folder / "protocol.yaml", "bench": folder / "bench.yaml", "settings": settings}


@pytest.mark.slow
def test_criteria_hold_on_a_chip_with_a_transistor_in_every_cell(tmp_path):
    stated = "{failed_cells: 3, failed_share: 5 %, r_p_drift: 3 %, leakage: 100 nA, shorts: 0, every: 30}"
    folder = engine.run(**chip(tmp_path, stated), out=tmp_path / "runs").folder
    checks = entries(folder, "check")
    assert ["after map", "while writing", "while writing", "after program_network"] == [c["when"] for c in checks]
    assert all(c["in_p"] == 7 and abs(c["r_p_drift"]) < 0.01 for c in checks)
    weak = ["program_network.pulse.amplitude={ap_to_p: 150 mV, p_to_ap: 150 mV}", "program_network.retries=0"]
    made = chip(tmp_path, "{failed_cells: 3}", *weak)
    _, met = ended({**made, "out": tmp_path / "weak"})
    assert "failed_cells" == met["criterion"]


BAD = [
    ("{}", "3x3", "8:1", "no criterion is stated"),
    ("{failed_cell: 3}", "3x3", "8:9", "there is no field failed_cell"),
    ("{failed_cells: -1}", "3x3", "8:23", "at least 0"),
    ("{r_p_drift: 3}", "3x3", "8:20", "3 is above 1"),
    ("{leakage: 20}", "3x3", "8:18", "has no unit"),
    ("{failed_cells: 3}", "3x3", "8:9", "no step of this protocol counts failed cells"),
    ("{failed_share: 3 %}", "3x3", "8:9", "no step of this protocol counts failed cells"),
    ("{shorts: 2, cells: [[4, 1]]}", "3x3", "8:28", "cell (4, 1) is not on the array"),
    ("{leakage: 20 nA}", "parallel", "8:9", "there is no drive without a row"),
]


@pytest.mark.parametrize(("abort", "bench", "place", "message"), BAD)
def test_a_criterion_that_is_wrong_or_that_nothing_measures_has_its_place(abort, bench, place, message, tmp_path):
    (tmp_path / "x.yaml").write_text(
        "title: x\nformat: 1\nsteps:\n  - contact:\n  - polarity: {start: 250 mV, step: 20 mV, ceiling: 600 mV, "
        f"read: 50 mV}}\n  - map: {{read: 50 mV}}\n  - verify_nothing:\nabort: {abort}\n".replace(
            "  - verify_nothing:\n", "  - report:\n"
        )
    )
    with pytest.raises(FileProblems) as error:
        load_protocol(tmp_path / "x.yaml", bench=THREE / "bench.yaml" if bench == "3x3" else bench)
    (problem,) = error.value.problems
    assert message in problem.message
    assert place == f"{problem.line}:{problem.column}"


def test_what_needs_a_map_is_refused_without_one_and_checks_are_held_against_limits(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("title: x\nformat: 1\nsteps:\n  - contact:\nabort: {r_p_drift: 3 %, shorts: 1, leakage: 1 nA}\n")
    with pytest.raises(FileProblems) as error:
        load_protocol(path, bench=THREE / "bench.yaml")
    assert 3 == len(error.value.problems)
    path.write_text("title: x\nformat: 1\nsteps:\n  - contact:\nabort: {leakage: 1 nA, read: 900 mV}\n")
    with pytest.raises(LimitExceeded, match="above its limit 700 mV"):
        load_protocol(path, bench=THREE / "bench.yaml")


@pytest.mark.parametrize("bench", ["simulated-15x15", "simulated-1t1r", "keithley", "keysight", "parallel", "lines"])
def test_first_contact_is_for_every_shipped_bench_with_an_array(bench):
    job = load_protocol("first-contact", bench=bench)
    assert {"r_p_drift": 0.03, "shorts": 0.0} == job.protocol.abort.stated


@pytest.mark.slow
def test_first_contact_maps_a_die_and_finds_the_set_up_unchanged(tmp_path):
    folder = engine.run("first-contact", out=tmp_path, seed=3).folder
    assert ["after map", "after contact"] == [check["when"] for check in entries(folder, "check")]
    assert ["confirm", "contact", "polarity", "map", "pause", "contact"] == [e["name"] for e in entries(folder, "done")]
