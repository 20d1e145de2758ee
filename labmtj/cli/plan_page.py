"""A plan as one page that needs nothing else."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

import numpy as np

from labmtj.cli.plan_table import STEP_HEAD, dies, figure_rows, step_rows
from labmtj.errors import StorageError
from labmtj.protocol.examine import Examination
from labmtj.protocol.load import Job
from labmtj.protocol.outlook import Outlook
from labmtj.report import html, svg
from labmtj.report.maps import Marks, Spread, value_map


def write_page(path: Path, found: Examination, job: Job, plan: Outlook) -> None:
    """Write the page. Raises StorageError."""
    new = path.with_name(f"{path.name}.new")
    with svg.styled():
        text = page(found, job, plan)
    try:
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        raise StorageError(f"{path}: the page cannot be written: {error.strerror}") from error


def page(found: Examination, job: Job, plan: Outlook) -> str:
    """The page of a plan, and of what was found before it was run."""
    what = f"{dies(plan)} on {job.bench.bench.title}"
    verdicts = [f"{finding.severity.name.lower()}: {finding.problem.message}" for finding in found.findings]
    verdicts += [f"refused: {text}" for text in plan.refused] + [f"warning: {text}" for text in plan.warnings]
    bad = ("error", "refused", "warning")
    said = [html.paragraph(text, kind="warning" if text.startswith(bad) else "") for text in verdicts]
    unmarked = Marks(np.zeros(plan.peak.shape, dtype=np.int64))
    share = 100 * plan.peak / job.protocol.limits.cell_voltage
    maps = [
        (
            value_map(
                share, title="Largest voltage", label="% of limit", marks=unmarked, spread=Spread.LINEAR,
                alt="Map of the largest voltage of each cell on any die", key="peak",
            ),
            f"Largest |V| of each cell on any die; worst: cell {plan.hottest}, seed {plan.worst_seed}.",
        ),
        (
            value_map(
                plan.disturb, title="Expected disturbs", label="flips a run", marks=unmarked, spread=Spread.LINEAR,
                alt="Map of the flips of each cell that pulses on others are expected to cause", key="disturb",
            ),
            "Flips of each cell that pulses on other cells are expected to cause in one run, mean over dies.",
        ),
    ]  # fmt: skip
    body = [
        f"<header><h1>Plan: {escape(job.protocol.title)}</h1>{html.paragraph(what, kind='soft')}</header>",
        html.section("Verdicts", *said),
        html.section(
            "What it takes",
            html.table(["", "median", "90 % of dies", "limit"], figure_rows(job, plan), caption="One run.", numbers=3),
        ),
        html.section(
            "Steps",
            html.table(
                STEP_HEAD,
                step_rows(plan),
                caption="In the order of the protocol.",
                numbers=5,
            ),
        ),
        html.section("Stress", html.figures(maps)),
    ]
    return html.document(title=f"Plan: {job.protocol.title}", body=[part for part in body if part])
