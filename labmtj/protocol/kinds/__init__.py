"""The kinds of steps that a protocol may have, one module each."""

from __future__ import annotations

from labmtj.protocol.kinds.infer import InferStep
from labmtj.protocol.kinds.initialise import InitialiseStep
from labmtj.protocol.kinds.mapping import MapStep
from labmtj.protocol.kinds.open_map import OpenMapStep
from labmtj.protocol.kinds.polarity import PolarityStep
from labmtj.protocol.kinds.program import ProgramStep
from labmtj.protocol.kinds.ramps import RampsStep
from labmtj.protocol.kinds.report import ReportStep
from labmtj.protocol.kinds.rh_loop import RhLoopStep
from labmtj.protocol.kinds.step import Step
from labmtj.protocol.kinds.tune import TuneStep
from labmtj.protocol.kinds.verify import VerifyStep

KINDS: tuple[type[Step], ...] = (
    PolarityStep,
    MapStep,
    OpenMapStep,
    RampsStep,
    ProgramStep,
    InferStep,
    VerifyStep,
    TuneStep,
    RhLoopStep,
    InitialiseStep,
    ReportStep,
)
STEPS: dict[str, type[Step]] = {kind.kind: kind for kind in KINDS}
