"""`labmtj verify`: what is whole is good, and what was changed is found and named; nothing is written."""

import json
import shutil
import zlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.protocol import engine
from labmtj.protocol.evidence.verify import look, verify
from labmtj.protocol.rebuild import rebuild
from labmtj.runs.claim import claimed
from labmtj.runs.journal import encode, read_journal

THREE = Path(__file__).parents[1] / "faults" / "three"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody disturbed, with its report."""
    out = tmp_path_factory.mktemp("whole")
    folder = engine.run(THREE / "protocol.yaml", bench=THREE / "bench.yaml", out=out).folder
    rebuild(folder)
    return folder


@pytest.fixture
def run(whole, tmp_path):
    """A copy of it to be damaged, without its report, which takes a second to draw."""
    return Path(shutil.copytree(whole, tmp_path / whole.name, ignore=shutil.ignore_patterns("report.html")))


def test_other_programs_open_its_files(run, conforms):
    conforms(run)


def verdicts(folder, **said):
    return {check.name: check.verdict for check in verify(look(folder), **said)}


def rebuilt(folder):
    """All its files made anew, without the report."""
    rebuild(folder)
    (folder / "report.html").unlink()


def damage(folder, **said):
    """What is damaged, and why."""
    return {check.name: check.text for check in verify(look(folder), **said) if check.verdict == "damaged"}


def lines_of(folder):
    return (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)


def put(folder, lines):
    (folder / "journal.jsonl").write_bytes(b"".join(lines))


def entries(folder):
    return list(read_journal(folder / "journal.jsonl"))


def test_a_whole_run_is_good_and_nothing_is_touched(run, whole):
    shutil.copy2(whole / "report.html", run)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.iterdir()}
    found = verdicts(run)
    assert {"good"} == set(found.values())
    files = {"journal.jsonl", "protocol.yaml", "bench.yaml", "run.h5", "die.h5", "report.html", "ledger"}
    assert files | {"numbers", "header", "pulses", "clock", "steps", "end"} == set(found)
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.iterdir()}


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["protocol.yaml", "bench.yaml", "run.h5", "die.h5"])
def test_a_flipped_byte_is_found_in_its_file(name, run):
    data = (run / name).read_bytes()
    for place in (0.2, 0.7):
        flip(run / name, place)
        assert {name} == set(damage(run))
        (run / name).write_bytes(data)


def test_a_flipped_byte_is_found_in_the_journal(run):
    """In readings, by their kind: how long lines are, and so what stands at a share of the file, is chance."""
    whole = lines_of(run)
    readings = [number for number, line in enumerate(whole) if b'"k":"read"' in line]
    for number in (readings[5], readings[-5]):
        line = bytearray(whole[number])
        line[len(line) // 2] ^= 1
        put(run, [*whole[:number], bytes(line), *whole[number + 1 :]])
        assert {"journal.jsonl"} == set(damage(run))
    put(run, whole)
    assert {} == damage(run)


def test_a_flipped_byte_is_found_in_the_report(run, whole):
    shutil.copy2(whole / "report.html", run)
    flip(run / "report.html", 0.5)
    assert {"report.html"} == set(damage(run))


def test_a_line_that_is_missing_is_named(run):
    lines = lines_of(run)
    put(run, lines[:40] + lines[41:])
    found = damage(run)
    assert found["numbers"].startswith("41 follows 39")
    assert "run.h5" in found


def test_lines_that_changed_places_are_named(run):
    lines = lines_of(run)
    lines[40], lines[41] = lines[41], lines[40]
    put(run, lines)
    assert damage(run)["numbers"].startswith("41 follows 39; 40 follows 41")


def test_a_journal_that_was_cut_short_is_not_the_one_of_run_h5(run):
    put(run, lines_of(run)[:-1])
    count = len(lines_of(run))
    assert f"it was made of {count + 1} entries, the journal has {count}" in damage(run)["run.h5"]


def change(folder, kind, **changes):
    """Change the last entry of a kind, with a CRC that fits."""
    found = entries(folder)
    number = max(entry["n"] for entry in found if entry["k"] == kind)
    lines = lines_of(folder)
    lines[number] = encode({**found[number], **changes})
    put(folder, lines)


def test_a_number_that_was_changed_with_its_crc_is_named_by_run_h5(run):
    change(run, "read", i=1.25e-6)
    found = damage(run)
    assert "the journal is not the one that it was made of" in found["run.h5"]
    assert "readings/current: 1 of " in found["run.h5"]
    assert "in the place of 1.25e-06" in found["run.h5"]


def test_with_all_files_made_anew_only_a_hash_that_was_noted_tells(run):
    noted = look(run).lines.sha256
    assert {} == damage(run, sha256=noted)
    change(run, "read", i=1.25e-6)
    rebuilt(run)
    assert {} == damage(run)
    assert {"sha256"} == set(damage(run, sha256=noted))


def test_the_ledger_tells_of_a_pulse_that_was_changed(run):
    change(run, "intent", v=0.9)
    rebuilt(run)
    assert {"ledger"} == set(damage(run))


def test_a_file_that_is_cut_off_cannot_be_read(run):
    for name in ("run.h5", "die.h5"):
        data = (run / name).read_bytes()
        (run / name).write_bytes(data[: len(data) // 2])
    found = damage(run)
    assert {"run.h5", "die.h5"} == set(found)
    assert "this file cannot be read" in found["run.h5"]


def test_files_that_are_gone_are_missed(run):
    for name in ("run.h5", "die.h5"):
        (run / name).unlink()
    assert {"run.h5", "die.h5"} == set(damage(run))


def written(folder, *more):
    """Entries added to a journal as a program would, whatever they say."""
    count = len(lines_of(folder))
    with (folder / "journal.jsonl").open("ab") as file:
        for number, entry in enumerate(more, start=count):
            file.write(encode({"n": number, **entry}))


@pytest.mark.parametrize(
    ("entry", "name", "words"),
    [
        ({"k": "outcome", "of": 5, "t": 1e6}, "pulses", "is the outcome of 5, which is no pulse before it"),
        ({"k": "read", "cell": [1, 1], "v": 0.05, "i": 1e-6, "t": 0.5}, "clock", "time runs backwards"),
        ({"k": "done", "number": 1, "name": "contact", "line": "", "seconds": 1.0}, "steps", "is done in step"),
        ({"k": "at", "done": 1}, "end", "(at) follows the end of a run that is done"),
        ({"k": "outcome"}, "pulses", "lacks"),
    ],
)
def test_entries_that_no_run_writes_are_named(entry, name, words, run):
    written(run, entry)
    assert words in damage(run)[name]


def test_a_second_outcome_and_two_open_pulses_are_named(run):
    found = entries(run)
    outcome = next(entry for entry in found if entry["k"] == "outcome")
    intent = {name: value for name, value in found[outcome["of"]].items() if name != "n"}
    written(run, {**outcome, "n": len(found)}, intent, intent)
    text = damage(run)["pulses"]
    assert f"a second outcome of pulse {outcome['of']}" in text
    assert "left while pulse" in text


def test_a_line_with_a_fitting_crc_that_is_no_entry_is_damage(run):
    lines = lines_of(run)
    body = b'{"n":40,"k":'
    lines[40] = b'{"crc":"%08x",' % zlib.crc32(body) + body[1:] + b"\n"
    put(run, lines)
    assert "line 41" in damage(run)["journal.jsonl"]


def test_a_torn_last_line_and_a_pulse_in_flight_are_what_a_killed_run_leaves(run):
    lines = lines_of(run)
    intents = [number for number, entry in enumerate(entries(run)) if entry["k"] == "intent"]
    put(run, [*lines[: intents[3] + 1], lines[intents[3] + 1][:20]])
    for name in ("run.h5", "die.h5", "ledger.sqlite3"):
        (run / name).unlink()
    checks = {check.name: check for check in verify(look(run))}
    assert "damaged" not in {check.verdict for check in checks.values()}
    assert "one more was cut off" in checks["journal.jsonl"].text
    assert "will be read, not repeated" in checks["pulses"].text
    assert "open" == checks["run.h5"].verdict


class Stopping(engine.Silent):
    """Stops the run at the n-th item of the map."""

    def __init__(self, after):
        self.left = after

    def step(self, name, total):
        def tick(done=1):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

        return tick if name == "map" else lambda done=1: None


def test_a_run_that_was_stopped_and_went_on_is_good_at_both_times(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        engine.run(THREE / "protocol.yaml", bench=THREE / "bench.yaml", out=tmp_path, observer=Stopping(4))
    (folder,) = tmp_path.iterdir()
    assert {} == damage(folder)
    assert "the run was stopped" == {check.name: check.text for check in verify(look(folder))}["end"]
    engine.resume(folder)
    assert {} == damage(folder)


def test_a_run_that_is_running_says_so(run):
    put(run, lines_of(run)[:200])
    for name in ("run.h5", "die.h5"):
        (run / name).unlink()
    with claimed(run):
        found = CliRunner().invoke(app, ["verify", str(run)])
    assert (0, "it is still running") == (found.exit_code, found.output.split("end            open     ")[1][:19])


def test_the_command_ends_with_7_and_its_json_has_every_check(run):
    good = CliRunner().invoke(app, ["verify", str(run), "--json"])
    said = json.loads(good.output)
    assert (0, "good", False) == (good.exit_code, said["verdict"], said["running"])
    assert look(run).lines.sha256 == said["journal_sha256"]
    assert {"name", "verdict", "text"} == set(said["checks"][0])
    (run / "bench.yaml").write_text("title: another\n")
    bad = CliRunner().invoke(app, ["verify", str(run)])
    assert 7 == bad.exit_code
    assert "bench.yaml     damaged  SHA-256" in bad.output
    assert "damaged: 1 of 12 checks" in bad.output
