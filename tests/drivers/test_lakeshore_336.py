"""The Lake Shore 336 driver, by exact dialogue."""

import pytest
import pyvisa
from pyvisa.constants import StatusCode

from labmtj.drivers.lakeshore_336 import LakeShore336, LakeShoreLink
from labmtj.errors import BadReply, BenchError, InputError

CLEAR = "<device clear>"


@pytest.fixture
def device(conversation, sheet):
    return lambda *turns: LakeShore336(LakeShoreLink(conversation(*turns), "box"), sheet("lakeshore_336"))


def test_identifying_gives_the_serial_number(device):
    turns = (CLEAR, None), ("*IDN?", "LSCI,MODEL336,LSA12AB/#######,2.7")
    assert "LSA12AB/#######" == device(*turns).identify()


def test_another_model_is_refused(device):
    with pytest.raises(BenchError, match="should be a MODEL336"):
        device((CLEAR, None), ("*IDN?", "LSCI,MODEL218S,1234567,1.0")).identify()


def test_setting_up_says_nothing(device):
    device().setup()


def test_a_temperature_is_asked_for_once_its_status_is_good(device):
    assert 299.873 == device(("RDGST? B", "000"), ("KRDG? B", "+299.873")).temperature("B")


@pytest.mark.parametrize(("status", "what"), [("1", "no valid reading"), ("032", "above"), ("80", "below.*no signal")])
def test_a_reading_that_is_none_is_an_error(device, status, what):
    with pytest.raises(BenchError, match=what):
        device(("RDGST? A", status)).temperature("A")


@pytest.mark.parametrize("turns", [[("RDGST? A", "+1")], [("RDGST? A", "0"), ("KRDG? A", "cold")]])
def test_what_is_no_number_is_a_bad_reply(device, turns):
    with pytest.raises(BadReply):
        device(*turns).temperature("A")


def test_zero_kelvin_is_no_temperature(device):
    with pytest.raises(BadReply, match="above 0 K"):
        device(("RDGST? A", "0"), ("KRDG? A", "+0.000")).temperature("A")


def test_an_input_that_is_not_there_is_refused_with_nothing_sent(device):
    with pytest.raises(InputError, match="no input E: A, B, C, D"):
        device().temperature("E")


def test_no_answer_is_said_to_be_none(device):
    silence = pyvisa.VisaIOError(StatusCode.error_timeout)
    with pytest.raises(BenchError, match=r"does not answer 'RDGST\? A'"):
        device(("RDGST? A", silence), (CLEAR, None), ("RDGST? A", silence)).temperature("A")
