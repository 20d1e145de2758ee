import re

import pytest

pytestmark = pytest.mark.clients


def test_qcodes_drives_a_b2201a_as_captured(qcodesed, fresh, listening):
    fresh("matrix")
    says = listening(end="\n")
    matrix = qcodesed("KeysightB2201", "matrix")
    says.clear()
    says("*IDN?", "AGILENT TECHNOLOGIES,B2201A,0,A.01.00")
    matrix.reset()
    says("*RST")
    with pytest.warns(UserWarning, match="When going from .free. to .single. mode existing connections are not"):
        matrix.connection_rule("single")
    for rule, new in (("FREE", "SROU"), ("SROU", "FREE")):
        says("*CLS")
        says("*CLS")
        says(":CONN:RULE? 0", rule)
        says("*ESR?", "0")
        says(f":CONN:RULE 0,{new}")
        says("*ESR?", "0")
    matrix.connection_rule("free")
    matrix.connection_sequence("bbm")
    says(":CONN:SEQ 0,BBM")
    assert "bbm" == matrix.connection_sequence()
    says(":CONN:SEQ? 0", "BBM")

    def bracketed(message):
        says("*CLS")
        says(message)
        says("*ESR?", "0")

    matrix.connect(1, 3)
    bracketed(":CLOS (@00103)")
    matrix.connect_paths([(1, 3), (2, 20)])
    bracketed(":CLOS (@00103,00220)")
    assert {(1, 3), (2, 20)} == matrix.connections()
    says(":CLOS:CARD? 0", "(@00103,00220)")
    matrix.disconnect(1, 3)
    bracketed(":OPEN (@00103)")
    matrix.disconnect_paths([(2, 20)])
    bracketed(":OPEN (@00220)")
    matrix.disconnect_all()
    bracketed(":OPEN:CARD 0")
    matrix.gnd_mode(False)
    says(":AGND 0,0")
    matrix.bias_mode(False)
    says(":BIAS 0,0")
    matrix.unused_inputs([3, 4])
    says(":AGND:UNUSED 0,'3, 4'")
    assert '0,"No Error"' == matrix.get_error()
    says(":SYST:ERR?", '0,"No Error"')
    assert 0 == matrix.get_status()
    says("*ESR?", "0")


def test_qcodes_drives_a_34980a_with_a_34934a_as_captured(qcodesed, serve, opened, listening):
    bench = serve("keysight_34980a")
    opened("matrix", bench=bench).query("*RST;*CLS;*ESR?")
    says = listening(end="\n")
    mainframe = qcodesed("Keysight34980A", "matrix", bench=bench)
    says.clear()

    def bracketed(message, reply=""):
        says("*CLS")
        says(message, reply)
        says("*ESR?", "0")

    card = '"Agilent Technologies,34934A-16x32,MY44000001,1.06"'
    for slot in range(1, 9):
        bracketed(f"SYST:CTYP? {slot}", card if slot == 1 else '"Agilent Technologies,0,0,0"')
    bracketed("SYSTEM:MODule:TERMinal:TYPE? 1", re.compile("16x32|NONE"))
    bracketed("*IDN?", "Agilent Technologies,34980A,MY44001234,2.43-2.43-2.07-0.05")
    matrix = mainframe.module[1]
    matrix.connect(1, 3)
    bracketed("ROUT:CLOSe (@1103)")
    matrix.connect_paths([(1, 3), (2, 20)])
    bracketed("ROUTe:CLOSe (@1103,1170)")
    assert matrix.is_closed(1, 3)
    bracketed("ROUT:CLOSe? (@1103)", "1")
    assert not matrix.is_open(1, 3)
    bracketed("ROUT:OPEN? (@1103)", "0")
    assert [True, True, False] == matrix.are_closed([(1, 3), (2, 20), (2, 21)])
    bracketed("ROUTe:CLOSe? (@1103,1170,1171)", "1,1,0")
    matrix.disconnect(1, 3)
    bracketed("ROUT:OPEN (@1103)")
    matrix.disconnect_paths([(2, 20)])
    bracketed("ROUTe:OPEN (@1170)")
    assert "AUTO100" == matrix.protection_mode()
    bracketed("SYSTem:MODule:ROW:PROTection? 1", "AUTO100")
    matrix.protection_mode("AUTO0")
    bracketed("SYSTem:MODule:ROW:PROTection 1, AUTO0")
    mainframe.disconnect_all(1)
    bracketed("ROUT:OPEN:ALL 1")
    mainframe.disconnect_all()
    bracketed("ROUT:OPEN:ALL")
    assert '+0,"No error"' == mainframe.get_error()
    says(":SYST:ERR?", '+0,"No error"')


def test_qcodes_drives_a_3706a_as_captured(qcodesed, serve, opened, listening):
    bench = serve("keithley_3706a")
    opened("matrix", bench=bench).query("reset() print(1)")
    says = listening(end="\n")
    matrix = qcodesed("Keithley3706A", "matrix", bench=bench)
    says.clear()
    says("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 3706A-SNFP,04447336,01.56a")
    card = re.compile(r"3730,6x16 High Density Matrix,\d\d\.\d\dh,\d{7}")
    slots = {f"print(slot[{slot}].idn)": card if slot < 3 else "Empty Slot" for slot in range(1, 7)}
    interlocks = {f"print(slot[{slot}].interlock.state)": "3.00000e+00" for slot in (1, 2)}
    sizes = {}
    for slot in (1, 2):
        sizes[f"print(slot[{slot}].rows.matrix)"] = "6.00000e+00"
        sizes[f"print(slot[{slot}].columns.matrix)"] = "1.60000e+01"
    asked = slots | interlocks | sizes | {"print(channel.getforbidden('allslots'))": "nil"}
    says.meanwhile(asked)
    matrix.close_channel("1103")
    says("channel.close('1103')")
    says.meanwhile(asked)
    matrix.close_channel("1103,2205")
    says("channel.close('1103,2205')")
    assert ["1103", "2205"] == matrix.get_closed_channels("allslots")
    says("print(channel.getclose('allslots'))", "1103;2205")
    matrix.exclusive_close("1104")
    says.meanwhile(asked)
    says("channel.exclusiveclose('1104')")
    assert ["1104"] == matrix.get_closed_channels("allslots")
    says("print(channel.getclose('allslots'))", "1104")
    matrix.open_channel("1104")
    says("channel.open('1104')")
    matrix.open_channel("allslots")
    says("channel.open('allslots')")
    assert matrix.get_closed_channels("allslots") is None
    says("print(channel.getclose('allslots'))", "nil")
    matrix.channel_connect_rule("BREAK_BEFORE_MAKE")
    says("channel.connectrule = channel.BREAK_BEFORE_MAKE")
    assert "BREAK_BEFORE_MAKE" == matrix.channel_connect_rule()
    says("print(channel.connectrule)", "1.00000e+00")
    matrix.reset_channel("allslots")
    says("channel.reset('allslots')")
    assert "0.00000e+00" == matrix.ask("errorqueue.count")
    says("print(errorqueue.count)", "0.00000e+00")
