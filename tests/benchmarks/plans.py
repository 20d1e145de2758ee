"""What `labmtj plan` says against what a run takes: 30 protocols, each planned on 8 dies and run on another.

    python tests/benchmarks/plans.py [--dies 8] [--first 0] [--last 30]

The protocols are the shipped ones and variations of them, on the benches that ship simulated. A plan knows the kind of
die and never the die: the seeds of its dies are others than that of the run it is held against. Asked for (row 18):
the mean error of bench time and of pulse count within 10 %, and at least 85 % of all figures within their 90 % bands.
"""

from __future__ import annotations

import argparse
import sys
import time

from labmtj.protocol.load import load_protocol
from labmtj.protocol.outlook import Outlook, outlook
from labmtj.protocol.plan import DieRun, run_dies

ERROR, COVERED = 0.10, 0.85  # reliability.md, row 18
DEFAULT = "simulated-15x15"
# A part of the die, where the whole would take minutes a plan.
PART = ('lines.rows={"1..7": "1..7"}', 'lines.cols={"1..7": "16..22"}', "array.rows=7", "array.cols=7")
SPLIT = ('lines.rows={"1..7": "dac.1..7"}', 'lines.cols={"1..7": "1..7"}', "array.rows=7", "array.cols=7")
HALF = "program.scheme=v_half"  # V/3 needs a bench with a source on every row
PLANS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("map", DEFAULT, PART),
    ("map", DEFAULT, (*PART, "polarity.step=10 mV")),
    ("map", DEFAULT, (*PART, "polarity.start=250 mV", "measure.nplc=2")),
    ("map", DEFAULT, (*PART, "simulation.die.diameter=50 nm")),
    ("map", DEFAULT, (*PART, "map.width=1 ms", "polarity.width=1 ms")),
    ("map", "keysight", PART),
    ("map", "parallel", SPLIT),
    ("third", DEFAULT, (*PART, HALF)),
    ("third", DEFAULT, (*PART, HALF, "network.shipped=wine/4")),
    ("third", DEFAULT, (*PART, HALF, "network.shipped=wine/111", "program.repair_sweeps=1")),
    ("third", DEFAULT, (*PART, HALF, "network.shipped=wine/250")),
    ("third", DEFAULT, (*PART, HALF, "program.retries=3")),
    ("third", DEFAULT, (*PART, HALF, "program.algorithm=ispp")),
    ("third", DEFAULT, (*PART, HALF, "program.algorithm=width_modulated")),
    ("third", DEFAULT, (*PART, HALF, "program.algorithm=one_shot")),
    ("third", DEFAULT, (*PART, HALF, "program.order=cells")),
    ("third", DEFAULT, (*PART, HALF, "program.place=identity")),
    ("third", DEFAULT, (*PART, HALF, "simulation.die.diameter=35 nm")),
    ("third", DEFAULT, (HALF, "network.shipped=wine/60")),
    ("third", "keysight", (*PART, HALF)),
    ("third", "keysight", (*PART, HALF, "program.algorithm=ispp")),
    ("third", "parallel", SPLIT),
    ("third", "parallel", (*SPLIT, HALF, "program.retries=5")),
    ("third", "parallel", (*SPLIT, "network.shipped=wine/77")),
    ("wine", DEFAULT, ()),
    ("wine", DEFAULT, ("network.shipped=wine/100", "program.retries=5")),
    ("disturb", DEFAULT, PART),
    ("disturb", DEFAULT, (*PART, "half_select.pulses=50", "read_disturb.cells=5")),
    ("switching", DEFAULT, (*PART, "switching.cells=2", "write_error.pulses=30")),
    ("switching", DEFAULT, (*PART, "switching.pulses=40")),
)


def figures(run: DieRun) -> dict[str, float]:
    """Time and pulses of a run."""
    assert run.account is not None
    return {"bench_seconds": float(run.figures["bench_seconds"]), "pulses": float(run.account.pulses)}


def one(number: int, dies: int) -> tuple[Outlook, DieRun]:
    """The plan with this number, and the run that it is held against."""
    protocol, bench, settings = PLANS[number]
    job = load_protocol(protocol, bench=bench, overrides=settings)
    runs = run_dies(job, dies=dies + 1, first=1000 + 100 * number)
    planned, (held_against,) = runs[:-1], runs[-1:]
    return outlook(job, planned), held_against


def main() -> int:
    """Print the table; 0 if both figures are as asked for."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--dies", type=int, default=8)
    words.add_argument("--first", type=int, default=0)
    words.add_argument("--last", type=int, default=len(PLANS))
    said = words.parse_args()
    errors: dict[str, list[float]] = {"bench_seconds": [], "pulses": []}
    inside: list[bool] = []
    began = time.monotonic()
    print(
        f"{'protocol':<60} {'time: plan':>10} {'run':>8} {'error':>7} {'band':>5} {'pulses':>8} {'run':>7} {'error':>7}"
    )
    for number in range(said.first, said.last):
        protocol, bench, settings = PLANS[number]
        plan, run = one(number, said.dies)
        changed = [text for text in settings if text not in (*PART, *SPLIT)]
        name = f"{protocol} {'' if bench == DEFAULT else bench} {' '.join(changed)}"
        if run.account is None:
            print(f"{name:<60.60} failed on its die: {run.failure[:60]}")
            continue
        cells: list[str] = []
        for key, value in figures(run).items():
            band = plan.figures[key]
            errors[key].append(abs(band.median - value) / value)
            inside.append(band.low <= value <= band.high)
            cells.append(
                f"{band.median:>8.0f} {value:>8.0f} {errors[key][-1]:>7.1%} {'in' if inside[-1] else 'OUT':>5}"
            )
        print(f"{name:<60.60} {' '.join(cells)}", flush=True)
    means = {key: sum(found) / len(found) for key, found in errors.items()}
    covered = sum(inside) / len(inside)
    print(
        f"{len(errors['pulses'])} protocols: mean error of time {means['bench_seconds']:.1%}, of pulses "
        f"{means['pulses']:.1%} (asked: {ERROR:.0%}); {covered:.1%} of {len(inside)} figures in their bands "
        f"(asked: {COVERED:.0%}); {time.monotonic() - began:.0f} s"
    )
    return int(max(means.values()) > ERROR or covered < COVERED)


if __name__ == "__main__":
    sys.exit(main())
