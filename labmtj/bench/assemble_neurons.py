"""From connected instruments to neurons of one junction each (labmtj.bench.assemble)."""

from __future__ import annotations

from typing import Any

from labmtj.bench.access import Standing
from labmtj.bench.assemble import Connected, Roles, meter
from labmtj.bench.limits import Gate, GatedSource
from labmtj.bench.neuron_lines import CommonRelays
from labmtj.bench.neurons import BenchNeurons, Ends
from labmtj.bench.quick_lines import Block
from labmtj.config.bench import Bench
from labmtj.errors import InputError
from labmtj.ports import PulseSource


def blocks_of(count: int) -> tuple[Block, ...]:
    """Two rows and a column of the array for each of `count` neurons."""
    return tuple(Block(slice(2 * n, 2 * n + 2), slice(n, n + 1)) for n in range(count))


class NoPulses:
    """In the place of a source of pulses (labmtj.ports.PulseSource) where nothing makes any; neurons need none."""

    def pulse(self, amplitudes: tuple[float, float], width: float) -> bool:
        """Raises InputError."""
        del amplitudes, width
        raise InputError("nothing on this bench of neurons makes pulses")

    def rest(self) -> None:
        """Nothing stands anywhere."""


def neurons(
    bench: Bench,
    connected: Connected,
    roles: Roles,
    gate: Gate,
    shared: dict[str, Any],
    *,
    driving: GatedSource,
    sensing: GatedSource,
    pulser: PulseSource,
    standing: Standing,
) -> tuple[BenchNeurons, CommonRelays]:
    """The neurons of a bench, and the look at their common terminals' relays.

    The driving and the sensing meter are set up; the third one is, here. Raises InputError for a bench without neurons.
    """
    entry = bench.neurons
    if entry is None:
        raise InputError(f"{bench.title}: this bench has no neurons")
    common = common_meter(bench, connected, roles, gate)
    names = ("router", "waits", "clock", "journal", "upkeep")
    made = BenchNeurons(
        entry.count,
        ends=Ends(driving, sensing, common, pulser, entry.range or bench.measure.range),
        standing=standing,
        gate=gate,
        **{name: shared[name] for name in names},
    )
    settle = bench.wait.after_relay + bench.wait.after_source
    return made, CommonRelays(shared["router"], driving, common, shared["clock"], entry.count, settle)


def common_meter(bench: Bench, connected: Connected, roles: Roles, gate: Gate) -> GatedSource:
    """The meter on the common terminals, on at 0 V. Raises InputError for a bench without one."""
    if roles.second is None:
        raise InputError(f"{bench.title}: no source meter is on the common terminals of neurons")
    common = meter(bench, connected, roles.second, gate)
    # All that comes in goes out through it, and a range can hold a source below its limit.
    common.current_range = gate.limits.line_compliance
    return common
