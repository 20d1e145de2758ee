"""The last gate before the transport: whatever text is sent, no level and no compliance gets above a limit.

Referees: for raw texts the simulated instrument itself, which carries out what the gate has let through and is then
asked for its levels; for drivers the texts that reach the transport, read here by other patterns than the gate's.
"""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from labmtj.bench.limits import Gate
from labmtj.bench.message_gate import message_gate
from labmtj.bench.transport import GuardedTransport
from labmtj.config.finder import find, shipped_names
from labmtj.config.model import load_model
from labmtj.drivers.link import TspLink
from labmtj.drivers.loader import load_driver
from labmtj.drivers.vocabularies import VOCABULARIES
from labmtj.errors import BenchError, InputError, LimitExceeded
from labmtj.physics.stress import Limits
from labmtj.twin.build import simulated_bench

LIMITS = Limits(cell_voltage=0.7, terminal_voltage=1.5, line_compliance=3e-3)
ABOVE = 0.7 * (1 + 1e-8)
SHEETS = {name: load_model(find("models", name)) for name in shipped_names("models") if "schema" not in name}
BENCH = """title: One instrument and a matrix
format: 1
visa: "@labmtj"
instruments:
  box:    {{model: {model}, address: "TCPIP0::192.0.2.23::inst0::INSTR"}}
  matrix: {{model: keithley_707b, address: "TCPIP0::192.0.2.33::inst0::INSTR"}}
roles: {{{roles}C: ground}}
lines: {{rows: {{1..3: 1..3}}, cols: {{1..3: 4..6}}}}
array: {{rows: 3, cols: 3}}
limits: {{cell_voltage: 700 mV, terminal_voltage: 1.5 V, line_compliance: 3 mA}}
wait: {{after_relay: 3 ms, after_source: 200 us}}
mains: 50 Hz
"""


def gate_of(model, limits=LIMITS, **options):
    return message_gate(SHEETS[model], limits, name="box", **options)


def refused(gate, text):
    try:
        gate.admit(text)
    except LimitExceeded:
        return True
    return False


# -- one by one ------------------------------------------------------------------------------------

