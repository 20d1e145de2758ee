"""What a run knows so far, and the forms in which its steps pass it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labmtj.errors import InputError, LineFaulty
from labmtj.nets.dataset import Dataset
from labmtj.nets.network import Network, Trace, forward_array
from labmtj.nets.tune import ScaleTuning
from labmtj.physics.stress import Limits
from labmtj.ports import ArrayAccess, ContactCheck, FieldSource, Journal, NeuronAccess, Thermometer
from labmtj.records import Cell, Copy, Defect, DieMap, Finding, Floats, Ints, NeuronMap, Polarity
from labmtj.routines.reference import Watch
from labmtj.routines.writing.picture import Picture
from labmtj.routines.writing.talk import Tally, no_tally
from labmtj.runs.die_map import die_map_entry
from labmtj.runs.neuron_map import neuron_map_entry
from labmtj.units import Dimension, show

if TYPE_CHECKING:
    from labmtj.protocol.calibration import Tuned
    from labmtj.protocol.chip_task import ChipTask
    from labmtj.protocol.waiting import Person
    from labmtj.routines.chips.writing import Written


@dataclass(frozen=True, eq=False)
class Measured:
    """What the array itself computed in a layer: numbers of the samples, and outputs (samples, outputs)."""

    samples: tuple[int, ...]
    outputs: Floats


@dataclass
class Progress:
    """What a run knows so far; each step adds to it. Layers count from 1.

    `stated` is the state that a positive row writes as the bench file has it: found, not believed. `magnet` and
    `thermometer` are the bench's, where it has them; `check` looks at its lines, where the array has any.
    `quarantined` are the cells of lines that are left out; `tunings` what was tuned besides the scale, by its name.
    Of a chip with a transistor in every cell: its `kernels`, the network for it, how that stands `written`, and what
    it `inferred` last. `trained` is what training on the array has come to last. On a bench with `neurons`: the
    `neuron_map` that was measured last, and what was found with it. `die_name` is the die's,
    `neuron_range` [A] that of the meter on the z terminals. `person` is whom steps may ask, `tally` hears of cells as
    they are written.
    """

    network: Network | None
    data: Dataset | None
    array: ArrayAccess
    journal: Journal
    stated: str | None = None
    limits: Limits | None = None
    polarity: Polarity | None = None
    die_map: DieMap | None = None
    copies: dict[int, Copy] = field(default_factory=dict[int, Copy])
    conductance: dict[int, Floats] = field(default_factory=dict[int, Floats])
    measured: dict[int, Measured] = field(default_factory=dict[int, Measured])
    overwritten: set[int] = field(default_factory=set[int])
    flips: dict[int, int] = field(default_factory=dict[int, int])
    magnet: FieldSource | None = None
    thermometer: Thermometer | None = None
    check: ContactCheck | None = None
    quarantined: frozenset[Cell] = frozenset()
    scale: ScaleTuning | None = None
    software_scale: ScaleTuning | None = None
    tunings: dict[str, Tuned] = field(default_factory=lambda: {})
    watch: Watch | None = None
    kernels: int | None = None
    chip: ChipTask | None = None
    written: Written | None = None
    inferred: Finding | None = None
    trained: Finding | None = None
    neurons: NeuronAccess | None = None
    neuron_map: NeuronMap | None = None
    neuron_curves: Finding | None = None
    die_name: str = ""
    neuron_range: float | None = None
    person: Person | None = None
    tally: Tally = no_tally
    _picture: Picture | None = None

    @property
    def known_network(self) -> Network:
        """The network. Raises InputError in a protocol without one."""
        if self.network is None:
            raise InputError("this step needs a network: write network: {shipped: wine/17} in the protocol")
        return self.network

    @property
    def known_chip(self) -> ChipTask:
        """The network of a chip, and its images. Raises InputError in a protocol without one."""
        if self.chip is None:
            raise InputError("this step needs a network for a chip: write network: {shipped: digits} in the protocol")
        return self.chip

    @property
    def known_person(self) -> Person:
        """Whom to ask. Raises InputError where there is nobody."""
        if self.person is None:
            raise InputError("nobody can be asked here: confirm and pause steps belong to runs")
        return self.person

    @property
    def known_data(self) -> Dataset:
        """The data set that belongs to the network. Raises InputError without one."""
        if self.data is None:
            raise InputError("this step needs a network and its data: write network: {shipped: wine/17}")
        return self.data

    @property
    def known_map(self) -> DieMap:
        """The die map; protocols are checked to have made one before it is needed."""
        if self.die_map is None:
            raise InputError("this step needs a map of the die before it")
        return self.die_map

    @property
    def window(self) -> float:
        """Nominal Gon - Goff [S]: medians of the good cells of the map."""
        return self.known_map.conductance_p - self.known_map.conductance_ap

    @property
    def picture(self) -> Picture:
        """What the die map says of currents and voltages; worked out anew only where the map has changed."""
        self._picture = Picture(self.known_map) if self._picture is None else self._picture.of(self.known_map)
        return self._picture

    def contact(self, *, level: float = 10e-3, quarantine: Literal["none", "open"] = "none") -> str:
        """Check every line at `level` [V]; the line that a person reads. Raises LineFaulty, with the lines named.

        Cells of lines that are left out are open from here on.
        """
        if self.check is None:
            return "no lines here: the array is without instruments"
        found = self.check(level=level, quarantine=quarantine)
        if found.serious:
            raise LineFaulty("the contact check failed, and nothing was written", found.serious)
        rows, cols = self.array.shape
        bad = {(line.axis, line.number) for line in found.quarantined}
        self.quarantined = frozenset(
            Cell(row, col)
            for row in range(1, rows + 1)
            for col in range(1, cols + 1)
            if ("row", row) in bad or ("col", col) in bad
        )
        said = f"{rows + cols - len(bad)}/{rows + cols} lines at {show(level, Dimension.VOLTAGE)}"
        names = ", ".join(map(str, found.quarantined))
        return f"{said}   left out: {names}" if names else said

    def keep_map(self, die: DieMap) -> None:
        """From here on this is what is known of the die, at the temperature of now; it is in the journal."""
        if self.quarantined:
            defect = die.defect.copy()
            for cell in self.quarantined:
                defect[cell.position] = Defect.OPEN
            die = replace(die, defect=defect)
        if self.thermometer is not None:
            die = replace(die, temperature=self.thermometer.temperature())
        self.die_map = die
        self.journal.record("map", die_map_entry(die))

    def keep_neurons(self, found: NeuronMap, finding: Finding) -> None:
        """From here on this is what is known of the neurons; it is in the journal."""
        self.neuron_map, self.neuron_curves = found, finding
        self.journal.record("neuron_map", neuron_map_entry(found))

    def stands(self, layer: int, copy: Copy) -> None:
        """A layer has been written: keep the copy, and what its cells' states are now."""
        self.copies[layer] = copy
        die = self.known_map
        state = np.full(die.shape, -1, dtype=np.int64) if die.state is None else die.state.copy()
        at = np.ix_(np.array(copy.placement.rows) - 1, np.array(copy.placement.cols) - 1)
        state[at] = np.where(copy.defect == Defect.NONE, copy.state, -1)
        self.die_map = replace(die, state=state)

    def reset_states(self, states: Ints | None = None) -> None:
        """Every cell may be in another state now: no layer stands any more; `states` (rows, cols) are what is known."""
        self.overwritten |= set(self.copies)
        self.written = None
        if self.die_map is not None:
            unknown = np.full(self.die_map.shape, -1, dtype=np.int64)
            self.die_map = replace(self.die_map, state=unknown if states is None else states)

    def mark_stuck(self, cells: Sequence[Cell]) -> None:
        """From here on these cells count as stuck; it is in the journal."""
        defect = self.known_map.defect.copy()
        for cell in cells:
            defect[cell.position] = Defect.STUCK
        self.keep_map(replace(self.known_map, defect=defect))

    def find(self, finding: Finding) -> str:
        """Put what a step found into the journal; return its line."""
        columns = {
            name: {"dims": list(column.dims), "units": column.units, "meaning": column.meaning}
            | {"values": listed(column.values)}
            for name, column in finding.columns.items()
        }
        content = {"name": finding.name, "columns": columns, "figures": dict(finding.figures), "line": finding.line}
        self.journal.record("finding", content)
        return finding.line

    def standing(self, layer: int) -> Copy:
        """The copy of a layer that is still on the array. Raises InputError if its cells were changed."""
        if layer in self.overwritten:
            raise InputError(f"layer {layer} is not on the array any more: a later step changed its cells")
        return self.copies[layer]

    def trace(self, layers: int, scale: float = 1.0) -> Trace:
        """Forward pass of all samples through the conductance maps of the first `layers` layers."""
        part = Network(self.known_network.name, self.known_network.layers[:layers])
        maps = [neutral(self.conductance[n]) for n in range(1, layers + 1)]
        return forward_array(part, self.known_data.inputs, conductances=maps, window=self.window, scale=scale)


def neutral(conductance: Floats) -> Floats:
    """Conductances with pairs that could not be read made to contribute nothing: both devices alike.

    A reading in compliance is no conductance; the pair is left out of the sums, which are digital here.
    """
    unread = ~np.isfinite(conductance)
    if not unread.any():
        return conductance
    out = conductance.copy()
    bad = unread[:, 0::2] | unread[:, 1::2]
    for side in (0, 1):
        out[:, side::2][bad] = 0.0
    return out


def listed(values: ArrayLike) -> Any:
    """An array as nested lists for the journal; what is not finite becomes None."""
    array: NDArray[Any] = np.asarray(values)
    plain = array.astype(object)
    if array.dtype.kind == "f":
        plain[~np.isfinite(array)] = None
    return plain.tolist()
