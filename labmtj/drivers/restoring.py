"""An instrument that was switched off and on again: its set-up, and what was set since."""

from __future__ import annotations

from collections.abc import Callable

from labmtj.drivers.exchange import Link


def restore(link: Link, setup: Callable[[], None]) -> None:
    """Set up again, then make every setting that was in force before, in its order; source levels stay at 0 V.

    Raises BenchError where one of them cannot be made.
    """
    before = link.settings.copy()
    try:
        setup()
    finally:
        link.settings.add(before)  # also if it has to be tried once more
    link.reassert()
