"""Tables of a neuron's steady magnetisation over drive, offset and asymmetry, for everything that asks it often.

A table belongs to one set of reduced parameters (physics.neuron.Reduced). It is not laid out over the drive i but over
the field j = b + offset with b = i (1 - asymmetry tanh(j)), nearly the one that the drive makes: without heat and
without a damping-like torque m depends on it alone, so little is left for offset and asymmetry to change. Between the
nodes a cubic spline in asinh(j) (physics.neuron_spline), and cubics through the four nodes around along offset and
asymmetry. Half a turn about z takes (i, offset, asymmetry, m_x) to their negatives and leaves m_z, so half of the
fields are solved.

The table of the default device ships; another device's is made when it is first asked for, in about a minute, and
kept beside the compiled kernels (labmtj.physics.jit). Make the shipped one anew: python -m labmtj.neuron_dies
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

import labmtj
from labmtj.errors import InputError, SolveError
from labmtj.physics.jit import cache_folder
from labmtj.physics.neuron import NeuronModel, Reduced
from labmtj.physics.neuron_spline import between, nodes, places, with_slopes
from labmtj.records import Floats, Ints

NAME = "neuron-table.npz"
FIELD_LIMIT, FIELD_COUNT = 20.0, 71  # along x; an odd count: one node at 0
OFFSET_LIMIT, OFFSET_COUNT = 0.7, 7  # a current against a larger stray field may undamp the free layer
ASYMMETRY_LIMIT, ASYMMETRY_COUNT = 0.7, 5

ABOUT = """\
Mean magnetisation of a neuron's free layer: steady Fokker-Planck solutions by labmtj.physics.neuron_steady.
values[j, offset, asymmetry] = (m_x, m_z, d m_x / dp, d m_z / dp) at the field j along x, all reduced (axes and meaning:
labmtj/physics/neuron_table.py), p the reduced current of the probe on the z terminal. law = anisotropy, bias, ratio,
damping, stiffness of the device it is for. noise[j] = ln of the spectral densities of m_x and m_z, in reduced time,
without offset and asymmetry. Made by: python -m labmtj.neuron_dies
"""


def fields() -> Floats:
    """Fields j of the table, rising, symmetric."""
    return nodes(FIELD_LIMIT, FIELD_COUNT)


def offsets() -> Floats:
    """Offsets of the table."""
    return np.linspace(-OFFSET_LIMIT, OFFSET_LIMIT, OFFSET_COUNT)


def asymmetries() -> Floats:
    """Asymmetries of the table."""
    return np.linspace(-ASYMMETRY_LIMIT, ASYMMETRY_LIMIT, ASYMMETRY_COUNT)


@dataclasses.dataclass(frozen=True, eq=False)
class SteadyTable:
    """Magnetisation over nodes `fields` j, `offset`, `asymmetry`: `values` (fields, offset, asymmetry, 4).

    The last axis is m_x, m_z and their derivatives by the probe's reduced current. `noise` (fields, 2) has the
    logarithms of the spectral densities of m_x and m_z (physics.neuron_steady), without offset and asymmetry.
    """

    law: Reduced
    fields: Floats
    offset: Floats
    asymmetry: Floats
    values: Floats
    noise: Floats

    @functools.cached_property
    def _spline(self) -> Floats:
        """Values and slopes from field to field, shape (fields, offset, asymmetry, 4, 2)."""
        return with_slopes(self.values)

    def curves(
        self, i: ArrayLike, offset: ArrayLike = 0.0, asymmetry: ArrayLike = 0.0, *, probe: ArrayLike = 0.0
    ) -> tuple[Floats, Floats]:
        """m_x and m_z at reduced drives `i`, of the broadcast shape of the arguments.

        `offset` in units of the model's unit field, `probe` the reduced current of the z terminal, to first order.
        Raises InputError outside the table.
        """
        found, p = self.at(i, offset, asymmetry), np.asarray(probe, dtype=np.float64)
        return found[..., 0] + p * found[..., 2], found[..., 1] + p * found[..., 3]

    def fluctuation(self, m_x: ArrayLike) -> tuple[Floats, Floats]:
        """Spectral densities of m_x and m_z where the mean is `m_x`, of its shape and in units of reduced time.

        A mean over a time T, long against the free layer's own, has the variance S / (2 T). The mean m_x stands for the
        field, whatever offset and asymmetry helped to make it.
        """
        middle = self.values[:, len(self.offset) // 2, len(self.asymmetry) // 2, 0]
        place = np.interp(np.asarray(m_x, dtype=np.float64), middle, np.arange(len(middle), dtype=np.float64))
        low = np.clip(place.astype(np.int64), 0, len(middle) - 2)
        found = np.exp(between(self._loud[low], self._loud[low + 1], place - low))
        return found[..., 0], found[..., 1]

    @functools.cached_property
    def _loud(self) -> Floats:
        return with_slopes(self.noise)

    def at(self, i: ArrayLike, offset: ArrayLike, asymmetry: ArrayLike) -> Floats:
        """m_x, m_z and their derivatives by the probe's current as a last axis of 4. Raises InputError."""
        given = (np.asarray(part, dtype=np.float64) for part in (offset, asymmetry))
        aside, uneven = np.broadcast_arrays(*given)
        field = aside + effective(*np.broadcast_arrays(np.asarray(i, dtype=np.float64), aside, uneven))
        for name, part, limit in (
            ("field", field, self.fields[-1]),
            ("offset", aside, self.offset[-1]),
            ("asymmetry", uneven, self.asymmetry[-1]),
        ):
            if part.size and not float(np.max(np.abs(part))) <= limit * (1.0 + 1e-12):
                raise InputError(
                    f"a neuron's {name} of {float(np.max(np.abs(part))):.3g} is outside its table, which goes to "
                    f"{limit:g} in units of the critical current: lower the drive or the spread of the device"
                )
        devices = self._of(aside.ravel(), uneven.ravel())
        which = np.broadcast_to(np.arange(aside.size, dtype=np.int64).reshape(aside.shape), field.shape)
        low, t = places(field, float(self.fields[-1]), len(self.fields))
        return between(devices[which, low], devices[which, low + 1], t)

    def _of(self, offset: Floats, asymmetry: Floats) -> Floats:
        """The splines of n devices, shape (n, fields, 4, 2)."""
        (first, at), (second, beside) = _weights(offset, self.offset), _weights(asymmetry, self.asymmetry)
        found = np.zeros((len(self.fields), offset.size, 4, 2))
        for a in range(4):
            for b in range(4):
                found += (first[a] * second[b])[:, None, None] * self._spline[:, at + a, beside + b]
        return np.moveaxis(found, 1, 0)


