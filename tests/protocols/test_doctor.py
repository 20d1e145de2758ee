"""The doctor on benches with one thing wrong: it names the line and what is wrong with it."""

import json
import warnings

import pytest
import pyvisa
from typer.testing import CliRunner

from labmtj.bench.doctor import Verdict, examine
from labmtj.bench.session import open_bench, resource_manager
from labmtj.cli import app
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.source import read


def small(tmp_path, name, rows="1..4", cols="5..8"):
    """A simulated 4 x 4 bench like a shipped one, and its world."""
    data = dict(read(find("benches", name)).data)
    data["lines"] = {"rows": {"1..4": rows}, "cols": {"1..4": cols}}
    data["array"] |= {"rows": 4, "cols": 4}
    data["simulation"]["die"]["defects"] = {"short": 0, "open": 0, "stuck": 0}
    path = tmp_path / "small.yaml"
    path.write_text(yaml12.dump(data), encoding="utf-8")
    manager = pyvisa.ResourceManager(f"{path}@labmtj")
    return path, manager.visalib.bench.world, manager


@pytest.fixture
def bench(tmp_path):
    path, world, manager = small(tmp_path, "simulated-15x15")
    yield path, world
    manager.close()


@pytest.fixture
def generator_bench(tmp_path):
    path, world, manager = small(tmp_path, "keysight")
    yield path, world
    manager.close()


def bad(path):
    return {finding.subject: finding.text for finding in examine(load_bench(path)) if finding.verdict is Verdict.BAD}


def test_a_sound_bench_has_nothing_wrong_and_is_left_at_rest(bench):
    path, world = bench
    findings = list(examine(load_bench(path)))
    assert {Verdict.GOOD} == {finding.verdict for finding in findings}
    assert "8 of 8 conduct at 10 mV" == findings[-1].text
    assert [] == world.violations
    assert frozenset() == world.closed
    assert not any(output.hot for output in world.outputs.values())


@pytest.mark.parametrize(
    ("relay", "closed", "line", "says"),
    [
        (("A", 2), False, "row 2", "its drive relay does not close"),
        (("B", 7), False, "col 3", "its sense relay does not close"),
        (("C", 4), False, "row 4", "its ground relay does not close, it floats"),
        (("A", 5), True, "col 1", "its drive relay is stuck closed"),
        (("B", 1), True, "row 1", "its sense relay is stuck closed"),
        (("C", 8), True, "col 4", "its ground relay is stuck closed"),
    ],
)
def test_a_stuck_relay_is_found_and_named_by_its_line(bench, relay, closed, line, says):
    path, world = bench
    world.stick(relay, closed)
    found = bad(path)
    assert [line] == list(found)
    assert says in found[line]


@pytest.mark.parametrize(
    ("relay", "closed", "line", "says"),
    [
        (("D", 2), False, "row 2", "its relay to the generator does not close"),
        (("E", 7), False, "col 3", "its relay to the generator does not close"),
        (("A", 3), False, "row 3", "its drive relay does not close"),
        (("C", 4), False, "row 4", "its ground relay does not close, it floats"),
        (("D", 1), True, "row 1", "its ground relay, or that to the generator, is stuck closed"),
        (("E", 8), True, "col 4", "its ground relay, or that to the generator, is stuck closed"),
    ],
)
def test_relays_to_a_generator_are_examined_too(generator_bench, relay, closed, line, says):
    path, world = generator_bench
    world.stick(relay, closed)
    found = bad(path)
    assert [line] == list(found)
    assert says in found[line]


def test_a_sound_bench_with_a_generator_has_nothing_wrong(generator_bench):
    path, world = generator_bench
    assert {} == bad(path)
    assert [] == world.violations
    assert not any(output.hot for output in world.outputs.values())


def test_a_wrong_model_at_an_address_is_said_with_the_address(bench):
    path, _ = bench
    model = path.with_name("other_smu.yaml")
    model.write_text(find("models", "keithley_2636b").read_text().replace("model: Model 2636B", "model: Model 2602B"))
    text = path.read_text()
    path.write_text(text.replace("model: keithley_2636b", "model: ./other_smu.yaml"))
    found = bad(path)  # the twin of this file was made before it was changed: it is a 2636B still
    assert "should be a Model 2602B but says it is a Model 2636B: check its address" in found["smu"]


def test_limits_that_the_instruments_cannot_keep_are_said(bench):
    path, _ = bench
    path.write_text(path.read_text().replace("line_compliance: 3 mA", "line_compliance: 3 A"))
    assert "its compliance cannot be 3 A" in bad(path)["smu"]


def test_the_command_prints_what_is_wrong_and_ends_with_5(bench):
    path, world = bench
    world.stick(("A", 2), False)
    result = CliRunner().invoke(app, ["doctor", str(path)])
    assert 5 == result.exit_code
    assert "BAD" in result.output
    assert "row 2" in result.output
    result = CliRunner().invoke(app, ["doctor", str(path), "--json"])
    said = json.loads(result.output)
    assert (1, 5) == (said["bad"], result.exit_code)


