"""Sees that the instrument at an address is the one that its data sheet describes."""

from __future__ import annotations

from labmtj.config.model import InstrumentModel
from labmtj.drivers.link import Link
from labmtj.errors import BenchError


def check_identity(link: Link, model: InstrumentModel) -> str:
    """The serial number. Raises BenchError if another model answers than the sheet names or accepts."""
    _, found, serial, _ = link.identify()
    wanted = model.identity.model
    if found.split()[-1] not in {name.split()[-1] for name in (wanted, *model.accepts)}:
        raise BenchError(f"{link.name} should be a {wanted} but says it is a {found}: check its address")
    return serial