METER = """
:SOUR:VOLT 0.71|:SOUR:VOLT -5|:sour:volt 5|:SOURCE:VOLTAGE:LEVEL:IMMEDIATE:AMPLITUDE 5|:SOUR1:VOLT 5|VOLT 5
:SOUR:VOLT 500 MV|:SOUR:VOLT 0.1V|:SOUR:VOLT MAX|:SOUR:VOLT DEF|:SOUR:VOLT NAN|:SOUR:VOLT INF|:SOUR:VOLT 9.9E37
:SOUR:VOLT #HFF|:SOUR:VOLT (1+2)|:SOUR:VOLT 0.1,5|:SOUR:VOLT|:SOUR:VOLT 1e999|:SOUR:VOLT 0x1|:SOUR:VOLT 1_0
:SOUR:VOLT \uff15|:SOUR:VOLT 0.1\\n:SOUR:VOLT 5|:SOUR:VOLT 0.1;:SOUR:VOLT 5|:SOUR:VOLT 0.1;VOLT 5
*CLS;:SOUR:VOLT 5;*OPC?|:SOUR:FUNC CURR|:SOUR:CURR 1|:SOUR:VOLT:MODE SWE|:SOUR:VOLT:STAR 5|:SOUR:VOLT:STOP 5
:SOUR:LIST:VOLT 0.1,5|:SOUR:SWE:VOLT:LIN 0,5,10|:SOUR:VOLT:TRIG 5|:SENS:CURR:PROT 0.1|:SENS:CURR:PROT 3.01e-3
:SENS:CURR:PROT 0|:SENS:CURR:PROT -1|:SENS:CURR:PROT MAX|:SOUR:VOLT:ILIM 1|:OUTP 1|:OUTP ON|:OUTP:SMOD HIMP
:SENS:FUNC "RES"|:MEAS:RES?|*RCL 1|*TST?|:CAL:PROT:VOLT|:SYST:RSEN 1|:SENS:CURR:RANG:AUTO 1
:TRAC:DATA? ":SOUR:VOLT 5|:SOUR:VOLT:PROT:LEV:NONSENSE 5
"""
PULSER = """
:SOUR1:VOLT:HIGH 0.71|:SOUR1:VOLT:LOW -0.71|:SOUR2:VOLT:HIGH 500 MV|:SOUR1:VOLT 1|:SOUR1:VOLT:OFFS 5
:SOUR1:APPL:PULS 1e3,5,0|:APPL:DC DEF,DEF,5|:SOUR1:FUNC DC|:SOUR1:FUNC ARB|:SOUR1:BURS:NCYC INF
:SOUR1:BURS:NCYC 2|:SOUR1:BURS:STAT 0|:TRIG1:SOUR IMM|:SOUR1:VOLT:UNIT DBM|:OUTP1:LOAD 50;:SOUR1:VOLT:HIGH 0.4
:OUTP1:LOAD 1;:SOUR1:VOLT:HIGH 0.02|:OUTP1:LOAD MIN|:OUTP1:LOAD 0|:OUTP1:LOAD NAN|:SOUR1:VOLT:HIGH NAN
:SOUR1:VOLT:HIGH 1e400|*RCL 2|:SOUR1:VOLT:HIGH 0.4;:SOUR2:VOLT:LOW -0.4;*TRG
:OUTP1:LOAD INF;:SOUR1:VOLT:HIGH 0.5;:OUTP1:LOAD 50|*RST;:SOUR1:VOLT:HIGH 0.4|:SOUR1:MOD:STAT 1
:SOUR1:SUM:STAT 1
"""
TSP = """
smua.source.levelv = 0.71|smua.source.levelv = -5|smub.source.levelv=5|smua.source.levelv = 0.1 * 50
smua.source.levelv = 0x10|smua.source.levelv = 1e400|smua.source.levelv = 0/0|smua.source.levelv = math.huge
smua.source.levelv = v|smua["source"].levelv = 5|smua.source["levelv"] = 5|local s = smua.source s.levelv = 5
local smua = smub|s = smua|x = 5|smua.source = {levelv = 5}|smua.source.levelv = 0.1 smua.source.levelv = 5
smua.source.levelv = --[[0.1]] 5|smua.source.levelv = 0.1 or 5|smua.source.levelv = tonumber("5")
smua.source.levelv, x = 5, 1|smua.trigger.source.listv({0.1, 5})|smua.trigger.source.listv{5}
smua.trigger.source.listv({0.1, 5, })|smua.trigger.source.listv(t)|smua.trigger.source.linearv(0, 5, 10)
smua.source.limiti = 0.1|smua.source.limiti = 0|smua.source.func = smua.OUTPUT_DCAMPS|smua.source.func = 0
smua.source.leveli = 1|smua.source.output = 1|smua.source.output = smua.OUTPUT_ON
smua.source.output = smua.OUTPUT_HIGH_Z|smua.sense = smua.SENSE_REMOTE
for i = 1, 10 do smua.source.levelv = i end|while true do end|function f() end
loadstring("smua.source.levelv = 5")()|if true then smua.source.levelv = 5 end
if smua.source.levelv == 0 then else smua.source.levelv = 5 end|node[2].smua.source.levelv = 5|setup.recall(1)
smua.trigger.count = 100|smua.trigger.endpulse.action = smua.SOURCE_HOLD|smua.makestable|smua.cal.unlock("KI")
loadscript x|print(smua.source.levelv) (5)|smua.abort() {}|rawset(smua.source, "levelv", 5)|getmetatable(smua)
_G.smua.source.levelv = 5|smua.source.levelv = 0.4 smub.source.levelv = -0.4|smua.source.levelv = .71
smua.source.levelv = 7e-1000001e9|script.run()|smua.source.levelv = "5"
smua.trigger.source.listv({0.4}) smub.trigger.source.listv({-0.4}) trigger.generator[1].assert()
print(loadstring)|\u202esmua.source.levelv = 5
"""
BANK = """
:SOUR1:VOLT 0.71|:SOUR1:DC:VOLT 5|:SOUR1:VOLT 5,(@1:24)|:SOUR:ALL:VOLT 5|:SOUR1:VOLT:TRIG 5
:SOUR1:LIST:VOLT 0.1,5|:SOUR1:LIST:VOLT 5|:SOUR1:SQU:SPAN 5|:SOUR1:SIN:SPAN 5|:SOUR1:AWG:SCAL 5
:SOUR1:VOLT:STAR 5|:SOUR1:LIST:COUN 100|:SOUR1:DC:INIT:CONT ON|:SOUR1:SWE:STOP 5
:SOUR1:VOLT 0.4;:SOUR2:VOLT -0.4|:SOUR1:VOLT:TRIG 0.4;:SOUR2:VOLT:TRIG -0.4;:TINT 1|:SOUR1:VOLT:MODE SWE
:MACR:DEF "x","VOLT 5"|:SOUR1:LIST:VOLT 0.4,0;:SOUR2:LIST:VOLT -0.4,0;:TINT 1|*RCL 1|:SOUR1:VOLT 0.5V
:SOUR1:VOLT MAX|:SOUR1:MARK:START 5
"""
OTHERS = """
smua.source.levelv = 5|node[1].smua.source.levelv = 5|:SOUR:VOLT 5|SETP 1,300|RANGE 1,3|*RCL 1|loadstring("x")()
:SOUR:CURR 1|MOUT 1,50
"""
SPENT = [
    *((name, text) for name in ("keithley_2400", "keithley_2450", "keysight_b2902a") for text in METER.split("\n")),
    *((name, text) for name in ("keysight_33522b",) for text in PULSER.split("\n")),
    *(("keysight_81160a", re.sub(r":SOUR(\d):VOLT", r":VOLT\1", text)) for text in PULSER.split("\n")),
    *((name, text) for name in ("keithley_2636b", "keithley_2602b") for text in TSP.split("\n")),
    *(("qdevil_qdac2", text) for text in BANK.split("\n")),
    *(
        (name, text)
        for name in (
            "keithley_707b",
            "keithley_707b_72",
            "keithley_3706a",
            "keithley_7001",
            "keysight_34980a",
            "keysight_b2201a",
        )
        for text in OTHERS.split("\n")
    ),
    ("lakeshore_336", OTHERS.strip()),
    ("kepco_bop_20_20", "*RCL 1|:CURR 20.1|:CURR 1e9|:CURR NAN|:VOLT 21|:FUNC:MODE VOLT|:CURR MAX"),
]
ATTEMPTS = sorted(
    {(model, raw.replace("\\n", "\n")) for model, line in SPENT for raw in line.strip().split("|") if raw}
)