def test_discover_names_the_sheet_that_fits_each_instrument(bench):
    path, _ = bench
    result = CliRunner().invoke(app, ["discover", "--visa", f"{path}@labmtj", "--json"])
    found = {entry["identity"].split(",")[1].strip(): entry["models"] for entry in json.loads(result.output)["found"]}
    matrices = ["keithley_707b", "keithley_707b_72"]  # they differ in their cards
    assert {"Model 2636B": ["keithley_2636b"], "MODEL 707B": matrices} == found


class Nearsighted:
    """A VISA library that says, as pyvisa-py does, that it could look further with another package."""

    def __init__(self, library):
        assert "@py" == library

    def list_resources(self, query):
        warnings.warn(f"{query} needs another package", UserWarning, stacklevel=2)
        return ()


def test_discover_says_what_a_library_could_not_look_for(monkeypatch):
    monkeypatch.setattr(pyvisa, "ResourceManager", Nearsighted)
    result = CliRunner().invoke(app, ["discover"])
    assert 0 == result.exit_code
    assert "@py: nothing found" in result.stdout
    assert "note: ?* needs another package\n" == result.stderr


@pytest.mark.parametrize(
    ("relay", "line", "says"),
    [
        (("A", 3), "col 3", "carries no current when it is sensed: its sense relay"),
        (("B", 2), "col 2", "carries no current when it is sensed: its second sense relay"),
    ],
)
def test_columns_of_an_analog_bench_are_examined_with_each_of_its_meters(tmp_path, relay, line, says):
    path, _, manager = small(tmp_path, "parallel", rows="dac.1..4", cols="1..4")
    assert {} == bad(path)
    manager.visalib.bench.world.stick(relay, False)
    found = bad(path)
    assert [line] == list(found)
    assert says in found[line]


def test_a_bench_with_a_source_on_every_line_has_no_relays_to_examine(tmp_path):
    text = find("benches", "lines").read_text()
    for old, new in (("1..19", "1..3"), ("1..18", "1..2"), ("rows: 19, cols: 18", "rows: 3, cols: 2")):
        text = text.replace(old, new)
    path = tmp_path / "lines.yaml"
    path.write_text(text)
    manager = pyvisa.ResourceManager(f"{path}@labmtj")
    assert ["limits", "dac_rows", "dac_cols", "lines"] == [finding.subject for finding in examine(load_bench(path))]
    world = manager.visalib.bench.world
    del world.wiring.direct[4]  # column 2 is not wired any more
    world._known.clear()
    (last, *_) = [finding for finding in examine(load_bench(path)) if finding.subject == "col 2"]
    assert ("bad", "channel dac_cols.2") == (last.verdict, last.advice)
    assert "its channel is open" in last.text


def test_stages_come_in_the_order_that_is_safe_and_relays_move_with_all_sources_at_rest(bench):
    path, world = bench
    subjects = [finding.subject for finding in examine(load_bench(path))]
    assert ["limits", "smu", "matrix", "relays", "ground", "lines"] == subjects
    assert [] == world.violations


def test_lines_are_examined_as_often_as_asked_for_and_how_often_they_failed_is_said(bench):
    path, world = bench
    assert "8 of 8 conduct at 10 mV, 2 times" == list(examine(load_bench(path), repeat=2))[-1].text
    world.stick(("A", 2), False)
    assert bad(path)["row 2"].endswith("does not close")
    found = {finding.subject: finding.text for finding in examine(load_bench(path), repeat=2)}
    assert found["row 2"].endswith("does not close (2 of 2 times)")
    result = CliRunner().invoke(app, ["doctor", str(path), "--repeat", "2"])
    assert (5, True) == (result.exit_code, "(2 of 2 times)" in result.output)


@pytest.mark.parametrize(
    ("name", "instrument", "queries"),
    [
        ("simulated-15x15", "smu", {"print(smua.source.offmode, smub.source.offmode, smua.OUTPUT_NORMAL)": "0 0 0"}),
        ("keysight", "drive", {":OUTP:VOLT:SMOD?": "NORM"}),
        ("keysight", "sense", {":OUTP:VOLT:SMOD?": "NORM"}),
        ("parallel", "smu", {":OUTP1:OFF:MODE?": "ZERO", ":OUTP2:OFF:MODE?": "ZERO"}),
    ],
)
def test_a_source_that_is_off_holds_its_lines_at_0_v(name, instrument, queries):
    file = load_bench(name)
    with open_bench(file):
        resource = resource_manager(file).open_resource(
            file.bench.instruments[instrument].address, read_termination="\n", write_termination="\n"
        )
        for query, expected in queries.items():
            said = resource.query(query)
            numbers = [f"{float(word):g}" for word in said.split()] if said[:1].isdigit() else [said]
            assert expected == " ".join(numbers)
        resource.close()
