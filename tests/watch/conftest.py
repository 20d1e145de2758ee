"""A run on sixteen cells, folders with journals that tests write themselves, and the page of one of them."""

import shutil
from pathlib import Path

import pytest

from labmtj.protocol.engine import run
from labmtj.runs.journal import encode, read_journal
from labmtj.watch.watching import Watch

FOUR = Path(__file__).parent / "four"


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a run that is done."""
    return run(FOUR / "protocol.yaml", bench=FOUR / "bench.yaml", out=tmp_path_factory.mktemp("runs")).folder


@pytest.fixture(scope="session")
def entries(finished):
    return list(read_journal(finished / "journal.jsonl"))


class Folder:
    """A run folder whose journal a test writes, entry by entry."""

    def __init__(self, path, like):
        self.path, self.journal = path, path / "journal.jsonl"
        path.mkdir()
        for name in ("protocol.yaml", "bench.yaml"):
            shutil.copy(like / name, path / name)
        self.journal.touch()

    def write(self, entries):
        with open(self.journal, "ab") as file:
            for entry in entries:
                file.write(encode({name: value for name, value in entry.items() if name != "crc"}))

    def append(self, data):
        with open(self.journal, "ab") as file:
            file.write(data)


@pytest.fixture
def folder(tmp_path, finished):
    return Folder(tmp_path / "2026-11-23T10-00-00-run", finished)


@pytest.fixture
def look():
    """The page's picture of a run folder, its whole journal taken."""

    def looked(path):
        watch = Watch(run=path)
        while watch.look() and watch.behind:
            pass
        return watch

    return looked