@pytest.mark.parametrize("model", sorted({model for model, _ in ATTEMPTS}))
def test_raw_texts_that_would_pass_a_limit_are_refused_on_every_model(model):
    texts = [text for name, text in ATTEMPTS if name == model]
    assert [] == [text for text in texts if not refused(gate_of(model), text)]


def test_every_shipped_model_has_words():
    drivers = {sheet.driver.partition(":")[0] for sheet in SHEETS.values()}
    assert drivers == set(VOCABULARIES)
    assert {model for model, _ in ATTEMPTS} == set(SHEETS)


def test_a_driver_that_does_not_say_its_words_is_refused():
    sheet = SHEETS["keithley_2400"].model_copy(update={"driver": "./mine.py:Mine"})
    with pytest.raises(InputError, match=r"VOCABULARY \(labmtj\.drivers\.vocabulary\)"):
        message_gate(sheet, LIMITS, name="mine")

    class Mine:
        VOCABULARY = VOCABULARIES["keithley_2400"]

    gate = message_gate(sheet, LIMITS, name="mine", driver=Mine)
    gate.admit(":SOUR:VOLT 0.7")
    with pytest.raises(LimitExceeded, match=r"mine: ':SOUR:VOLT 0\.8': 800 mV is above the cell limit 700 mV"):
        gate.admit(":SOUR:VOLT 0.8")


