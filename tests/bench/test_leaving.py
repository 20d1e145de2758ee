"""However a bench is left, its sources are off and its relays open; and nobody else gets it meanwhile."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from labmtj.bench.session import connect_instrument, open_bench, resource_manager
from labmtj.cli import app
from labmtj.config.model import SourceMeterModel, SwitchMatrixModel
from labmtj.errors import BenchError
from labmtj.records import Cell
from labmtj.runs.journal import MemoryJournal

LEVEL = 10e-3  # [V]


def left(file, models):
    """What is still on, or closed, asked of every instrument in a session of its own; nothing is changed."""
    manager, found = resource_manager(file), []
    for name, model in models.items():
        device, close = connect_instrument(file, manager, name, model)
        try:
            if isinstance(model, SwitchMatrixModel):
                found += [f"{row}{column} of {name}" for row, column in sorted(device.closed())]
            elif isinstance(model, SourceMeterModel):
                found += [f"{name}.{c}" for c in model.channels if device.channel(c).source_enabled]
        finally:
            close()
    return found


def test_after_a_read_everything_is_off_and_open(file, models):
    with open_bench(file, journal=MemoryJournal()) as bench:
        bench.array.read([Cell(1, 1)], voltage=LEVEL)
    assert [] == left(file, models)


@pytest.mark.parametrize("error", [BenchError, KeyboardInterrupt])
def test_after_an_exception_everything_is_off_and_open(file, models, error):
    def work():
        with open_bench(file, journal=MemoryJournal()) as bench:
            bench.array.read([Cell(1, 1)], voltage=LEVEL)
            raise error("in the middle")

    with pytest.raises(error):
        work()
    assert [] == left(file, models)


def test_a_panic_turns_sources_off_and_the_orderly_way_still_follows(file, models):
    with open_bench(file, journal=MemoryJournal()) as bench:
        bench.array.read([Cell(1, 1)], voltage=LEVEL)
        bench.panic()
    assert [] == left(file, models)


def test_a_bench_can_be_opened_again_at_once(file):
    for _ in range(2):
        with open_bench(file, journal=MemoryJournal()) as bench:
            assert set(file.bench.instruments) == set(bench.identities)


@pytest.mark.usefixtures("reachable")
def test_a_second_process_is_refused_while_the_bench_is_open_and_told_who_has_it(file):
    command = [sys.executable, "-m", "labmtj", "doctor", str(file.source.path), "--json"]
    with open_bench(file, journal=MemoryJournal()):
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert 6 == ended.returncode, ended.stderr
    assert f"pid {os.getpid()}" in ended.stderr


@pytest.mark.usefixtures("reachable")
def test_labmtj_safe_makes_every_instrument_safe_and_shuts_out_who_has_them(file, models):
    with open_bench(file, journal=MemoryJournal()) as bench:
        bench.array.read([Cell(1, 1)], voltage=LEVEL)
        result = CliRunner().invoke(app, ["safe", str(file.source.path), "--json"])
        said = json.loads(result.stdout)
        assert (0, True) == (result.exit_code, said["safe"])
        assert {entry["name"] for entry in said["instruments"]} <= set(models)
        with pytest.raises(BenchError):
            bench.array.read([Cell(1, 1)], voltage=LEVEL)
    assert [] == left(file, models)
