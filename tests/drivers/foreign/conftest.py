"""A small library that looks like PyMeasure or QCoDeS as far as a bench sees it, and does what may go wrong.

The true ones are an extra and take seconds: tests/clients has them.
"""

import sys
from textwrap import dedent

import pytest

from labmtj.config.bench import with_driver
from labmtj.drivers.loader import driver_of

PYMEASURE = """
    import warnings
    from pymeasure.instruments import Instrument


    def control(get, set, change=lambda value: value):
        def getter(self):
            return float(self.ask(get))

        def setter(self, value):
            self.write(set % change(value))

        return property(getter, setter)


    class Keithley2450(Instrument):
        source_voltage = control(":SOUR:VOLT?", ":SOUR:VOLT:LEV %g")
        compliance_current = control(":SOUR:VOLT:ILIM?", ":SOUR:VOLT:ILIM %g", lambda value: min(value, 1.05))
        current_nplc = control(":SENS:CURR:NPLC?", ":SENS:CURR:NPLC %g")
        current_range = control(":SENS:CURR:RANG?", ":SENS:CURR:RANG:AUTO 0;:SENS:CURR:RANG %g")
        current = property(lambda self: float(self.ask(":READ?")))
        identity = property(lambda self: self.ask("*IDN?"))

        def enable_source(self):
            self.write("OUTPUT ON")

        def disable_source(self):
            self.write("OUTPUT OFF")


    class SixDecimals(Keithley2450):
        compliance_current = control(":SOUR:VOLT:ILIM?", ":SOUR:VOLT:ILIM %f")


    class Careless(Keithley2450):
        @property
        def source_voltage(self):
            return 0.0

        @source_voltage.setter
        def source_voltage(self, value):
            raise KeyError("no such voltage")

        @property
        def current(self):
            return [1.0, 2.0]

        def enable_source(self):
            warnings.warn("the output may be on")


    class Legacy(Keithley2450):
        def enable_source(self):
            warnings.warn("use source_enabled", FutureWarning)
            super().enable_source()


    class Secretive(Keithley2450):
        @property
        def tripped(self):
            return self.ask(":SOUR:VOLT:ILIM:TRIP?")

        @property
        def limited(self):
            return bool(int(self.tripped))

        def enable_source(self):
            try:
                self.write("OUTPUT ON")
            except Exception:
                pass


    class Silent(Keithley2450):
        def enable_source(self):
            pass


    class Broken(Instrument):
        def __init__(self, adapter):
            raise OSError("not today")
"""
QCODES = """
    from qcodes.instrument import VisaInstrument


    class Parameter:
        def __init__(self, owner, get, set):
            self.owner, self.get, self.set = owner, get, set

        def __call__(self, *value):
            try:
                return self.owner.visa_handle.write(self.set.format(*value)) if value else self.owner.ask(self.get)
            except Exception as error:
                error.args = (*error.args, "setting it")
                raise


    class Source:
        def __init__(self, owner):
            self.voltage = Parameter(owner, "SOUR:VOLT?", "SOUR:VOLT {}")
            self.limit = Parameter(owner, "SOUR:VOLT:ILIM?", "SOUR:VOLT:ILIM {}")


    class Sense:
        def __init__(self, owner):
            self.nplc = Parameter(owner, "SENS:CURR:NPLC?", "SENS:CURR:NPLC {}")
            self.range = Parameter(owner, "SENS:CURR:RANG?", "SENS:CURR:RANG {}")
            self.current = lambda: float(owner.ask(":MEAS? 'defbuffer1'"))


    class Keithley2450(VisaInstrument):
        def __init__(self, name, address, *, resource, device_clear):
            super().__init__(name, resource)
            assert self.ask("*LANG?") == "SCPI"
            print("Connected to: a 2450")
            self.source, self.sense = Source(self), Sense(self)
            self.output_enabled = Parameter(self, ":OUTP?", ":OUTP {:d}")
"""
FILES = {
    "pymeasure/__init__.py": "",
    "pymeasure/instruments/__init__.py": """
        class Instrument:
            def __init__(self, adapter, name="an instrument"):
                self.adapter = adapter

            def write(self, command):
                self.adapter.write(command)

            def ask(self, command):
                self.write(command)
                return self.adapter.read()
    """,
    "pymeasure/instruments/keithley.py": PYMEASURE,
    "pymeasure/instruments/wrong.py": "import nothing_of_this_name",
    "qcodes/__init__.py": "",
    "qcodes/instrument.py": """
        class VisaInstrument:
            closed = []

            def __init__(self, name, resource):
                self.name, self.visa_handle = name, resource

            def ask(self, command):
                return self.visa_handle.query(command)

            def close(self):
                self.visa_handle.close()
                self.closed.append(self.name)
    """,
    "qcodes/instrument_drivers/__init__.py": "",
    "qcodes/instrument_drivers/Keithley.py": QCODES,
}


@pytest.fixture
def library(tmp_path, monkeypatch):
    """The library, in the place of the true ones."""

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] in {"pymeasure", "qcodes"}]:
            monkeypatch.delitem(sys.modules, name)

    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    forget()
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in {"pymeasure", "qcodes"}]:
        del sys.modules[name]


@pytest.fixture
def meter(library, sheet, scpi):
    """meter(turns, driver): a 2450 behind a driver of the library, with this conversation."""

    def make(turns, driver="pymeasure:keithley.Keithley2450", *, adapter=None, **changes):
        model = with_driver(sheet("keithley_2450"), driver, adapter).model_copy(update=changes)
        return driver_of(model)(scpi(*turns), model)

    return make