# -- what it keeps in mind -------------------------------------------------------------------------


def test_an_output_turns_on_only_after_a_compliance_was_set_since_the_reset():
    gate = gate_of("keithley_2636b")
    with pytest.raises(LimitExceeded, match="no current limit was set on this channel since it was reset"):
        gate.admit("smua.source.output = 1")
    gate.admit("smua.source.limiti = 0.003 smua.source.output = 1")
    gate.admit("smua.source.output = 1")
    assert refused(gate, "smub.source.output = 1")
    gate.admit("smua.reset()")
    assert refused(gate, "smua.source.output = smua.OUTPUT_ON")
    scpi = gate_of("keithley_2400")
    scpi.admit(":SENS:CURR:PROT 1e-3;:OUTP 1")
    scpi.admit("*RST")
    assert refused(scpi, ":OUTP 1")


def test_levels_of_a_generator_count_as_an_open_circuit_gets_them():
    gate = gate_of("keysight_33522b")
    assert refused(gate, ":SOUR1:VOLT:HIGH 0.01")  # nobody knows its load
    gate.admit("*RST")  # 50 ohm
    gate.admit(":SOUR1:VOLT:HIGH 0.35")
    with pytest.raises(LimitExceeded, match=r"which is 702 mV without that load"):
        gate.admit(":SOUR1:VOLT:HIGH 0.351")
    gate.admit(":OUTP1:LOAD INF")
    gate.admit(":SOUR1:VOLT:HIGH 0.7")
    assert refused(gate, ":SOUR2:VOLT:HIGH 0.4")  # of the other channel nothing was said
    assert refused(gate, ":OUTP1:LOAD 50")  # what it keeps then is not known
    gate.admit(":SOUR1:VOLT:HIGH 0.01")
    gate.admit(":OUTP1:LOAD 10")  # six times
    assert refused(gate, ":SOUR1:VOLT:HIGH 0.12")
    gate.admit(":SOUR1:VOLT:HIGH 0.11")


def test_sources_of_two_instruments_cannot_pass_the_cell_limit_between_them():
    board = Gate(LIMITS)
    drive = message_gate(SHEETS["keithley_2450"], LIMITS, name="drive", gate=board)
    sense = message_gate(SHEETS["keithley_2450"], LIMITS, name="sense", gate=board)
    drive.admit(":SOUR:VOLT 0.5")
    assert refused(sense, ":SOUR:VOLT -0.3")
    sense.admit(":SOUR:VOLT -0.2")
    assert refused(drive, ":SOUR:VOLT 0.6")
    drive.admit(":SOUR:VOLT 0")
    sense.admit(":SOUR:VOLT -0.3")
    sense.admit("*RST")
    drive.admit(":SOUR:VOLT 0.7")


def test_what_is_granted_for_one_pulse_passes_during_it_and_not_after():
    board = Gate(LIMITS)
    gate = message_gate(SHEETS["keithley_2636b"], LIMITS, name="smu", gate=board)
    fire = "smua.trigger.source.listv({{{0}}}) smub.trigger.source.listv({{-{0}}}) trigger.generator[1].assert()"
    assert refused(gate, fire.format(0.5))
    with board.granted((0.5, -0.5, 0.0)):
        gate.admit(fire.format(0.5))
        assert refused(gate, fire.format(0.51))
    assert refused(gate, "trigger.generator[1].assert()")  # what is armed still would
    with board.granted((0.9, -0.9, 0.0)):
        gate.admit(fire.format(0.9))
    with board.granted((1.6, -0.1, 0.0)):
        assert refused(gate, "smua.trigger.source.listv({1.6})")  # terminals are never granted


def test_a_message_that_is_refused_changes_nothing_that_the_gate_keeps_in_mind():
    gate = gate_of("qdevil_qdac2")
    assert refused(gate, ":SOUR1:VOLT 0.6;:SOUR2:VOLT 5")
    gate.admit(":SOUR2:VOLT -0.6")


