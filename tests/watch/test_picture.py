"""The picture of a run is what its journal says, however much of it was there at each look."""

import random
import shutil

import numpy as np
import pytest

from labmtj.bench.commands import note
from labmtj.host_state import who
from labmtj.protocol.engine import resume
from labmtj.runs.journal import encode
from labmtj.runs.netcdf import read
from labmtj.runs.status import read_status
from labmtj.watch.watching import Watch


def layer(watch, name):
    cells = watch.picture.cells
    return cells.layers[name].reshape(cells.shape)


def content(watch):
    """All that the page is sent, but for what only a whole file has."""
    news = watch.news(0, 0)
    news["parts"]["run"] |= {"folder": "", "ended": "", "size": 0}
    return {name: news[name] for name in ("parts", "cells")}


def test_counts_states_and_targets_are_those_of_run_h5(finished, look):
    watch, groups = look(finished), read(finished / "run.h5")
    assert (layer(watch, "pulses") == groups["cells"].values("pulse_count")).all()
    assert (layer(watch, "readings") == groups["cells"].values("read_count")).all()
    assert (layer(watch, "defect") == groups["cells"].values("defect")).all()
    written = groups["layer2"]  # the last one, whose cells no later step has changed
    at = np.ix_(written.values("physical_row") - 1, written.values("physical_col") - 1)
    assert (layer(watch, "target")[at] == written.values("target")).all()
    assert (layer(watch, "state")[at] == written.values("state")).all()


def test_how_it_stands_is_what_status_says(finished, look):
    watch, status = look(finished), read_status(finished)
    run = watch.part("run")
    assert (status.how, status.title) == (run["how"], run["title"])
    assert (status.pulses, status.readings) == (run["pulses"], run["readings"])
    assert ["done"] * len(watch.part("steps")["steps"]) == [step["how"] for step in watch.part("steps")["steps"]]


def test_a_journal_that_grows_by_any_pieces_gives_the_same_picture(finished, folder, look):
    data, chance = (finished / "journal.jsonl").read_bytes(), random.Random(11)
    cuts = sorted(chance.sample(range(1, len(data)), 60))
    watch, editions = Watch(run=folder.path), []
    for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        folder.append(data[begin:end])
        watch.look()
        editions.append(watch.edition)
    assert sorted(editions) == editions
    assert content(look(finished)) == content(watch)


def test_what_is_sent_after_an_edition_is_what_changed_since(entries, folder):
    watch = Watch(run=folder.path)
    number = next(n for n, entry in enumerate(entries) if entry["k"] == "map")
    folder.write(entries[: number + 2])
    watch.look()
    before = watch.edition
    assert "cells" not in watch.news(before, watch.epoch)
    assert {} == watch.news(before, watch.epoch)["parts"]
    folder.write([{"n": 10_000, "k": "read", "cell": [2, 3], "v": 0.05, "i": 5e-6, "t": 99.0}])
    watch.look()
    news = watch.news(before, watch.epoch)
    assert {"run", "readings", "wiring"} <= set(news["parts"])
    assert "BgAAAA==" == news["cells"]["places"]  # place 6, row by row from 0, in four bytes
    assert "places" not in watch.news(0, watch.epoch)["cells"]
    assert "places" not in watch.news(before, watch.epoch + 1)["cells"]


def test_a_line_that_has_not_ended_waits_and_a_damaged_one_is_said(entries, folder):
    folder.write(entries[:20])
    watch = Watch(run=folder.path)
    watch.look()
    whole = encode({"n": 20, "k": "read", "cell": [1, 1], "v": 0.05, "i": 5e-6, "t": 1.0})
    before = layer(watch, "readings")[0, 0]
    folder.append(whole[:-9])
    watch.look()
    assert (before, None) == (layer(watch, "readings")[0, 0], watch.part("problem"))
    folder.append(whole[-9:])
    watch.look()
    assert before + 1 == layer(watch, "readings")[0, 0]
    folder.append(b'{"crc":"00000000","n":21,"k":"read"}\n')
    watch.look()
    assert "journal.jsonl:22: this line is damaged" in watch.part("problem")
    assert before + 1 == layer(watch, "readings")[0, 0]  # what was read before stays


