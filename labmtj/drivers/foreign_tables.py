"""What stands for our quantities in the classes of PyMeasure 0.16 and QCoDeS 0.58 that labmtj knows.

What they have and what is left to our driver nevertheless:
- Keithley2400 of PyMeasure reads the current by `:MEASure:CURRent?`, which first puts all that belongs to the function
  back to its *RST values, range and integration time among it (2400 Series User's Manual, 2400S-900-01, page 17-2).
- Keithley2600 of PyMeasure cannot set its `measure_nplc` (its bounds are taken for a table of values), and writes
  numbers with six decimals, so that small currents are lost: that shows when they read back.
- Keithley2634B, Keithley2635B and Keithley2636B of QCoDeS do not know the range of 10 mA (10 uA stands in its place).
- Keithley2400 of QCoDeS sets the range of the current source by `rangei`, not that of the meter; its `compliancei` has
  six decimals.
"""

from __future__ import annotations

from labmtj.config.adapters import AdapterEntry, Switch

_2600 = "keithley_2600:Keithley2600"
_QCODES_2600 = AdapterEntry(
    checked_by=_2600,
    channels={"a": "smua", "b": "smub"},
    source_voltage="volt",
    compliance_current="limiti",
    nplc="nplc",
    source_enabled="output",
    measure_current="curr",
)

TABLES: dict[str, AdapterEntry] = {
    "pymeasure:keithley.Keithley2400": AdapterEntry(
        checked_by="keithley_2400:Keithley2400",
        source_voltage="source_voltage",
        compliance_current="compliance_current",
        nplc="current_nplc",
        current_range="current_range",
        source_enabled="source_enabled",
    ),
    "pymeasure:keithley.Keithley2450": AdapterEntry(
        checked_by="keithley_2450:Keithley2450",
        source_voltage="source_voltage",
        compliance_current="compliance_current",
        nplc="current_nplc",
        current_range="current_range",
        source_enabled=Switch(on="enable_source", off="disable_source"),
        measure_current="current",
    ),
    "pymeasure:keithley.Keithley2600": AdapterEntry(
        checked_by=_2600,
        channels={"a": "ChA", "b": "ChB"},
        source_voltage="source_voltage",
        compliance_current="compliance_current",
        current_range="current_range",
        source_enabled=Switch(name="source_output", on="ON", off="OFF"),
        measure_current="current",
    ),
    "qcodes:Keithley.Keithley2400": AdapterEntry(
        checked_by="keithley_2400:Keithley2400",
        source_voltage="volt",
        compliance_current="compliancei",
        nplc="nplci",
        source_enabled="output",
        measure_current="curr",
        keeps=[":FORM:ELEM"],
    ),
    "qcodes:Keithley.Keithley2450": AdapterEntry(
        checked_by="keithley_2450:Keithley2450",
        source_voltage="source.voltage",
        compliance_current="source.limit",
        nplc="sense.nplc",
        current_range="sense.range",
        source_enabled="output_enabled",
        measure_current="sense.current",
    ),
    **{f"qcodes:Keithley.Keithley{model}": _QCODES_2600 for model in ("2602B", "2612B", "2614B", "2634B", "2636B")},
}