def test_a_bias_source_may_have_the_larger_compliance():
    limits = Limits(cell_voltage=0.7, terminal_voltage=1.5, line_compliance=3e-3, bias_compliance=1e-2)
    gate = gate_of("keithley_2636b", limits)
    gate.admit("smub.source.limiti = 0.01")
    assert refused(gate, "smub.source.limiti = 0.011")


def test_a_supply_of_a_magnet_is_held_by_the_field_limit():
    gate = gate_of("kepco_bop_20_20", most_current=5.0)
    gate.admit(":CURR -5.00000;:CURR?;:SYST:ERR?")
    assert refused(gate, ":CURR 5.1")


def test_queries_pass_and_zero_always_does():
    for model, texts in {
        "keithley_2400": ("*IDN?", ":READ?", ":SYST:ERR?", ":SOUR:VOLT? MAX", ":SOUR:VOLT 0;:OUTP 0", ":ABOR", "*CLS"),
        "keithley_2636b": (
            "*IDN?",
            "print(smua.source.levelv, errorqueue.count)",
            "smua.abort() smua.source.levelv = 0 smua.source.output = smua.OUTPUT_OFF",
            "labmtj_mark = 4711 print(labmtj_mark == 4711)",
            "if labmtj_mark ~= 1 then print(0) else smua.source.levelv = 0.1 end",
        ),
        "keysight_33522b": (":OUTP1 0", ":OUTP2 0", ":SOUR1:VOLT:LOW 0", "*TRG", "*OPC?"),
        "qdevil_qdac2": (":SOUR1:VOLT 0", ":ABOR", ":SOUR1:VOLT:LAST?"),
    }.items():
        assert [] == [text for text in texts if refused(gate_of(model), text)]


# -- raw texts, held against the instrument itself -------------------------------------------------


class Real:
    """A simulated instrument that is told what the gate lets through."""

    def __init__(self, folder, model):
        path = folder / f"{model}.yaml"
        channels = getattr(SHEETS[model], "channels", [])
        roles = "".join(f"{letter}: box.{name}, " for letter, name in zip("AB", channels, strict=False))
        text = BENCH.format(model=model, roles=roles)
        if SHEETS[model].kind == "switch_matrix":
            text = text.replace("matrix: {model: keithley_707b", "smu: {model: keithley_2636b")
            text = text.replace("roles: {", "roles: {A: smu.a, B: smu.b, ")
        path.write_text(text)
        bench = simulated_bench(str(path))
        address = next(address for address, name in bench.names.items() if name == "box")
        self.link, self.model = bench.instruments[address].converse(), model

    def say(self, text):
        self.link.write(text.encode("latin-1") + b"\n")
        return self.link.read(100_000)[0].decode("latin-1").strip() if self.link.waiting else ""

    def numbers(self, *queries):
        return [float(self.say(query)) for query in queries]


