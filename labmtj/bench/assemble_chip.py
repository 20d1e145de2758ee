"""From connected instruments to a chip with a transistor in every cell (labmtj.bench.assemble)."""

from __future__ import annotations

from typing import Any

from labmtj.bench.assemble import Assembled, Connected, Roles, meter
from labmtj.bench.chip_array import ChipArray
from labmtj.bench.chip_lines import ChipLines
from labmtj.bench.contact import ContactCheck
from labmtj.bench.gates import LimitedGates
from labmtj.bench.limits import Gate
from labmtj.config.bench import Bench
from labmtj.errors import InputError


def chip(bench: Bench, connected: Connected, roles: Roles, gate: Gate, shared: dict[str, Any]) -> Assembled:
    """The array of a chip's bench and the check of its lines. Raises InputError for instruments that cannot be it."""
    (first, drive), (second, sense) = (bench.channels[letter] for letter in (roles.drive or "", roles.sense))
    device, limits, measure = connected.devices[first], gate.limits, bench.measure
    if not first == second == bench.register or not hasattr(device, "gate_pair"):
        raise InputError(f"{bench.title}: one instrument drives, senses and opens gates; {first} and {second} do not")
    driving, sensing = (meter(bench, connected, letter, gate) for letter in (roles.drive or "", roles.sense))
    # A range can hold a source below its limit, so the driving one gets a range that the limit fits in.
    driving.current_range = limits.line_compliance
    sensing.current_range = measure.range
    pair = device.gate_pair(
        drive, sense, compliance=limits.line_compliance, nplc=measure.nplc, read_range=measure.range
    )
    lines = bench.array.rows, bench.array.cols
    gates = LimitedGates(pair, device.hold_gates(), gate, settle=shared["waits"].after_source)
    array = ChipArray(lines=lines, kernels=bench.array.kernels or 1, gates=gates, **shared)
    examine = ChipLines(array, gates, driving, shared["router"], shared["clock"], lines, measure.range)
    return Assembled(array, ContactCheck(examine, shared["router"], shared["clock"], shared["journal"]))
