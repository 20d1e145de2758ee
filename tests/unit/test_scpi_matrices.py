"""The simulated B2201A, 34980A and 7001: what they answer, what their relays do, and how long that takes."""

import math

import pytest

from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.model import load_model
from labmtj.physics.variation import draw_die
from labmtj.twin.build import Place, die_model, firmware_class, wiring
from labmtj.twin.electrics import Electrics
from labmtj.twin.state import DieState
from labmtj.twin.world import Output, World

A, B = ("smu", "a"), ("smu", "b")
CLEAN = [f"simulation.die.defects.{name}=0 %" for name in ("short", "open", "stuck")]


FILE = load_bench("simulated-15x15", overrides=CLEAN)
TRUTH = draw_die(die_model(FILE.bench))


class Box:
    """A matrix in the simulated bench's place for one, alone with its world."""

    def __init__(self, name):
        self.model = load_model(find("models", name))
        self.world = World(Electrics(TRUTH, DieState(TRUTH)), wiring(FILE, self.model, 17))
        self.firmware = firmware_class(self.model)(Place(self.world, "matrix", 50.0, 17, {}), self.model)
        self.ask("*CLS")

    def ask(self, message):
        replies = self.firmware.execute(message)
        assert len(replies) <= 1
        return replies[0] if replies else None

    def closed(self):
        return sorted(self.world.closed)

    def took(self, message):
        """Seconds beside those that any message takes."""
        before = self.world.now()
        self.ask(message)
        return pytest.approx(self.world.now() - before - self.model.timing.command)


@pytest.fixture
def b2201():
    return Box("keysight_b2201a")


@pytest.fixture
def k34980():
    return Box("keysight_34980a")


@pytest.fixture
def k7001():
    return Box("keithley_7001")


def talk(box, *turns):
    """Each message is answered as captured from an unmodified client."""
    for message, reply in turns:
        assert (message, reply) == (message, box.ask(message))


# -- what clients were seen to say -----------------------------------------------------------------


def test_a_b2201_answers_what_qcodes_was_seen_to_ask(b2201):
    talk(
        b2201,
        ("*IDN?", "AGILENT TECHNOLOGIES,B2201A,0,A.01.00"),
        ("*RST", None),
        ("*CLS", None),
        (":CONN:RULE? 0", "FREE"),
        ("*ESR?", "0"),
        (":CONN:RULE 0,SROU", None),
        ("*ESR?", "0"),
        (":CONN:RULE? 0", "SROU"),
        (":CONN:RULE 0,FREE", None),
        (":CONN:SEQ 0,BBM", None),
        (":CONN:SEQ? 0", "BBM"),
        (":CLOS (@00103)", None),
        ("*ESR?", "0"),
        (":CLOS (@00103,00220)", None),
        ("*ESR?", "0"),
        (":CLOS:CARD? 0", "(@00103,00220)"),
        (":OPEN (@00103)", None),
        (":CLOS:CARD? 0", "(@00220)"),
        (":OPEN:CARD 0", None),
        ("*ESR?", "0"),
        (":CLOS:CARD? 0", "(@)"),
        (":AGND 0,0", None),
        (":BIAS 0,0", None),
        (":AGND:UNUSED 0,'3, 4'", None),
        (":AGND:UNUSED? 0", "'3,4'"),
        (":BIAS:PORT? 0", "10"),
        (":AGND:PORT? 0", "12"),
        (":COUP:PORT:DET", None),
        (":SYST:ERR?", '0,"No Error"'),
        ("*ESR?", "0"),
    )


def test_a_34980a_answers_what_qcodes_was_seen_to_ask(k34980):
    talk(
        k34980,
        ("SYST:CTYP? 1", '"Agilent Technologies,34934A-16x32,MY44000001,1.06"'),
        ("*ESR?", "0"),
        *((f"SYST:CTYP? {slot}", '"Agilent Technologies,0,0,0"') for slot in range(2, 9)),
        ("SYSTEM:MODule:TERMinal:TYPE? 1", "16x32"),
        ("*IDN?", "Agilent Technologies,34980A,MY44001234,2.43-2.43-2.07-0.05"),
        ("ROUT:CLOSe (@1103)", None),
        ("*ESR?", "0"),
        ("ROUTe:CLOSe (@1103,1170)", None),
        ("ROUT:CLOSe? (@1103)", "1"),
        ("ROUT:OPEN? (@1103)", "0"),
        ("ROUTe:CLOSe? (@1103,1170,1171)", "1,1,0"),
        ("ROUT:OPEN (@1103)", None),
        ("ROUTe:OPEN (@1170)", None),
        ("SYSTem:MODule:ROW:PROTection? 1", "AUTO100"),
        ("SYSTem:MODule:ROW:PROTection 1, AUTO0", None),
        ("SYSTem:MODule:ROW:PROTection? 1", "AUTO0"),
        ("ROUT:OPEN:ALL 1", None),
        ("ROUT:OPEN:ALL", None),
        ("*ESR?", "0"),
        (":SYST:ERR?", '+0,"No error"'),
    )