LEVELS = {
    "keysight_b2902a": (":SOUR1:VOLT?", ":SOUR2:VOLT?", ":SOUR1:VOLT:TRIG?"),
    "keysight_33522b": (":SOUR1:VOLT:HIGH?", ":SOUR1:VOLT:LOW?", ":SOUR2:VOLT:HIGH?", ":SOUR2:VOLT:LOW?"),
    "keithley_2636b": ("print(smua.source.levelv)", "print(smub.source.levelv)"),
    "qdevil_qdac2": (":SOUR1:VOLT:LAST?", ":SOUR2:VOLT:LAST?", ":SOUR1:VOLT:TRIG?"),
}
COMPLIANCE = {
    "keysight_b2902a": (":SENS1:CURR:PROT?", ":OUTP1?"),
    "keithley_2636b": ("print(smua.source.limiti)", "print(smua.source.output)"),
}
VALUES = st.sampled_from(
    [
        "0.1",
        "-0.7",
        "0.7",
        "0.71",
        "5",
        "-5",
        "1e1",
        "5e-1",
        "+.5",
        "5.",
        "05",
        "500MV",
        "0.5V",
        "MAX",
        "MIN",
        "DEF",
        "NAN",
        "INF",
        "-INF",
        "9.9E37",
        "1e400",
        "#B11",
        "#H5",
        "(5)",
        "0.1,5",
        "0.1,5,0.2",
        '"5"',
        "0x5",
        "1_0",
        "5,(@1,2)",
        "math.pi",
        "0.1*9",
        "2^3",
        "-(-5)",
        "{5}",
        "{0.1,5}",
        "true",
        "nil",
        "v",
        "smub.source.levelv",
    ]
)
SCPI = st.sampled_from(
    [
        ":SOUR1:VOLT",
        ":sour:volt",
        ":SOURCE2:VOLTAGE",
        ":VOLT",
        "VOLT",
        ":SOUR1:VOLT:LEV:IMM:AMPL",
        ":SOUR1:VOLT:TRIG",
        ":SOUR1:VOLT:HIGH",
        ":SOUR2:VOLT:LOW",
        ":VOLT2:HIGH",
        ":SOUR1:VOLT:OFFS",
        ":SOUR1:APPL:PULS",
        ":OUTP1",
        ":OUTP2:LOAD",
        ":OUTP1:LOAD",
        "*RST",
        "*TRG",
        ":TINT",
        ":SOUR1:LIST:VOLT",
        ":SOUR1:VOLT:MODE",
        ":SOUR1:DC:INIT",
        ":SENS1:CURR:PROT",
        ":SENS:CURR:PROT",
        ":SOUR1:FUNC:MODE",
        ":SOUR1:VOLT:PTP",
        ":SOUR1:CURR",
        ":SOUR1:VOLT:STAR",
        ":SOUR1:FUNC",
        ":SOUR1:VOLT:UNIT",
        ":SOUR1:VOLT:RANG",
        "*CLS",
        ":ABOR",
        ":SYST:PRES",
    ]
)
LUA = st.sampled_from(
    [
        "smua.source.levelv",
        "smub.source.levelv",
        "smua.source.limiti",
        "smua.source.output",
        "smua.source.func",
        "smua.source.leveli",
        "s",
        "v",
        "smua",
        "smua.source",
        "smua.source.rangev",
        "smua.trigger.source.listv",
        "local_s",
        "smua[1]",
        "smua.nvbuffer1.x",
        "labmtj_x",
    ]
)


@st.composite
def scpi_texts(draw):
    units = draw(st.lists(st.tuples(SCPI, st.sampled_from((" ", "  ", "\t", "?", "")), VALUES), min_size=1, max_size=4))
    return draw(st.sampled_from((";", "; ", ";;", "\n"))).join("".join(unit) for unit in units)


FORMS = (
    *("{0} = {1}", "{0}={1}", "local {0} = {1}", "{0}({1})", "{0}({{{1}}})", "print({1})", "{0}.levelv = {1}"),
    *("if {1} then {0} = {1} end", "{0} = --{1}", "do {0} = {1} end", "f = function() {0} = {1} end f()"),
    *("loadstring('{0} = {1}')()", "for v = 1, 9 do {0} = v end", "smua.reset()", "{0}, v = {1}, 1"),
    *("smua.source.levelv = {1} {0} = {1}", "local s = {0} s.levelv = {1}", "{0} = 0.1 or {1}"),
)


@st.composite
def lua_texts(draw):
    def statement():
        path, value = draw(LUA), draw(VALUES)
        form = draw(st.sampled_from(FORMS))
        return form.format(path, value)

    return draw(st.sampled_from((" ", "\n", ";", "  "))).join(statement() for _ in range(draw(st.integers(1, 3))))


