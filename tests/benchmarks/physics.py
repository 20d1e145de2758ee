"""All benchmarks of the physics, one after the other, each on one thread and in a process of its own.

    python tests/benchmarks/physics.py

`linear.py` and `wine_job.py` measure against badcrossbar and say how to install it; `nonlinear.py` needs nothing
that labmtj does not bring. Each says in its own text what it measures and how.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PARTS = ("linear.py", "nonlinear.py", "wine_job.py")
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main() -> None:
    """Run the parts; the exit code is that of the first that failed."""
    one_thread = dict.fromkeys(_THREADS, "1")
    worst = 0
    for part in _PARTS:
        print(f"--- {part}", flush=True)
        found = subprocess.run(
            [sys.executable, str(Path(__file__).with_name(part))], env=os.environ | one_thread, check=False
        )
        worst = worst or found.returncode
    sys.exit(worst)


if __name__ == "__main__":
    main()
