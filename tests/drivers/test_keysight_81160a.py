"""The Keysight 81160A driver, by exact dialogue."""

import pytest

from labmtj.drivers.keysight_81160a import Keysight81160A
from labmtj.errors import BenchError, LimitExceeded

CLEAR = "<device clear>"
EMPTY = '+0,"No error"'


@pytest.fixture
def model(sheet):
    return sheet("keysight_81160a")


def setting_up(told, load="9.900000E+37"):
    turns = told(EMPTY).reset()
    for n in (1, 2):
        turns.set(f":OUTP{n} 0", f":OUTP{n}?", "0")
        turns.set(f":OUTP{n}:LOAD INF", f":OUTP{n}:LOAD?", load)
        turns.set(f":FUNC{n} PULS", f":FUNC{n}?", "PULS")
        turns.set(f":PULS:HOLD{n} WIDT", f":PULS:HOLD{n}?", "WIDT")
        turns.set(f":ARM:SOUR{n} MAN", f":ARM:SOUR{n}?", "MAN")
        turns.set(f":TRIG{n}:COUN 1.0", f":TRIG{n}:COUN?", "1.000000e+00")
        turns.set(f":FUNC{n}:PULS:TRAN 1e-09", f":FUNC{n}:PULS:TRAN?", "1.000000e-09")
    return turns


def arming(turns, n, volts):
    """From the output off, since the smallest amplitude of 100 mV is too much for a line that rests."""
    level = f":VOLT{n}:HIGH {volts!r}" if volts > 0 else f":VOLT{n}:LOW {volts!r}"
    turn = f":VOLT{n}:HIGH 0.1;:OUTP{n}:POL INV;:VOLT{n}:LOW -0.1;:VOLT{n}:HIGH 0.0;" if volts < 0 else ""
    turns.say(
        f":OUTP{n} 0;:VOLT{n}:HIGH 0.1;:VOLT{n}:LOW 0.0;:OUTP{n}:POL NORM;{turn}{level};:OUTP{n} 1;"
        f":PULS:WIDT{n} 1.5e-09;:PULS:PER{n} {2e-7 + 4e-9!r};:PULS:WIDT{n} 1e-07;:ARM:SOUR{n} MAN;"
        f":VOLT{n}:HIGH?;:VOLT{n}:LOW?;:OUTP{n}:POL?;:OUTP{n}?;*ESR?",
        f"{max(volts, 0):.6f}",
        f"{min(volts, 0):.6f}",
        "NORM" if volts > 0 else "INV",
        "1",
        "0",
    )
    return turns.say(
        f":PULS:WIDT{n}?;:PULS:PER{n}?;:TRIG{n}:COUN?;:OUTP{n}:LOAD?;:ARM:SOUR{n}?;*ESR?",
        "1.000000e-07",
        "2.040000e-07",
        "1",
        "9.900000E+37",
        "MAN",
        "0",
    )


def test_identifying_gives_the_serial_number(scpi, model):
    link = scpi((CLEAR, None), ("*IDN?", "Agilent Technologies,81160A,MY51400292,1.0.3.0-2.6"))
    assert "MY51400292" == Keysight81160A(link, model).identify()


@pytest.mark.parametrize("load", ["9.900000E+37", "1.000000E+06"])
def test_setting_up_makes_single_pulses_into_an_open_circuit(scpi, told, model, load):
    Keysight81160A(scpi(*setting_up(told, load)), model).setup(channels=["1", "2"])


def test_a_load_of_50_ohm_is_an_error(scpi, told, model):
    with pytest.raises(BenchError, match="set to infinity"):
        Keysight81160A(scpi(*setting_up(told, "5.000000E+01")[:4]), model).setup(channels=["1"])


def test_a_pulse_fires_both_channels_and_a_change_of_sign_turns_the_output_off_meanwhile(scpi, told, model):
    turns = told(EMPTY)
    arming(arming(turns, 1, 0.225), 2, -0.225).say("*TRG;*OPC?", "1")
    arming(arming(turns, 1, -0.225), 2, 0.225).say("*TRG;*OPC?", "1")
    pair = Keysight81160A(scpi(*turns), model).pair("1", "2")
    assert [False, False] == [pair.pulse((0.225, -0.225), 1e-7), pair.pulse((-0.225, 0.225), 1e-7)]


@pytest.mark.parametrize(
    ("amplitudes", "width"), [((0.09, -0.2), 1e-7), ((10.1, -0.2), 1e-7), ((0.2, -0.2), 1e-9), ((0.2, -0.2), 5.0)]
)
def test_a_pulse_outside_the_model_is_refused_with_nothing_sent(scpi, model, amplitudes, width):
    with pytest.raises(LimitExceeded):
        Keysight81160A(scpi(), model).pair("1", "2").pulse(amplitudes, width)


def test_shutting_down_turns_both_outputs_off_and_looks(scpi, told, model):
    turns = told(EMPTY).send(CLEAR, ":ABOR", ":OUTP1 0", ":OUTP2 0", "*CLS").say(":OUTP1?;:OUTP2?", "0", "0")
    Keysight81160A(scpi(*turns), model).shutdown()
