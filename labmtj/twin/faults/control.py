"""Faults over the control port of a served bench.

{"do": "fault", "fault": {"kind": "late", "on": "smu", "delay": "3 s"}}    its number
{"do": "faults"}                                                            what there is
{"do": "clear_faults", "number": 3}                                         without a number: all
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from labmtj.errors import InputError
from labmtj.twin.faults.file import one_fault
from labmtj.twin.faults.injector import Faults
from labmtj.twin.served.control import Control


def offer(control: Control, faults: Faults) -> None:
    """Add the three commands."""

    def put(request: Mapping[str, Any]) -> dict[str, Any]:
        fields = request.get("fault")
        if not isinstance(fields, dict):
            raise InputError('"fault" is missing: for example {"kind": "late", "on": "smu", "delay": "3 s"}')
        return {"number": faults.put(one_fault(cast("dict[str, Any]", fields), instruments=faults.instruments))}

    def clear(request: Mapping[str, Any]) -> dict[str, Any]:
        number = request.get("number")
        if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
            raise InputError('"number" is the number of a fault; leave it out to clear all')
        faults.clear(number)
        return {"faults": faults.listed()}

    control.add("fault", put)
    control.add("faults", lambda _: {"faults": faults.listed()})
    control.add("clear_faults", clear)
