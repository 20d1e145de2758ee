"""What physics says of a protocol before it runs, at the field that it is about."""

from __future__ import annotations

import pytest

from labmtj.config.finder import shipped_root
from labmtj.protocol.examine import examine
from labmtj.protocol.write_verdicts import Severity

ROOT = shipped_root()


def found(*settings, bench="simulated-15x15", protocol="wine"):
    return examine(protocol, bench=bench, overrides=settings)


def said(examination, severity):
    return [
        (finding.problem.path, finding.problem.message)
        for finding in examination.findings
        if finding.severity is severity
    ]


@pytest.mark.parametrize("bench", ["simulated-15x15", "keithley", "keysight", "parallel"])
def test_nothing_speaks_against_the_shipped_protocol(bench):
    examination = found(bench=bench)
    assert examination.exit_code == 0
    assert [] == said(examination, Severity.ERROR) + said(examination, Severity.REFUSED)
    assert [] == said(examination, Severity.WARNING)


def test_what_is_expected_of_each_layer_is_noted():
    notes = said(found(), Severity.NOTE)
    assert [path for path, _ in notes] == ["program", "program"]
    assert notes[0][1].startswith("286 mV and 389 mV, of which the cells get 0.94 to 0.99;")


def test_one_voltage_for_all_through_long_wires_is_refused_with_the_reason():
    examination = found("die.diameter=100 nm", "die.wire=20 ohm", "program.compensate=false")
    assert examination.exit_code == 4
    (first, *_) = examination.findings
    assert first.severity is Severity.REFUSED
    assert first.problem.path == "program.algorithm"
    assert first.problem.message.startswith(
        "one voltage for all cells cannot work here: through 20 ohm a segment cell (1, 15) gets 0.34 of the amplitude"
    )


def test_one_shot_of_nanoseconds_is_refused_and_what_would_do_is_said():
    settings = ("program.algorithm=one_shot", "program.pulse.width=16 ns", "limits.cell_voltage=700 mV")
    examination = found(*settings, bench="keysight")
    assert examination.exit_code == 4
    (first, *_) = examination.findings
    assert first.problem.message.startswith(
        "one_shot in pulses of 16 ns with v_half cannot work here: at the best amplitude 0.64 %"
    )
    assert "are flipped by pulses on other cells (half-selected, P = " in first.problem.message
    assert first.problem.hint == "verify_first would do"


def test_making_up_for_too_little_wire_is_refused_and_for_what_there_is_is_not():
    long_wires = ("die.diameter=100 nm", "die.wire=20 ohm", "program.algorithm=ispp")
    refused = said(found(*long_wires), Severity.REFUSED)
    assert refused[0][1].startswith("making up for 5 ohm a segment cannot work here: through 20 ohm a segment cell")
    assert [] == said(found(*long_wires, "array.wire=20 ohm"), Severity.REFUSED)


@pytest.mark.parametrize("algorithm", ["one_shot", "verify_first", "ispp", "width_modulated"])
def test_every_algorithm_works_in_pulses_of_100_us(algorithm):
    examination = found(f"program.algorithm={algorithm}")
    assert examination.exit_code == 0
    assert [] == said(examination, Severity.WARNING)


def test_a_stepped_amplitude_that_would_pass_the_limit_is_refused():
    refused = said(found("program.algorithm=ispp", "program.pulse.amplitude=550 mV"), Severity.REFUSED)
    assert refused[0] == (
        "program.pulse.amplitude",
        "stepped up 10 times it would come to 672 mV, above the limit of 600 mV for a cell",
    )


def test_an_amplitude_that_flips_half_selected_cells_is_warned_of_at_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "protocols/wine.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace("amplitude: from_map}", "amplitude: 580 mV}"), encoding="utf-8")
    (first, *_) = found(protocol="mine.yaml").findings
    assert str(first).startswith(
        "mine.yaml:30:26: warning: program.pulse.amplitude: verify_first in pulses of 100 us with v_half leaves 50 % "
        "of the cells wrong: 50 % are flipped by pulses on other cells"
    )
    assert "^^^^^^" in str(first)


