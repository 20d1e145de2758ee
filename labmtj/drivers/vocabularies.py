"""The words of the shipped drivers, by the name of their module (labmtj.drivers.vocabulary).

Each table holds what its driver sends and its near relatives. What would make a level by itself is left out on
purpose: current sources, sweeps, lists beside the one that a driver uses, APPLy, functions other than pulses, bursts
of more than one cycle, stored states (`*RCL`, `setup.recall`), macros, scripts, other nodes, calibration, self-tests.
"""

from __future__ import annotations

from labmtj.drivers.vocabulary import Does, Vocabulary, Word

_OFF = ("0", "OFF")


def _free(*spellings: str) -> tuple[Word, ...]:
    return tuple(Word(spelling) for spelling in spellings)


_STANDARD = (
    *_free("*CLS", "*ESE", "*SRE", "*OPC", "*WAI", "*PSC"),
    Word("*RST", Does.RESETS),
    *_free("ABORt[:ALL]", "STATus:OPERation:ENABle", "STATus:QUEStionable:ENABle", "STATus:PRESet"),
    *_free("SYSTem:CLEar", "SYSTem:ERRor:CLEar", "SYSTem:BEEPer[:IMMediate]", "SYSTem:BEEPer:STATe"),
    *_free("SYSTem:LOCal", "SYSTem:REMote", "SYSTem:RWLock", "FORMat[:DATA]", "FORMat:ELEMents[:SENSe]"),
    Word("SYSTem:PRESet", Does.RESETS),
    *_free("DISPlay:ENABle", "DISPlay[:WINDow#]:TEXT[:DATA]", "DISPlay[:WINDow#]:TEXT:STATe"),
)

_METER = (
    *_STANDARD,
    Word("[SOURce#:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", Does.LEVEL),
    *_free("[SOURce#:]VOLTage:RANGe", "[SOURce#:]VOLTage:DELay", "[SOURce#:]VOLTage:DELay:AUTO"),
    Word("[SOURce#:]VOLTage:RANGe:AUTO", only=_OFF),
    Word("[SOURce#:]VOLTage:MODE", only=("FIX", "FIXED")),
    Word("[SOURce#:]FUNCtion[:MODE]", only=("VOLT", "VOLTAGE")),
    Word("SENSe#:CURRent[:DC]:PROTection[:LEVel]", Does.COMPLIANCE),
    Word("[SOURce#:]VOLTage:ILIMit[:LEVel]", Does.COMPLIANCE),
    # Measuring ohms, a 2400 and a 2450 turn into current sources by themselves.
    Word("SENSe#:FUNCtion[:ON]", only=('"CURR"', '"CURR:DC"', '"CURRENT"', '"VOLT"', '"VOLT:DC"', '"VOLTAGE"')),
    *_free("SENSe#:CURRent[:DC]:NPLCycles", "SENSe#:CURRent[:DC]:RANGe[:UPPer]"),
    *_free("SENSe#:CURRent[:DC]:APERture", "SENSe#:CURRent[:DC]:AZERo[:STATe]", "SYSTem:AZERo[:STATe]"),
    Word("SENSe#:CURRent[:DC]:RANGe:AUTO", only=_OFF),
    *_free("SENSe#:AVERage[:STATe]", "SENSe#:AVERage:COUNt", "TRACe:CLEar", "TRACe:FEED:CONTrol"),
    Word("OUTPut#[:STATe]", Does.OUTPUT),
    Word("OUTPut#:SMODe", only=("NORM", "NORMAL", "ZERO")),
    Word("OUTPut#:VOLTage:SMODe", only=("NORM", "NORMAL", "ZERO")),
    Word("OUTPut#:OFF:MODE", only=("ZERO",)),
    Word("OUTPut#:ON:AUTO", only=_OFF),
    Word("OUTPut#:OFF:AUTO"),
    *_free("SOURce#:CLEar:AUTO", "SOURce#:CLEar[:IMMediate]", "ROUTe:TERMinals", "INITiate[:IMMediate]"),
    Word("SYSTem:LFRequency"),
    Word("TRIGger:COUNt", only=("1", "1.0")),  # of readings; it makes no levels
)

_PULSES = (
    *_STANDARD,
    Word("*TRG", Does.FIRES),
)


def _generator(*words: Word) -> Vocabulary:
    return Vocabulary("scpi", (*_PULSES, *words))


