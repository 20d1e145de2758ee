"""Scripts for TSP models that nobody should send: built of their own names, of what drivers send, of noise."""

import random
import string
from pathlib import Path

import pytest

# What PyMeasure and QCoDeS send, what sets outputs on, starts sweeps and fills buffers; a line is a message.
TRAFFIC = Path(__file__).parent / "traffic"


def _spaced(text):
    return tuple(text.split())


COMMON = _spaced(r"""
*IDN? *RST *CLS *OPC? *OPC *TRG *ESR? *STB? *WAI *TST? *ESE *SRE *ESE? *trg *XYZ * ** *IDN
""")
DIGITS = "9" * 10_000
PLAIN_VALUES = _spaced(r"""
0 1 -1 2 3 5 10 100 2500 1e4 1e5 1e6 1e9 2^53 0.5 0.05 -0.2 1e-3 1e-4 1e-6 1e-9 1e400 -1e400 0/0 -0 1e308 -1e308
5e-324 nil true false {} {1,2,3} {0.1,0/0,1e308} {{}} {'x'} {[3]=1} smua smub smua.nvbuffer1 print _G smua.source
channel status '' 'x' '1' '0x10' '1e5' '\0smua' '\0' ... b x pcall x.y.z smua.nvbuffer1.readings smub.nvbuffer2
format.REAL32 smua.nvbuffer1[1] select('#') math.huge
""")
VALUES = (
    *PLAIN_VALUES,
    DIGITS,
    f"0.{DIGITS}",
    f"'{DIGITS}'",
    "function() end",
    "'\xb2'",
    "[[\n]]",
    "string.rep('1', 5000)",
    "string.rep('x', 5e5)",
    "setmetatable({}, {__tostring = function() return 'y' end})",
    "(function() error('x') end)()",
)
PLAIN_CHANNELS = _spaced(r"""
1A01 1A01:1A12 4H12 1A01:4A12 1A12:1A01 allslots slot1 slot4 slot7 slot 1101 1616 1101:1616 2616 1911 1911:1916 ,
1A01,,1A02 1A01: : 1A01:1B01 1a01 9Z99 1A01:1A02:1A03 1101,1A01
""")
CHANNELS = (
    *PLAIN_CHANNELS,
    "allslots," * 3000,
    "1A01," * 30_000,
    "1101:1616," * 3000,
    "x" * 10_000,
    "",
    "1\xb201",
    "\xb2\xb2\xb2\xb2",
    " 1A01 ; 1A02 ",
)
SWITCHES = ("keithley_707b", "keithley_3706a")
ENDS = ("endscript", "endscript", "")
GLOBALS = ("x", "b", "t", "f", "y")
NOISE = (*string.punctuation, *" \0\xff\xe4\t\r\n\x1b", "[[", "]]", "--", "..")


