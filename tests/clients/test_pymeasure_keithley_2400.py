import math

import pytest

pytestmark = pytest.mark.clients
IDENTITY = "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32 Oct  4 2010 14:20:11/A02  /K/J"
NONE = '0,"No error"'
ALL_FIVE = "+1.000000E-01,+1.060645E-04,+9.910000E+37,+1.014200E-03,+1.024000E+03"


def ramp(start, stop, steps):
    return [start + (stop - start) * step / (steps - 1) for step in range(steps)]


@pytest.mark.parametrize(("kind", "options"), [("hislip", {}), ("socket", {"read_termination": "\n"})])
def test_pymeasure_drives_a_2400_as_captured(pymeasured, fresh, cell, listening, like, kind, options):
    fresh("k2400")
    cell("A")
    says = listening(end="\r\n")
    smu = pymeasured("Keithley2400", "k2400", address=kind, **options)
    says(":FORMAT:ELEMENTS VOLTAGE, CURRENT, RESISTANCE, TIME, STATUS")
    assert IDENTITY == smu.id
    says("*IDN?", IDENTITY)
    smu.reset()
    says("*RST")
    smu.source_mode = "voltage"
    says(":SOURCE:FUNCTION VOLT")
    smu.source_voltage_range = 2
    says(":SOURCE:VOLTAGE:RANGE 2")
    smu.source_voltage_range_auto_enabled = True
    says(":SOURCE:VOLTAGE:RANGE:AUTO 1")
    smu.compliance_current = 1e-3
    says(":SENSE:CURRENT:PROTECTION 0.001")
    smu.current_nplc = 0.1
    says(":SENSE:CURRENT:NPLCYCLES 0.1")
    assert 0.1 == smu.current_nplc
    says(":SENSE:CURRENT:NPLCYCLES?", "0.10")
    smu.current_range = 1e-3
    says(":SENSE:CURRENT:RANGE 0.001")
    smu.current_range_auto_enabled = True
    says(":SENSE:CURRENT:RANGE:AUTO 1")
    smu.wires = 4
    says(":SYSTEM:RSENSE 1")
    smu.auto_zero_enabled = False
    says(":SYSTEM:AZERO:STATE 0")
    smu.source_delay = 0.001
    says(":SOURCE:DELAY 0.001")
    smu.source_voltage = 0.1
    says(":SOURCE:VOLTAGE 0.1")
    assert 0.1 == smu.source_voltage
    says(":SOURCE:VOLTAGE?", "1.000000E-01")
    smu.enable_source()
    says("OUTPUT 1")
    current, voltage = smu.current, smu.voltage
    says(":MEASURE:CURRENT?", like(ALL_FIVE))
    says(":MEASURE:VOLTAGE?", like(ALL_FIVE))
    assert pytest.approx(0.1, abs=1e-3) == voltage
    assert 500 < smu.resistance < 1000
    says(":MEASURE:RESISTANCE?", like(ALL_FIVE))
    found = smu.measure_all()
    says(":SENSE:RESISTANCE:MODE MAN")
    says(":SENSE:FUNCTION:ALL")
    says(":READ?", like(ALL_FIVE))
    assert pytest.approx(voltage / current, rel=1e-2) == found["resistance"]
    assert smu.source_enabled is True
    says("OUTPUT?", "1")
    smu.config_buffer(5)
    says(":STAT:PRES;*CLS;*SRE 1;:STAT:MEAS:ENAB 512;")
    says(":TRAC:CLEAR;")
    says(":TRAC:POIN 5")
    says(":ARM:COUNT?", "1")
    says(":TRIGGER:COUNT 5")
    says(":TRIGGER:DELAY 0")
    says(":TRAC:FEED SENSE;:TRAC:FEED:CONT NEXT;")
    says("SYST:ERR?", NONE)
    smu.start_buffer()
    says(":INIT")
    smu.wait_for_buffer(timeout=1)
    says("*STB?", "65")
    data = smu.buffer_data
    says(":FORM:DATA ASCII")
    says(":TRAC:DATA?", like(",".join([ALL_FIVE] * 5)))
    assert (25,) == data.shape
    assert all(pytest.approx(current, rel=1e-2) == amperes for amperes in data[1::5])
    means = smu.means
    says(":CALCULATE3:FORMAT MEAN;:CALCULATE3:DATA?;", like("+1.000000E-01,+1.060645E-04,+9.428229E+02"))
    assert pytest.approx(data[1::5].mean(), rel=1e-5) == means[1]
    smu.trigger()
    says("*TRG")
    assert [0, '"No error"'] == smu.next_error
    says("SYST:ERR?", NONE)
    assert [] == smu.check_errors()
    says("SYST:ERR?", NONE)
    smu.ramp_to_voltage(0.05, steps=3, pause=0)
    says(":SOURCE:VOLTAGE?", "1.000000E-01")
    for volts in ramp(0.1, 0.05, 3):
        says(f":SOURCE:VOLTAGE {volts:g}")
    smu.disable_source()
    says("OUTPUT 0")


