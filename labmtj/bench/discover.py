"""What PyVISA finds, with the identity of each and the data sheets that fit it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyvisa

from labmtj.config import finder
from labmtj.config.model import load_model
from labmtj.errors import InputError


@dataclass(frozen=True)
class Found:
    """One resource: its address, what it answers to *IDN? (or why it does not), and models that fit."""

    address: str
    identity: str | None
    problem: str
    models: tuple[str, ...]


def known_models() -> dict[str, tuple[str, ...]]:
    """Last words of the model names that each shipped data sheet takes, by the sheet's name."""
    sheets: dict[str, tuple[str, ...]] = {}
    for name in finder.shipped_names("models"):
        model = load_model(finder.find("models", name))
        sheets[name] = tuple(text.split()[-1].upper() for text in (model.identity.model, *model.accepts))
    return sheets


def discover(library: str, *, timeout: float = 2.0, note: Callable[[str], None] = lambda text: None) -> Iterator[Found]:
    """Ask every resource of a VISA library ("@py", "@ivi", "<bench>@labmtj") who it is; one after the other.

    Only *IDN? is sent. `note` is called with what the library says it could not look for, and why. Raises InputError
    if the library cannot be opened.
    """
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", UserWarning)
            manager: Any = pyvisa.ResourceManager(library)
            addresses = sorted(manager.list_resources("?*"))
    except (pyvisa.Error, OSError, ValueError) as error:
        raise InputError(f"PyVISA cannot open the library {library!r}: {error}") from error
    for text in dict.fromkeys(str(warning.message) for warning in said if issubclass(warning.category, UserWarning)):
        note(text)
    sheets = known_models()
    for address in addresses:
        try:
            resource = manager.open_resource(address)
        except (pyvisa.Error, OSError, ValueError) as error:
            yield Found(address, None, f"cannot be opened: {error}", ())
            continue
        try:
            resource.read_termination = resource.write_termination = "\n"
            resource.timeout = timeout * 1000
            identity = str(resource.query("*IDN?")).strip()
            yield Found(address, identity, "", fitting(identity, sheets))
        except (pyvisa.Error, OSError, UnicodeDecodeError) as error:
            yield Found(address, None, f"does not answer *IDN?: {error}", ())
        finally:
            resource.close()


def fitting(identity: str, sheets: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Names of the data sheets whose model an *IDN? answer names."""
    parts = identity.split(",")
    if len(parts) < 2:
        return ()
    words = {word.upper() for word in parts[1].split()}
    return tuple(name for name, models in sorted(sheets.items()) if words & set(models))
