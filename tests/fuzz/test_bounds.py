"""Messages that would keep an instrument busy for hours: they are over soon, with an error where they ask too much."""

import pytest

TOO_MUCH = "too much for one message"
REFUSED = {
    "a sweep of a million points": ("keithley_2450", [":SOUR:SWE:VOLT:LIN 0,0.2,1e6,0.001"], "-221"),
    "a run of a thousand million readings": ("keithley_2450", [":TRIG:LOAD 'SimpleLoop', 268435455", "INIT"], "-221"),
    "an integration over a million periods": ("keithley_2400", [":SENS:CURR:NPLC 1e6"], "-222"),
    "more readings than the buffer": ("keithley_2400", ["OUTP ON;:ARM:COUN 2500;:TRIG:COUN 2500;:INIT"], "-221"),
    "a list of ten thousand times all relays": ("keysight_b2201a", [f"CLOS (@{'00101:01448,' * 9999}00101)"], "-223"),
    "ranges over ranges": ("keysight_34980a", [f"CLOS? (@{'1101:1132,' * 9999}1101)"], "-223"),
    "a list that grows": (
        "qdevil_qdac2",
        ["sour1:dc:list:volt 0" + ",0" * 49_999, *["sour1:dc:list:volt:app 0" + ",0" * 49_999] * 2],
        "-223",
    ),
    "waveforms that fill the memory": (
        "keysight_33522b",
        [f"DATA:ARB w{n},#6200000{chr(0) * 200_000}" for n in range(21)],
        "781",
    ),
    "a delay of thirty years": ("keithley_2636b", ["delay(1e9)"], "1102"),
    "a wait of thirty years": ("keithley_2636b", ["trigger.wait(1e9)"], "1102"),
    "a sweep between numbers that are too far apart": (
        "keithley_2636b",
        ["smua.trigger.source.linearv(-1e308, 1e308, 3)"],
        "1102",
    ),
    "a logarithmic sweep over all numbers": ("keithley_2636b", ["smua.trigger.source.logv(1e-300, 1e300, 3)"], "1102"),
    "volts as amperes": (
        "keithley_2636b",
        [
            "smua.trigger.source.listv({0.2}) smua.trigger.source.action = 1 smua.source.func = 0",
            "smua.source.output = 1 smua.trigger.initiate()",
        ],
        "5043",
    ),
    "a mask of five thousand digits": ("keithley_2636b", ["*ESE " + "9" * 5000], "-222"),
    "a reading of five thousand digits": ("keithley_2636b", [f"x = smua.nvbuffer1['{'9' * 5000}'] + 1"], "-286"),
    "a stimulus that is no number": ("keithley_2636b", ["trigger.blender[1].stimulus[1] = {}"], "1103"),
    "a stimulus without end": ("keithley_2636b", ["trigger.timer[1].stimulus = 1e400"], "1102"),
    "a setup that is a superscript": ("keithley_2636b", ["setup.recall('\xb2')"], "1103"),
    "all slots a thousand times": ("keithley_707b", [f"x = channel.getstate('{'allslots,' * 1000}1A01')"], "1102"),
    "all channels a thousand times": ("keithley_3706a", [f"channel.close('{'1101:1616,' * 1000}1101')"], "1102"),
    "a chunk that compiles for ever": ("keithley_3706a", ["x=1 " * 300_000], "-285"),
}
LONG = {
    "a hundred thousand triggers": ("keysight_b2902a", ["OUTP ON;:TRIG:COUN 100000", "READ?"]),
    "a sweep in compliance": (
        "keysight_b2902a",
        [":TRIG:COUN 10000;:SOUR:VOLT:MODE SWE;STOP 0.1;POIN 2500", "READ? (@1,2)"],
    ),
    "sweeps in a row": ("keithley_2450", [":SOUR:SWE:VOLT:LIN 0,0.2,2000,0.001", "INIT;" * 200]),
    "a quarter of a million readings": ("qdevil_qdac2", ["sens:count 10000,(@1:24)", "read? (@1:24)"]),
    "waves on all channels": ("qdevil_qdac2", ["sour:squ:coun 5000,(@1:24)", "sour:squ:init (@1:24)"]),
    "readings for ever": ("keithley_2636b", ["smua.source.output = 1", "while true do smua.measure.i() end"]),
    "volts for ever": (
        "keithley_2636b",
        ["smua.measure.count = 60000", "while true do smua.measure.v() end"],
    ),
    "readings in pcall": ("keithley_2636b", ["while true do pcall(smua.measure.iv) end"]),
    "a sweep of ten thousand levels": (
        "keithley_2636b",
        [
            "smua.trigger.source.linearv(0, 0.2, 10000) smua.trigger.source.action = 1 smua.source.output = 1",
            "smua.trigger.measure.action = 1 smua.trigger.count = 10000 smua.trigger.initiate()",
        ],
    ),
    "channel lists for ever": ("keithley_3706a", ["while true do channel.getstate('allslots') end"]),
    "relays for ever": ("keithley_3706a", ["while true do channel.close('1101:1616') channel.open('allslots') end"]),
    "bursts in a row": (
        "keysight_33522b",
        ["FUNC PULS;:BURS:STAT 1;NCYC 5000;:TRIG:SOUR BUS;:OUTP 1", "*TRG;" * 20],
    ),
    "all relays again and again": ("keysight_b2201a", ["CLOS (@00101:01448);" * 10_000]),
}