def hold(real, text):
    """Send what the gate lets through; nothing of the instrument may then be above a limit."""
    gate = gate_of(real.model)
    reset = "reset()" if real.model == "keithley_2636b" else "*RST;*CLS"
    for message in (reset, text):
        if not refused(gate, message):
            real.say(message)
    real.link.clear() if hasattr(real.link, "clear") else None
    levels = real.numbers(*LEVELS[real.model])
    if real.model == "keysight_33522b":
        loads = real.numbers(":OUTP1:LOAD?", ":OUTP2:LOAD?")
        levels = [
            volts * (1 if loads[n // 2] > 1e6 else (50 + loads[n // 2]) / loads[n // 2])
            for n, volts in enumerate(levels)
        ]
        levels = [volts for volts in levels if abs(volts) > 0.101]  # 100 mV peak to peak into 50 ohm is its reset
    assert [] == [volts for volts in levels if not abs(volts) <= ABOVE]
    if real.model in COMPLIANCE:
        amperes, output = real.numbers(*COMPLIANCE[real.model])
        assert amperes <= 3e-3 * (1 + 1e-8) or output == 0


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    made = {}
    return lambda model: (
        made.setdefault(model, None) or made.update({model: Real(tmp_path_factory.mktemp("box"), model)}) or made[model]
    )


@pytest.mark.parametrize("model", ["keysight_b2902a", "keysight_33522b", "qdevil_qdac2"])
def test_no_scpi_text_that_passes_puts_an_instrument_above_a_limit(real, model):
    box = real(model)

    @settings(max_examples=70)
    @given(scpi_texts())
    def tried(text):
        hold(box, text)

    tried()


def test_no_tsp_text_that_passes_puts_an_instrument_above_a_limit(real):
    box = real("keithley_2636b")

    @settings(max_examples=140)
    @given(lua_texts())
    @example("smua.source.levelv = 0.1 smua.source.levelv = 0.7")
    def tried(text):
        hold(box, text)

    tried()


@pytest.mark.slow
@pytest.mark.parametrize("model", LEVELS)
def test_long_no_text_that_passes_puts_an_instrument_above_a_limit(real, model):
    box = real(model)

    @settings(max_examples=10_000, derandomize=False)
    @given(lua_texts() if model == "keithley_2636b" else scpi_texts())
    def tried(text):
        hold(box, text)

    tried()


# -- drivers ---------------------------------------------------------------------------------------


class Deaf:
    """Takes every message and answers nothing, so that a driver's first message is all that it sends."""

    timeout, resource_name = 1000, "TCPIP0::192.0.2.23::inst0::INSTR"
    visalib = SimpleNamespace(clock="virtual")

    def __init__(self):
        self.heard = []

    def write(self, message):
        self.heard.append(message)

    def read(self):
        raise VisaIOError(StatusCode.error_timeout)

    def read_raw(self):
        raise VisaIOError(StatusCode.error_timeout)

    def clear(self):
        pass


LEVEL = re.compile(
    r"levelv = (\S+)|listv\(\{(.*?)\}\)|(?:VOLT\d?|HIGH|LOW|VOLT:TRIG|LIST:VOLT) ([-+0-9.e,naif]+)", re.IGNORECASE
)
LIMIT = re.compile(r"(?:limiti =|PROT|ILIM) (\S+?)(?:[; ]|$)")
FLOATS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-25, 25),
    st.floats(width=32, allow_nan=True, allow_infinity=True).map(np.float32),
    st.floats(-25, 25).map(np.float64),
    st.integers(-30, 30),
    st.integers(-30, 30).map(np.int64),
    st.sampled_from((0.7, 0.7000001, np.nextafter(0.7, 1), 1e-12, True, np.float16(0.7), np.float64("nan"))),
)


def acts(model, device, first="", second=""):
    """What a driver can be asked with one number that is a level or a compliance."""
    if hasattr(device, "channel"):
        channel = device.channel(first)
        yield lambda x: setattr(channel, "source_voltage", x)
        yield lambda x: setattr(channel, "compliance_current", x)
    if model.startswith("keithley_26"):
        pair = device.pair(first, second, compliance=3e-3, nplc=1.0, read_range=1e-3)
        yield lambda x: pair.sense(x, settle=1e-4)
        yield lambda x: pair.pulse((x, -x), 1e-4)
        yield lambda x: pair.pulse((0.1, x), 1e-4)
    if hasattr(device, "arm"):
        yield lambda x: device.pair(first, second).pulse((x, 0.1), 1e-4)
        yield lambda x: device.move(first, x)
    if hasattr(device, "apply"):
        device._channels, device._largest = ("1", "2"), 2.0
        yield lambda x: device.apply({"1": x, "2": 0.1})
        yield lambda x: device._arm({"1": x, "2": 0.1}, 1e-3)


