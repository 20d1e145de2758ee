import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmtj.errors import UnitError
from labmtj.units import Dimension, parse, show


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("100 mV", Dimension.VOLTAGE, 0.1),
        ("100mV", Dimension.VOLTAGE, 0.1),
        ("-1.5 V", Dimension.VOLTAGE, -1.5),
        ("1e2 mV", Dimension.VOLTAGE, 0.1),
        (".5 V", Dimension.VOLTAGE, 0.5),
        ("3 mA", Dimension.CURRENT, 3e-3),
        ("100 nA", Dimension.CURRENT, 100e-9),
        ("5 ohm", Dimension.RESISTANCE, 5.0),
        ("14.1 kohm", Dimension.RESISTANCE, 14100.0),
        ("2 \u03a9", Dimension.RESISTANCE, 2.0),
        ("2 k\u2126", Dimension.RESISTANCE, 2000.0),
        ("100 us", Dimension.TIME, 100e-6),
        ("100 \u00b5s", Dimension.TIME, 100e-6),
        ("100 \u03bcs", Dimension.TIME, 100e-6),
        ("2 min", Dimension.TIME, 120.0),
        ("1 h", Dimension.TIME, 3600.0),
        ("40 nm", Dimension.LENGTH, 40e-9),
        ("50 Hz", Dimension.FREQUENCY, 50.0),
        ("300 K", Dimension.TEMPERATURE, 300.0),
        ("10 ohm um2", Dimension.RESISTANCE_AREA, 10e-12),
    ],
)
def test_a_quantity_becomes_the_nearest_si_float(text, dimension, value):
    assert value == parse(text, dimension)


@pytest.mark.parametrize(
    ("text", "dimension", "message"),
    [
        (0.1, Dimension.VOLTAGE, '0.1 has no unit; a voltage is expected: write it with its unit, for example "50 mV"'),
        ("0.1", Dimension.VOLTAGE, "'0.1' has no unit; a voltage is expected: "),
        (True, Dimension.VOLTAGE, "True has no unit; "),
        (None, Dimension.TIME, "None has no unit; a time is expected: "),
        ("100 mV", Dimension.TIME, "'100 mV' is a voltage; a time is expected: "),
        ("40 nm", Dimension.RESISTANCE_AREA, "'40 nm' is a length; a resistance area is expected: "),
        ("3 parsec", Dimension.LENGTH, "'3 parsec': there is no unit 'parsec'; a length is expected: "),
        ("3 mv", Dimension.VOLTAGE, "'3 mv': there is no unit 'mv' (capitals matter); "),
        ("many volts", Dimension.VOLTAGE, "'many volts' is not a quantity; "),
        ("nan V", Dimension.VOLTAGE, "'nan V' is not a quantity; "),
        ("inf V", Dimension.VOLTAGE, "'inf V' is not a quantity; "),
        ("1e999 V", Dimension.VOLTAGE, "'1e999 V' is not a finite voltage"),
        ("1,5 V", Dimension.VOLTAGE, "'1,5 V': there is no unit ',5 V'; "),
    ],
)
def test_what_is_no_such_quantity_is_refused_with_what_to_write(text, dimension, message):
    with pytest.raises(UnitError) as caught:
        parse(text, dimension)
    assert message == str(caught.value)[: len(message)]


@given(
    st.floats(min_value=1e-12, max_value=1e9), st.sampled_from([d for d in Dimension if d.name != "RESISTANCE_AREA"])
)
def test_what_is_shown_is_read_back(value, dimension):
    assert math.isclose(value, parse(show(value, dimension, 17), dimension), rel_tol=1e-14)


@given(st.integers(min_value=-(10**6), max_value=10**6), st.sampled_from(["f", "p", "n", "u", "m", "", "k", "M", "G"]))
def test_a_prefix_is_read_as_a_power_of_ten_in_the_same_number(number, prefix):
    power = dict(zip("fpnumkMG", (-15, -12, -9, -6, -3, 3, 6, 9), strict=True)).get(prefix, 0)
    assert float(f"{number}e{power}") == parse(f"{number} {prefix}V", Dimension.VOLTAGE)


@given(st.text("0123456789.eE+- mukMVAsohz²\u0663\n"))
def test_any_text_is_a_quantity_or_a_unit_error(text):
    try:
        value = parse(text, Dimension.VOLTAGE)
    except UnitError:
        return
    assert math.isfinite(value)
