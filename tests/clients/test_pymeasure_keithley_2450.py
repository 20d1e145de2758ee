import math

import pytest
from pyvisa.errors import VisaIOError

pytestmark = pytest.mark.clients
IDENTITY = "KEITHLEY INSTRUMENTS,MODEL 2450,04426273,1.7.12b"
NONE = '0,"No error;0;0 0"'
UNKNOWN = '-113,"Undefined header"'


@pytest.mark.parametrize(("kind", "options"), [("hislip", {}), ("socket", {"read_termination": "\n"})])
def test_pymeasure_drives_a_2450_as_captured(pymeasured, fresh, cell, listening, like, kind, options):
    fresh("k2450")
    cell("B")
    says = listening(end="\r\n")
    smu = pymeasured("Keithley2450", "k2450", address=kind, **options)
    assert IDENTITY == smu.id
    says("*IDN?", IDENTITY)
    smu.reset()
    says("*RST;:stat:pres;:*CLS;")
    smu.apply_voltage(2, 1e-3)
    says(":SOUR:FUNC VOLT")
    says(":SOUR:VOLT:RANG:AUTO 0;:SOUR:VOLT:RANG 2")
    says(":SOUR:VOLT:ILIM 0.001")
    says("SYST:ERR?", NONE)
    smu.apply_voltage(compliance_current=1e-3)
    says(":SOUR:FUNC VOLT")
    says(":SOUR:FUNC?", "VOLT")
    says(":SOUR:VOLT:RANG:AUTO 1")
    says(":SOUR:VOLT:ILIM 0.001")
    says("SYST:ERR?", NONE)
    smu.measure_current(nplc=0.1)
    says(":SENS:FUNC 'CURR';:SENS:CURR:NPLC 0.100000;")
    says(":SENS:CURR:RANG:AUTO 1;")
    says("SYST:ERR?", NONE)
    smu.source_voltage = 0.1
    says(":SOUR:VOLT:LEV 0.1")
    assert 0.1 == smu.source_voltage
    says(":SOUR:VOLT?", "0.1")
    smu.enable_source()
    says("OUTPUT ON")
    current = smu.current
    says(":READ?", like("1.060645E-04"))
    smu.measure_voltage()
    says(":SENS:FUNC 'VOLT';:SENS:VOLT:NPLC 1.000000;")
    says(":SENS:VOLT:RANG:AUTO 1;")
    says("SYST:ERR?", NONE)
    assert pytest.approx(0.1, abs=1e-3) == smu.voltage
    says(":READ?", like("1.000000E-01"))
    smu.measure_resistance()
    says(":SENS:FUNC 'RES';:SENS:RES:NPLC 1.000000;")
    says(":SENS:RES:RANG:AUTO 1;")
    says("SYST:ERR?", NONE)
    assert pytest.approx(0.1 / current, rel=2e-2) == smu.resistance
    says(":READ?", like("9.428229E+02"))
    smu.ramp_to_voltage(0.05, steps=3, pause=0)
    says(":SOUR:VOLT?", "0.1")
    for volts in (0.1, 0.075, 0.05):
        says(f":SOUR:VOLT:LEV {volts:g}")
    smu.disable_source()
    says("OUTPUT OFF")


def test_a_2450_knows_nothing_of_the_2400s_buffer_that_pymeasure_asks_for(pymeasured, fresh, listening):
    fresh("k2450")
    says = listening(end="\r\n")
    smu = pymeasured("Keithley2450", "k2450")
    smu.adapter.connection.timeout = 200
    smu.config_buffer(5)
    says(":STAT:PRES;*CLS;*SRE 1;:STAT:MEAS:ENAB 512;")
    says(":TRAC:CLEAR;")
    says(":TRAC:POIN 5")
    says(":TRAC:FEED SENSE;:TRAC:FEED:CONT NEXT;")
    for reply in (UNKNOWN, UNKNOWN, UNKNOWN, NONE):
        says("SYST:ERR?", reply)
    smu.start_buffer()
    says(":INIT")
    with pytest.raises(Exception, match="Timed out waiting for Keithley buffer to fill"):
        smu.wait_for_buffer(timeout=0.1)
    says.meanwhile({"*STB?": "0"})
    with pytest.raises(VisaIOError, match="VI_ERROR_TMO"):
        _ = smu.buffer_data
    says(":FORM:DATA ASCII")
    says(":TRAC:DATA?")
    assert math.isnan(smu.means)
    says(":TRACe:STATistics:AVERage?", "NAN")
    smu.trigger()
    says("*TRG")
    assert [-104, '"Data type error"'] == smu.next_error
    says("SYST:ERR?", '-104,"Data type error"')
    assert [] == smu.check_errors()
    says("SYST:ERR?", NONE)


def test_pymeasure_shuts_a_2450_down(pymeasured, fresh, listening):
    fresh("k2450")
    says = listening(end="\r\n")
    smu = pymeasured("Keithley2450", "k2450")
    smu.use_rear_terminals()
    says(":ROUT:TERM REAR")
    smu.use_front_terminals()
    says(":ROUT:TERM FRON")
    assert [] == smu.check_errors()
    says("SYST:ERR?", NONE)
    smu.source_voltage = 0.05
    says(":SOUR:VOLT:LEV 0.05")
    smu.shutdown()
    says(":SOUR:FUNC?", "VOLT")
    says(":SOUR:VOLT?", "0.05")
    for step in range(30):
        says(f":SOUR:VOLT:LEV {0.05 - 0.05 * step / 29:g}")
    says(":ABOR")
    says("OUTPUT OFF")
