import pytest

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("kind", ["hislip", "socket"])
def test_qcodes_drives_a_b2902a_as_captured(qcodesed, fresh, cell, listening, like, kind):
    fresh("b2902")
    cell("D")
    says = listening(end="\n")
    smu = qcodesed("KeysightB2962A", "b2902", address=kind)
    says.clear()
    says("*IDN?", "Keysight Technologies,B2902A,MY51143745,5.0.2307.1924")
    ch = smu.ch1
    ch.source_mode("voltage")
    says(":SOUR1:FUNC:MODE VOLT")
    ch.current_limit(1e-3)
    says("SENS1:CURR:PROT 0.001")
    assert 1e-3 == ch.current_limit()
    says("SENS1:CURR:PROT?", "+1.00000000E-03")
    ch.source_voltage(0.1)
    says("SOURCE1:VOLT 0.1")
    assert 0.1 == ch.source_voltage()
    says("SOURCE1:VOLT?", "+1.00000000E-01")
    ch.enable("on")
    says("OUTP1 1")
    assert ch.enable() is True
    says("OUTP1?", "1")
    current, volts, ohms = ch.current(), ch.voltage(), ch.resistance()
    says("MEAS:CURR? (@1)", like("+1.060645E-04"))
    says("MEAS:VOLT? (@1)", like("+1.000000E-01"))
    says("MEAS:RES? (@1)", like("+9.428229E+02"))
    assert pytest.approx(0.1, abs=1e-3) == volts
    assert pytest.approx(volts / current, rel=1e-2) == ohms
    ch.remote_sensing(True)
    says(":SENS1:REM 1")
    ch.enable(False)
    says("OUTP1 0")
