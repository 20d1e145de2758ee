import pytest

pytestmark = pytest.mark.clients
IDENTITY = "Agilent Technologies,33522B,MY50000891,2.03-1.19-2.00-52-00"
NONE = '+0,"No error"'


def test_qcodes_drives_a_33522b_as_captured(qcodesed, fresh, listening):
    fresh("wave")
    says = listening(end="\n")
    generator = qcodesed("Keysight33522B", "wave")
    says.clear()
    says("*IDN?", IDENTITY)
    says("*IDN?", IDENTITY)
    ch = generator.ch1
    ch.function_type("PULS")
    says("SOURce1:FUNCtion PULS")
    ch.pulse_width(1e-6)
    says("SOURce1:FUNCtion:PULSE:WIDTh 1e-06")
    ch.frequency(1000)
    says("SOURce1:FREQuency 1000")
    ch.amplitude(0.5)
    says("SOURce1:VOLTage 0.5")
    ch.offset(0.25)
    says("SOURce1:VOLTage:OFFSet 0.25")
    ch.amplitude_unit("VPP")
    says("SOURce1:VOLTage:UNIT VPP")
    ch.burst_mode("N Cycle")
    says("SOURce1:BURSt:MODE TRIG")
    ch.burst_ncycles(1)
    says("SOURce1:BURSt:NCYCles 1")
    ch.burst_state("ON")
    says("SOURce1:BURSt:STATe 1")
    ch.trigger_source("BUS")
    says("TRIGger1:SOURce BUS")
    ch.output("ON")
    says("OUTPut1 1")
    generator.sync.output("ON")
    says("OUTPut:SYNC 1")
    generator.flush_error_queue()
    says("SYSTem:ERRor?", NONE)
    assert (0, "No error") == generator.error()
    says("SYSTem:ERRor?", NONE)
    assert (1000.0, 1e-6, 0.5, 1.0, "ON") == (
        ch.frequency(),
        ch.pulse_width(),
        ch.amplitude(),
        ch.burst_ncycles(),
        ch.output(),
    )
    says("SOURce1:FREQuency?", "+1.000000000000000E+03")
    says("SOURce1:FUNCtion:PULSE:WIDTh?", "+1.000000000000000E-06")
    says("SOURce1:VOLTage?", "+5.000000000000000E-01")
    says("SOURce1:BURSt:NCYCLes?", "+1.000000000000000E+00")
    says("OUTPut1?", "1")
