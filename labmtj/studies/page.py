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

_SIDES = ("ablation", "inverse", "crossings", "ageing", "placements")


def write_page(
    folder: Path, found: Mapping[str, Table], *, title: str, facts: Mapping[str, object], answer: Answer | None = None
) -> Path:
    """Write report.html and its figures into the folder of a study. Raises StorageError.

    `facts` are what the tables say of their origin, the study's file among them.
    """
    told = (
        {}
        if answer is None
        else {
            "prediction": answer.ranks,
            "targets": answer.targets,
            "predictors": answer.predictors,
            "sentences": {"measures": answer.sentences},
        }
    )
    sides = {name: found[name] for name in _SIDES if name in found}
    words = {name: str(value) for name, value in facts.items() if name != STUDY}
    content = Content(title, found[COPIES], rows(found[COPIES]), words, study_file=str(facts[STUDY]), **sides, **told)
    return write_study_report(folder, content)