_33500 = _generator(
    Word("SOURce#:VOLTage[:LEVel][:IMMediate]:HIGH", Does.ARMS, "high"),
    Word("SOURce#:VOLTage[:LEVel][:IMMediate]:LOW", Does.ARMS, "low"),
    Word("SOURce#:VOLTage:RANGe:AUTO"),
    Word("SOURce#:VOLTage:UNIT", only=("VPP",)),
    *_free("SOURce#:FUNCtion:PULSe:WIDTh", "SOURce#:FUNCtion:PULSe:PERiod", "SOURce#:FUNCtion:PULSe:TRANsition[:BOTH]"),
    Word("SOURce#:FUNCtion:PULSe:HOLD", only=("WIDT", "WIDTH")),
    Word("SOURce#:FUNCtion", only=("PULS", "PULSE")),
    Word("SOURce#:BURSt:MODE", only=("TRIG", "TRIGGERED")),
    Word("SOURce#:BURSt:NCYCles", only=("1", "1.0")),
    Word("SOURce#:BURSt:STATe", only=("1", "ON")),
    Word("TRIGger#:SOURce", only=("BUS", "EXT", "EXTERNAL")),
    Word("TRIGger#[:IMMediate]", Does.FIRES),
    Word("OUTPut#[:STATe]", Does.OUTPUT),
    Word("OUTPut#:POLarity", only=("NORM", "NORMAL", "INV", "INVERTED")),
    Word("OUTPut#:LOAD", Does.LOAD),
    Word("OUTPut#:MODE", only=("NORM", "NORMAL")),
)

_81160 = _generator(
    Word("VOLTage#[:LEVel][:IMMediate]:HIGH", Does.ARMS, "high"),
    Word("VOLTage#[:LEVel][:IMMediate]:LOW", Does.ARMS, "low"),
    Word("VOLTage#:UNIT", only=("VPP",)),
    *_free("[SOURce:]PULSe:WIDTh#", "[SOURce:]PULSe:PERiod#", "FUNCtion#:PULSe:TRANsition"),
    Word("PULSe:HOLD#", only=("WIDT", "WIDTH")),
    Word("FUNCtion#", only=("PULS", "PULSE")),
    Word("TRIGger:COUNt#", only=("1", "1.0")),
    Word("TRIGger#:COUNt", only=("1", "1.0")),
    Word("ARM:SOURce#", only=("MAN", "MANUAL", "EXT", "EXTERNAL")),
    Word("OUTPut#[:STATe]", Does.OUTPUT),
    Word("OUTPut#:POLarity", only=("NORM", "NORMAL", "INV", "INVERTED")),
    Word("OUTPut#:LOAD", Does.LOAD),
)

_QDAC2 = Vocabulary(
    "scpi",
    (
        *_STANDARD,
        Word("SOURce#[:DC]:VOLTage[:LEVel][:IMMediate][:AMPLitude]", Does.LEVEL),
        Word("SOURce#[:DC]:VOLTage[:LEVel]:TRIGgered[:AMPLitude]", Does.ARMS, "pending"),
        Word("SOURce#[:DC]:LIST:VOLTage", Does.ARMS, "list"),
        Word("SOURce#[:DC]:VOLTage:MODE", Does.DISARMS, "list", only=("FIX", "FIXED", "LIST")),
        *_free("SOURce#[:DC]:VOLTage:SLEW", "SOURce#[:DC]:RANGe", "SOURce#[:DC]:FILTer"),
        *_free("SOURce#[:DC]:LIST:DWELl", "SOURce#[:DC]:LIST:TMODe", "SOURce#[:DC]:LIST:DIRection"),
        Word("SOURce#[:DC]:LIST:COUNt", only=("1", "1.0")),
        Word("SOURce#:DC:TRIGger:SOURce"),
        Word("SOURce#:DC:INITiate[:IMMediate]"),
        Word("SOURce#:DC:INITiate:CONTinuous", only=_OFF),
        Word("SOURce#:DC:ABORt"),
        Word("TINT", Does.FIRES),
        *_free("SENSe#:RANGe", "SENSe#:NPLCycles", "SENSe#:APERture"),
    ),
)

# A supply of a magnet: its amperes are held by the rating and the bench's field limit, not by those of the array.
_KEPCO = Vocabulary(
    "scpi",
    (
        *_STANDARD,
        Word("[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]", Does.RATED, "current"),
        Word("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", Does.RATED, "voltage"),
        Word("[SOURce:]CURRent:RANGe"),
        Word("[SOURce:]FUNCtion:MODE", only=("CURR", "CURRENT")),
        Word("OUTPut[:STATe]", Does.FREE),
    ),
)

_MATRIX = Vocabulary(
    "scpi",
    (
        *_STANDARD,
        *_free("ROUTe:CLOSe[:LIST]", "ROUTe:OPEN[:LIST]", "ROUTe:OPEN:ALL", "ROUTe:OPEN:CARD", "ROUTe:OPEN:REL"),
        *_free("ROUTe:FUNCtion", "ROUTe:CONNect:RULE", "ROUTe:CONNect:SEQuence", "ROUTe:BIAS[:STATe]"),
        *_free("ROUTe:AGND[:STATe]", "ROUTe:COUPle[:STATe]", "SYSTem:MODule:ROW:PROTection"),
    ),
)

_READ_ONLY = Vocabulary("scpi", _free("*CLS"))

