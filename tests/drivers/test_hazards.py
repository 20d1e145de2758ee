"""Hazards that good drivers have run into: each is refused, noticed, or done in the safe order."""

import pytest
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from labmtj.drivers.loader import load_driver
from labmtj.errors import BenchError, LimitExceeded

TIMEOUT = VisaIOError(StatusCode.error_timeout)
OFF = {  # what each driver must have said, in words of its instrument
    "keithley_2400": [":SOUR:VOLT 0", ":OUTP 0"],
    "keithley_2450": [":SOUR:VOLT 0", ":OUTP 0"],
    "keithley_2602b": [f"smu{c}.source.{word} = 0" for word in ("levelv", "output") for c in "ab"],
    "keithley_2636b": [f"smu{c}.source.{word} = 0" for word in ("levelv", "output") for c in "ab"],
    "keithley_3706a": ['channel.open("allslots")'],
    "keithley_7001": [":ROUT:OPEN ALL"],
    "keithley_707b": ['channel.open("allslots")'],
    "kepco_bop_20_20": [":CURR 0", ":OUTP 0"],
    "keysight_33522b": [":OUTP1 0", ":OUTP2 0"],
    "keysight_34980a": [":ROUT:OPEN:ALL"],
    "keysight_81160a": [":OUTP1 0", ":OUTP2 0"],
    "keysight_b2201a": [":ROUT:OPEN:CARD 0"],
    "keysight_b2902a": [":SOUR1:VOLT 0", ":SOUR2:VOLT 0", ":OUTP1 0", ":OUTP2 0"],
    "qdevil_qdac2": [f":SOUR{n}:VOLT 0" for n in range(1, 25)],
}


class Dead:
    """An instrument that hears, but takes no device clear and answers nothing; notes what it was told."""

    def __init__(self):
        self.told, self.timeout = [], 10.0

    def write(self, message):
        self.told.append(message)

    def read(self):
        self.told.append("<read>")
        raise TIMEOUT

    def clear(self):
        self.told.append("<clear>")
        raise TIMEOUT


def device(sheet, name):
    model, transport = sheet(name), Dead()
    driver = load_driver(model.driver)
    return driver(driver.LINK(transport, "box"), model), transport


@pytest.mark.parametrize("name", OFF)
def test_a_shutdown_of_a_dead_instrument_has_said_everything_before_it_asks_anything(sheet, name):
    box, transport = device(sheet, name)
    with pytest.raises(BenchError):
        box.shutdown()
    said = transport.told[: transport.told.index("<read>")] if "<read>" in transport.told else transport.told
    assert set(OFF[name]) <= set(said)


@pytest.mark.parametrize("name", OFF)
def test_a_panic_has_said_everything_before_anything_can_block(sheet, name):
    box, transport = device(sheet, name)
    with pytest.raises(BenchError):
        box.panic()
    first = min(transport.told.index(word) for word in ("<clear>", "<read>") if word in transport.told)
    assert set(OFF[name]) <= set(transport.told[:first])
    assert 1 >= transport.told.count("<read>")
    assert 10.0 == transport.timeout


@pytest.mark.parametrize("name", OFF)
def test_a_step_that_cannot_be_sent_skips_none_of_the_others(sheet, name):
    box, transport = device(sheet, name)
    heard = []

    def stutter(message):
        heard.append(message)
        if len(heard) % 2:
            raise ConnectionResetError("gone")

    transport.write = stutter
    with pytest.raises(BenchError):
        box.panic()
    assert set(OFF[name]) <= set(heard)


# -- settings that an instrument ignores or changes ------------------------------------------------


@pytest.mark.parametrize("name", ["keithley_2400", "keithley_2450", "keysight_b2902a"])
def test_a_compliance_that_the_instrument_ignores_is_an_error(scpi, told, sheet, name):
    model = sheet(name)
    driver = load_driver(model.driver)
    limit = {
        "keithley_2400": ":SENS:CURR:PROT",
        "keithley_2450": ":SOUR:VOLT:ILIM",
        "keysight_b2902a": ":SENS1:CURR:PROT",
    }[name]
    turns = told().set(f"{limit} 1e-06", f"{limit}?", "1.050000E-01")  # the power-on limit stays
    channel = driver(scpi(*turns), model).channel("1")
    with pytest.raises(BenchError, match="after it was set to 1e-06"):
        channel.compliance_current = 1e-6


