"""The report of a study from its tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from labmtj.report.study.content import Content
from labmtj.report.study.page import write_study_report
from labmtj.studies.folder import STUDY
from labmtj.studies.prediction import Answer
from labmtj.studies.summary import rows
from labmtj.studies.table import COPIES, Table


def write_page(
    folder: Path, found: Mapping[str, Table], *, title: str, facts: Mapping[str, object], answer: Answer | None = None
) -> Path:
    """Write report.html and its figures into the folder of a study. Raises StorageError.

    `facts` are what the tables say of their origin, the study's file among them.
    """
    none: Table = {}
    words = {name: str(value) for name, value in facts.items() if name != STUDY}
    content = Content(
        title,
        found[COPIES],
        rows(found[COPIES]),
        words,
        ablation=found.get("ablation", none),
        inverse=found.get("inverse", none),
        crossings=found.get("crossings", none),
        ageing=found.get("ageing", none),
        placements=found.get("placements", none),
        scales=found.get("scales", none),
        prediction=none if answer is None else answer.ranks,
        targets=none if answer is None else answer.targets,
        predictors={} if answer is None else answer.predictors,
        sentences={} if answer is None else {"measures": answer.sentences},
        study_file=str(facts[STUDY]),
    )
    return write_study_report(folder, content)
