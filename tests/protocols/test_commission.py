"""The checklist of a commissioning: what is wrong is found before a die is in, and nothing above 10 mV is put on."""

import json

import pytest
import pyvisa
import typer
from typer.testing import CliRunner

from labmtj.bench.commission.commissioned import missing
from labmtj.bench.commission.items import Stage
from labmtj.bench.commission.paper import unverified
from labmtj.bench.commission.record import write
from labmtj.bench.commission.resistor import resistor
from labmtj.bench.commission.walk import Commissioning
from labmtj.bench.doctor import Verdict
from labmtj.cli import app
from labmtj.cli.commission import take
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.errors import InputError
from labmtj.twin.record import TwinLog

CLEAN = {"short": "0 %", "open": "0 %", "stuck": "0 %"}
FORCED = 10.5e-3  # [V] a setting of 10 mV with the error limits of the sources here, which the twin has too
KINDS = ["simulated-15x15", "keysight", "parallel", "lines", "magnet"]


def small(folder, name):
    """A shipped bench with 3 x 3 lines and a sound die, as a file of its own."""
    data = dict(read(find("benches", name)).data)
    lines = {
        "lines": ({"1..3": "dac_rows.1..3"}, {"1..3": "dac_cols.1..3"}),
        "parallel": ({"1..3": "dac.1..3"}, {"1..3": "1..3"}),
    }
    rows, cols = lines.get(name, ({"1..3": "1..3"}, {"1..3": "4..6"}))
    data["lines"] = {"rows": rows, "cols": cols}
    data["array"] = {"rows": 3, "cols": 3}
    data["simulation"] = {"die": {"diameter": "40 nm", "seed": 17, "defects": CLEAN, "telegraph": "0 %"}}
    path = folder / f"{name}.yaml"
    path.write_text(yaml12.dump(data), encoding="utf-8")
    return load_bench(path)


@pytest.fixture
def make(tmp_path):
    """A commissioning of a small bench, its world, and the file of the world's own record."""
    managers = []

    def made(name="simulated-15x15", **more):
        file = small(tmp_path, name)
        managers.append(pyvisa.ResourceManager(f"{file.source.path}@labmtj"))
        world = managers[-1].visalib.bench.world
        world.log = TwinLog(tmp_path / "twin.jsonl")
        return Commissioning(file, **more), world, tmp_path / "twin.jsonl"

    yield made
    for manager in managers:
        manager.visalib.bench.world.log.close()
        manager.close()


def walked(walk, meddle=None):
    """Walk it; `meddle` is called with each stage once the bench is ready for it, as a person who errs would."""

    def asked(stage, text, simulated):
        assert simulated
        assert text
        if meddle is not None:
            meddle(stage)

    return list(walk.walk(asked))


def wrong(walk):
    return {item.subject: item.found for item in walk.items if item.verdict is Verdict.BAD}


@pytest.mark.parametrize("name", KINDS)
def test_a_sound_bench_of_every_kind_comes_through_with_nothing_above_10_mv_on_its_lines(make, name):
    walk, world, log = make(name)
    die = world.electrics
    items = walked(walk)
    assert {} == wrong(walk)
    assert walk.complete
    assert list(Stage) == list(dict.fromkeys(item.stage for item in items))
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    on_lines = {f"{instrument}.{channel}" for instrument, channel in world.outputs}
    forced = [abs(entry["volts"]) for entry in entries if entry["kind"] == "output" and entry["channel"] in on_lines]
    assert 0.009 < max(forced) <= FORCED
    assert {"pulse", "violation"}.isdisjoint(entry["kind"] for entry in entries)
    assert world.electrics is die
    assert die.account().peak.max() <= 2 * FORCED
    assert frozenset() == world.closed
    assert not any(output.hot for output in world.outputs.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["neurons", "simulated-1t1r"])
def test_neurons_and_chips_come_through_as_they_are_shipped(name):
    walk = Commissioning(load_bench(name))
    walked(walk)
    assert {} == wrong(walk)
    assert walk.complete


@pytest.mark.parametrize(
    ("relay", "says"),
    [
        (("C", 2), "row 2"),
        (("A", 2), "no line on the driving source"),
    ],
)
def test_a_relay_that_is_stuck_closed_is_found_before_a_die_is_put_in(make, relay, says):
    walk, world, _ = make()
    world.stick(relay, True)
    told = []
    walked(walk, told.append)
    assert [Stage.EMPTY] == told
    assert says in " ".join(f"{subject} {text}" for subject, text in wrong(walk).items())
    assert not walk.complete


def test_a_die_that_was_left_in_does_not_pass_as_nothing(make):
    walk, _, _ = make("parallel")
    hands = walk.hands()
    walked(walk, lambda stage: hands.die())
    assert {Stage.FILE, Stage.EMPTY} == {item.stage for item in walk.items}
    assert "6 of 6 lines conduct, as with something connected to them" in wrong(walk)["isolation"]
    assert hands.hold_die


