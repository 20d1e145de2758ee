"""Attributes and constants of a Keithley 2600B, with their defaults.

Source: Series 2600B Reference Manual, 2600BS-901-01 Rev. F (2021), section 9; event numbers are any
distinct ones, scripts use the names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labmtj.twin.tsp.tables import Fixed

COMMAND, TIMER, GENERATOR, BLENDER, CHANNEL = 10, 20, 28, 40, 100  # first numbers of events
TIMERS, GENERATORS, BLENDERS, STIMULI = 8, 2, 6, 4
EVENTS = ("SWEEPING", "ARMED", "SOURCE_COMPLETE", "MEASURE_COMPLETE", "PULSE_COMPLETE", "SWEEP_COMPLETE", "IDLE")
LIMIT_BITS = {"voltage_limit": 1, "current_limit": 2, "reading_overflow": 128, "buffer_available": 256}
_LIMIT_NAMES = {
    1: ("VOLTAGE_LIMIT", "VLMT"),
    2: ("CURRENT_LIMIT", "ILMT"),
    128: ("READING_OVERFLOW", "ROF"),
    256: ("BUFFER_AVAILABLE", "BAV"),
}
_CHANNEL: dict[str, Any] = {
    "sense": 0,
    "source.func": 1,
    "source.levelv": 0.0,
    "source.leveli": 0.0,
    "source.limitv": 20.0,
    "source.limiti": 0.1,
    "source.limitp": 0.0,
    "source.rangev": 0.2,
    "source.rangei": 0.1,
    "source.autorangev": 1,
    "source.autorangei": 1,
    "source.lowrangev": 0.2,
    "source.lowrangei": 1e-9,
    "source.output": 0,
    "source.offmode": 0,
    "source.offfunc": 1,
    "source.offlimiti": 1e-3,
    "source.offlimitv": 40.0,
    "source.outputenableaction": 0,
    "source.settling": 0,
    "source.delay": 0.0,
    "source.highc": 0,
    "source.sink": 0,
    "source.compliance": Fixed(False),
    "measure.nplc": 1.0,
    "measure.autozero": 2,
    "measure.autorangei": 1,
    "measure.autorangev": 1,
    "measure.lowrangei": 1e-6,
    "measure.lowrangev": 0.2,
    "measure.rangei": 0.1,
    "measure.rangev": 0.2,
    "measure.count": 1,
    "measure.delay": 0.0,
    "measure.delayfactor": 1.0,
    "measure.interval": 0.0,
    "measure.filter.enable": 0,
    "measure.filter.count": 1,
    "measure.filter.type": 1,
    "trigger.count": 1,
    "trigger.autoclear": 0,
    "trigger.arm.count": 1,
    "trigger.arm.stimulus": 0,
    "trigger.source.action": 0,
    "trigger.source.stimulus": 0,
    "trigger.source.limiti": 0,
    "trigger.source.limitv": 0,
    "trigger.measure.action": 0,
    "trigger.measure.stimulus": 0,
    "trigger.endpulse.action": 1,
    "trigger.endpulse.stimulus": 0,
    "trigger.endsweep.action": 0,
    "OUTPUT_DCAMPS": 0,
    "OUTPUT_DCVOLTS": 1,
    "OUTPUT_OFF": 0,
    "OUTPUT_ON": 1,
    "OUTPUT_HIGH_Z": 2,
    "OUTPUT_NORMAL": 0,
    "OUTPUT_ZERO": 1,
    "AUTORANGE_OFF": 0,
    "AUTORANGE_ON": 1,
    "AUTORANGE_FOLLOW_LIMIT": 2,
    "AUTOZERO_OFF": 0,
    "AUTOZERO_ONCE": 1,
    "AUTOZERO_AUTO": 2,
    "DELAY_OFF": 0,
    "DELAY_AUTO": -1,
    "FILTER_OFF": 0,
    "FILTER_ON": 1,
    "FILTER_MOVING_AVG": 0,
    "FILTER_REPEAT_AVG": 1,
    "FILTER_MEDIAN": 2,
    "LIMIT_AUTO": 0,
    "SENSE_LOCAL": 0,
    "SENSE_REMOTE": 1,
    "SENSE_CALA": 3,
    "SETTLE_SMOOTH": 0,
    "SETTLE_FAST_RANGE": 1,
    "SETTLE_FAST_POLARITY": 2,
    "SETTLE_DIRECT_IRANGE": 3,
    "SETTLE_FAST_ALL": 128,
    "OE_NONE": 0,
    "OE_OUTPUT_OFF": 1,
    "SOURCE_IDLE": 0,
    "SOURCE_HOLD": 1,
    "ENABLE": 1,
    "DISABLE": 0,
    "MEASURE_ASYNC": 2,
}
# What an attribute may be; those of a data sheet come with it. Names without a channel.
BOUNDS: Mapping[str, tuple[float, float]] = {
    "sense": (0, 3),
    "source.func": (0, 1),
    "source.output": (0, 2),
    "source.offmode": (0, 2),
    "source.offfunc": (0, 1),
    "source.highc": (0, 1),
    "source.sink": (0, 1),
    "source.autorangev": (0, 2),
    "source.autorangei": (0, 2),
    "source.delay": (-1, 1e5),
    "measure.autorangev": (0, 2),
    "measure.autorangei": (0, 2),
    "measure.autozero": (0, 2),
    "measure.count": (1, 60_000),
    "measure.delay": (-1, 1e5),
    "measure.interval": (0, 100),
    "measure.filter.enable": (0, 1),
    "measure.filter.count": (1, 100),
    "measure.filter.type": (0, 2),
    "trigger.count": (0, 60_000),
    "trigger.arm.count": (0, 60_000),
    "trigger.source.action": (0, 1),
    "trigger.measure.action": (0, 2),
    "trigger.endpulse.action": (0, 1),
    "trigger.endsweep.action": (0, 1),
}
# What the last part of a name below `trigger` may be; delays and counts of timers, 2600BS-901-01, unverified.
TRIGGER_BOUNDS: Mapping[str, tuple[float, float]] = {
    "delay": (0, 1e5),
    "count": (0, 1_048_575),
    "stimulus": (0, 0x7FFF),
}
WHOLE = {name for name in BOUNDS if not name.endswith((".delay", ".interval"))}  # attributes that are integers


def attributes(smus: Sequence[str]) -> dict[str, Any]:
    """Attributes of channels named "smua", ... and of the triggers that they share."""
    found: dict[str, Any] = {}
    for number, smu in enumerate(smus):
        found |= {f"{smu}.{key}": value for key, value in _CHANNEL.items()}
        found |= {
            f"{smu}.trigger.{event}_EVENT_ID": CHANNEL * (number + 1) + place for place, event in enumerate(EVENTS)
        }
        found[f"display.{smu}.measure.func"] = 1
        found[f"display.{smu}.digits"] = 5
        bit = 2 << number
        for path in ("operation.sweeping", "operation.measuring", "measurement.instrument", "operation.instrument"):
            found[f"status.{path}.{smu.upper()}"] = bit
        for value, names in _LIMIT_NAMES.items():
            found |= {f"status.measurement.instrument.{smu}.{name}": value for name in names}
    for n in range(1, GENERATORS + 1):
        found[f"trigger.generator[{n}].EVENT_ID"] = GENERATOR + n
    for n in range(1, TIMERS + 1):
        defaults = {"delay": 1e-5, "count": 1, "stimulus": 0, "passthrough": False, "EVENT_ID": TIMER + n}
        found |= {f"trigger.timer[{n}].{name}": value for name, value in defaults.items()}
    for n in range(1, BLENDERS + 1):
        found |= {f"trigger.blender[{n}].orenable": False, f"trigger.blender[{n}].EVENT_ID": BLENDER + n}
        found |= {f"trigger.blender[{n}].stimulus[{m}]": 0 for m in range(1, STIMULI + 1)}
    found |= {"status.operation.SWEEPING": 8, "status.operation.SWE": 8, "status.operation.MEASURING": 16}
    for value, names in _LIMIT_NAMES.items():
        found |= {f"status.measurement.{name}": value for name in names}
    return found


def status_sets(smus: Sequence[str]) -> dict[str, int]:
    """Register sets below `status` and the bit of each in the set above it."""
    found = {f"measurement.{name}": bit for name, bit in LIMIT_BITS.items()}
    found |= {"operation.calibrating": 1, "operation.sweeping": 8, "operation.measuring": 16}
    found |= {"questionable.calibration": 256, "questionable.unstable_output": 512}
    found |= {"questionable.over_temperature": 4096}
    for top in ("measurement", "operation", "questionable"):
        found[f"{top}.instrument"] = 8192
        found |= {f"{top}.instrument.{smu}": 2 << number for number, smu in enumerate(smus)}
    return found
