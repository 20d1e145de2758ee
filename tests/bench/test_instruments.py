"""Every instrument by itself: who it is, what it keeps of what it is told, what it refuses."""

import math

import pytest

from labmtj.config.model import (
    PulseGeneratorModel,
    SourceMeterModel,
    SwitchMatrixModel,
    ThermometerModel,
    VoltageBankModel,
)
from labmtj.drivers.link import Meaning, TspLink
from labmtj.errors import BenchError, LabmtjError, LimitExceeded

LEVEL = 10e-3  # [V]
CLOSE = 1e-6  # of a number: six digits, which the coarsest instrument here keeps


def of(kind, models):
    return [name for name, model in models.items() if isinstance(model, kind)]


def channels(kind, connected):
    """Every channel of the instruments of a kind, with its name."""
    return [
        (f"{name}.{channel}", connected.devices[name].channel(channel))
        for name in of(kind, connected.models)
        for channel in connected.models[name].channels
    ]


def ends(file):
    """What lines are wired to: matrix columns, and channels."""
    return [end for side in (file.bench.lines.rows, file.bench.lines.cols) for end in side.values()]


def test_every_instrument_is_what_the_bench_file_says(connected):
    serials = {name: device.identify() for name, device in connected.devices.items()}
    assert all(serials.values())
    assert serials == {name: device.identify() for name, device in connected.devices.items()}


def test_the_error_that_an_instrument_reports_names_what_was_asked_and_is_then_gone(connected):
    """A question that no instrument knows, which changes nothing; those that have no queue are not asked."""
    for name, device in connected.devices.items():
        if isinstance(connected.models[name], ThermometerModel):
            continue
        with pytest.raises(BenchError, match=r"(?i)labmtj"):
            unknown(device.link)
        assert device.identify()
        assert "" == waiting(device.link), name


def unknown(link):
    """Ask for what there is not, in the instrument's own language."""
    if isinstance(link, TspLink):
        link.ask("labmtj.unknown", meaning=Meaning.READ)
    else:
        link.ask(":LABMtj:UNKNown?", meaning=Meaning.READ)


def waiting(link):
    """What stands in an instrument's queue of errors; nothing is empty."""
    if isinstance(link, TspLink):
        return "" if float(link.ask("errorqueue.count", meaning=Meaning.READ)[0]) == 0 else "an error"
    link.ask("*ESR?", meaning=Meaning.READ)  # it raises what is in the queue
    return ""


@pytest.mark.parametrize("setting", ["nplc", "compliance_current", "current_range", "source_voltage"])
def test_what_a_source_meter_is_set_to_is_what_it_says_it_is_set_to(file, models, connected, setting):
    if not of(SourceMeterModel, models):
        pytest.skip("a source meter")
    measure, limits = file.bench.measure, file.bench.limits
    for name, channel in channels(SourceMeterModel, connected):
        model = models[name.partition(".")[0]]
        values = {
            "nplc": [model.nplc.minimum, 0.37, measure.nplc],
            "compliance_current": [
                0.1 * limits.line_compliance,
                0.123 * limits.line_compliance,
                limits.line_compliance,
            ],
            "current_range": [entry.range for entry in model.measure_current if entry.range <= measure.range],
            "source_voltage": [LEVEL, -LEVEL, 1.234e-3, 0.0],
        }[setting]
        for value in values:
            if setting == "nplc" and not model.nplc.minimum <= value <= model.nplc.maximum:
                continue
            setattr(channel, setting, value)
            found = getattr(channel, setting)
            assert math.isclose(found, value, rel_tol=CLOSE, abs_tol=1e-9), f"{name}.{setting}: {found} after {value}"
        assert channel.source_enabled is False


def test_what_a_source_meter_cannot_do_is_refused_with_nothing_sent(models, connected, heard):
    if not of(SourceMeterModel, models):
        pytest.skip("a source meter")
    for name, channel in channels(SourceMeterModel, connected):
        model = models[name.partition(".")[0]]
        beyond = {
            "nplc": (0.5 * model.nplc.minimum, 2 * model.nplc.maximum),
            "compliance_current": (0.5 * model.compliance.minimum, 2 * model.compliance.maximum, -1e-3, math.nan),
            "source_voltage": (2 * max(entry.range for entry in model.source_voltage), math.inf, math.nan),
        }
        for setting, values in beyond.items():
            for value in values:
                with heard, pytest.raises(LabmtjError):
                    setattr(channel, setting, value)
                assert [] == heard.messages, f"{name}.{setting} = {value}"


def test_a_bank_keeps_the_levels_it_is_given(file, models, connected):
    if not of(VoltageBankModel, models):
        pytest.skip("a bank of voltages")
    for name in of(VoltageBankModel, models):
        used = sorted(
            {
                end[1]
                for side in (file.bench.lines.rows, file.bench.lines.cols)
                for end in side.values()
                if not isinstance(end, int) and end[0] == name
            }
        )
        bank = connected.devices[name]
        bank.apply({used[0]: LEVEL, used[-1]: -LEVEL})  # it reads back, and raises if they differ
        bank.rest()


def test_a_thermometer_reads_a_temperature(models, connected):
    if not of(ThermometerModel, models):
        pytest.skip("a thermometer")
    for name in of(ThermometerModel, models):
        assert 0.0 < connected.devices[name].temperature(models[name].channels[0]) < 1000.0


def test_a_generator_has_two_channels_that_fire_together_and_refuses_what_it_cannot_make(models, connected, heard):
    if not of(PulseGeneratorModel, models):
        pytest.skip("a pulse generator")
    for name in of(PulseGeneratorModel, models):
        model = models[name]
        pair = connected.devices[name].pair(*model.channels[:2])
        for volts, width in (
            ((2 * model.amplitude.maximum, 0.0), model.width.minimum),
            ((LEVEL, 0.0), 0.5 * model.width.minimum),
        ):
            with heard, pytest.raises(LimitExceeded):
                pair.pulse(volts, width)
            assert [] == heard.messages


def test_every_crosspoint_that_is_wired_closes_alone_and_opens_again(file, models, connected):
    if not of(SwitchMatrixModel, models):
        pytest.skip("a matrix")
    matrix = connected.devices[of(SwitchMatrixModel, models)[0]]
    assert frozenset() == matrix.closed()
    columns = [
        end for side in (file.bench.lines.rows, file.bench.lines.cols) for end in side.values() if isinstance(end, int)
    ]
    for row in file.bench.roles:
        for column in columns:
            assert {(row, column)} == matrix.switch([("close", [(row, column)])])
            assert {(row, column)} == matrix.closed()
            assert frozenset() == matrix.switch([("open", [(row, column)])])
    matrix.switch([("close", [(next(iter(file.bench.roles)), column) for column in columns])])
    matrix.open_all()
    assert frozenset() == matrix.closed()