def effective(drive: Floats, offset: Floats, asymmetry: Floats) -> Floats:
    """The b with b = drive (1 - asymmetry tanh(b + offset)), all of one shape; there is one for |asymmetry| <= 0.7.

    Newton's method, by bisection where it leaves the bracket drive (1 -+ asymmetry).
    """
    if not np.any(asymmetry):
        return drive
    ends = drive * (1.0 - asymmetry), drive * (1.0 + asymmetry)
    low, high = np.minimum(*ends), np.maximum(*ends)
    b = drive * (1.0 - asymmetry * np.tanh(drive + offset))
    for _ in range(60):
        t = np.tanh(b + offset)
        miss = b - drive * (1.0 - asymmetry * t)
        if np.all(np.abs(miss) <= 1e-12 * (1.0 + np.abs(drive))):
            return b
        low, high = np.where(miss < 0.0, b, low), np.where(miss < 0.0, high, b)
        slope = 1.0 + drive * asymmetry * (1.0 - t * t)
        ahead = b - miss / np.where(slope > 1e-3, slope, 1e-3)
        b = np.where((ahead > low) & (ahead < high), ahead, 0.5 * (low + high))
    raise SolveError("the field of a neuron's drive was not found")


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
    from labmtj.physics.neuron_steady import fluctuation, solve_one

    j, offset, asymmetry = fields(), offsets(), asymmetries()
    values = np.empty((len(j), len(offset), len(asymmetry), 4))
    middle = len(j) // 2
    noise = np.empty((len(j), 2))
    for at in range(middle, len(j)):
        noise[at] = noise[len(j) - 1 - at] = np.log(fluctuation(law, float(j[at])))
        for a, aside in enumerate(offset):
            for b, uneven in enumerate(asymmetry):
                drive = float(j[at] - aside) / (1.0 - float(uneven) * math.tanh(float(j[at])))
                mean, slope = solve_one(law, drive, float(aside), float(uneven))
                values[at, a, b] = mean[0], mean[2], slope[0], slope[2]
    mirrored = values[middle:][::-1, ::-1, ::-1] * np.array([-1.0, 1.0, -1.0, 1.0])
    values[: middle + 1] = mirrored
    return SteadyTable(law, j, offset, asymmetry, values, noise)


def write(table: SteadyTable, path: Path) -> None:
    """Write a table, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            about=np.array(ABOUT),
            law=np.array(dataclasses.astuple(table.law)),
            fields=table.fields,
            offset=table.offset,
            asymmetry=table.asymmetry,
            values=table.values.astype(np.float32),
            noise=table.noise.astype(np.float32),
        )
    os.replace(file.name, path)


def load(path: Path) -> SteadyTable:
    """Read a table."""
    with np.load(path, allow_pickle=False) as stored:
        law = Reduced(*(float(part) for part in stored["law"]))
        axes: list[Floats] = [
            stored[name].astype(np.float64) for name in ("fields", "offset", "asymmetry", "values", "noise")
        ]
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


def _announced(law: Reduced) -> SteadyTable:
    print("neurons: solving for their magnetisation at these parameters, about a minute", file=sys.stderr, flush=True)
    return make(law)


@functools.lru_cache(maxsize=16)
def _table(law: Reduced) -> SteadyTable:
    shipped = _shipped()
    if shipped is not None:
        table = load(shipped)
        if _like(table.law, law):
            return table
    kernels = cache_folder()
    if kernels is None:
        return _announced(law)
    made_for = np.array(dataclasses.astuple(law)).tobytes() + Path(__file__).read_bytes()
    path = kernels.parents[1] / "neurons" / f"{hashlib.sha256(made_for).hexdigest()[:16]}.npz"
    if not path.is_file():
        write(_announced(law), path)
    return load(path)


def table_of(model: NeuronModel) -> SteadyTable:
    """The table of a device: the shipped one, one that was made before, or a new one (about a minute)."""
    return _table(model.reduced)