def test_a_7001_speaks_the_dialect_of_the_s46(k7001):
    talk(
        k7001,
        ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 7001,1234567,B11  /A02"),
        (":close (@1!1!1)", None),
        (":close (@1!1!9, 2!4!10)", None),
        (":CLOS?", "(@1!1!1,1!1!9,2!4!10)"),
        (":clos:stat?", "(@1!1!1,1!1!9,2!4!10)"),
        (":clos? (@1!1!1:1!1!3)", "1,0,0"),
        (":open? (@1!1!1,1!1!2)", "0,1"),
        (":open (@1!1!9)", None),
        (":open all", None),
        (":clos:stat?", "(@)"),
        (":ROUT:CONF:SLOT1:CTYP?", "C7012"),
        ("*ESR?", "0"),
        (":SYST:ERR?", '0,"No error"'),
    )


# -- relays ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message", "expected"),
    [
        ("keysight_b2201a", ":CLOS (@00103,01448)", [("A", 3), ("N", 48)]),
        ("keysight_b2201a", ":CLOS (@00148:00202)", [("A", 48), ("B", 1), ("B", 2)]),
        ("keysight_34980a", "ROUT:CLOS (@1103,1882)", [("A", 3), ("P", 32)]),
        ("keysight_34980a", "ROUT:CLOS (@1131:1152)", [("A", 31), ("A", 32), ("B", 1), ("B", 2)]),
        ("keithley_7001", ":clos (@1!1!1,2!4!10)", [("A", 1), ("D", 20)]),
        ("keithley_7001", ":clos (@1!2!10:1!2!9)", [("B", 9), ("B", 10)]),
    ],
)
def test_channels_are_crosspoints_of_the_matrix(name, message, expected):
    box = Box(name)
    box.ask(message)
    assert expected == box.closed()


@pytest.mark.parametrize(
    ("name", "message", "error"),
    [
        ("keysight_b2201a", ":CLOS (@00103,01501)", '-222,"Data out of range"'),
        ("keysight_b2201a", ":CLOS (@00149)", '-222,"Data out of range"'),
        ("keysight_b2201a", ":CLOS (@10101)", '-222,"Data out of range"'),
        ("keysight_b2201a", ":CLOS (@1!1!1)", '-222,"Data out of range"'),
        ("keysight_b2201a", ":CLOS:CARD? 5", '-222,"Data out of range"'),
        ("keysight_34980a", "ROUT:CLOS (@1103,1133)", '-222,"Data out of range"'),
        ("keysight_34980a", "ROUT:CLOS (@2101)", '-222,"Data out of range"'),
        ("keysight_34980a", "SYST:MOD:ROW:PROT 2,AUTO0", '-241,"Hardware missing"'),
        ("keysight_34980a", "SYST:CTYP? 9", '-222,"Data out of range"'),
        ("keithley_7001", ":clos (@1!5!1)", '-222,"Parameter data out of range"'),
        ("keithley_7001", ":clos (@3!1!1)", '-222,"Parameter data out of range"'),
        ("keithley_7001", ":clos (@1)", '-222,"Parameter data out of range"'),
    ],
)
def test_a_channel_that_is_not_there_is_an_execution_error_and_moves_nothing(name, message, error):
    box = Box(name)
    box.ask(message)
    assert ([], "16", error) == (box.closed(), box.ask("*ESR?"), box.ask(":SYST:ERR?"))


@pytest.mark.parametrize("name", ["keysight_b2201a", "keysight_34980a", "keithley_7001"])
def test_a_stuck_relay_is_seen_by_the_lines_but_not_in_the_answers(name):
    box = Box(name)
    channel, everything = {
        "keysight_b2201a": ("00103", ":CLOS:CARD? 0"),
        "keysight_34980a": ("1103", "ROUT:CLOS? (@1103)"),
        "keithley_7001": ("1!1!3", ":CLOS:STAT?"),
    }[name]
    box.world.stick(("A", 3), closed=False)
    box.ask(f":ROUT:CLOS (@{channel})")
    assert ([], "1") == (box.closed(), box.ask(f":ROUT:CLOS? (@{channel})"))
    box.world.stick(("A", 3), closed=True)
    box.ask(f":ROUT:OPEN (@{channel})")
    assert [("A", 3)] == box.closed()
    assert box.ask(everything) in ("(@)", "0")