def test_a_cell_that_would_be_written_into_breakdown_is_refused(tmp_path):
    text = (ROOT / "instruments/benches/simulated-15x15.yaml").read_text(encoding="utf-8")
    bench = tmp_path / "bench.yaml"
    bench.write_text(text.replace("cell_voltage: 700 mV", "cell_voltage: 950 mV"), encoding="utf-8")
    settings = ("program.pulse.amplitude=850 mV", "limits.cell_voltage=900 mV", "program.repair_sweeps=0")
    refused = dict(said(found(*settings, bench=bench), Severity.REFUSED))
    assert "is written into breakdown: 11 pulses of up to 900 mV" in refused["program.pulse.amplitude"]


def test_a_stepped_polarity_that_would_break_its_cell_is_refused(tmp_path):
    text = (ROOT / "instruments/benches/simulated-15x15.yaml").read_text(encoding="utf-8")
    bench = tmp_path / "bench.yaml"
    bench.write_text(text.replace("cell_voltage: 700 mV", "cell_voltage: 950 mV"), encoding="utf-8")
    examination = found("polarity.ceiling=900 mV", "limits.cell_voltage=900 mV", bench=bench)
    assert examination.exit_code == 4
    (path, message), *_ = said(examination, Severity.REFUSED)
    assert path == "polarity.ceiling"
    assert "a cell that does not switch is written into breakdown" in message


def test_a_ceiling_below_what_cells_need_is_warned_of():
    warnings = said(found("polarity.ceiling=250 mV"), Severity.WARNING)
    assert warnings[0][0] == "polarity.ceiling"
    assert "half of the cells need more than 299 mV" in warnings[0][1]


def test_a_read_that_writes_is_refused():
    refused = said(found("map.read=200 mV"), Severity.REFUSED)
    assert [path for path, _ in refused] == ["map.read"]
    assert refused[0][1].startswith("one read of 20.2 ms at 200 mV loses 4.")


def test_dies_that_forget_are_warned_of_once():
    warnings = said(found("die.diameter=15 nm", "map.read=20 mV", "polarity.read=20 mV"), Severity.WARNING)
    assert sum("are lost in an hour at rest" in message for _, message in warnings) == 1


def test_a_map_that_will_ask_for_more_than_the_limit_is_warned_of():
    warnings = said(found("program.pulse.width=16 ns", bench="keysight"), Severity.WARNING)
    assert any("the map will ask for about 651 mV on these dies, above the limit of 600 mV" in m for _, m in warnings)


def test_a_voltage_above_its_limit_names_the_cell_that_would_see_it():
    examination = found("polarity.ceiling=900 mV")
    assert examination.exit_code == 4
    (finding,) = examination.findings
    assert finding.severity is Severity.REFUSED
    assert "cell (15, 1) of its simulated die would see 894 mV" in finding.problem.hint


def test_mistakes_in_protocol_and_bench_are_found_together(tmp_path):
    job = found().job
    for source, name, old, new in (
        (job.source.path, "mine.yaml", "retries: 10", "retires: 10"),
        (job.bench.source.path, "bench.yaml", "mains: 50 Hz", "mains: 50"),
    ):
        text = source.read_text(encoding="utf-8")
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
    examination = examine(tmp_path / "mine.yaml", bench=tmp_path / "bench.yaml")
    assert examination.exit_code == 3
    assert ["mains", "program.retires"] == [finding.problem.path for finding in examination.findings]


@pytest.mark.parametrize("name", ["simulated-15x15", "instruments/benches/keysight.yaml", "parallel"])
def test_bench_files_are_examined_as_well(name):
    examination = examine(name)
    assert (examination.kind, examination.exit_code, examination.findings) == ("bench", 0, ())


def test_a_limit_at_which_junctions_break_is_warned_of():
    (finding,) = examine("simulated-15x15", overrides=["limits.cell_voltage=900 mV"]).findings
    assert finding.problem.path == "limits.cell_voltage"
    assert "breaks 1.5e-04 of the cells" in finding.problem.message


def test_data_sheets_are_examined_as_well():
    assert examine("keithley_2450").kind == "model"


def test_a_network_that_is_not_there_is_found_without_running():
    (finding,) = found("network.shipped=wine/400").findings
    assert finding.severity is Severity.ERROR
    assert "wine/0 .. wine/299" in finding.problem.message
