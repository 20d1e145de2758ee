"""The same five points with plain messages, and with matrices that are exchanged in the bench file alone."""

import pytest

pytestmark = pytest.mark.clients
ADDRESSES = {  # how each matrix calls a crosspoint (row from 1, column from 1), closes some and says what is wrong
    "keysight_34980a": lambda row, column: f"1{50 * (row + 1) + column:03}",
    "keithley_3706a": lambda row, column: f"{(column - 1) // 16 + 1}{row}{(column - 1) % 16 + 1:02}",
    "keithley_707b": lambda row, column: f"{(column - 1) // 12 + 1}{chr(ord('@') + row)}{(column - 1) % 12 + 1:02}",
}
NO_SCPI_ERROR = ("SYST:ERR?", '0,"No error')
NO_TSP_ERROR = ("print(errorqueue.count)", "0.00000e+00")
SOURCES = {  # instrument: row, channel, what is said first, what sets a level, what reads, what ends it, no error
    "k2400": (
        "A",
        "1",
        ["*RST", ":SOUR:VOLT:RANG 2;:SENS:CURR:PROT 1e-3;RANG 1 mA", ":FORM:ELEM CURR", ":OUTP ON"],
        ":SOUR:VOLT {}",
        ":READ?",
        ":OUTP OFF",
        NO_SCPI_ERROR,
    ),
    "k2450": (
        "B",
        "1",
        ["*RST", "SOUR:VOLT:RANG 2", "sour:volt:ilim 1e-3", "SENS:FUNC 'CURR'", "SENS:CURR:RANG 1e-3", "OUTP ON"],
        "SOUR:VOLT {}",
        "READ?",
        "OUTP OFF",
        NO_SCPI_ERROR,
    ),
    "k2636": (
        "C",
        "a",
        ["smua.reset() smua.source.rangev = 2", "smua.source.limiti = 1e-3 smua.measure.rangei = 1e-3"],
        "smua.source.output = smua.OUTPUT_ON smua.source.levelv = {}",
        "print(smua.measure.i())",
        "smua.source.output = smua.OUTPUT_OFF",
        NO_TSP_ERROR,
    ),
    "b2902": (
        "D",
        "1",
        ["*RST", ":SOUR1:VOLT:RANG 2", ":SENS1:CURR:PROT 1e-3", ":SENS1:CURR:RANG 1e-3;NPLC 1", ":OUTP1 ON"],
        ":SOUR1:VOLT {}",
        ":MEAS:CURR? (@1)",
        ":OUTP1 OFF",
        ("SYST:ERR?", '+0,"No error'),
    ),
}


def close(matrix, model, channels):
    """Open everything, close these channels, and have the matrix say so itself."""
    if model == "keysight_34980a":
        matrix.write("*RST")
        matrix.write("SYST:MOD:ROW:PROT 1,AUTO0")  # at reset 100 ohm protect the relays of each row
        matrix.write(f"ROUT:CLOS (@{','.join(channels)})")
        assert ",".join(["1"] * len(channels)) == matrix.query(f"ROUT:CLOS? (@{','.join(channels)})")
        assert '+0,"No error"' == matrix.query("SYST:ERR?")
    else:
        matrix.write("channel.open('allslots')")
        matrix.write(f"channel.close('{','.join(channels)}')")
        assert ";".join(sorted(channels)) == matrix.query("print(channel.getclose('allslots'))")
        assert "0.00000e+00" == matrix.query("print(errorqueue.count)")


@pytest.mark.parametrize(
    "model", ["keithley_707b", *(pytest.param(m, marks=pytest.mark.slow) for m in ADDRESSES if m != "keithley_707b")]
)
def test_another_matrix_by_yaml_alone_gives_the_same_five_points(serve, opened, network, lines, sweep, model):
    bench = serve(model)
    matrix, twin = opened("matrix", bench=bench), network(bench)
    for name, (letter, channel, first, set_to, read, last, (ask, none)) in SOURCES.items():
        wanted = lines(letter)
        close(matrix, model, [ADDRESSES[model](ord(row) - ord("@"), column) for row, column in sorted(wanted)])
        smu = opened(name, bench=bench, kind="socket")
        for message in first:
            smu.write(message)
        found = sweep(
            lambda volts, smu=smu, set_to=set_to: smu.write(set_to.format(volts)),
            lambda smu=smu, read=read: float(smu.query(read)),
        )
        smu.write(last)
        assert smu.query(ask).startswith(none)
        twin.close(wanted).compare((name, channel), found)
    assert 0 == bench.status()["violations"]
