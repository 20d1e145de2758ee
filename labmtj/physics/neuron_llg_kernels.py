"""One step after another of a neuron's stochastic equation of motion, for physics.neuron_llg."""

from __future__ import annotations

import math

import numpy as np

from labmtj.physics.chance_kernels import locate, uniform_there
from labmtj.physics.jit import jit
from labmtj.records import Floats


@jit
def _turning(m: Floats, law: Floats, drive: Floats, heat: Floats, rate: Floats) -> None:
    """dm/dt = w x m with w = B + a m x B, for law (B_k, B_z, ratio, a), drive (i, offset, asymmetry, probe)."""
    x, y, z = m[0], m[1], m[2]
    b, c = drive[0] * (1.0 - drive[2] * x), drive[3]
    b_x = b + drive[1] + heat[0] + c * law[2] * y
    b_y = b * law[2] * z + heat[1] - c * law[2] * x
    b_z = law[1] + law[0] * z - b * law[2] * y + c + heat[2]
    a = law[3]
    w_x = b_x + a * (y * b_z - z * b_y)
    w_y = b_y + a * (z * b_x - x * b_z)
    w_z = b_z + a * (x * b_y - y * b_x)
    rate[0] = w_y * z - w_z * y
    rate[1] = w_z * x - w_x * z
    rate[2] = w_x * y - w_y * x


@jit
def run(
    law: Floats, drive: Floats, start: Floats, step: float, skip: int, count: int, every: int, seed: int, purpose: int
) -> tuple[Floats, Floats]:
    """Mean of m after `skip` steps and every `every`-th m, for each trajectory; Heun's method (see neuron_llg)."""
    many = start.shape[0]
    means, seen = np.zeros((many, 3)), np.zeros((many, (skip + count) // every, 3))
    strength = math.sqrt(2.0 * law[3] / (law[4] * (1.0 + law[3] * law[3])) / step)
    for at in range(many):
        there = locate(seed, purpose, at)
        m, ahead, heat = start[at].copy(), np.zeros(3), np.zeros(3)
        first, second = np.zeros(3), np.zeros(3)
        for number in range(skip + count):
            base = np.uint64(4 * number)
            for pair in range(2):
                radius = math.sqrt(-2.0 * math.log(uniform_there(there, base + np.uint64(2 * pair))))
                angle = 2.0 * math.pi * uniform_there(there, base + np.uint64(2 * pair + 1))
                heat[2 * pair] = strength * radius * math.cos(angle)
                if pair == 0:
                    heat[1] = strength * radius * math.sin(angle)
            _turning(m, law, drive, heat, first)
            for k in range(3):
                ahead[k] = m[k] + step * first[k]
            _turning(ahead, law, drive, heat, second)
            length = 0.0
            for k in range(3):
                m[k] += 0.5 * step * (first[k] + second[k])
                length += m[k] * m[k]
            length = math.sqrt(length)
            for k in range(3):
                m[k] /= length
                if number >= skip:
                    means[at, k] += m[k] / count
                if (number + 1) % every == 0:
                    seen[at, (number + 1) // every - 1, k] = m[k]
    return means, seen