@pytest.mark.filterwarnings("ignore:Deprecated to use .Keithley2400.use_(rear|front)_terminals:FutureWarning")
def test_pymeasure_shuts_a_2400_down(pymeasured, fresh, listening):
    fresh("k2400")
    says = listening(end="\r\n")
    smu = pymeasured("Keithley2400", "k2400")
    says(":FORMAT:ELEMENTS VOLTAGE, CURRENT, RESISTANCE, TIME, STATUS")
    smu.use_rear_terminals()
    says(":ROUTE:TERMINALS REAR")
    smu.use_front_terminals()
    says(":ROUTE:TERMINALS FRON")
    smu.source_voltage = 0.05
    says(":SOURCE:VOLTAGE 0.05")
    smu.shutdown()
    says(":SOURCE:FUNCTION?", "VOLT")
    says(":SOURCE:VOLTAGE?", "5.000000E-02")
    for volts in ramp(0.05, 0, 30):
        says(f":SOURCE:VOLTAGE {volts:g}")
    says(":ABOR")
    says("OUTPUT 0")


@pytest.mark.filterwarnings("ignore:Keithley2400Legacy is a legacy version:FutureWarning")
def test_pymeasures_older_2400_says_what_was_captured(pymeasured, fresh, cell, listening, like):
    fresh("k2400")
    cell("A")
    says = listening(end="\r\n")
    smu = pymeasured("Keithley2400Legacy", "k2400")
    assert IDENTITY == smu.id
    says("*IDN?", IDENTITY)
    smu.reset()
    says("status:queue:clear;*RST;:stat:pres;:*CLS;")
    smu.apply_voltage(2, 1e-3)
    says(":SOUR:FUNC VOLT")
    says(":SOUR:VOLT:RANG:AUTO 0;:SOUR:VOLT:RANG 2")
    says(":SENS:CURR:PROT 0.001")
    says("SYST:ERR?", NONE)
    smu.apply_voltage(compliance_current=1e-3)
    says(":SOUR:FUNC VOLT")
    says(":SOUR:FUNC?", "VOLT")
    says(":SOUR:VOLT:RANG:AUTO 1")
    says(":SENS:CURR:PROT 0.001")
    says("SYST:ERR?", NONE)
    smu.measure_current(nplc=0.1)
    says(":SENS:FUNC 'CURR';:SENS:CURR:NPLC 0.100000;:FORM:ELEM CURR;")
    says(":SENS:CURR:RANG:AUTO 1;")
    says("SYST:ERR?", NONE)
    smu.source_voltage = 0.1
    says(":SOUR:VOLT:LEV 0.1")
    assert 0.1 == smu.source_voltage
    says(":SOUR:VOLT?", "1.000000E-01")
    smu.enable_source()
    says("OUTPUT ON")
    current = smu.current
    says(":READ?", like("+1.060645E-04"))
    smu.measure_voltage()
    says(":SENS:FUNC 'VOLT';:SENS:VOLT:NPLC 1.000000;:FORM:ELEM VOLT;")
    says(":SENS:VOLT:RANG:AUTO 1;")
    says("SYST:ERR?", NONE)
    assert pytest.approx(0.1, abs=1e-3) == smu.voltage
    says(":READ?", like("+1.000000E-01"))
    smu.measure_resistance()
    says(":SENS:FUNC 'RES';:SENS:RES:MODE MAN;:SENS:RES:NPLC 1.000000;:FORM:ELEM RES;")
    says(":SENS:RES:RANG:AUTO 1;")
    says("SYST:ERR?", NONE)
    assert pytest.approx(0.1 / current, rel=2e-2) == smu.resistance
    says(":READ?", like("+9.428229E+02"))
    smu.config_buffer(5)
    says(":STAT:PRES;*CLS;*SRE 1;:STAT:MEAS:ENAB 512;")
    says(":TRAC:CLEAR;")
    says(":TRAC:POIN 5")
    says(":TRIG:COUN 5")
    says(":TRIG:SEQ:DEL 0")
    says(":TRAC:FEED SENSE;:TRAC:FEED:CONT NEXT;")
    says("SYST:ERR?", NONE)
    smu.start_buffer()
    says(":INIT")
    smu.wait_for_buffer(timeout=1)
    says("*STB?", "65")
    data = smu.buffer_data
    says(":FORM:DATA ASCII")
    says(":TRAC:DATA?", like(",".join(["+9.428229E+02"] * 5)))
    assert (5,) == data.shape
    assert math.isclose(data.mean(), smu.means, rel_tol=1e-5)
    says(":CALC3:FORM MEAN;:CALC3:DATA?;", like("+9.428229E+02"))
    smu.trigger()
    says("*TRG")
    assert [0, '"No error"'] == smu.next_error
    says("SYST:ERR?", NONE)
    assert [] == smu.check_errors()
    says("SYST:ERR?", NONE)
    smu.use_rear_terminals()
    says(":ROUT:TERM REAR")
    smu.use_front_terminals()
    says(":ROUT:TERM FRON")
    smu.ramp_to_voltage(0.05, steps=3, pause=0)
    says(":SOUR:VOLT?", "1.000000E-01")
    for volts in ramp(0.1, 0.05, 3):
        says(f":SOUR:VOLT:LEV {volts:g}")
    smu.disable_source()
    says("OUTPUT OFF")
    smu.shutdown()
    says(":SOUR:FUNC?", "VOLT")
    says(":SOUR:VOLT?", "5.000000E-02")
    for volts in ramp(0.05, 0, 30):
        says(f":SOUR:VOLT:LEV {volts:g}")
    says(":ABOR")
    says("OUTPUT OFF")
