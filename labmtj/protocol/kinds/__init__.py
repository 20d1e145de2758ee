"""The kinds of steps that a protocol may have, one module each."""

from __future__ import annotations

from labmtj.protocol.kinds.classify import ClassifyStep
from labmtj.protocol.kinds.confirm import ConfirmStep
from labmtj.protocol.kinds.contact import ContactStep
from labmtj.protocol.kinds.flip_probability import FlipProbabilityStep
from labmtj.protocol.kinds.half_select import HalfSelectStep
from labmtj.protocol.kinds.infer import InferStep
from labmtj.protocol.kinds.infer_network import InferNetworkStep
from labmtj.protocol.kinds.initialise import InitialiseStep
from labmtj.protocol.kinds.iv import IvStep
from labmtj.protocol.kinds.mapping import MapStep
from labmtj.protocol.kinds.neuron_curves import NeuronCurvesStep
from labmtj.protocol.kinds.offsets import OffsetsStep
from labmtj.protocol.kinds.open_map import OpenMapStep
from labmtj.protocol.kinds.pause import PauseStep
from labmtj.protocol.kinds.polarity import PolarityStep
from labmtj.protocol.kinds.program import ProgramStep
from labmtj.protocol.kinds.program_network import ProgramNetworkStep
from labmtj.protocol.kinds.ramps import RampsStep
from labmtj.protocol.kinds.read_disturb import ReadDisturbStep
from labmtj.protocol.kinds.reference import DriftStep, ReferenceStep
from labmtj.protocol.kinds.report import ReportStep
from labmtj.protocol.kinds.retention import RetentionStep
from labmtj.protocol.kinds.rh_loop import RhLoopStep
from labmtj.protocol.kinds.step import Step
from labmtj.protocol.kinds.switching import SwitchingStep
from labmtj.protocol.kinds.tmr import TmrStep
from labmtj.protocol.kinds.train_array import TrainArrayStep
from labmtj.protocol.kinds.tune import TuneStep
from labmtj.protocol.kinds.verify import VerifyStep
from labmtj.protocol.kinds.wires import WiresStep
from labmtj.protocol.kinds.write_error import WriteErrorStep

KINDS: tuple[type[Step], ...] = (
    ContactStep,
    PolarityStep,
    MapStep,
    OpenMapStep,
    SwitchingStep,
    FlipProbabilityStep,
    WriteErrorStep,
    HalfSelectStep,
    ReadDisturbStep,
    RetentionStep,
    OffsetsStep,
    IvStep,
    TmrStep,
    WiresStep,
    ClassifyStep,
    ReferenceStep,
    DriftStep,
    RampsStep,
    ProgramStep,
    InferStep,
    VerifyStep,
    TuneStep,
    RhLoopStep,
    InitialiseStep,
    ProgramNetworkStep,
    InferNetworkStep,
    TrainArrayStep,
    NeuronCurvesStep,
    ConfirmStep,
    PauseStep,
    ReportStep,
)
STEPS: dict[str, type[Step]] = {kind.kind: kind for kind in KINDS}
