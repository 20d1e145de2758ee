import re
from types import SimpleNamespace

import numpy as np
import pytest

pytestmark = pytest.mark.clients
FIVE_FLOATS = re.compile(r"#0.{20}", re.DOTALL)
CURRENT = "print(smua.measure.i(), status.measurement.instrument.smua.condition)"
VOLTS = "print(smua.measure.v(), status.measurement.instrument.smua.condition)"


@pytest.mark.parametrize("kind", ["hislip", "socket"])
def test_qcodes_drives_a_2636b_as_captured(qcodesed, fresh, cell, listening, like, kind):
    fresh("k2636")
    cell("C")
    says = listening(end="\n")
    smu = qcodesed("Keithley2636B", "k2636", address=kind)
    says.clear()
    says("print(localnode.model)", "2636B")
    says("*IDN?", "Keithley Instruments Inc., Model 2636B, 4400293, 3.3.5")
    a = smu.smua
    a.reset()
    says("smua.reset()")
    says.meanwhile(
        {
            "print(smua.measure.r())": re.compile(r"-?\d\.\d{5}e[+-]\d\d"),
            "print(smua.source.func)": "1.00000e+00",
            "print(smua.source.output)": "0.00000e+00",
            "print(localnode.linefreq)": "5.00000e+01",
            "print(smua.measure.nplc)": "1.00000e+00",
            "print(smua.sense)": "0.00000e+00",
            "print(smua.source.rangev)": re.compile(r"\d\.\d{5}e[+-]\d\d"),
            "print(smua.source.autorangev)": "1.00000e+00",
            "print(smua.measure.rangev)": re.compile(r"\d\.\d{5}e[+-]\d\d"),
            "print(smua.measure.autorangev)": "1.00000e+00",
            "print(smua.source.rangei)": re.compile(r"\d\.\d{5}e[+-]\d\d"),
            "print(smua.source.autorangei)": "1.00000e+00",
            "print(smua.measure.rangei)": re.compile(r"\d\.\d{5}e[+-]\d\d"),
            "print(smua.measure.autorangei)": "1.00000e+00",
            "print(smua.source.limitv)": "2.00000e+01",
            "print(smua.source.limiti)": "1.00000e-01",
        }
    )
    a.mode("voltage")
    says("smua.source.func=1")
    a.sourcerange_v(2)
    says("smua.source.autorangev=0")
    says("smua.source.rangev=2")
    a.measurerange_i(1e-3)
    says("smua.measure.autorangei=0")
    says("smua.measure.rangei=0.001")
    a.limiti(1e-3)
    says("smua.source.limiti=0.001")
    assert 1e-3 == a.limiti()
    says("print(smua.source.limiti)", "1.00000e-03")
    a.nplc(0.1)
    says("smua.measure.nplc=0.1")
    assert 0.1 == a.nplc()
    says("print(smua.measure.nplc)", "1.00000e-01")
    a.four_wire_measurement(True)
    says("smua.sense=1")
    a.volt(0.1)
    says("smua.source.levelv=0.100000000000")
    a.output("on")
    says("smua.source.output=1")
    assert a.output() is True
    says("print(smua.source.output)", "1.00000e+00")
    current, volts, ohms = a.curr(), a.volt(), a.res()
    says(CURRENT, like("1.06064e-04\t0.00000e+00"))
    says(VOLTS, like("1.00000e-01\t0.00000e+00"))
    says("print(smua.measure.r())", like("9.42823e+02"))
    assert pytest.approx(0.1, abs=1e-3) == volts
    assert pytest.approx(volts / current, rel=1e-2) == ohms
    smu.display_settext("hi")
    says('display.settext("hi")')
    smu.write("errorqueue.clear()")
    says("errorqueue.clear()")


def test_qcodes_sweeps_and_traces_with_scripts_in_a_2636b(qcodesed, fresh, cell, listening):
    fresh("k2636")
    cell("C")
    says = listening(end="\n")
    smu = qcodesed("Keithley2636B", "k2636")
    a = smu.smua
    a.nplc(0.1)
    points = SimpleNamespace(param=a.volt, delay=0, num_points=5, get_setpoints=lambda: np.linspace(0, 0.04, 5))
    a.setup_fastsweep(points, mode="IV")
    swept = a.fastsweep()
    assert (5,) == swept.shape
    assert sorted(swept) == list(swept)
    assert 1e-5 < swept[2] < 1e-4
    a.timetrace_npts(5)
    a.timetrace_dt(0.01)
    trace = a.timetrace()
    assert (5,) == trace.shape
    assert [pytest.approx(swept[4], rel=6e-2)] * 5 == list(trace)  # telegraph noise may be 5 %; at 40 mV no cell flips
    says.clear()
    says("print(localnode.model)", "2636B")
    says("*IDN?", "Keithley Instruments Inc., Model 2636B, 4400293, 3.3.5")
    says("smua.measure.nplc=0.1")
    known = {"print(smua.measure.nplc)": "1.00000e-01", "print(localnode.linefreq)": "5.00000e+01"}
    says.meanwhile(known)
    says(
        "loadandrunscript\r\nsmua.measure.nplc = 0.100000000000\r\nsmua.sense = 0\r\nsmua.measure.count = 1\r\n"
        "smua.source.func = 1\r\nsmua.source.output = 1\r\nstartX = 0.000000000000\r\ndX = 0.010000000000\r\n"
        "smua.nvbuffer1.clear()\r\nsmua.nvbuffer1.appendmode = 1\r\nfor index = 1, 5 do\r\n"
        "  target = startX + (index-1)*dX\r\n  smua.source.levelv = target\r\n  smua.measure.i(smua.nvbuffer1)\r\n"
        "end\r\nformat.data = format.REAL32\r\nformat.byteorder = format.LITTLEENDIAN\r\n"
        "printbuffer(1, 5, smua.nvbuffer1.readings)\r\nendscript",
        FIVE_FLOATS,
    )
    says.meanwhile(known)
    says(
        "loadandrunscript\r\nsmua.measure.count=5\r\noldint=smua.measure.interval\r\nsmua.measure.interval=0.01\r\n"
        "smua.nvbuffer1.clear()\r\nsmua.measure.i(smua.nvbuffer1)\r\nsmua.measure.interval=oldint\r\n"
        "smua.measure.count=1\r\nformat.data = format.REAL32\r\nformat.byteorder = format.LITTLEENDIAN\r\n"
        "printbuffer(1, 5, smua.nvbuffer1.readings)\r\nendscript",
        FIVE_FLOATS,
    )
