"""Tables of a neuron's steady magnetisation over drive, offset and asymmetry, for everything that asks it often.

A table belongs to one set of reduced parameters (physics.neuron.Reduced). It is laid out over the field along x,
j = i + offset, and not over the drive: without a damping-like torque the two act alike, so at equal j little is left
for the offset to change. Between the nodes a cubic spline in asinh(j / DRIVE_SCALE), and cubics through the four nodes
around along offset and asymmetry. Half a turn about z takes (i, offset, asymmetry, m_x) to their negatives and leaves
m_z, so half of the drives are solved.

The table of the default device ships; another device's is made when it is first asked for, in about two minutes, and
kept beside the compiled kernels (labmtj.physics.jit). Make the shipped one anew: python -m labmtj.neuron_dies
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

import labmtj
from labmtj.errors import InputError
from labmtj.physics.jit import cache_folder
from labmtj.physics.neuron import NeuronModel, Reduced
from labmtj.records import Floats, Ints

NAME = "neuron-table.npz"
DRIVE_LIMIT, DRIVE_SCALE, DRIVE_COUNT = 12.0, 0.6, 61  # fields along x, odd count: one node at 0
OFFSET_LIMIT, OFFSET_COUNT = 0.75, 7  # beyond it a current against the stray field undamps the free layer
ASYMMETRY_LIMIT, ASYMMETRY_COUNT = 0.7, 5

ABOUT = """\
Mean magnetisation of a neuron's free layer: steady Fokker-Planck solutions by labmtj.physics.neuron_steady.
values[j, offset, asymmetry] = (m_x, m_z, d m_x / dp, d m_z / dp) at the field j = i + offset along x, all reduced
(labmtj.physics.neuron), p the reduced current of the probe on the z terminal. law = anisotropy, bias, ratio, damping,
stiffness: the device it is for. Made by: python -m labmtj.neuron_dies
"""


def drives() -> Floats:
    """Fields j of the table, rising, symmetric."""
    s = np.linspace(-1.0, 1.0, DRIVE_COUNT) * np.arcsinh(DRIVE_LIMIT / DRIVE_SCALE)
    return DRIVE_SCALE * np.sinh(s)


def offsets() -> Floats:
    """Offsets of the table."""
    return np.linspace(-OFFSET_LIMIT, OFFSET_LIMIT, OFFSET_COUNT)


def asymmetries() -> Floats:
    """Asymmetries of the table."""
    return np.linspace(-ASYMMETRY_LIMIT, ASYMMETRY_LIMIT, ASYMMETRY_COUNT)


@dataclasses.dataclass(frozen=True, eq=False)
class SteadyTable:
    """Magnetisation over nodes `drives` (fields j), `offset`, `asymmetry`: `values` (drives, offset, asymmetry, 4).

    The last axis is m_x, m_z and their derivatives by the probe's reduced current.
    """

    law: Reduced
    drives: Floats
    offset: Floats
    asymmetry: Floats
    values: Floats

    @functools.cached_property
    def _spline(self) -> Floats:
        """Values and slopes by the drives' even coordinate s [nodes], shape (drives, offset, asymmetry, 4, 2)."""
        count = len(self.drives)
        flat = self.values.reshape(count, -1)
        system, right = np.zeros((count, count)), np.zeros_like(flat)
        inner = np.arange(1, count - 1, dtype=np.int64)
        system[inner, inner - 1], system[inner, inner], system[inner, inner + 1] = 1.0, 4.0, 1.0
        right[inner] = 3.0 * (flat[2:] - flat[:-2])
        # At the ends the parabola through the last three nodes.
        system[0, 0] = system[-1, -1] = 1.0
        right[0] = -1.5 * flat[0] + 2.0 * flat[1] - 0.5 * flat[2]
        right[-1] = 1.5 * flat[-1] - 2.0 * flat[-2] + 0.5 * flat[-3]
        slopes = np.linalg.solve(system, right).reshape(self.values.shape)
        return np.stack([self.values, slopes], axis=-1)

    def curves(
        self, i: ArrayLike, offset: ArrayLike = 0.0, asymmetry: ArrayLike = 0.0, *, probe: ArrayLike = 0.0
    ) -> tuple[Floats, Floats]:
        """m_x and m_z at reduced drives `i`, of the broadcast shape of the arguments.

        `offset` in units of the model's unit field, `probe` the reduced current of the z terminal, to first order.
        Raises InputError outside the table.
        """
        parts = (np.asarray(part, dtype=np.float64) for part in (i, offset, asymmetry))
        drive, aside, uneven = np.broadcast_arrays(*parts)
        field = drive + aside
        for name, part, limit in (
            ("field i + offset", field, self.drives[-1]),
            ("offset", aside, self.offset[-1]),
            ("asymmetry", uneven, self.asymmetry[-1]),
        ):
            if part.size and not float(np.max(np.abs(part))) <= limit * (1.0 + 1e-12):
                raise InputError(
                    f"a neuron's {name} of {float(np.max(np.abs(part))):.3g} is outside its table, which goes to "
                    f"{limit:g} in units of the critical current: lower the drive or the spread of the device"
                )
        step = np.arcsinh(self.drives[-1] / DRIVE_SCALE) * 2.0 / (len(self.drives) - 1)
        place = np.clip(
            np.arcsinh(field / DRIVE_SCALE) / step + 0.5 * (len(self.drives) - 1), 0.0, len(self.drives) - 1
        )
        low = np.minimum(place.astype(np.int64), len(self.drives) - 2)
        t = place - low
        basis = (  # Hermite's cubics: value and slope of the node below, of the node above
            ((1.0 + 2.0 * t) * (1.0 - t) ** 2, t * (1.0 - t) ** 2),
            (t * t * (3.0 - 2.0 * t), t * t * (t - 1.0)),
        )
        (first, at), (second, beside) = _weights(aside, self.offset), _weights(uneven, self.asymmetry)
        found = np.zeros((*field.shape, 4))
        for a in range(4):
            for b in range(4):
                weight = first[a] * second[b]
                for side in (0, 1):
                    node = self._spline[low + side, at + a, beside + b]
                    value, slope = (weight * part for part in basis[side])
                    found += value[..., None] * node[..., 0] + slope[..., None] * node[..., 1]
        p = np.asarray(probe, dtype=np.float64)
        return found[..., 0] + p * found[..., 2], found[..., 1] + p * found[..., 3]


