"""A setting that somebody else makes: a driver of another library, over the same link, with our limits and read-back.

Our driver decides what is set and refuses what may not be; where it would send the setting, the other one is called
with the number instead; then our driver asks the instrument and compares, as it always does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from labmtj.errors import BenchError

# Six significant digits are what "%g" leaves of a number, PyMeasure's usual format: half a unit of the last one is at
# most 5e-6 of it. No source or meter here is better than 1e-4.
SIX_DIGITS = 5e-6
Make = Callable[[float], object]


class Elsewhere:
    """Who makes the next setting of a link, if its driver does not."""

    def __init__(self) -> None:
        self._make: Make | None = None
        self.coarseness = 0.0
        """What a number may have lost [fraction of it] when it reads back."""

    @contextmanager
    def by(self, make: Make, *, instrument: str) -> Generator[None, None, None]:
        """The setting that is made in the `with` block is made by `make`. Raises BenchError if none was made in it."""
        self._make, self.coarseness = make, SIX_DIGITS
        try:
            yield
            if self._make is not None:
                raise BenchError(f"{instrument}: the driver that should read a setting back has made none")
        finally:
            self._make, self.coarseness = None, 0.0

    def take(self) -> Make | None:
        """Who makes this setting; it is the only one."""
        make, self._make = self._make, None
        return make
