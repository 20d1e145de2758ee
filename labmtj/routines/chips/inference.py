"""Products on a chip: inputs open gates, bit by bit, and a column sums the currents of the cells behind open gates.

Every device sees 0 or the read voltage, so the curvature of its conductance does not enter. A pattern of gates that
occurs in several samples or bits is measured once, one without an open gate not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.ports import GatedArray, Ticker, no_ticks
from labmtj.records import Floats, Ints


@dataclass(frozen=True)
class Block:
    """Some inputs of a layer on rows of one kernel, and the columns in which their devices lie.

    `inputs` are numbers of the layer's inputs (from 0), `rows` the kernel's rows (from 1) that they open the gates of,
    `cols` the kernel's columns (from 1), `outputs` the layer's device columns (from 0) on them.
    """

    kernel: int
    inputs: tuple[int, ...]
    rows: tuple[int, ...]
    cols: tuple[int, ...]
    outputs: tuple[int, ...]


def blocks_of(row: Ints, col: Ints, *, rows: int) -> list[list[Block]]:
    """Blocks of a layer whose devices lie at `row` and `col` (inputs, device columns), in kernels of so many `rows`.

    A list for each row block: inputs that lie in one kernel, wherever their columns are. Blocks of the same inputs,
    in different kernels, belong together.
    """
    kernel, local = (row - 1) // rows + 1, (row - 1) % rows + 1
    found: dict[tuple[int, ...], dict[tuple[int, tuple[int, ...]], list[tuple[int, int]]]] = {}
    for output in range(row.shape[1]):
        places = np.stack([kernel[:, output], col[:, output]], axis=1)
        for here, at in np.unique(places, axis=0).tolist():
            inputs = np.flatnonzero((places == (here, at)).all(axis=1))
            lines = tuple(local[inputs, output].tolist())
            parts = found.setdefault(tuple(inputs.tolist()), {})
            parts.setdefault((here, lines), []).append((at, output))
    return [
        [
            Block(here, inputs, lines, tuple(at for at, _ in columns), tuple(output for _, output in columns))
            for (here, lines), columns in sorted(parts.items())
        ]
        for inputs, parts in sorted(found.items())
    ]


def block_sums(
    array: GatedArray,
    block: Block,
    *,
    levels: Ints,
    bits: int,
    voltage: float,
    keep: NDArray[np.bool_] | None = None,
    tick: Ticker = no_ticks,
) -> Floats:
    """Sums of conductance times input [S] of the columns of one block, (samples, columns of the block).

    `levels` (samples, inputs of the layer) are whole numbers of 0..2^bits - 1, which stand for inputs of 0..1. What
    met a range or a limit is nan. Where `keep` (inputs of the layer, device columns) is false the gate stays closed
    while that column is sensed, and the device gives nothing.
    """
    (rows, _), kernels = array.shape, array.kernels
    own = levels[:, list(block.inputs)]
    whole = gate_patterns(own, bits=bits)
    weights = 2.0 ** np.arange(bits) / (2**bits - 1)
    out = np.empty((len(levels), len(block.cols)))
    for place, (col, output) in enumerate(zip(block.cols, block.outputs, strict=True)):
        kept = None if keep is None else keep[list(block.inputs), output]
        patterns, which = whole if kept is None or kept.all() else gate_patterns(own * kept, bits=bits)
        gates = np.zeros((len(patterns), rows // kernels), dtype=np.bool_)
        gates[:, np.array(block.rows) - 1] = patterns
        currents = np.zeros(len(patterns) + 1)  # the last stands for no open gate
        if len(patterns):
            currents[:-1] = array.multiply_each(block.kernel, gates, col, voltage=voltage)
        out[:, place] = currents[which] @ weights / voltage
        tick()
    return out


def gate_patterns(levels: Ints, *, bits: int) -> tuple[NDArray[np.bool_], Ints]:
    """Patterns that whole numbers (samples, inputs) open, each once: (patterns, inputs), none of them without a gate.

    And which of them each bit of a sample is, the lowest bit first, (samples, bits); -1 for none.
    """
    samples, inputs = levels.shape
    flags = (levels[:, np.newaxis, :] >> np.arange(bits)[:, np.newaxis] & 1).astype(np.bool_)
    packed = np.packbits(flags.reshape(samples * bits, inputs), axis=1)
    found, place = np.unique(packed, axis=0, return_inverse=True)
    patterns = np.unpackbits(found, axis=1, count=inputs).astype(np.bool_)
    number = np.cumsum(patterns.any(axis=1)) - 1  # sorted: the empty one, if there is one, comes first
    number[~patterns.any(axis=1)] = -1
    return patterns[patterns.any(axis=1)], number[place.ravel()].reshape(samples, bits).astype(np.int64)


def layer_sums(
    array: GatedArray,
    blocks: Sequence[Sequence[Block]],
    *,
    outputs: int,
    levels: Ints,
    bits: int,
    voltage: float,
    keep: NDArray[np.bool_] | None = None,
    tick: Ticker = no_ticks,
) -> Floats:
    """Sums [S] of all blocks of a layer, (row blocks, samples, device columns); `blocks` and `keep` as above."""
    out = np.zeros((len(blocks), len(levels), outputs))
    for place, parts in enumerate(blocks):
        for block in parts:
            sums = block_sums(array, block, levels=levels, bits=bits, voltage=voltage, keep=keep, tick=tick)
            out[place][:, list(block.outputs)] = sums
    return out
