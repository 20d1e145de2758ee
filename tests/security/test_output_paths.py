"""What a run writes lies in its run folder, whatever the files that it is given are called and say."""

import os
from pathlib import Path

import pytest

from labmtj.errors import InputError, LabmtjError, StorageError
from labmtj.protocol.engine import run
from labmtj.runs.folder import new_run

THREE = Path(__file__).parents[1] / "faults" / "three"
MARKUP = "<script>alert(1)</script>"


def files_below(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "title", ["../../outside", "/outside", "..", ".", "a/b", "a\\b", "a\x00b", "~", "con:", "", "x" * 300, "ß\n\u202e"]
)
def test_a_run_folder_is_made_in_the_folder_for_runs_whatever_its_title(tmp_path, title):
    root = tmp_path / "runs"
    folder = new_run(title, out=root)
    assert (root.resolve(), [root.resolve()]) == (folder.parent, list(tmp_path.iterdir()))
    assert folder.is_dir()


def test_a_link_in_the_place_of_a_run_folder_is_never_followed(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    first = new_run("a", out=tmp_path)
    first.rmdir()
    first.symlink_to(elsewhere)
    assert elsewhere != new_run("a", out=tmp_path)
    assert [] == list(elsewhere.iterdir())


@pytest.fixture
def small(tmp_path):
    """The small protocol, with another title and a report, run in a folder of its own."""

    def make(title, *, settings=()):
        text = (THREE / "protocol.yaml").read_text(encoding="utf-8")
        text = text.replace("files: network", f"files: {THREE / 'network'}")
        text = text.replace("title: Three by three", f"title: {title!r}") + "  - report:\n"
        home = tmp_path / "home"
        home.mkdir()
        path = home / "protocol.yaml"
        path.write_text(text, encoding="utf-8")
        before = files_below(tmp_path)
        folder = run(path, bench=THREE / "bench.yaml", out=tmp_path / "runs", settings=settings).folder
        inside = {path.relative_to(tmp_path) for path in folder.rglob("*")}
        assert files_below(tmp_path) - before <= inside
        return folder

    return make


def test_everything_that_a_run_writes_lies_in_its_folder_and_texts_stay_texts(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(os.listdir(THREE))
    folder = small(f"../../outside {MARKUP}")
    assert {"journal.jsonl", "run.h5", "report.html", "twin.state"} <= {path.name for path in folder.iterdir()}
    assert before == set(os.listdir(THREE))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert MARKUP not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("place", ["../stranger.state", "/etc/hostname"])
def test_a_die_state_elsewhere_is_never_made_nor_overwritten(tmp_path, place):
    """`simulation.state` names a file that is read and written: only one that holds this die's state, or is empty."""
    path = (tmp_path / place).resolve() if place.startswith("..") else Path(place)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises((StorageError, InputError)):
        run(
            THREE / "protocol.yaml",
            bench=THREE / "bench.yaml",
            out=tmp_path / "runs",
            settings=[f"simulation.state={path}"],
        )
    assert before == (path.read_bytes() if path.exists() else None)


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    with pytest.raises(LabmtjError) as caught:
        new_run("a", out=tmp_path / "runs")
    assert 7 == caught.value.exit_code