_TSP_CALLS = _free(
    "print", "printbuffer", "printnumber", "delay", "waitcomplete", "opc", "tostring", "tonumber", "type",
    "errorqueue.next", "errorqueue.clear", "eventlog.next", "eventlog.clear", "timer.reset", "timer.measure.t",
    "status.reset", "display.clear", "display.settext", "display.setcursor", "beeper.beep",
)  # fmt: skip
_TSP_SETTINGS = _free(
    "format.*", "errorqueue.*", "display.*", "beeper.*", "status.*", "eventlog.*", "localnode.prompts",
    "localnode.prompts4882", "localnode.showerrors",
)  # fmt: skip
_TSP_ROOTS = frozenset(
    ("errorqueue", "format", "localnode", "status", "display", "beeper", "eventlog", "timer", "os", "labmtj")
)

_2600 = Vocabulary(
    "tsp",
    (
        *_TSP_SETTINGS,
        Word("smu#.source.levelv", Does.LEVEL),
        Word("smu#.source.limiti", Does.COMPLIANCE),
        Word("smu#.trigger.source.limiti", Does.COMPLIANCE, "pulse"),
        Word("smu#.source.output", Does.OUTPUT),
        Word("smu#.source.func", only=("smu#.OUTPUT_DCVOLTS", "1")),
        Word("smu#.source.offmode", only=("smu#.OUTPUT_NORMAL", "smu#.OUTPUT_ZERO", "0", "2")),
        Word("smu#.source.offfunc", only=("smu#.OUTPUT_DCVOLTS", "1")),
        Word("smu#.source.autorangev", only=("smu#.AUTORANGE_OFF", "0")),
        *_free("smu#.source.rangev", "smu#.source.lowrangev", "smu#.source.delay", "smu#.source.settling"),
        *_free("smu#.source.outputenableaction", "smu#.source.offlimiti", "smu#.source.sink", "smu#.source.highc"),
        *_free("smu#.measure.*", "smu#.nvbuffer#.*"),
        Word("smu#.sense", only=("smu#.SENSE_LOCAL", "0")),  # remote sensing without leads drives the output up
        Word("smu#.trigger.count", only=("1",)),
        Word("smu#.trigger.arm.count", only=("1",)),
        Word("smu#.trigger.endpulse.action", only=("smu#.SOURCE_IDLE", "0")),
        Word("smu#.trigger.endsweep.action", only=("smu#.SOURCE_IDLE", "0")),
        *_free("smu#.trigger.source.action", "smu#.trigger.source.stimulus", "smu#.trigger.measure.action"),
        *_free("smu#.trigger.measure.stimulus", "smu#.trigger.arm.stimulus", "smu#.trigger.endpulse.stimulus"),
        *_free("trigger.timer[*].*", "trigger.generator[*].*"),
    ),
    (
        *_TSP_CALLS,
        Word("smu#.trigger.source.listv", Does.ARMS, "list"),
        Word("digio.writeport", Does.GATES),
        Word("digio.readport"),
        Word("smu#.reset", Does.RESETS),
        Word("reset", Does.RESETS),
        Word("trigger.generator[*].assert", Does.FIRES),
        *_free("smu#.abort", "smu#.trigger.initiate", "smu#.trigger.measure.i", "smu#.trigger.measure.v"),
        *_free("smu#.trigger.measure.iv", "smu#.measure.i", "smu#.measure.v", "smu#.measure.r", "smu#.measure.iv"),
        *_free("smu#.nvbuffer#.clear", "smu#.nvbuffer#.clearcache", "smu#.makebuffer"),
        *_free("trigger.timer[*].reset", "trigger.timer[*].clear", "trigger.clear", "trigger.wait"),
    ),
    needs_compliance=True,
    roots=_TSP_ROOTS | {"smua", "smub", "trigger", "digio"},
)

_SWITCH = Vocabulary(
    "tsp",
    (*_TSP_SETTINGS, *_free("channel.*", "trigger.timer[*].*")),
    (
        *_TSP_CALLS,
        Word("reset", Does.RESETS),
        *_free("channel.reset", "channel.open", "channel.close", "channel.exclusiveclose", "channel.getclose"),
        *_free("channel.getstate", "channel.getcount", "channel.getdelay", "channel.setdelay"),
        *_free("channel.getlabel", "channel.gettype", "channel.getforbidden", "channel.setforbidden"),
    ),
    roots=_TSP_ROOTS | {"channel", "slot", "trigger"},
)  # fmt: skip

VOCABULARIES: dict[str, Vocabulary] = {
    "keithley_2400": Vocabulary("scpi", _METER, needs_compliance=True),
    "keithley_2450": Vocabulary("scpi", _METER, needs_compliance=True),
    "keysight_b2900": Vocabulary("scpi", _METER, needs_compliance=True),
    "keithley_2600": _2600,
    "keithley_707b": _SWITCH,
    "keithley_3706a": _SWITCH,
    "keithley_7001": _MATRIX,
    "keysight_34980a": _MATRIX,
    "keysight_b2200": _MATRIX,
    "keysight_33500": _33500,
    "keysight_81160a": _81160,
    "qdevil_qdac2": _QDAC2,
    "kepco_bop": _KEPCO,
    "lakeshore_336": _READ_ONLY,
}
