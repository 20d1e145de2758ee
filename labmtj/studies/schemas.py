"""Every kind of YAML file that has a schema: those of protocols and benches, of studies of all kinds and training."""

from __future__ import annotations

from labmtj.protocol import schemas
from labmtj.protocol.schemas import FileKind
from labmtj.studies.in_situ.schema import InSituFile
from labmtj.studies.neurons.schema import NeuronFile
from labmtj.studies.schema import StudyFile
from labmtj.studies.training.schema import TrainingFile

KINDS = {
    **schemas.KINDS,
    "study": FileKind("study", StudyFile, "protocols"),
    "in-situ": FileKind("in-situ", InSituFile, "protocols"),
    "neuron-study": FileKind("neuron-study", NeuronFile, "protocols"),
    "training": FileKind("training", TrainingFile, "protocols"),
}
