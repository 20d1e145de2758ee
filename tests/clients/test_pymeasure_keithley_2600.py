import time

import pytest

pytestmark = pytest.mark.clients
EMPTY = "0.00000e+00\tQueue Is Empty\t0.00000e+00\t0.00000e+00"


@pytest.mark.filterwarnings("ignore:It is not known whether this device support SCPI:FutureWarning")
@pytest.mark.parametrize(("kind", "options"), [("hislip", {}), ("socket", {"read_termination": "\n"})])
def test_pymeasure_drives_a_2636b_as_captured(pymeasured, fresh, cell, listening, like, kind, options):
    fresh("k2636")
    cell("C")
    says = listening(end="\r\n")
    smu = pymeasured("Keithley2600", "k2636", address=kind, **options)
    a = smu.ChA
    assert "Model 2636B" in smu.id
    says("*IDN?", "Keithley Instruments Inc., Model 2636B, 4400293, 3.3.5")
    smu.reset()
    says("*RST")
    a.apply_voltage(2, 1e-3)
    says("smua.source.func=1")
    says("smua.source.rangev=2.000000")
    says("smua.source.limiti=0.001000")
    says("print(errorqueue.next())", EMPTY)
    a.apply_voltage(compliance_current=1e-3)
    says("smua.source.func=1")
    says("print(smua.source.func)", "1.00000e+00")
    says("smua.source.autorangev=1")
    says("smua.source.limiti=0.001000")
    says("print(errorqueue.next())", EMPTY)
    a.measure_current(nplc=0.1)
    says("smua.measure.i()")
    says("smua.measure.nplc=0.100000")
    says("smua.measure.autorangei=1")
    says("print(errorqueue.next())", EMPTY)
    with pytest.raises(ValueError, match="is not in list"):  # the driver takes its limits for a table of values
        a.measure_nplc = 0.1
    assert 0.001 == a.measure_nplc
    says("print(smua.measure.nplc)", "1.00000e-01")
    a.wires_mode = "4"
    says("smua.sense=1")
    a.source_voltage = 0.1
    says("smua.source.levelv=0.100000")
    assert 0.1 == a.source_voltage
    says("print(smua.source.levelv)", "1.00000e-01")
    a.source_output = "ON"
    says("smua.source.output=1")
    assert "ON" == a.source_output
    says("print(smua.source.output)", "1.00000e+00")
    current, voltage, resistance = a.current, a.voltage, a.resistance
    says("print(smua.measure.i())", like("1.06064e-04"))
    says("print(smua.measure.v())", like("1.00000e-01"))
    says("print(smua.measure.r())", like("9.42823e+02"))
    # Each reading of a tenth of a cycle has 0.12 % of the junction's 1/f noise.
    assert pytest.approx(voltage / current, rel=1e-2) == resistance
    assert "voltage" == a.source_mode
    says("print(smua.source.func)", "1.00000e+00")
    assert (0, "Queue Is Empty") == smu.next_error
    says("print(errorqueue.next())", EMPTY)
    a.compliance_current = 1e-7
    says("smua.source.limiti=0.000000")


@pytest.mark.filterwarnings("ignore:It is not known whether this device support SCPI:FutureWarning")
def test_pymeasure_shuts_a_2636b_down(pymeasured, fresh, listening, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # thirty pauses of 0.1 s: this bench needs none
    fresh("k2636")
    says = listening(end="\r\n")
    smu = pymeasured("Keithley2600", "k2636")
    smu.ChA.source_voltage = 0.1
    says("smua.source.levelv=0.100000")
    smu.ChA.shutdown()
    says("print(smua.source.func)", "1.00000e+00")
    says("print(smua.source.levelv)", "1.00000e-01")
    for step in range(30):
        says(f"smua.source.levelv={0.1 * (1 - step / 29):.6f}")
    says("smua.source.output=0")