@pytest.mark.parametrize("name", ["keysight_b2201a", "keysight_34980a", "keithley_7001"])
def test_a_reset_opens_every_relay(name):
    box = Box(name)
    box.world.set_relays({("A", 1), ("B", 2)})
    assert box.model.relay.settling <= box.took("*RST").expected
    assert [] == box.closed()


# -- time ------------------------------------------------------------------------------------------


def test_switching_takes_the_settling_of_the_relays_once_a_message(k7001):
    settling = k7001.model.relay.settling
    assert settling == k7001.took(":clos (@1!1!1,1!1!2,1!1!3)")
    assert settling == k7001.took(":open all")
    assert 0.0 == k7001.took(":clos:stat?")
    k7001.ask(":ROUT:CONF:SLOT2:STIM 0.25")
    assert settling + 0.25 == k7001.took(":clos (@1!1!1)")
    assert "0.250" == k7001.ask(":ROUT:CONF:SLOT2:STIM?")


def test_break_before_make_takes_two_settlings_and_no_sequence_one(b2201):
    settling = b2201.model.relay.settling
    b2201.ask(":CONN:RULE 0,SROU")
    b2201.ask(":CLOS (@00101)")
    assert 2 * settling == b2201.took(":CLOS (@00102)")
    b2201.ask(":CONN:SEQ 0,NSEQ")
    assert settling == b2201.took(":CLOS (@00101)")


def test_row_protection_of_a_34934a_slows_switching(k34980):
    settling = k34980.model.relay.settling
    k34980.ask("SYST:MOD:ROW:PROT 1,FIX")
    assert settling == k34980.took("ROUT:CLOS (@1101)")
    k34980.ask("SYST:MOD:ROW:PROT 1,AUTO0")
    assert 3 * settling == k34980.took("ROUT:CLOS (@1102)")


# -- B2201A: rules and modes -----------------------------------------------------------------------


def test_with_the_free_rule_a_port_has_as_many_connections_as_it_is_given(b2201):
    b2201.ask(":CLOS (@00101,00102,00201)")
    assert "(@00101,00102,00201)" == b2201.ask(":CLOS:CARD? 0")


def test_with_the_single_route_rule_a_new_connection_releases_the_old_ones_of_both_ports(b2201):
    b2201.ask(":CLOS (@00101,00202)")
    b2201.ask(":CONN:RULE 0,SROU")
    assert "(@00101,00202)" == b2201.ask(":CLOS:CARD? 0")  # changing the rule moves nothing
    b2201.ask(":CLOS (@00102)")
    assert "(@00102)" == b2201.ask(":CLOS:CARD? 0")


def test_make_before_break_joins_both_outputs_for_a_moment(b2201):
    b2201.ask(":CONN:RULE 0,SROU;SEQ 0,MBBR")
    b2201.ask(":CLOS (@00101)")
    moves = []
    b2201.world.log.write = lambda kind, time, **fields: moves.append(fields)
    b2201.ask(":CLOS (@00102)")
    assert [{"close": ["A2"]}, {"open": ["A1"]}] == moves


def test_in_bias_mode_outputs_that_nothing_uses_are_on_the_bias_port(b2201):
    b2201.ask(":BIAS:PORT 0,3;:BIAS 0,1")
    assert {("C", column) for column in range(1, 49)} == b2201.world.closed
    b2201.ask(":CLOS (@00105)")
    assert {("A", 5)} == {c for c in b2201.world.closed if c[1] == 5}
    b2201.ask(":OPEN (@00105)")
    assert {("C", 5)} == {c for c in b2201.world.closed if c[1] == 5}
    b2201.ask(":BIAS:CHAN:DIS (@00107)")
    assert set() == {c for c in b2201.world.closed if c[1] == 7}
    assert ("0,1", "(@00107)") == (
        b2201.ask(":BIAS:CHAN:ENAB? (@00107,00108)"),
        b2201.ask(":BIAS:CHAN:DIS:CARD? 0"),
    )
    b2201.ask(":BIAS:CHAN:DIS:CARD 0")
    assert [] == b2201.closed()
    b2201.ask(":BIAS:CHAN:ENAB:CARD 0")
    b2201.ask(":OPEN:CARD 0")
    assert 48 == len(b2201.world.closed)
    b2201.ask(":BIAS 0,0")
    assert [] == b2201.closed()


def test_the_bias_port_cannot_be_controlled_directly_while_bias_mode_is_on(b2201):
    b2201.ask(":BIAS 0,ON")
    b2201.ask(":CLOS (@01001)")
    assert ('-220,"Parameter error"', "16") == (b2201.ask(":SYST:ERR?"), b2201.ask("*ESR?"))


