"""Every kind of YAML file that has a schema: those of protocols and benches, studies and training."""

from __future__ import annotations

from labmtj.protocol import schemas
from labmtj.protocol.schemas import FileKind
from labmtj.studies.schema import StudyFile
from labmtj.studies.training.schema import TrainingFile

KINDS = {
    **schemas.KINDS,
    "study": FileKind("study", StudyFile, "protocols"),
    "training": FileKind("training", TrainingFile, "protocols"),
}
