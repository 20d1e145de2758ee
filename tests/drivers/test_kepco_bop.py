"""The Kepco BOP driver, by exact dialogue."""

import pytest

from labmtj.drivers.kepco_bop import KepcoBop
from labmtj.errors import BenchError, InstrumentError, LimitExceeded

CLEAR = "<device clear>"


@pytest.fixture
def model(sheet):
    return sheet("kepco_bop_20_20")


@pytest.mark.parametrize("found", ["BIT 4886 20-20", "BIT 4886 20-20  08-04-2023", "BIT 802E 20-20"])
def test_identifying_gives_the_serial_number_whatever_the_card_writes_behind_the_ratings(scpi, model, found):
    link = scpi((CLEAR, None), ("*IDN?", f"KEPCO,{found},H249977,4.04-1.82"))
    assert "H249977" == KepcoBop(link, model).identify()


def test_a_supply_of_other_ratings_is_refused(scpi, model):
    link = scpi((CLEAR, None), ("*IDN?", "KEPCO,BIT 4886 36-12  08-04-2023,H249977,4.04-1.82"))
    with pytest.raises(BenchError, match="should be a BIT 4886 20-20 but says it is a BIT 4886 36-12"):
        KepcoBop(link, model).identify()


def test_setting_up_gives_current_mode_at_zero_with_the_output_off(scpi, told, model):
    turns = told().send("*CLS").set(":OUTP 0", ":OUTP?", "0").say("*RST;*CLS")
    turns.set(":FUNC:MODE CURR", ":FUNC:MODE?", "1").set(":CURR:RANG 1", ":CURR:RANG?", "1")
    turns.set(":CURR 0.00000", ":CURR?", "0.00000E+00").set(":VOLT 15.00000", ":VOLT?", "1.49994E+01")
    KepcoBop(scpi(*turns), model).setup(compliance=15.0)


@pytest.mark.parametrize("volts", [0.0, -5.0, 20.1, float("nan"), float("inf")])
def test_a_compliance_that_it_does_not_have_is_refused_with_nothing_sent(scpi, model, volts):
    with pytest.raises(LimitExceeded, match="compliance"):
        KepcoBop(scpi(), model).setup(compliance=volts)


def test_a_current_is_written_with_the_digits_that_the_card_takes_and_read_back(scpi, told, model):
    turns = told().set(":CURR 0.30000", ":CURR?", "2.99990E-01").set(":CURR -20.00000", ":CURR?", "-1.99994E+01")
    supply = KepcoBop(scpi(*turns), model)
    supply.current = 0.1 + 0.2
    supply.current = -20.0


def test_a_current_that_was_not_taken_is_an_error(scpi, told, model):
    supply = KepcoBop(scpi(*told().set(":CURR 1.00000", ":CURR?", "0.00000E+00")), model)
    with pytest.raises(BenchError, match=r"answers 0.0 to :CURR\? after it was set to 1.0"):
        supply.current = 1.0


@pytest.mark.parametrize("amperes", [20.1, -20.1, float("nan"), float("inf")])
def test_a_current_beyond_the_rating_is_refused_with_nothing_sent(scpi, model, amperes):
    with pytest.raises(LimitExceeded, match="beyond its 20 A"):
        KepcoBop(scpi(), model).current = amperes


def test_output_and_measurements(scpi, told, model):
    turns = told().set(":OUTP 1", ":OUTP?", "1").say(":OUTP?", "1").say(":MEAS:CURR?", "4.99E+00")
    turns.say(":MEAS:VOLT?", "-2.5E+00").say(":CURR?", "5.00000E+00")
    supply = KepcoBop(scpi(*turns), model)
    supply.output_enabled = True
    found = supply.output_enabled, supply.measure_current(), supply.measure_voltage(), supply.current
    assert (True, 4.99, -2.5, 5.0) == found


def test_an_error_in_its_queue_names_the_command(scpi, model):
    turns = [(":MEAS:CURR?;:SYST:ERR?", '0.0;-222,"Data out of range"'), (":SYST:ERR?", '0,"No error"')]
    with pytest.raises(InstrumentError, match="-222"):
        KepcoBop(scpi(*turns), model).measure_current()


def test_shutting_down_programs_zero_and_sees_that_the_output_is_off(scpi, told, model):
    turns = told()
    turns.append((CLEAR, None))
    turns.send(":CURR 0", ":OUTP 0", "*CLS").say(":OUTP?", "0")
    KepcoBop(scpi(*turns), model).shutdown()


def test_an_output_that_stays_on_is_an_error(scpi, told, model):
    turns = told()
    turns.append((CLEAR, None))
    turns.send(":CURR 0", ":OUTP 0", "*CLS").say(":OUTP?", "1")
    with pytest.raises(BenchError, match="still on"):
        KepcoBop(scpi(*turns), model).shutdown()
