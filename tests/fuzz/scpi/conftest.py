"""Messages for SCPI models that nobody should send: built of their own headers, of what drivers send, of noise."""

import inspect
import random
import re
import string
import struct
import sys
from pathlib import Path

import pytest

# What PyMeasure and QCoDeS send, what sets outputs on, starts sweeps and fills buffers; a line is a message.
TRAFFIC = Path(__file__).parent / "traffic"


def _spaced(text):
    return tuple(text.split())


COMMON = _spaced(r"""
*IDN? *RST *CLS *OPC? *TRG *ESR? *STB? *WAI *TST? *SAV *RCL :SYST:ERR? :SYST:ERR:ALL? :STAT:PRES *SRE *ESE
""")
DIGITS = "9" * 10_000
PLAIN_NUMBERS = _spaced(r"""
0 1 -1 2 3 5 10 24 100 2500 1e6 1e5 2.5 0.05 -0.2 1e-3 1e-4 1e-6 1E+3 1e-9 -0 65535 65536 4294967296 1e18 1e400
-1e400 1e-400 nan NAN -nan INF -INF NINF 9.9e37 9.91E37 1e308 -1e308 5e-324 1e99999999999 1e-32001 1V 50mV 10US 5OHM
1KHZ 0.1VPP 10PCT 50% 1e3ABCDEFGHIJKLMNO #H1F #Q17 #B101 #HZZ #H 1..2 1e +-1 0x10 1_000
""")
NUMBERS = (
    *PLAIN_NUMBERS,
    *("1 V", "1 MOHM", "\xb2", "\xbd", "1\xa0", "1 2"),
    *(DIGITS, f"0.{DIGITS}", f"1e{DIGITS}", f"#H{DIGITS}", f"-{DIGITS}V"),
)
UNITS = ("", "", "", "", "", "V", "mV", "A", "uA", "S", "MS", "US", "HZ", "KHZ", "OHM", "%", "VPP", "DBM", "DEG")
WORDS = _spaced(r"""
ON OFF MIN MAX DEF UP DOWN ALL VOLT CURR RES NONE AUTO INF maximum Minimum volatile BUS IMM EXT MAN
""")
STRINGS = (
    *(
        "'CURR'",
        '"VOLT:DC"',
        "'defbuffer1'",
        '"b1"',
        "''",
        '"a""b"',
        "'it''s'",
        "'open",
        '"open',
        '"',
        "'1, 3'",
        "'\n'",
    ),
    *("'\xe4\xff\x00'", f"'{'x' * 5000}'", "'SimpleLoop'", '"CURR","VOLT"', "'a;b'", "'(@1)'"),
)
PLAIN_LISTS = _spaced(r"""
(@1) (@2) (@1,2) (@1:2) (@2:1) (@1:24) (@) (@0) (@25) (@-1) (@1:2:3) (@1,,2) (@1:) (1,2) (@a) ((@1)) (@1 () )
(@1!1!1) (@1!1!1:2!4!10) (@2!4!10:1!1!1) (@1!5!1) (@3!1!1) (@01!01!01) (@1!1) (@101:110) (@1101:1932) (@1101)
(@1100) (@1933) (@00101,01448) (@00101:01448) (@99999) (@10101:41412) (@1:999999999) (@0:1e9)
(@9999999999999999999999999999999999999999) (@1 (@1'2 (((((((((((((((((((((((((((((((((((((((( (@1;2)
""")
LONG_LISTS = ("1,", "1:24,", "1101:1932,", "00101:01448,", "1!1!1:2!4!10,")
LISTS = (
    *PLAIN_LISTS,
    *(f"(@{item * 5000}{item.rstrip(',')})" for item in LONG_LISTS),
    *(f"(@{'9' * 40})", "(@1", "(@1'2", "(" * 40, "(@\xb2)", "(@1;2)", "(@1 () )"),
)
BLOCKS = (
    *(
        "#0abc",
        "#15hello",
        "#9999999999x",
        "#3abc",
        "#18\n\n\n\n\n\n\n\n",
        "#216abcdefghijklmnop",
        "#",
        "#A",
        "#10",
        "#90",
    ),
    *(
        "#14ab",
        "#1\xb2ab",
        "#800000010ab",
        "#216" + struct.pack("<4f", 0.1, float("nan"), float("inf"), 1e30).decode("latin-1"),
    ),
    "#48000" + "\x10\x27" * 4000,
)
NOISE = (*string.punctuation, *" \0\xff\xe4\t\r\n", "\r\n", "::", "**", "??", ";;", ",,")
PART = re.compile(r"\[:?([\w|]+#?):?\]|:?([\w|]+#?)")
SUFFIXES = ("", "", "1", "1", "2", "2", "3", "0", "24", "25", "01", "999999", "99999999")


