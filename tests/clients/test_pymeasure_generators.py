import numpy as np
import pytest

pytestmark = pytest.mark.clients
NONE = '+0,"No error"'


def test_pymeasure_drives_an_81160a_as_captured(pymeasured, fresh, listening):
    fresh("pulser")
    says = listening(end="\r\n")
    generator = pymeasured("Keysight81160A", "pulser")
    ch = generator.ch_1
    assert "Agilent Technologies,81160A,MY51400292,1.0.3.0-2.6" == generator.id
    says("*IDN?", "Agilent Technologies,81160A,MY51400292,1.0.3.0-2.6")
    generator.reset()
    says("*RST")
    ch.shape = "PULS"
    says(":FUNC1 PULS")
    assert "PULS" == ch.shape
    says(":FUNC1?", "PULS")
    ch.pulse_period = 1e-6
    says(":PULS:PER1 1.000000e-06")
    ch.pulse_width = 10e-9
    says(":PULS:WIDT1 1.000000e-08")
    assert 1e-8 == ch.pulse_width
    says(":PULS:WIDT1?", "1.000000e-08")
    ch.pulse_transition = 1e-9
    says(":FUNC1:PULS:TRAN 1.000000e-09")
    ch.voltage_high = 0.5
    says(":VOLT1:HIGH 0.500000")
    ch.voltage_low = 0
    says(":VOLT1:LOW 0.000000")
    ch.amplitude = 0.5
    says(":VOLT1 0.500000")
    ch.offset = 0.25
    says(":VOLT1:OFFS 0.250000")
    ch.output_load = 50
    says(":OUTP1:LOAD 5.000000e+01")
    ch.limit_high = 1
    says(":VOLT1:LIM:HIGH 1.000000")
    ch.limit_state_enabled = True
    says(":VOLT1:LIM:STAT 1")
    ch.burst_ncycles = 2
    says(":BURS1:NCYC 2")
    ch.burst_state = True
    says(":BURS1:STAT 0")  # sic: the driver takes its list of values for a table
    ch.burst_mode = "TRIG"
    says(":BURS1:MODE TRIG")
    ch.trigger_mode = "MAN"
    says(":ARM:SOUR1 MAN")
    ch.trigger_count = 1
    says(":TRIG1:COUN 1")
    ch.output = True
    says("OUTP1 1")
    assert ch.output is True
    says("OUTP1?", "1")
    generator.trigger()
    says("*TRG;*WAI")
    ch.apply_pulse(1e6, 0.5, 0.25)
    says(":APPL1:PULS 1000000.0, 0.5, 0.25")
    ch.waveform_volatile = np.array([-1, 0, 1])
    says(":DATA1:DAC VOLATILE,#16\xe0\x01\x00\x00\x1f\xff", end="")
    assert [0, '"No error"'] == generator.next_error
    says("SYST:ERR?", NONE)
    ch.output = False
    says("OUTP1 0")


@pytest.mark.parametrize(("kind", "options"), [("hislip", {}), ("socket", {"read_termination": "\n"})])
def test_pymeasure_drives_a_33522b_as_captured(pymeasured, fresh, listening, kind, options):
    fresh("wave")
    says = listening(end="\r\n")
    generator = pymeasured("Agilent33500", "wave", address=kind, **options)
    ch = generator.ch_1
    assert "Agilent Technologies,33522B,MY50000891,2.03-1.19-2.00-52-00" == generator.id
    says("*IDN?", "Agilent Technologies,33522B,MY50000891,2.03-1.19-2.00-52-00")
    generator.reset()
    says("*RST")
    ch.shape = "PULS"
    says("SOUR1:FUNC PULS")
    ch.pulse_period = 0.001
    says("SOUR1:FUNC:PULS:PER 1.000000e-03")
    ch.pulse_width = 1e-6
    says("SOUR1:FUNC:PULS:WIDT 1.000000e-06")
    ch.pulse_transition = 1e-8
    says("SOUR1:FUNC:PULS:TRAN:BOTH 1.000000e-08")
    ch.pulse_dutycycle = 10
    says("SOUR1:FUNC:PULS:DCYC 10.000000")
    ch.pulse_hold = "WIDT"
    says("SOUR1:FUNC:PULS:HOLD WIDT")
    ch.voltage_high = 0.5
    says("SOUR1:VOLT:HIGH 0.500000")
    ch.voltage_low = 0.0
    says("SOUR1:VOLT:LOW 0.000000")
    ch.output_load = 50
    says("OUTP1:LOAD 50")
    ch.burst_ncycles = 1
    says("SOUR1:BURS:NCYC 1")
    ch.burst_mode = "TRIG"
    says("SOUR1:BURS:MODE TRIG")
    ch.burst_state = True
    says("SOUR1:BURS:STAT 1")
    ch.output = True
    says("OUTP1 1")
    generator.trigger_source = "BUS"
    says("TRIG:SOUR BUS")
    generator.trigger()
    says("*TRG;*WAI")
    generator.beep()
    says("SYST:BEEP")
    assert [0, '"No error"'] == generator.next_error
    says("SYST:ERR?", NONE)
    assert ("PULS", 0.5, 0.0, 1.0, "TRIG", True) == (
        ch.shape,
        ch.voltage_high,
        ch.voltage_low,
        ch.burst_ncycles,
        ch.burst_mode,
        ch.burst_state,
    )
    says("SOUR1:FUNC?", "PULS")
    says("SOUR1:VOLT:HIGH?", "+5.000000000000000E-01")
    says("SOUR1:VOLT:LOW?", "+0.000000000000000E+00")
    says("SOUR1:BURS:NCYC?", "+1.000000000000000E+00")
    says("SOUR1:BURS:MODE?", "TRIG")
    says("SOUR1:BURS:STAT?", "1")
