"""report.html: what a run did, on one page that needs nothing else, made from run.h5 alone."""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path

from labmtj.errors import StorageError
from labmtj.report import chip, findings, html, polarity, sections, svg
from labmtj.report.content import Run, duration
from labmtj.runs import netcdf, store

NAME = "report.html"


def write_report(folder: Path) -> Path:
    """Write report.html of a run folder, finished or not; return its path.

    run.h5 is built first if it is missing, older than the journal, or of an older layout. Raises StorageError.
    """
    stored, journal = folder / store.NAME, folder / store.JOURNAL
    if not stored.exists() or (journal.exists() and journal.stat().st_mtime_ns > stored.stat().st_mtime_ns):
        store.build_store(folder)
    groups = netcdf.read(stored)
    if store.CELLS not in groups:
        groups = netcdf.read(store.build_store(folder))
    run = Run(groups)
    path, new = folder / NAME, folder / f"{NAME}.new"
    with svg.styled():
        text = page(run, name=folder.name)
    try:
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        raise StorageError(f"{path}: the report cannot be written: {error.strerror}") from error
    return path


def page(run: Run, *, name: str) -> str:
    """Make the page of a run that is known by the name of its folder."""
    title = run.text("title") or name
    parts = [_top(run, title=title, name=name), sections.results(run), sections.inference(run)]
    parts += [sections.layer(run, place, layer) for place, layer in sorted(run.layers.items())]
    count = chip.kernels(run)
    parts += [
        chip.network(run, count) if count else "",
        *findings.sections(dict(run.groups)),
        chip.die(run, count) if count else "" if "neurons" in run.groups else sections.die(run),
        polarity.section(run),
        _steps(run),
        _provenance(run),
    ]
    return html.document(title=title, body=[part for part in parts if part])


def _top(run: Run, *, title: str, name: str) -> str:
    lines = [f"<h1>{escape(title)}</h1>"]
    lines.append(html.paragraph(f"Run {name}, begun {run.text('started').replace('T', ' ')}", kind="soft"))
    names = [f"{name.capitalize()}: {run.text(name)}" for name in ("sample", "operator") if run.text(name)]
    if names:
        lines.append(html.paragraph("; ".join(names), kind="soft"))
    ended = run.text("ended")
    if ended != "done":
        what = "This run was not finished" if ended == "unfinished" else f"This run {ended}"
        why = f": {run.text('error')}" if run.text("error") else ""
        lines.append(html.paragraph(f"{what}{why}. The page shows what it had done by then.", kind="warning"))
    return "\n".join(["<header>", *lines, "</header>"])


def _steps(run: Run) -> str:
    steps = run.groups["steps"].variables
    columns = [steps[name].values for name in ("step", "name", "line", "seconds")]
    rows = [
        [f"{number}", str(name), re.sub(" {2,}", "; ", str(line)) or "not finished", duration(float(seconds))]
        for number, name, line, seconds in zip(*columns, strict=True)
    ]
    head = ["step", "name", "what came of it", "bench time"]
    return html.section(
        "Steps", html.table(head, rows, caption="In the order of the protocol.", numbers=1) if rows else ""
    )


def _provenance(run: Run) -> str:
    prefix = "provenance_"
    found = {name.removeprefix(prefix): run.text(name) for name in run.root.attributes if name.startswith(prefix)}
    rows = [[name.replace("_", " "), text] for name, text in found.items()]
    rows += [[f"instrument {name}", str(serial)] for name, serial in run.mapping("instruments").items()]
    rows += [["processor time", f"{run.text('processor_seconds')} s"]] if run.text("processor_seconds") else []
    folds = [
        html.details(
            "Versions, revision, hashes", html.table(["what", "which"], rows, caption="At the time of the run.")
        )
    ]
    for name in store.FILES:
        text = run.text(name.replace(".", "_"))
        if text:
            folds.append(html.details(f"{name}, as it was used", html.listing(text)))
    return html.section("Provenance", *folds)