def test_bias_and_ground_mode_exclude_each_other(b2201):
    b2201.ask(":AGND 0,1")
    assert {("L", column) for column in range(1, 49)} == b2201.world.closed
    b2201.ask(":BIAS 0,1")
    assert ('-220,"Parameter error"', "0") == (b2201.ask(":SYST:ERR?"), b2201.ask(":BIAS? 0"))


def test_in_couple_mode_two_inputs_go_to_two_outputs(b2201):
    b2201.ask(":COUP:PORT 0,'1,3';:COUP 0,1")
    b2201.ask(":CLOS (@00105)")
    assert "(@00105,00206)" == b2201.ask(":CLOS:CARD? 0")
    b2201.ask(":COUP:PORT 0,'2'")
    assert ("'1,3'", "16") == (b2201.ask(":COUP:PORT? 0"), b2201.ask("*ESR?"))


def test_in_the_normal_configuration_each_card_has_settings_and_outputs_of_its_own(b2201):
    b2201.ask(":ROUT:FUNC NCON")
    b2201.ask(":CLOS (@10101,20101);:CONN:RULE 2,SROU;:CLOS (@10102,20102)")
    assert ("(@10101,10102)", "(@20102)") == (b2201.ask(":CLOS:CARD? 1"), b2201.ask(":CLOS:CARD? 2"))
    assert [("A", 1), ("A", 2), ("A", 14)] == b2201.closed()
    b2201.ask(":OPEN:CARD ALL")
    assert [] == b2201.closed()
    assert "NCON" == b2201.ask(":ROUT:FUNC?")


# -- 34980A ----------------------------------------------------------------------------------------


def test_protection_resistors_are_in_the_path_unless_they_are_bypassed(k34980):
    world = k34980.world
    world.set_relays([("A", 2), ("B", 18), *(("C", n) for n in range(1, 31) if n not in (2, 18))])
    world.force(A, Output(0.1, 1e-3))
    world.force(B, Output(0.0, 1e-3))

    def ohms():
        current = -world.measure(B, 0.02)[0]
        return 0.1 / current if current else math.inf

    found = {}
    for mode in ("AUTO0", "AUTO100", "FIX", "ISO"):
        k34980.ask(f"SYST:MOD:ROW:PROT 1,{mode}")
        found[mode] = ohms()
    assert found["AUTO100"] == pytest.approx(found["FIX"], rel=1e-2)
    assert 1.1 < found["AUTO100"] / found["AUTO0"] < 1.4  # the row feeds fifteen cells through its resistor
    assert math.inf == found["ISO"]


def test_a_reset_brings_the_default_protection_back(k34980):
    k34980.ask("SYST:MOD:ROW:PROT 1,AUTO0")
    k34980.ask("*RST")
    assert "AUTO100" == k34980.ask("SYST:MOD:ROW:PROT? 1")
    k34980.ask("SYST:MOD:ROW:PROT DEF,AUTO0;:SYST:MOD:ROW:PROT 1,FIX;*RST")
    assert ("AUTO0", 0.0) == (k34980.ask("SYST:MOD:ROW:PROT? 1"), k34980.world.extra_ohms)


def test_exclusive_closing_opens_everything_else(k34980):
    k34980.ask("ROUT:CLOS (@1101,1102);:ROUT:CLOS:EXCL (@1102,1103)")
    assert [("A", 2), ("A", 3)] == k34980.closed()


def test_relays_are_counted_and_counts_can_be_cleared(k34980):
    k34980.ask("ROUT:CLOS (@1101);:ROUT:OPEN (@1101)")
    assert "+2,+0" == k34980.ask("DIAG:REL:CYCL? (@1101:1102)")
    k34980.ask("DIAG:REL:CYCL:CLE (@1101)")
    assert "+0" == k34980.ask("DIAG:REL:CYCL? (@1101)")


def test_without_its_terminal_block_a_module_closes_nothing_and_says_so_only_if_asked(k34980):
    k34980.firmware.locked.add(1)
    k34980.ask("ROUT:CLOS (@1101)")
    assert ([], "NONE", "0") == (k34980.closed(), k34980.ask("SYST:MOD:TERM:TYPE? 1"), k34980.ask("*ESR?"))


# -- 7001 ------------------------------------------------------------------------------------------


def test_a_scan_goes_one_channel_a_trigger(k7001):
    k7001.ask(":ROUT:SCAN (@1!1!1:1!1!2);:INIT")
    k7001.ask("*TRG")
    assert [("A", 1)] == k7001.closed()
    k7001.firmware.trigger()
    assert [("A", 2)] == k7001.closed()
    k7001.ask("*TRG")
    assert '-211,"Trigger ignored"' == k7001.ask(":SYST:ERR?")
    assert ("2", "(@1!1!1,1!1!2)") == (k7001.ask(":SCAN:POIN?"), k7001.ask(":SCAN?"))
