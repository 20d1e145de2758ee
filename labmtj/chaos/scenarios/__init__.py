"""The scenarios, one module each, in the order of the rows that they show."""

from __future__ import annotations

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.scenarios import (
    compliance,
    dead_socket,
    disk,
    hang,
    interlock,
    kill,
    nothing,
    power,
    relays,
    replies,
    second,
    signals,
    watchdog,
)

FIRST: Scenario = nothing.SCENARIO
SCENARIOS: tuple[Scenario, ...] = (
    kill.SCENARIO,
    watchdog.KILLED,
    watchdog.STOPPED,
    signals.SCENARIO,
    replies.LATE,
    replies.GARBAGE,
    relays.SCENARIO,
    compliance.SCENARIO,
    disk.SCENARIO,
    second.SCENARIO,
    interlock.SCENARIO,
    hang.HANG,
    hang.SLOW,
    power.SCENARIO,
    dead_socket.SCENARIO,
)