def test_two_lines_that_are_tied_to_each_other_are_named(make):
    walk, _, _ = make("lines")
    hands = walk.hands()
    walked(walk, lambda stage: hands.resistor(2, 3, 1.0))
    found = wrong(walk)
    assert {"isolation row 2", "isolation col 3"} == set(found)
    assert found["isolation row 2"].endswith("tied to col 3")
    assert found["isolation col 3"].endswith("tied to row 2")


def test_a_resistor_that_is_not_what_was_said_is_found(make):
    walk, _, _ = make()
    hands = walk.hands()
    walked(walk, lambda stage: hands.resistor(1, 1, 20e3) if stage is Stage.RESISTOR else None)
    assert ["scale"] == list(wrong(walk))
    assert wrong(walk)["scale"].endswith("kohm for 10 kohm (1 %)")


def test_a_resistor_of_100_ohm_tells_the_leads(make):
    walk, _, _ = make(resistor=resistor("100 ohm, 0.1 %", row=2, col=3))
    items = {item.subject: item for item in walked(walk)}
    assert walk.complete
    leads = items["leads"]
    assert Verdict.GOOD is leads.verdict
    assert 1.0 < leads.figures["leads"].value < 4.0  # two leads of 0.5 ohm and two relays
    assert leads.figures["uncertainty"].value < 0.2


def test_a_source_with_an_offset_beyond_its_data_sheet_is_found(make):
    from labmtj.twin.world import Disturbance

    walk, world, _ = make()
    world.disturb(("smu", "b"), Disturbance(amperes=5e-6))
    walked(walk)
    assert "offset" in wrong(walk)


def test_values_of_a_resistor_are_read_with_their_tolerance():
    assert (2, 3, 10e3, 0.001) == tuple(vars(resistor("10 kohm, 0.1 %", row=2, col=3)).values())
    assert resistor("10 kohm").tolerance == 0.01
    for text in ("1 ohm", "10 Mohm", "10 kohm, x %", "10 kohm, 50 %"):
        with pytest.raises(InputError):
            resistor(text)


def test_what_a_person_types_ends_the_walk_or_is_the_value_of_the_resistor_or_is_asked_for_again(make):
    walk, _, _ = make()
    for typed in ("", "q\n", " Quit \n"):
        with pytest.raises(typer.Abort):
            take(walk, Stage.EMPTY, typed)
    assert "" == take(walk, Stage.EMPTY, "\n")
    assert take(walk, Stage.EMPTY, "yes\n").startswith("press Enter")
    assert "no unit" in take(walk, Stage.RESISTOR, "4700\n") or "not a quantity" in take(walk, Stage.RESISTOR, "4700\n")
    assert resistor("10 kohm") == walk.resistor
    assert "" == take(walk, Stage.RESISTOR, "4.7 kohm, 0.1 %\n")
    assert resistor("4.7 kohm, 0.1 %") == walk.resistor


def test_a_resistor_on_a_line_that_is_not_there_is_said_without_a_traceback(make):
    walk, _, _ = make(resistor=resistor("10 kohm", row=9))
    with pytest.raises(InputError, match="row 9"):
        walked(walk)


def test_figures_that_a_data_sheet_calls_unverified_are_listed_with_their_lines(tmp_path):
    sheet = tmp_path / "sheet.yaml"
    sheet.write_text("# unverified: all of it\nrows: 8\nlife: 100   # Unverified: cold\nname: unverified\n")
    assert ["life (line 3)"] == unverified(sheet)


def test_the_record_says_who_when_and_everything_that_was_measured(make, tmp_path):
    walk, _, _ = make()
    items = walked(walk)
    record, page = write(walk, operator="Ada", folder=tmp_path / "kept")
    found = read(record).data
    assert ("Ada", True, 0) == (found["operator"], found["complete"], found["bad"])
    assert {"smu", "matrix"} == set(found["identities"])
    assert [item.entry() for item in items] == found["items"]
    text = page.read_text()
    for stage in Stage:
        assert f"## {stage.value.capitalize()}" in text
    assert all(item.what in text and item.why in text for item in items)


def test_the_command_prints_one_object_and_keeps_its_record(make, tmp_path, monkeypatch):
    walk, world, _ = make()
    monkeypatch.setenv("LABMTJ_STATE", str(tmp_path / "state"))
    assert "no record of commissioning" in missing(walk.file)
    path = str(walk.file.source.path)
    result = CliRunner().invoke(app, ["doctor", path, "--commission", "--json", "--operator", "Ada"])
    said = json.loads(result.output)
    assert (0, True, "Ada") == (result.exit_code, said["complete"], said["operator"])
    assert "" == missing(walk.file)
    world.stick(("C", 2), True)
    result = CliRunner().invoke(app, ["doctor", path, "--commission", "--yes"])
    assert 5 == result.exit_code
    assert "1 found wrong" in result.output
    assert "was not completed" in missing(walk.file)


def test_another_cable_is_another_bench_and_another_die_is_not(make):
    from labmtj.bench.commission.commissioned import key_of

    walk, _, _ = make()
    path = walk.file.source.path
    first = key_of(walk.file)
    assert first == key_of(load_bench(path, overrides=["array.die=W1/D2", "limits.cell_voltage=500 mV"]))
    assert first != key_of(load_bench(path, overrides=["wait.after_relay=9 ms"]))