@pytest.mark.parametrize("name", ["keithley_2400", "keithley_2450", "keysight_b2902a", "keithley_2636b"])
def test_a_compliance_below_the_least_is_refused_before_the_instrument_could_ignore_it(sheet, name):
    box, transport = device(sheet, name)
    channel = box.channel(sheet(name).channels[0])
    with pytest.raises(LimitExceeded):
        channel.compliance_current = sheet(name).compliance.minimum * 0.99
    assert [] == transport.told


@pytest.mark.parametrize("name", ["keysight_33522b", "keysight_81160a"])
def test_a_generator_never_fires_into_a_load_of_50_ohm(sheet, name):
    """A generator set for 50 ohm gives a high-impedance load twice the voltage."""
    model = sheet(name)
    driver = load_driver(model.driver)
    box = Stubborn({"LOAD?": "5.0E+01"})
    with pytest.raises(BenchError, match="infinity"):
        driver(driver.LINK(box, "box"), model).pair("1", "2").pulse((0.2, -0.2), 1e-6)
    assert not any("*TRG" in message for message in box.told)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("keysight_33522b", ":SOUR1:FUNC:PULS:PER?"),
        ("keysight_33522b", ":SOUR1:FUNC:PULS:WIDT?"),
        ("keysight_33522b", ":SOUR1:BURS:NCYC?"),
        ("keysight_81160a", ":PULS:PER1?"),
        ("keysight_81160a", ":PULS:WIDT1?"),
        ("keysight_81160a", ":TRIG1:COUN?"),
    ],
)
def test_a_generator_never_fires_with_a_time_or_a_count_that_it_has_stretched(sheet, name, header):
    model, box = sheet(name), Stubborn({header: "3.0"})
    driver = load_driver(model.driver)
    with pytest.raises(BenchError, match="after it was set to"):
        driver(driver.LINK(box, "box"), model).pair("1", "2").pulse((0.2, -0.2), 1e-6)
    assert not any("*TRG" in message for message in box.told)


class Stubborn:
    """A generator that keeps what it is told, but for some headers, and notes it."""

    def __init__(self, fixed):
        self.told, self.kept = [], {}
        self.fixed = {":SYST:ERR?": '+0,"No error"', "*OPC?": "1", "*ESR?": "0"}
        self.stubborn = fixed

    def write(self, message):
        self.told.append(message)
        self.replies = []
        for part in message.split(";"):
            header, _, value = part.partition(" ")
            if value:
                self.kept[header] = value
            elif header.endswith("?"):
                self.replies.append(self.answer(header))

    def answer(self, header):
        for end, value in self.stubborn.items():
            if header.endswith(end):
                return value
        if header.endswith("LOAD?"):
            return "9.9E+37"
        default = "1" if "NCYC" in header or "COUN" in header else "0"
        return self.fixed.get(header) or self.kept.get(header[:-1], default)

    def read(self):
        return ";".join(self.replies)

    def clear(self):
        raise TIMEOUT


@pytest.mark.parametrize("shown", ["SROU", "SSER"])
def test_a_matrix_that_keeps_a_rule_of_its_own_is_refused_before_a_relay_closes(scpi, told, sheet, shown):
    """Break before make holds on Keysight's matrices under their single-route rule only: here it is in the order."""
    model = sheet("keysight_b2201a")
    turns = told('0,"No Error"').reset()
    turns.set(":ROUT:FUNC ACON", ":ROUT:FUNC?", "ACON")
    turns.set(":ROUT:CONN:RULE 0,FREE", ":ROUT:CONN:RULE? 0", shown)
    with pytest.raises(BenchError, match="RULE"):
        load_driver(model.driver)(scpi(*turns), model).setup()
