"""Every kind of YAML file that has a schema: those of protocols and benches, and studies."""

from __future__ import annotations

from labmtj.protocol import schemas
from labmtj.protocol.schemas import FileKind
from labmtj.studies.schema import StudyFile

KINDS = {**schemas.KINDS, "study": FileKind("study", StudyFile, "protocols")}