class Wire:
    """A resource whose messages a simulated instrument gets and answers."""

    timeout, resource_name = 10_000, "TCPIP0::192.0.2.23::inst0::INSTR"
    visalib = SimpleNamespace(clock="virtual")

    def __init__(self, box):
        self._box = box

    def write(self, message):
        self._box.link.write(message.encode() + b"\n")

    def read(self):
        return self.read_raw().decode("latin-1").rstrip("\n")

    def read_raw(self):
        if not self._box.link.waiting:
            raise VisaIOError(StatusCode.error_timeout)
        return self._box.link.read(100_000, 10)[0]

    def clear(self):
        self._box.link.clear()


def set_up(device, sheet):
    match sheet.kind:
        case "source_meter":
            device.setup(source_range=min(r.range for r in sheet.source_voltage if r.range >= 2.0), mains=50.0)
            for name in sheet.channels:
                channel = device.channel(name)
                channel.compliance_current, channel.nplc, channel.current_range = 2e-3, 0.1, 1e-2
                channel.source_enabled = True
                channel.measure_current()
        case "pulse_generator" | "voltage_bank":
            device.setup(channels=["1", "2"])
        case "field_source":
            device.setup(compliance=20.0)
        case _:
            device.setup()


@pytest.mark.parametrize("model", SHEETS)
def test_all_that_a_driver_sends_within_the_limits_passes(real, model):
    sheet = SHEETS[model]
    if sheet.kind == "field_source":
        text = find("benches", "magnet").read_text()
        assert "kepco_bop_20_20" in text  # its words pass in every run on that bench
    if sheet.kind in ("field_source", "thermometer"):
        return
    driver = load_driver(sheet.driver)
    gate = gate_of(model)
    device = driver(driver.LINK(GuardedTransport(Wire(real(model)), gate=gate), "box"), sheet)
    device.identify()
    set_up(device, sheet)
    if sheet.kind == "switch_matrix":
        steps = [("close", [("A", 1), ("B", 2)]), ("open", [("A", 1)])]
        assert {("B", 2)} == device.switch(steps)
    for number, act in enumerate(acts(model, device, *(getattr(sheet, "channels", []) * 2)[:2])):
        act(2e-3 if sheet.kind == "source_meter" and number < 2 else 0.15)  # the first two: a level, a compliance
    device.panic()
    device.shutdown()


SOURCES = [name for name, sheet in SHEETS.items() if sheet.kind in ("source_meter", "pulse_generator", "voltage_bank")]


@pytest.mark.parametrize("model", SOURCES)
def test_no_number_gets_a_driver_above_a_limit(model):
    sheet = SHEETS[model]
    first, second = (sheet.channels * 2)[:2]

    @settings(max_examples=40)
    @given(FLOATS)
    def tried(value):
        for number in range(9):
            deaf = Deaf()
            gate = gate_of(model)
            if sheet.kind == "pulse_generator":
                for message in ("*RST", ":OUTP1:LOAD INF", ":OUTP2:LOAD INF"):
                    gate.admit(message)
            transport = GuardedTransport(deaf, gate=gate)
            driver = load_driver(sheet.driver)
            device = driver(getattr(driver, "LINK", TspLink)(transport, "box"), sheet)
            act = dict(enumerate(acts(model, device, first, second))).get(number)
            if act is None:
                break
            try:
                act(value)
            except (LimitExceeded, BenchError):
                pass
            except (TypeError, ValueError, OverflowError):
                assert [] == deaf.heard
            for message in deaf.heard:
                levels = [float(x) for match in LEVEL.findall(message) for x in ",".join(match).split(",") if x]
                assert [] == [x for x in levels if not abs(x) <= ABOVE]
                limits = [float(x) for x in LIMIT.findall(message)]
                assert [] == [x for x in limits if not 0 < x <= 3e-3 * (1 + 1e-8)]

    tried()
