import pytest

pytestmark = pytest.mark.clients
IDENTITY = "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32 Oct  4 2010 14:20:11/A02  /K/J"


@pytest.mark.parametrize("kind", ["hislip", "socket"])
def test_qcodes_drives_a_2400_as_captured(qcodesed, fresh, cell, listening, like, kind):
    fresh("k2400")
    cell("A")
    says = listening(end="\n")
    smu = qcodesed("Keithley2400", "k2400", address=kind)
    says.clear()
    says(":TRIG:COUN 1;:FORM:ELEM VOLT,CURR")
    says("*IDN?", IDENTITY)
    smu.reset()
    says(":*RST")
    smu.mode("VOLT")
    says(':SENS:FUNC "CURR"')
    says(":SOUR:FUNC VOLT")
    smu.rangev(2)
    says("SOUR:VOLT:RANG 2.000000")
    smu.compliancei(1e-3)
    says("SENS:CURR:PROT 0.001000")
    assert 1e-3 == smu.compliancei()
    says("SENS:CURR:PROT?", "1.000000E-03")
    smu.nplci(0.1)
    says("SENS:CURR:NPLC 0.100000")
    assert 0.1 == smu.nplci()
    says("SENS:CURR:NPLC?", "0.10")
    smu.volt(0.1)
    says(":SOUR:VOLT:LEV 0.10000000")
    smu.output(True)
    says(":OUTP:STAT 1")
    assert smu.output() is True
    says(":OUTP:STAT?", "1")
    smu.write(":FORM:ELEM VOLT,CURR")  # the reset has put five elements back
    says(":FORM:ELEM VOLT,CURR")
    current, volts, ohms = smu.curr(), smu.volt(), smu.resistance()
    for _ in range(3):
        says(":READ?", like("+1.000000E-01,+1.060645E-04"))
    assert pytest.approx(0.1, abs=1e-3) == volts
    assert pytest.approx(volts / current, rel=1e-2) == ohms
    assert '"CURR:DC"' == smu.sense()
    says(":SENS:FUNC?", '"CURR:DC"')
    smu.output(False)
    says(":OUTP:STAT 0")
    smu.output(True)
    snapshot = smu.snapshot(update=True)["parameters"]
    says(":OUTP:STAT 1")
    says.meanwhile(
        {
            "*IDN?": IDENTITY,
            "SENS:VOLT:RANG?": "2.000000E+00",
            "SENS:CURR:RANG?": "1.050000E-04",
            "SENS:VOLT:PROT?": "2.100000E+01",
            "SENS:CURR:PROT?": "1.000000E-03",
            ":READ?": like("+1.000000E-01,+1.060645E-04"),
            ":SOUR:FUNC?": "VOLT",
            ":SENS:FUNC?": '"CURR:DC"',
            ":OUTP:STAT?": "1",
            "SENS:VOLT:NPLC?": "0.10",
            "SENS:CURR:NPLC?": "0.10",
        }
    )
    assert pytest.approx(current, rel=1e-2) == snapshot["curr"]["value"]