class Composer:
    """Writes messages for one model, given a source of chance."""

    def __init__(self, bed, model):
        lines = (TRAFFIC / f"{'switch' if model in SWITCHES else 'meter'}.txt").read_text().splitlines()
        self.traffic = [line.replace("\\r", "\r").replace("\\n", "\n") for line in lines]
        engine = bed.engine
        self.functions = sorted(engine._functions)
        self.attributes = sorted(engine._defaults)
        self.settable = [name for name in self.attributes if name not in engine._fixed]
        self.tables = [f"{path}.{key}" for path, table in engine.tables.items() for key in table.attributes]

    def message(self, chance):
        """Bytes of a message or of several; how they end differs."""
        kind = chance.random()
        if kind < 0.6:
            text = " ".join(self.statement(chance) for _ in range(chance.choice((1, 1, 1, 2, 3, 8))))
        elif kind < 0.72:
            text = chance.choice(self.traffic)
        elif kind < 0.82:
            text = self.broken(chance, chance.choice(self.traffic))
        elif kind < 0.88:
            text = self.broken(chance, self.statement(chance))
        elif kind < 0.92:
            text = " ".join(chance.choices([line for line in self.traffic if "script" not in line], k=4))
        elif kind < 0.95:
            body = "\n".join(self.statement(chance) for _ in range(chance.randrange(1, 5)))
            how, name, end = (chance.choice(c) for c in (("loadscript", "loadandrunscript"), ("", "y", "f"), ENDS))
            text = f"{how} {name}\n{body}\n{end}"
        elif kind < 0.97:
            text = chance.choice(COMMON) + chance.choice(
                ("", " 1", " 255", " 256", " -1", f" {DIGITS}", " x", "\xb2", " \xb2")
            )
        elif kind < 0.98:
            text = self.statement(chance) + " " + " ".join([self.statement(chance)] * chance.choice((20, 500)))
        else:
            text = "".join(chance.choices(NOISE, k=chance.choice((3, 3000))))
        return text.encode("latin-1") + chance.choice((b"\n", b"\n", b"\n", b"\r\n", b"", b"\n\n"))

    def statement(self, chance):
        """One statement, or a few in a loop."""
        kind = chance.random()
        if kind < 0.35:
            return f"{chance.choice(self.settable + self.tables[:40])} = {self.value(chance)}"
        if kind < 0.6:
            return self.call(chance)
        if kind < 0.75:
            return f"print({', '.join(self.value(chance) for _ in range(chance.randrange(4)))})"
        if kind < 0.85:
            return f"print({chance.choice(self.attributes + self.tables + self.functions)})"
        if kind < 0.89:
            return f"{chance.choice(GLOBALS)} = {self.value(chance)}"
        if kind < 0.93:
            return f"for n = 1, {chance.choice((2, 3, 30))} do {self.statement(chance)} end"
        if kind < 0.96:
            return f"print(pcall({chance.choice(self.functions)}, {self.value(chance)}, {self.value(chance)}))"
        return chance.choice(
            (
                f"x = smua.makebuffer({self.value(chance)})",
                f"printbuffer({self.value(chance)}, {self.value(chance)}, {self.value(chance)})",
                f"print(pcall(function() {self.statement(chance)} end))",
                f"script.new({self.value(chance)}, {self.value(chance)})",
                f"f = function(x) {self.statement(chance)} end f(1)",
            )
        )

    def call(self, chance):
        """A function of the instrument with arguments."""
        name = chance.choice(self.functions)
        count = chance.choice((0, 1, 1, 1, 2, 2, 3, 5))
        return f"{name}({', '.join(self.value(chance, listed=name.startswith('channel')) for _ in range(count))})"

    def value(self, chance, *, listed=False):
        """Anything that may stand on the right."""
        kind = chance.random()
        if listed and kind < 0.8:
            return f"'{chance.choice(CHANNELS)}'"
        if kind < 0.45:
            return chance.choice(VALUES)
        if kind < 0.65:
            return f"{chance.choice((1, 1, 10, 1e-3, 1e-6, 1e3)) * chance.uniform(-3, 3):{chance.choice(('g', '.0f'))}}"
        if kind < 0.75:
            return str(chance.randrange(300))
        if kind < 0.9:
            return chance.choice(self.attributes + self.tables)
        return self.call(chance) if kind < 0.95 else chance.choice(self.functions)

    def broken(self, chance, text):
        """A text with a few bytes more, less or others."""
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(text) + 1)
            cut = place + chance.choice((0, 0, 1, 1, 3, 20))
            text = text[:place] + chance.choice(("", self.value(chance), chance.choice(NOISE))) + text[cut:]
        return text

    def action(self, number):
        """What a number stands for."""
        chance = random.Random(number)
        kind = chance.random()
        if kind < 0.8:
            return "send", self.message(chance), chance.random() < 0.93
        if kind < 0.85:
            return "drip", self.message(chance)[:300], chance.randrange(1, 40)
        return chance.choice(
            (("read", 1), ("read", 7), ("read", 1 << 20), ("poll",), ("trigger",), ("trigger",), ("clear",))
        )


@pytest.fixture(scope="session")
def composer_of():
    """What writes messages for a model."""
    return Composer
