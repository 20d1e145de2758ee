"""Finds the class of a driver: "module:Class" of this package, or "./file.py:Class" beside its data sheet.

"pymeasure:keithley.Keithley2450" and its like name classes of other libraries; what stands for them is made here, and
nothing of those libraries is imported before an instrument is set up.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from labmtj.config.adapters import AdapterEntry, is_foreign
from labmtj.config.model import InstrumentModel, SourceMeterModel
from labmtj.drivers.vocabularies import VOCABULARIES
from labmtj.errors import InputError, MissingFile


def load_driver(name: str, *, beside: Path | None = None) -> Any:
    """The class that `name` means. Raises InputError or MissingFile, naming what is not there."""
    module_name, colon, class_name = name.rpartition(":")
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


def driver_of(model: InstrumentModel, *, beside: Path | None = None) -> Any:
    """The driver of an instrument by its data sheet: a class, or what stands for one of another library.

    Raises InputError or MissingFile, naming what is not there.
    """
    if not is_foreign(model.driver):
        return load_driver(model.driver, beside=beside)
    if not isinstance(model, SourceMeterModel):
        raise InputError(
            f"{model.title}: {model.driver} can drive a source meter, and this is none: use a driver of ours"
        )
    return _adapted(model.driver, model.adapter, model.title, beside)


def _adapted(name: str, adapter: AdapterEntry | None, title: str, beside: Path | None) -> Any:
    from labmtj.drivers.foreign_meter import AdaptedDriver
    from labmtj.drivers.foreign_names import foreign_class
    from labmtj.drivers.foreign_tables import TABLES

    table = adapter or TABLES.get(name)
    if table is None:
        foreign_class(name)  # one that is not there is named first
        raise InputError(
            f"{title}: labmtj does not know what stands for its quantities in {name}: say it under adapter:, with the "
            "driver that reads settings back and makes the bench safe as checked_by"
        )
    ours = load_driver(table.checked_by, beside=beside)
    words = getattr(ours, "VOCABULARY", None) or VOCABULARIES.get(table.checked_by.partition(":")[0])
    return AdaptedDriver(name, table, ours, words)