def errors(bed):
    """What is in the error queue, as text."""
    if bed.scpi:
        return bed.ask(b"SYST:ERR:ALL?").decode("latin-1")
    return " ".join(f"{code},{text}" for code, text, *_ in bed.engine.errors)


def say(bed, messages):
    for message in messages:
        bed.clear()
        bed.send(message.encode("latin-1") + b"\n")


@pytest.mark.parametrize(("model", "messages", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_an_instrument_cannot_do_is_refused(bed_of, model, messages, code):
    bed = bed_of(model)
    say(bed, messages)
    assert errors(bed).lstrip("+").startswith(f"{code},")
    bed.check()
    bed.answers()


@pytest.mark.slow
@pytest.mark.parametrize(("model", "messages"), LONG.values(), ids=LONG.keys())
def test_what_would_take_for_ever_ends(bed_of, model, messages):
    bed = bed_of(model)
    say(bed, messages)
    assert TOO_MUCH in errors(bed) or "instruction limit reached" in errors(bed)
    bed.check()
    bed.answers()


def test_a_message_that_asks_too_much_leaves_the_next_one_its_share(bed_of):
    bed = bed_of("keithley_2636b")
    say(bed, ["smua.source.output = 1", "smua.measure.count = 60000 smua.measure.i()"])
    assert TOO_MUCH in errors(bed)
    say(bed, ["*CLS", "smua.measure.count = 100 smua.measure.i(smua.nvbuffer1)"])
    assert "" == errors(bed)
    assert b"1.00000e+02\n" == bed.ask(b"print(smua.nvbuffer1.n)")


def test_a_sweep_of_2500_points_comes_through(bed_of):
    bed = bed_of("keithley_2400")
    say(bed, [":SENS:CURR:PROT 0.1;:SOUR:VOLT:MODE SWE;STAR 0;STOP 0.2;:TRIG:COUN 2500;:FORM:ELEM CURR;:OUTP ON"])
    assert 2500 == len(bed.ask(b":READ?").split(b","))
    assert '0,"No error"\n' == errors(bed)


@pytest.mark.parametrize("model", ["keysight_33522b", "keysight_81160a"])
def test_limits_of_levels_that_cross_do_not_lift_the_levels(bed_of, model):
    bed = bed_of(model)
    one = "1" if model == "keysight_81160a" else ""
    say(
        bed,
        [
            f"OUTP1:LOAD INF;:OUTP1 1;:VOLT{one}:LIM:HIGH 1;LOW -1;STAT 1",
            f"VOLT{one}:LIM:HIGH -8",
            f"FUNC{one} PULS;:VOLT{one}:HIGH 0.5;LOW 0",
            f"VOLT{one}:OFFS 9",
            f"VOLT{one}:LIM:LOW 10",
        ],
    )
    bed.check()
    bed.answers()