class Composer:
    """Writes messages for one model, given a source of chance."""

    def __init__(self, bed, model):
        self.traffic = (TRAFFIC / f"{model}.txt").read_text().splitlines()
        self.headers = sorted(set(_headers(bed.engine)))
        self.words = [*sorted(set(_words(bed.watched.inner))), *WORDS]
        names = getattr(bed.watched.inner, "_names", None)
        self.channels = list(names._name.values()) if names is not None else ["1", "2", "3", "24"]

    def message(self, chance):
        """Bytes of a message or of several; how they end differs."""
        kind = chance.random()
        if kind < 0.62:
            text = chance.choice((";", ";", ";:", "; ", " ;", ";;")).join(
                self.unit(chance) for _ in range(chance.choice((1, 1, 1, 2, 3, 8)))
            )
        elif kind < 0.74:
            text = chance.choice(self.traffic)
        elif kind < 0.86:
            text = self.broken(chance, chance.choice(self.traffic))
        elif kind < 0.92:
            text = self.broken(chance, self.unit(chance))
        elif kind < 0.97:
            text = ";".join(chance.choices(self.traffic, k=4))
        elif kind < 0.98:
            text = self.unit(chance) * chance.choice((100, 5000))
        elif kind < 0.99:
            text = ";".join([self.unit(chance)] * chance.choice((20, 200, 2000)))
        else:
            text = "".join(chance.choices(NOISE, k=chance.choice((3, 3000))))
        return text.encode("latin-1") + chance.choice((b"\n", b"\n", b"\n", b"\r\n", b"", b"\n\n"))

    def unit(self, chance):
        """A header and its arguments."""
        if chance.random() < 0.06:
            text, query, most = chance.choice(COMMON), False, 1
        else:
            pattern, query, most = chance.choice(self.headers)
            text = self.header(chance, pattern)
        text += "?" if query != (chance.random() < 0.05) else ""
        if query and chance.random() < 0.6:
            return text
        likely = (0, 1, 1, 1, min(most, 2), min(most, 3), min(most, 9), most + 1 if most < 30 else 2)
        count = chance.choice(likely)
        space = " " if chance.random() < 0.97 else chance.choice(("", "\t", "  ", ":", "\xa0"))
        return (
            text + space + chance.choice((",", ",", ",", ", ", " ,")).join(self.argument(chance) for _ in range(count))
        )

    def header(self, chance, pattern):
        """One way to write a header."""
        found = []
        for optional, needed in PART.findall(pattern):
            if optional and chance.random() < 0.6:
                continue
            name = chance.choice((optional or needed).rstrip("#").split("|"))
            if chance.random() < 0.5:
                name = "".join(letter for letter in name if not letter.islower())
            name = chance.choice((name, name, name.lower(), name.upper(), name.swapcase()))
            numbered = "#" in (optional or needed)
            found.append(name + (chance.choice(SUFFIXES) if numbered or chance.random() < 0.02 else ""))
        return chance.choice(("", ":", ":")) + ":".join(found)

    def argument(self, chance):
        """Anything that may stand behind a header."""
        kind = chance.random()
        if kind < 0.3:
            return chance.choice(NUMBERS)
        if kind < 0.5:
            value = chance.choice((1, 1, 10, 1e-3, 1e-6, 1e3)) * chance.uniform(-3, 3)
            return format(value, chance.choice(("g", ".3e", ".0f"))) + chance.choice(UNITS)
        if kind < 0.78:
            return chance.choice(self.words)
        if kind < 0.88:
            return self.channel_list(chance)
        return chance.choice(STRINGS if kind < 0.94 else BLOCKS if kind < 0.98 else ("", " "))

    def channel_list(self, chance):
        """A list of channels that are there, or one that is odd."""
        if chance.random() < 0.4:
            return chance.choice(LISTS)
        items = [
            chance.choice((":", ",", ",")).join(chance.choices(self.channels, k=2))
            for _ in range(chance.randrange(1, 4))
        ]
        return f"(@{','.join(items)})"

    def broken(self, chance, text):
        """A text with a few bytes more, less or others."""
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(text) + 1)
            cut = place + chance.choice((0, 0, 1, 1, 3, 20))
            text = text[:place] + chance.choice(("", self.argument(chance), chance.choice(NOISE))) + text[cut:]
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


def _headers(engine):
    """Pattern, whether it is a query, and how many arguments it takes, of every command."""
    nodes, seen = [engine._headers._root], set()
    while nodes:
        node = nodes.pop()
        if id(node) not in seen:
            seen.add(id(node))
            nodes += node.children.values()
            yield from ((command.header, query, command.most) for query, command in node.commands.items())


def _words(firmware):
    """Texts in the sources of a firmware's parts that look like character data."""
    modules = {type(part).__module__ for part in (firmware, *vars(firmware).values())}
    for name in sorted(modules):
        if name.startswith("labmtj.twin.firmware"):
            for word in re.findall(r'"([A-Z][A-Za-z]{1,10}\d?)"', inspect.getsource(sys.modules[name])):
                yield word
                yield "".join(letter for letter in word if not letter.islower())


@pytest.fixture(scope="session")
def composer_of():
    """What writes messages for a model."""
    return Composer
