"""The register beside a chip with a transistor in every cell: which kernel its lines lead to, and which gates are open.

A digital port of fourteen lines writes it. Lines, counted from 1 as instruments count them: 1 to 8 are data, 9 to 11
the number of a latch, a rising edge of 12 takes the data into that latch, 13 picks the rail of open gates (low: that of
reads, high: that of writes), and 14 closes all gates while it is high. So all lines high, as a port is after power-on,
closes every gate. Latches 0 to 6 hold the gates of rows 1 to 56 of the kernel, latch 7 the number of the kernel.
Chosen: eight-bit latches and one strobe are what such a card is usually made of.
"""

from __future__ import annotations

from dataclasses import dataclass

CLOSED = 0x3FFF
"""Level of the port with every gate closed: what it has after power-on."""
MOST_ROWS, MOST_KERNELS = 56, 256
PER_MESSAGE = 4
"""Patterns of gates that one message to the instrument holds. Chosen: one of 25 rows takes up to 280 characters."""
_KERNEL = 7
_STROBE, _WRITE, _OFF = 1 << 11, 1 << 12, 1 << 13


@dataclass(frozen=True)
class Gates:
    """Open gates: the `kernel` (from 1), a mask of its rows (bit 0 is row 1), and whether on the rail of writes."""

    kernel: int
    rows: int
    write: bool = False

    @property
    def numbers(self) -> tuple[int, ...]:
        """Rows of the kernel, from 1, whose gates are open."""
        return tuple(n + 1 for n in range(MOST_ROWS) if self.rows >> n & 1)


def rail(gates: Gates) -> int:
    """Level of the port once these gates are open."""
    return _WRITE if gates.write else 0


def shut(level: int) -> int:
    """This level of the port with all gates closed; the latches keep what they hold."""
    return (level | _OFF) & ~_STROBE


def closed(level: int) -> bool:
    """Whether this level of the port closes all gates."""
    return bool(level & _OFF)


def on_write_rail(level: int) -> bool:
    """Whether gates are open on the rail of writes at this level of the port."""
    return bool(level & _WRITE) and not closed(level)


def mask(rows: tuple[int, ...] | list[int]) -> int:
    """The mask of these rows of a kernel, from 1."""
    return sum(1 << (row - 1) for row in set(rows))


def words(before: Gates | None, after: Gates) -> list[int]:
    """Levels of the port, in their order, that open these gates; latches that stand right are left alone.

    Without `before`, what the latches hold is not known. Where the kernel or the rail changes all gates are closed
    meanwhile; where only rows change they go over from one pattern to the next.
    """
    last = rail(after)
    same = before is not None and (before.kernel, before.write) == (after.kernel, after.write)
    hold = last if same else last | _OFF
    latches = [(n, after.rows >> (8 * n) & 0xFF) for n in range(MOST_ROWS // 8)]
    if before is not None:
        latches = [(n, byte) for n, byte in latches if byte != before.rows >> (8 * n) & 0xFF]
    if before is None or before.kernel != after.kernel:
        latches.append((_KERNEL, after.kernel - 1))
    found = [] if same else [hold]
    for number, byte in latches:
        level = hold | number << 8 | byte
        found += [level, level | _STROBE]
    return found if same and not found else [*found, last]


class Latches:
    """What stands behind the port: takes its levels one after the other, and tells which gates are open."""

    def __init__(self) -> None:
        self._port, self._rows, self._kernel = CLOSED, 0, 1

    def take(self, port: int) -> None:
        """The port now has this level."""
        if port & _STROBE and not self._port & _STROBE:
            number, byte = port >> 8 & 7, port & 0xFF
            if number == _KERNEL:
                self._kernel = byte + 1
            else:
                self._rows = self._rows & ~(0xFF << 8 * number) | byte << 8 * number
        self._port = port

    @property
    def gates(self) -> Gates | None:
        """The open gates; None while all are closed."""
        if self._port & _OFF:
            return None
        return Gates(self._kernel, self._rows, bool(self._port & _WRITE))
