"""Both doors into the twin, as fixtures: a bench behind PyVISA, and the bare array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from labmtj.bench.session import open_bench
from labmtj.config import yaml12
from labmtj.config.bench import BenchFile, load_bench
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.ports import ArrayAccess
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

DOORS = ("wire", "array")


def bench_copy(folder: Path, roles: dict[str, str] | None = None, **die: object) -> BenchFile:
    """The default bench with another die, as a file of its own (PyVISA keeps one library a path)."""
    data = dict(read(find("benches", "simulated-15x15")).data)
    data["simulation"] = {"die": {"diameter": "40 nm", "wire": "5 ohm", "seed": 17, **die}}
    data["roles"] = roles or data["roles"]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bench.yaml"
    path.write_text(yaml12.dump(data), encoding="utf-8")
    return load_bench(path)


class Door:
    """An array with the journal it writes and a look at the hidden state, for the referee."""

    def __init__(self, array: ArrayAccess, journal: MemoryJournal, states: Callable[[], np.ndarray]) -> None:
        self.array, self.journal, self.states = array, journal, states


@pytest.fixture
def open_door(tmp_path: Path) -> Iterator[Callable[..., Door]]:
    """Open a door ("wire" or "array") to a die."""
    with ExitStack() as stack:

        def opened(kind: str, **die: object) -> Door:
            file = bench_copy(tmp_path / f"{kind}-{len(list(tmp_path.iterdir()))}", **die)
            journal = MemoryJournal()
            if kind == "array":
                array = TwinArray(file, journal)
                return Door(array, journal, array.electrics.state.state.copy)
            bench = stack.enter_context(open_bench(file, journal=journal))
            return Door(bench.array, journal, bench.clock.world.electrics.state.state.copy)  # type: ignore[attr-defined]

        yield opened


@pytest.fixture
def make_bench() -> Callable[..., BenchFile]:
    """Write the default bench with another die or other roles to a folder."""
    return bench_copy
