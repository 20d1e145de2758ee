"""Finds a class of PyMeasure or QCoDeS by the name that a bench gives: "pymeasure:keithley.Keithley2450".

Only modules of the libraries' own packages of instruments are imported, and only classes of instruments are taken.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from labmtj.config.adapters import is_well_formed
from labmtj.errors import InputError


@dataclass(frozen=True)
class Library:
    """A library of instrument classes: its title, its packages, the class of all its instruments, how to get it."""

    title: str
    package: str
    instruments: str
    base: tuple[str, str]
    install: str


_VISA = ("qcodes.instrument", "VisaInstrument")
_CLIENTS = "pip install 'labmtj[clients]'"
LIBRARIES = {
    "pymeasure": Library(
        "PyMeasure", "pymeasure", "pymeasure.instruments", ("pymeasure.instruments", "Instrument"), _CLIENTS
    ),
    "qcodes": Library("QCoDeS", "qcodes", "qcodes.instrument_drivers", _VISA, _CLIENTS),
    "qcodes_contrib": Library(
        "QCoDeS contrib drivers",
        "qcodes_contrib_drivers",
        "qcodes_contrib_drivers.drivers",
        _VISA,
        f"{_CLIENTS} qcodes-contrib-drivers",
    ),
}


def library_of(driver: str) -> Library:
    """The library of such a driver. Raises InputError if its name is not written as one."""
    if not is_well_formed(driver):
        raise InputError(f'{driver!r} is not a driver: write, for example, "pymeasure:keithley.Keithley2450"')
    return LIBRARIES[driver.partition(":")[0]]


def check_installed(driver: str) -> None:
    """Raise InputError, saying what to install, if the library of this driver is not here. It is not imported."""
    library = library_of(driver)
    if importlib.util.find_spec(library.package) is None:
        raise InputError(f"{driver}: {library.title} is not installed here: {library.install}")


def foreign_class(driver: str) -> Any:
    """The class that `driver` names. Raises InputError: not installed, or not there, with the nearest names."""
    check_installed(driver)
    library = library_of(driver)
    path, _, name = driver.partition(":")[2].rpartition(".")
    base = getattr(_module(driver, library.base[0]), library.base[1])
    module = _found(driver, library, path.split("."))
    found = getattr(module, name, None)
    if not _is_instrument(found, base):
        known = [name for name in dir(module) if _is_instrument(getattr(module, name, None), base)]
        raise InputError(f"{driver}: {module.__name__} has no instrument {name}{_hint(name, known)}")
    return found


def _found(driver: str, library: Library, parts: list[str]) -> Any:
    """The module of this path below the library's instruments."""
    module = _module(driver, library.instruments)
    for part in parts:
        known = [entry.name for entry in pkgutil.iter_modules(getattr(module, "__path__", []))]
        if part not in known:
            raise InputError(f"{driver}: {module.__name__} has no module {part}{_hint(part, known)}")
        module = _module(driver, f"{module.__name__}.{part}")
    return module


def _module(driver: str, name: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a library says of its own dependencies
            return importlib.import_module(name)
    except Exception as error:  # whatever somebody else's module raises when it is loaded
        raise InputError(f"{driver}: {name} cannot be loaded: {type(error).__name__}: {error}") from error


def _is_instrument(found: Any, base: type) -> bool:
    return isinstance(found, type) and issubclass(found, base) and found is not base


def _hint(name: str, known: Iterable[str]) -> str:
    folded = {entry.lower().replace("_", ""): entry for entry in known}
    near = difflib.get_close_matches(name.lower().replace("_", ""), folded, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(folded[entry] for entry in near)}?" if near else ""
