"""Both read-outs of one neuron at a few input currents, as numbers, and what all three terminals carry.

python protocols/scripts/neuron.py [BENCH]
"""

from __future__ import annotations

import sys

import labmtj
from labmtj.routines.neurons.measure import drives, measure_neurons

with labmtj.open_bench(sys.argv[1] if len(sys.argv) > 1 else "neurons") as bench:
    if bench.neurons is None:
        raise SystemExit("this bench has no neurons")
    (once,) = bench.neurons.operate(1, [0.05], probe=0.02)  # volts
    print(f"50 mV: {1e6 * once.x:.1f} uA in at x, {1e6 * once.z:.2f} uA at z, {1e6 * once.common:.1f} uA out")
    found = measure_neurons(bench.neurons, neurons=[1], levels=drives(0.15, 20, negative=0.24))
    curves = found.neuron_map
    for current, m_x, m_z in zip(curves.current[0], curves.m_x[0], curves.m_z[0], strict=True):
        print(f"{1e6 * current:+6.0f} uA   m_x {m_x:+.3f}   m_z {m_z:+.3f}")
    print(found.finding.line)
    print("bench time", round(bench.clock.now(), 1), "s")
