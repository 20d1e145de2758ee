"""What safety costs: the share of journal, limits and ledger in the processor time of a simulated run, and of fsyncs.

    python tests/benchmarks/cost.py [PROTOCOL] [--bench BENCH]        (wine on simulated-15x15 if nothing is said)

Every call into the journal, the limits, the gate that reads messages and the ledger is timed on the thread's own
processor clock, the outermost of nested ones; what the clock itself takes is taken off. A second figure is for a real
bench: seconds in fsync against the seconds that the same run takes there (the twin's clock, which is made of data
sheets), since there the computer mostly waits. The median fsync counts: the mean tells of others who use the disk.
Asked for: less than 25 %, and less than 5 %.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median
from typing import Any

from labmtj.protocol.engine import run

SHARE, SYNCS = 0.25, 0.05  # what safety may cost: of processor time, of bench time
METERED: dict[str, tuple[str, ...]] = {
    "journal": ("labmtj.runs.journal:FileJournal",),
    "limits": ("labmtj.physics.stress:Limits", "labmtj.bench.limits:Gate"),
    "messages": ("labmtj.bench.message_gate:InstrumentGate",),
    "ledger": ("labmtj.bench.life:LifeGate", "labmtj.runs.ledger:Ledger"),
}
OUTER = {"granted"}  # what encloses the work of others


class Meter:
    """Seconds and calls by what they are for; nested calls count for the outermost."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.inside = False
        self.syncs: list[float] = []

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, on this meter."""

        def metered(*arguments: Any, **options: Any) -> Any:
            if self.inside:
                return call(*arguments, **options)
            self.inside = True
            began = time.thread_time()
            try:
                return call(*arguments, **options)
            finally:
                self.seconds[name] += time.thread_time() - began
                self.calls[name] += 1
                self.inside = False

        return metered

    def put_in(self) -> None:
        """Meter every method of the classes above that this version has."""
        for name, places in METERED.items():
            for place in places:
                module, _, kind = place.partition(":")
                try:
                    found = getattr(importlib.import_module(module), kind)
                except ImportError:
                    print(f"{place}: not there, not counted")
                    continue
                for method, call in list(vars(found).items()):
                    if callable(call) and not method.startswith("__") and method not in OUTER:
                        setattr(found, method, self.timed(name, call))
        sync = os.fsync

        def counted(handle: int) -> None:
            began = time.perf_counter()
            sync(handle)
            self.syncs.append(time.perf_counter() - began)

        os.fsync = counted


def overhead() -> float:
    """Processor seconds that a metered call of nothing is charged with."""
    meter = Meter()
    nothing = meter.timed("nothing", lambda: None)
    for _ in range(100_000):
        nothing()
    return meter.seconds["nothing"] / meter.calls["nothing"]


def main() -> int:
    """Print the shares; 0 if both are as asked for."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("protocol", nargs="?", default="wine")
    words.add_argument("--bench", default="simulated-15x15")
    said = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("LABMTJ_STATE", str(Path(folder) / "state"))
        run(said.protocol, bench=said.bench, out=Path(folder))  # what is imported and compiled once
        each, meter = overhead(), Meter()
        meter.put_in()
        began = time.process_time()
        outcome = run(said.protocol, bench=said.bench, out=Path(folder))
        taken = time.process_time() - began
    total = 0.0
    print(f"{'':<10} {'calls':>8} {'us each':>8} {'share':>7}")
    for name in METERED:
        if calls := meter.calls[name]:
            seconds = max(0.0, meter.seconds[name] - calls * each)
            total += seconds
            print(f"{name:<10} {calls:>8} {1e6 * seconds / calls:>8.1f} {seconds / taken:>7.1%}")
    bench_seconds = outcome.figures["bench_seconds"]
    typical = median(meter.syncs)
    synced = typical * len(meter.syncs) / bench_seconds
    print(f"together {total / taken:.1%} of {taken:.2f} s of processor time (asked: less than {SHARE:.0%})")
    print(
        f"{len(meter.syncs)} fsyncs of {1e3 * typical:.2f} ms (median; mean {1e3 * fmean(meter.syncs):.2f} ms): "
        f"{synced:.2%} of the {bench_seconds:.0f} s that the run takes at a bench (asked: less than {SYNCS:.0%})"
    )
    return int(total / taken >= SHARE or synced >= SYNCS)


if __name__ == "__main__":
    sys.exit(main())