def test_a_run_that_was_killed_and_resumed_is_followed_through_both(finished, tmp_path, look):
    killed = shutil.copytree(finished, tmp_path / "killed")
    journal = killed / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    cut = next(n for n, line in enumerate(lines) if b'"k":"map"' in line) - 30
    journal.write_bytes(b"".join(lines[:cut]) + lines[cut][:-5])
    watch = look(killed)
    assert ("interrupted", 0) == (watch.part("run")["how"], watch.part("run")["returns"])
    assert "labmtj resume" not in watch.part("run")["error"]
    resume(killed)
    watch.look()
    run = watch.part("run")
    assert ("done", 1, "") == (run["how"], run["returns"], run["error"])
    assert content(look(killed))["cells"] == content(watch)["cells"]


def test_every_reading_and_pulse_of_a_cell_is_in_its_history(finished, entries, look):
    watch = look(finished)
    for row, col in ((1, 1), (2, 3), (3, 3)):
        events = watch.cell(row, col)["events"]
        own = [e for e in entries if e["k"] in ("read", "intent") and e["cell"][0] == row
               and col in (e["cell"][1], *e.get("cols", ()))]  # fmt: skip
        assert [e["n"] for e in own] == [event["n"] for event in events if event["kind"] != "verdict"]
        ends = {e["of"]: e["t"] for e in entries if e["k"] == "outcome"}
        assert [ends[e["n"]] for e in own if e["k"] == "intent"] == [e["t"] for e in events if e["kind"] == "pulse"]
        assert "map" == next(event["text"] for event in events if event["kind"] == "verdict").split(":")[0]
        steps = [event["step"] for event in events]
        assert sorted(steps) == steps


def test_a_pulse_makes_a_state_unknown_until_the_next_reading(entries, folder, look):
    die = next(entry for entry in entries if entry["k"] == "map")
    number = entries.index(die)
    folder.write(entries[: number + 2])
    folder.write([{"n": 9000, "k": "intent", "cell": [1, 2], "v": 0.3, "width": 1e-4, "scheme": "v_half"}])
    watch = look(folder.path)
    assert (-1, 1) == (layer(watch, "state")[0, 1], watch.part("run")["unresolved"])
    assert "no outcome yet" in watch.cell(1, 2)["events"][-1]["text"]
    folder.write([{"n": 9001, "k": "outcome", "of": 9000, "t": 50.0}])
    for ohm, state in ((die["r_p"][0][1], 0), (die["r_ap"][0][1], 1)):
        folder.write([{"n": 9002, "k": "read", "cell": [1, 2], "v": 0.05, "i": 0.05 / ohm, "t": 51.0}])
        watch.look()
        assert (state, ohm) == (layer(watch, "state")[0, 1], pytest.approx(layer(watch, "ohm")[0, 1]))


def test_what_a_step_in_hand_has_summed_counts_sample_by_sample(entries, folder, look):
    (last,) = [entry for entry in entries if entry["k"] == "infer" and entry["inputs"] != "map"]
    folder.write(entries[: entries.index(last)])
    running = look(folder.path).part("accuracy")["running"]
    assert (3, 3, last["right"] / 3) == (running["count"], running["of"], running["all"])
    journal = folder.journal.read_bytes().splitlines(keepends=True)
    products = [n for n, line in enumerate(journal) if b'"k":"product"' in line]
    folder.journal.write_bytes(b"".join(journal[: products[-1]]))
    assert 2 == look(folder.path).part("accuracy")["running"]["count"]


def test_accuracies_of_a_finished_run_are_those_of_its_summary(finished, entries, look):
    (figures,) = [entry["accuracy"] for entry in entries if entry["k"] == "summary"]
    rows = {row["label"]: row for row in look(finished).part("accuracy")["rows"]}
    for name, label in (("software", "software"), ("untuned", "array, nominal scale")):
        assert figures[name] == {part: rows[label][part] for part in ("train", "test", "all")}


def test_whoever_sees_that_a_run_was_stopped_sees_by_whom_in_the_same_news(entries, folder):
    begun = who()["wall"]
    ours = [entries[0] | {"wall": begun}, *entries[1:-1]]
    folder.write(ours)
    watch = Watch(run=folder.path)
    watch.look()
    seen = watch.edition
    note("stop", watch.title, run=str(folder.path), how="page")
    folder.write([entries[-1] | {"how": "stopped"}])
    watch.look()  # well within the second in which leases are not looked at again
    parts = watch.news(seen, watch.epoch)["parts"]
    assert ("stopped", ["stop"]) == (parts["run"]["how"], [said["what"] for said in parts["commands"]])
