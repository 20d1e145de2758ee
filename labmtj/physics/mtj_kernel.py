"""The law of a cell for use in kernels, apart from `mtj` because it needs the compiler."""

from __future__ import annotations

from labmtj.physics.jit import jit
from labmtj.physics.mtj import law

junction = jit(law)
