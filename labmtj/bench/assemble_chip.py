"""From connected instruments to a chip with a transistor in every cell (labmtj.bench.assemble)."""

from __future__ import annotations

from typing import Any

from labmtj.bench.access import Waits
from labmtj.bench.assemble import Assembled, Connected, Roles, meter
from labmtj.bench.chip_array import ChipArray
from labmtj.bench.chip_lines import ChipLines
from labmtj.bench.contact import ContactCheck
from labmtj.bench.gates import LimitedGates
from labmtj.bench.limits import Gate
from labmtj.bench.routing import Router
from labmtj.config.bench import Bench
from labmtj.errors import InputError
from labmtj.ports import Clock
from labmtj.runs.journal import MemoryJournal


def chip(bench: Bench, connected: Connected, roles: Roles, gate: Gate, shared: dict[str, Any]) -> Assembled:
    """The array of a chip's bench and the check of its lines. Raises InputError for instruments that cannot be it."""
    examine = _lines(bench, connected, roles, gate, shared)
    return Assembled(examine.array, ContactCheck(examine, shared["router"], shared["clock"], shared["journal"]))


def chip_lines(bench: Bench, connected: Connected, roles: Roles, gate: Gate, routes: Router, clock: Clock) -> ChipLines:
    """What examines the lines of a chip's bench, with its meters on at 0 V."""
    waits = Waits(bench.wait.after_relay, bench.wait.after_source)
    shared = {"gate": gate, "router": routes, "waits": waits, "clock": clock, "journal": MemoryJournal()}
    return _lines(bench, connected, roles, gate, shared)


def _lines(bench: Bench, connected: Connected, roles: Roles, gate: Gate, shared: dict[str, Any]) -> ChipLines:
    (first, drive), (second, sense) = (bench.channels[letter] for letter in (roles.drive or "", roles.sense))
    device, limits, measure = connected.devices[first], gate.limits, bench.measure
    if not first == second == bench.register or not hasattr(device, "gate_pair"):
        raise InputError(f"{bench.title}: one instrument drives, senses and opens gates; {first} and {second} do not")
    # Through the gates of a row its source feeds the cells of all columns, those at ground too.
    driving = meter(bench, connected, roles.drive or "", gate, feeds_many=True)
    sensing = meter(bench, connected, roles.sense, gate)
    # A range can hold a source below its limit, so the driving one gets a range that the limit fits in.
    driving.current_range = limits.of_many
    sensing.current_range = measure.range
    compliance = limits.of_many, limits.line_compliance
    pair = device.gate_pair(drive, sense, compliance=compliance, nplc=measure.nplc, read_range=measure.range)
    lines = bench.array.rows, bench.array.cols
    gates = LimitedGates(pair, device.hold_gates(), gate, settle=shared["waits"].after_source)
    array = ChipArray(lines=lines, kernels=bench.array.kernels or 1, gates=gates, **shared)
    return ChipLines(array, gates, driving, shared["router"], lines, measure.range)
