"""Finds the class of a driver: "module:Class" of this package, or "./file.py:Class" beside its data sheet."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from labmtj.errors import InputError, MissingFile


def load_driver(name: str, *, beside: Path | None = None) -> Any:
    """The class that `name` means. Raises InputError or MissingFile, naming what is not there."""
    module_name, colon, class_name = name.partition(":")
    if not colon or not class_name.isidentifier():
        raise InputError(f'{name!r} is not a driver: write "module:Class" or "./file.py:Class"')
    if module_name.endswith(".py"):
        path = ((beside.parent if beside else Path()) / module_name).resolve()
        if not path.is_file():
            raise MissingFile(f"{path}: there is no such driver file")
        found = importlib.util.spec_from_file_location(f"labmtj_local_driver_{path.stem}", path)
        if found is None or found.loader is None:
            raise InputError(f"{path} cannot be loaded as a Python module")
        module = importlib.util.module_from_spec(found)
        try:
            found.loader.exec_module(module)
        except Exception as error:  # whatever a user's file raises when it is loaded
            raise InputError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    else:
        if not module_name.isidentifier() or importlib.util.find_spec(f"labmtj.drivers.{module_name}") is None:
            raise InputError(f"there is no driver module labmtj.drivers.{module_name}")
        module = importlib.import_module(f"labmtj.drivers.{module_name}")
    driver = getattr(module, class_name, None)
    if not isinstance(driver, type):
        raise InputError(f"the driver module {module_name} has no class {class_name}")
    return driver
