"""Where the layers of a network that learns lie on one array: in blocks that share no line, where there is room."""

from __future__ import annotations

from collections.abc import Sequence

from labmtj.errors import PlacementError
from labmtj.records import Placement


def blocks(layers: Sequence[tuple[int, int]], shape: tuple[int, int]) -> tuple[Placement, ...]:
    """Blocks for layers of (inputs, outputs) on an array of `shape`.

    Along the diagonal, where a pulse on one block half-selects no cell of another; else side by side, or one below the
    other, whichever fits. Raises PlacementError with what would be needed.
    """
    sizes = [(inputs, 2 * outputs) for inputs, outputs in layers]
    for down, across in ((True, True), (False, True), (True, False)):
        rows = sum(size[0] for size in sizes) if down else max(size[0] for size in sizes)
        cols = sum(size[1] for size in sizes) if across else max(size[1] for size in sizes)
        if rows <= shape[0] and cols <= shape[1]:
            return _along(sizes, down=down, across=across)
    texts = " and ".join(f"{rows} x {cols}" for rows, cols in sizes)
    rows, cols = sum(size[0] for size in sizes), sum(size[1] for size in sizes)
    raise PlacementError(
        f"layers of {texts} devices do not fit beside each other on an array of {shape[0]} x {shape[1]}; along the "
        f"diagonal they need {rows} x {cols}: take fewer hidden values, or another bench"
    )


def _along(sizes: Sequence[tuple[int, int]], *, down: bool, across: bool) -> tuple[Placement, ...]:
    found: list[Placement] = []
    top = left = 1
    for rows, cols in sizes:
        found.append(Placement(tuple(range(top, top + rows)), tuple(range(left, left + cols))))
        top, left = top + rows * down, left + cols * across
    return tuple(found)