def _weights(x: Floats, nodes: Floats) -> tuple[list[Floats], Ints]:
    """Weights of four even nodes around x, those of the cubic through them, and the first one's place."""
    place = (x - nodes[0]) / (nodes[1] - nodes[0])
    first = np.clip(np.floor(place).astype(np.int64) - 1, 0, len(nodes) - 4)
    t = place - first
    weights = [
        -(t - 1.0) * (t - 2.0) * (t - 3.0) / 6.0,
        t * (t - 2.0) * (t - 3.0) / 2.0,
        -t * (t - 1.0) * (t - 3.0) / 2.0,
        t * (t - 1.0) * (t - 2.0) / 6.0,
    ]
    return weights, first


def make(law: Reduced) -> SteadyTable:
    """Solve the equation at every node of a device's table. Raises SolveError where it is too cold for that."""
    from labmtj.physics.neuron_steady import solve_one

    j, offset, asymmetry = drives(), offsets(), asymmetries()
    values = np.empty((len(j), len(offset), len(asymmetry), 4))
    middle = len(j) // 2
    for at in range(middle, len(j)):
        for a, aside in enumerate(offset):
            for b, uneven in enumerate(asymmetry):
                mean, slope = solve_one(law, float(j[at] - aside), float(aside), float(uneven))
                values[at, a, b] = mean[0], mean[2], slope[0], slope[2]
    mirrored = values[middle:][::-1, ::-1, ::-1] * np.array([-1.0, 1.0, -1.0, 1.0])
    values[: middle + 1] = mirrored
    return SteadyTable(law, j, offset, asymmetry, values)


def write(table: SteadyTable, path: Path) -> None:
    """Write a table, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            about=np.array(ABOUT),
            law=np.array(dataclasses.astuple(table.law)),
            drives=table.drives,
            offset=table.offset,
            asymmetry=table.asymmetry,
            values=table.values.astype(np.float32),
        )
    os.replace(file.name, path)


def load(path: Path) -> SteadyTable:
    """Read a table."""
    with np.load(path, allow_pickle=False) as stored:
        law = Reduced(*(float(part) for part in stored["law"]))
        axes: list[Floats] = [stored[name].astype(np.float64) for name in ("drives", "offset", "asymmetry", "values")]
    return SteadyTable(law, *axes)


def _shipped() -> Path | None:
    package = Path(labmtj.__file__).parent
    for root in (package.parent, package / "_shipped"):
        path = root / "data" / "reference" / NAME
        if path.is_file():
            return path
    return None


def _like(first: Reduced, second: Reduced) -> bool:
    return bool(np.allclose(dataclasses.astuple(first), dataclasses.astuple(second), rtol=1e-9, atol=1e-12))


@functools.lru_cache(maxsize=16)
def _table(law: Reduced) -> SteadyTable:
    shipped = _shipped()
    if shipped is not None:
        table = load(shipped)
        if _like(table.law, law):
            return table
    kernels = cache_folder()
    if kernels is None:
        return make(law)
    made_for = np.array(dataclasses.astuple(law)).tobytes() + Path(__file__).read_bytes()
    path = kernels.parents[1] / "neurons" / f"{hashlib.sha256(made_for).hexdigest()[:16]}.npz"
    if not path.is_file():
        write(make(law), path)
    return load(path)


def table_of(model: NeuronModel) -> SteadyTable:
    """The table of a device: the shipped one, one that was made before, or a new one (about two minutes)."""
    return _table(model.reduced)
