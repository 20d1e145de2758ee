"""What else is made of a journal: the report, and what the ledger keeps of the run."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.bench.life_ledger import contribution_of_run, die_key, ledger_path, run_id
from labmtj.errors import LabmtjError
from labmtj.physics.stress import Limits
from labmtj.protocol.evidence.check import Check
from labmtj.protocol.evidence.lines import Lines
from labmtj.protocol.evidence.stored import other_program
from labmtj.protocol.run_folder import JOURNAL, reload
from labmtj.report import svg
from labmtj.report.content import Run
from labmtj.report.page import NAME, page
from labmtj.runs import netcdf
from labmtj.runs.ledger import Ledger, Life
from labmtj.runs.store import NAME as STORE

_LEDGER = "ledger"
_GRAIN = 1e-9  # relative. chosen: sums of the same numbers in another order differ by less


def check_report(folder: Path, lines: Lines, *, store: Check) -> Check | None:
    """Whether report.html is the page that run.h5 makes; None where there is none. `store` is the check of run.h5."""
    path = folder / NAME
    if not path.exists():
        return None
    if store.verdict != "good":
        return Check(NAME, "open", f"it is made of {STORE}, which is not known to be good")
    try:
        text = path.read_text(encoding="utf-8")
        run = Run(netcdf.read(folder / STORE))
    except (OSError, UnicodeDecodeError, LabmtjError) as error:
        return Check(NAME, "damaged", f"it cannot be read: {error}")
    if path.stat().st_mtime_ns < (folder / STORE).stat().st_mtime_ns:
        return Check(NAME, "open", f"it is older than {STORE}; labmtj rebuild makes it anew")
    other = ""
    named = re.search(r"Run ([^<,]*), begun", text)
    with svg.styled():
        for name in dict.fromkeys((folder.name, named[1] if named else folder.name)):  # a folder may have been renamed
            made = page(run, name=name)
            if made == text:
                return Check(NAME, "good", f"letter for letter what {STORE} makes")
            if _words(made) == _words(text) and (other := other_program(lines.header, "matplotlib")):
                return Check(
                    NAME, "good", f"figures and tables are those of {STORE}, drawings are not compared: {other}"
                )
    if other := other_program(lines.header, "matplotlib"):
        return Check(NAME, "open", f"it is not the page that this program makes; {other}")
    return Check(NAME, "damaged", f"it is not the page that {STORE} makes; labmtj rebuild makes it anew")


def _words(text: str) -> str:
    return re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)


def check_ledger(folder: Path, lines: Lines) -> Check:
    """Whether the ledger's contribution of the run is what its journal comes to; one that was killed may lack the end.

    The ledger is the one that the bench file means on this machine.
    """
    if lines.damaged:
        return Check(_LEDGER, "open", "it cannot be held against a damaged journal")
    try:
        job, file = reload(folder, lines.header)
        place = ledger_path(file)
        kept = Ledger(place).contribution(die_key(file), run_id(folder / JOURNAL))
        if kept is None:
            return Check(_LEDGER, "open", f"{place} does not know the run: it is another machine's, or was not begun")
        limits = Limits(**dict(job.protocol.limits))
        expected = contribution_of_run(folder / JOURNAL, file, limits)
    except (LabmtjError, OSError, KeyError, TypeError, ValueError) as error:
        return Check(_LEDGER, "open", f"it cannot be looked at: {error}")
    pulses, volts = int(kept.pulses.sum()), int(expected.pulses.sum())
    if not lines.how and _not_more(kept, expected):
        return Check(_LEDGER, "good", f"{pulses} of the journal's {volts} pulses; the rest when it is collected")
    wrong = [
        field.name for field in fields(Life) if not _alike(getattr(kept, field.name), getattr(expected, field.name))
    ]
    if wrong:
        return Check(_LEDGER, "damaged", f"{place} has other figures of this run than its journal: {', '.join(wrong)}")
    told = f"{pulses} pulses, counted in each of the {np.count_nonzero(kept.pulses)} cells that took them"
    return Check(_LEDGER, "good", f"{told}, as the journal has them")


def _alike(kept: NDArray[Any], expected: NDArray[Any]) -> bool:
    return kept.shape == expected.shape and np.allclose(kept, expected, rtol=_GRAIN, atol=0.0, equal_nan=True)


def _not_more(kept: Life, expected: Life) -> bool:
    names = ("positive", "negative", "damage", "read_dose")
    return all(bool(np.all(getattr(kept, n) <= getattr(expected, n) * (1 + _GRAIN))) for n in names)
