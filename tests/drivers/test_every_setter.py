"""Numbers from 1e-12 to 1e3 through every setter: refused with nothing sent, or kept within the resolution."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.drivers.loader import load_driver
from labmtj.errors import LimitExceeded

SIGNED = st.floats(1e-12, 1e3).flatmap(lambda x: st.sampled_from([x, -x]))
METERS = ["keithley_2400", "keithley_2450", "keysight_b2902a", "keithley_2636b", "keithley_2602b"]
SETTERS = ["source_voltage", "compliance_current", "nplc", "current_range"]
RANGED = {"current_range"}  # takes the next range above


class Keeper:
    """Keeps numbers as an instrument does that stores six digits after the first, in SCPI or TSP."""

    def __init__(self):
        self.kept, self.sent = {}, []

    def write(self, message):
        self.sent.append(message)
        self.tsp = "print(" in message
        if self.tsp:
            for name, value in re.findall(r"([\w.\[\]]+) = ([-+\d.e]+)", message):
                self.kept[name] = float(value)
            asked = re.search(r"print\((.*)\)", message)[1].split(", ")
            self.reply = "\t".join(self.answer(name) for name in asked)
            return
        replies = []
        for part in message.split(";"):
            header, _, value = part.partition(" ")
            if value:
                self.kept[header] = float(value)
            elif header.endswith("?"):
                replies.append(self.answer(header[:-1]))
        self.reply = ";".join(replies)

    def answer(self, name):
        special = {":SYST:ERR": '0,"No error"', "errorqueue.count": "0", "*ESR": "0"}
        return special.get(name) or f"{self.kept.get(name, 0.0):.6E}"

    def read(self):
        return self.reply

    def clear(self):
        raise AssertionError


def device(sheet, name):
    model, keeper = sheet(name), Keeper()
    driver = load_driver(model.driver)
    return driver(driver.LINK(keeper, "box"), model), keeper


@pytest.mark.parametrize("name", METERS)
@pytest.mark.parametrize("setter", SETTERS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(value=SIGNED)
def test_a_number_reaches_a_source_meter_whole_or_not_at_all(sheet, name, setter, value):
    box, keeper = device(sheet, name)
    channel = box.channel(sheet(name).channels[0])
    try:
        setattr(channel, setter, value)
    except LimitExceeded:
        assert [] == keeper.sent
        return
    found = getattr(channel, setter)
    if setter in RANGED:
        assert found >= value * (1 - 1e-6)
    else:
        assert found == pytest.approx(value, rel=1e-6)
    assert value in keeper.kept.values() or setter in RANGED


@pytest.mark.parametrize("name", ["keysight_33522b", "keysight_81160a"])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(volts=SIGNED, width=st.floats(1e-12, 1e3))
def test_a_pulse_reaches_a_generator_whole_or_not_at_all(sheet, name, volts, width):
    model, keeper = sheet(name), Generator()
    driver = load_driver(model.driver)
    pair = driver(driver.LINK(keeper, "box"), model).pair("1", "2")
    try:
        pair.pulse((volts, -volts), width)
    except LimitExceeded:
        assert [] == keeper.sent
        return
    words = driver(driver.LINK(keeper, "box"), model).words("1")
    level = words.high if volts > 0 else words.low
    assert (volts, width) == (float(keeper.words[level]), float(keeper.words[words.width]))


class Generator(Keeper):
    """Keeps words, too, and calls every load infinite."""

    def __init__(self):
        super().__init__()
        self.words = {}

    def write(self, message):
        self.sent.append(message)
        replies = []
        for part in message.split(";"):
            header, _, value = part.partition(" ")
            if value:
                self.words[header] = value
            elif header.endswith("?"):
                replies.append(self.answer(header[:-1]))
        self.reply = ";".join(replies)

    def answer(self, name):
        fixed = {":SYST:ERR": '0,"No error"', "*ESR": "0", "*OPC": "1"}
        usual = "9.9E+37" if name.endswith("LOAD") else "1"
        return fixed.get(name) or self.words.get(name, usual)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(value=SIGNED)
def test_a_current_reaches_a_magnet_supply_within_its_resolution_or_not_at_all(sheet, value):
    box, keeper = device(sheet, "kepco_bop_20_20")
    try:
        box.current = value
    except LimitExceeded:
        assert [] == keeper.sent
        return
    assert abs(box.current - value) <= 2 * sheet("kepco_bop_20_20").resolution


@settings(max_examples=60, deadline=None, derandomize=True)
@given(width=st.floats(1e-12, 1e3))
def test_a_width_reaches_a_2600_whole_or_not_at_all(sheet, width):
    model, keeper = sheet("keithley_2636b"), Pulsing()
    driver = load_driver(model.driver)
    pair = driver(driver.LINK(keeper, "box"), model).pair("a", "b", compliance=3e-3, nplc=1, read_range=1e-3)
    try:
        pair.pulse((0.1, -0.1), width)
    except LimitExceeded:
        assert [] == keeper.sent
        return
    assert width == keeper.kept["trigger.timer[1].delay"]


class Pulsing(Keeper):
    """A 2600 that has not been off and whose pulses carry 10 uA."""

    def answer(self, name):
        return {"labmtj_on": "true", "smua.nvbuffer1[1]": "1e-5", "smub.nvbuffer1[1]": "1e-5"}.get(
            name
        ) or super().answer(name)
