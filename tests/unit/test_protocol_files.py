from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmtj.config.bench import load_bench
from labmtj.config.source import parse
from labmtj.errors import FileProblems, LabmtjError, LimitExceeded, MissingFile, PlacementError
from labmtj.protocol.kinds import STEPS, InferStep, ProgramStep, ReportStep, TuneStep
from labmtj.protocol.kinds.fields import AmplitudePair
from labmtj.protocol.load import check_fits, check_protocol, load_protocol
from labmtj.protocol.schema import ProtocolFile

ROOT = Path(__file__).parents[2]
WINE = (ROOT / "protocols/wine.yaml").read_text(encoding="utf-8")
BENCH = (ROOT / "instruments/benches/simulated-15x15.yaml").read_text(encoding="utf-8")
MINE = """\
title: Mine
format: 1
network: {shipped: wine/3}
steps:
  - polarity: {start: 150 mV, step: 20 mV, ceiling: 600 mV, width: 100 us, read: 50 mV}
  - map: {read: 50 mV, width: 100 us}
  - program:
      layer: 1
      pulse: {width: 50 ms, amplitude: 320 mV}
      retries: 3
  - infer: {layer: 1, inputs: bit_serial, bits: 4, samples: 5}
  - infer: {layer: 1, inputs: map}
  - program: {layer: 2, pulse: {width: 20 ms}}
  - infer: {layer: 2, read: 20 mV}
  - tune:
  - report:
limits: {cell_voltage: 650 mV}
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Load MINE as mine.yaml on bench.yaml, both in the current folder, with one text replaced by another."""
    monkeypatch.chdir(tmp_path)
    Path("bench.yaml").write_text(BENCH, encoding="utf-8")

    def load(old="", new="", **options):
        assert old in MINE
        Path("mine.yaml").write_text(MINE.replace(old, new, 1) if old else MINE, encoding="utf-8")
        return load_protocol("mine.yaml", bench=options.pop("bench", "bench.yaml"), **options)

    return load


def steps_of(job, kind):
    return [step for step in job.protocol.steps if isinstance(step, kind)]


def test_the_shipped_protocol_loads_on_both_shipped_benches_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    jobs = [load_protocol("protocols/wine.yaml", bench=bench) for bench in ("simulated-15x15", "keithley")]
    assert jobs[0].protocol == jobs[1].protocol
    assert jobs[0].protocol.network.shipped == "wine/17"
    kinds = [
        "Contact",
        "Polarity",
        "Map",
        "Program",
        "Infer",
        "Infer",
        "Verify",
        "Program",
        "Infer",
        "Verify",
        "Tune",
        "Report",
    ]
    assert [f"{kind}Step" for kind in kinds] == [type(step).__name__ for step in jobs[0].protocol.steps]
    assert jobs[0].source.effective_text() == WINE


def test_what_a_step_does_not_say_is_inherited_from_the_step_before_of_its_kind(job):
    first, second = steps_of(job(), ProgramStep)
    assert second == first.model_copy(update={"layer": 2, "pulse": first.pulse.model_copy(update={"width": 20e-3})})
    assert (first.retries, first.pulse.width, first.pulse.amplitude) == (
        3,
        50e-3,
        AmplitudePair.model_validate({"ap_to_p": "320 mV", "p_to_ap": "320 mV"}),
    )


def test_bits_go_with_bit_serial_inputs_and_reads_come_from_the_map(job):
    serial, mapped, last = steps_of(job(), InferStep)
    assert (serial.bits, serial.samples, serial.read) == (4, 5, 50e-3)
    assert (mapped.bits, mapped.samples, mapped.read) == (None, 5, 50e-3)
    assert (last.inputs, last.samples, last.read) == ("map", 5, 20e-3)


def test_a_step_without_fields_has_its_defaults(job):
    assert [TuneStep()] == steps_of(job(), TuneStep)
    assert [ReportStep()] == steps_of(job(), ReportStep)


def test_the_tighter_limit_holds(job):
    assert job().protocol.limits.cell_voltage == 0.65
    assert job("limits: {cell_voltage: 650 mV}", "").protocol.limits.cell_voltage == 0.7
    assert job().protocol.limits.line_compliance == 3e-3


# --- errors of a beginner, in full


def test_a_bare_number_for_a_voltage(job):
    with pytest.raises(FileProblems) as caught:
        job("amplitude: 320 mV", "amplitude: 0.32")
    assert str(caught.value) == (
        "mine.yaml:9:40: program.pulse.amplitude: 0.32 has no unit; a voltage is expected: "
        'write it with its unit, for example "50 mV"\n'
        "          pulse: {width: 50 ms, amplitude: 0.32}\n"
        "                                           ^^^^\n"
        "  write from_map, 320 mV, or one for each direction: {ap_to_p: 320 mV, p_to_ap: 370 mV}"
    )
    assert caught.value.exit_code == 3


def test_a_volt_where_a_time_belongs(job):
    with pytest.raises(FileProblems) as caught:
        job("{read: 50 mV, width: 100 us}\n  - program", "{read: 50 mV, width: 100 mV}\n  - program")
    assert str(caught.value) == (
        "mine.yaml:6:31: map.width: '100 mV' is a voltage; a time is expected: "
        'write it with its unit, for example "100 us"\n'
        "      - map: {read: 50 mV, width: 100 mV}\n"
        "                                  ^^^^^^"
    )


def test_an_unknown_step(job):
    with pytest.raises(FileProblems) as caught:
        job("- tune:", "- tunes:")
    assert str(caught.value) == (
        "mine.yaml:15:5: tunes: there is no step tunes\n      - tunes:\n        ^^^^^\n  did you mean tune?"
    )


def test_a_protocol_larger_than_the_array(job):
    small = BENCH.replace("rows: 15, cols: 15", "rows: 10, cols: 15").replace("{1..15: 1..15}", "{1..10: 1..10}")
    Path("small.yaml").write_text(small, encoding="utf-8")
    with pytest.raises(PlacementError) as caught:
        check_fits(job(bench="small.yaml"), {1: (13, 12), 2: (6, 6)})
    assert str(caught.value) == (
        "mine.yaml:8:14: program.layer: layer 1 needs 13 x 12 devices, the array has 10 x 15\n"
        "          layer: 1\n"
        "                 ^\n"
        "  the array: small.yaml:20"
    )
    assert caught.value.exit_code == 3


def test_a_missing_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingFile) as caught:
        load_protocol("protocols/vine.yaml")
    expected = "protocols/vine.yaml: there is no such protocol file; did you mean wine? shipped ones: "
    assert expected == str(caught.value)[: len(expected)]
    assert caught.value.exit_code == 3


def test_a_bench_that_names_an_unknown_model(job):
    Path("wrong.yaml").write_text(BENCH.replace("keithley_707b", "keithley_707c"), encoding="utf-8")
    with pytest.raises(FileProblems) as caught:
        job(bench="wrong.yaml")
    expected = (
        "wrong.yaml:12:19: instruments.matrix.model: there is no instrument model keithley_707c\n"
        '      matrix: {model: keithley_707c,  address: "TCPIP0::192.0.2.12::inst0::INSTR"}\n'
        "                      ^^^^^^^^^^^^^\n"
        "  did you mean keithley_707b?"
    )
    assert expected == str(caught.value)[: len(expected)]


# --- limits


def test_a_voltage_above_a_limit_is_refused_with_the_line_of_the_limit(job):
    with pytest.raises(LimitExceeded) as caught:
        job("amplitude: 320 mV", "amplitude: 1400 mV")
    assert str(caught.value) == (
        "mine.yaml:9:40: program.pulse.amplitude: 1.4 V could put as much on a cell, above its limit 650 mV\n"
        "          pulse: {width: 50 ms, amplitude: 1400 mV}\n"
        "                                           ^^^^^^^\n"
        "  the protocol allows 650 mV (mine.yaml:17); cell (15, 1) of its simulated die would see 1.39 V"
    )
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("320 mV", "{ap_to_p: 320 mV, p_to_ap: 700 mV}", "mine.yaml:9:67: program.pulse.amplitude.p_to_ap: 700 mV "),
        ("ceiling: 600 mV", "ceiling: 660 mV", "mine.yaml:5:53: polarity.ceiling: 660 mV could put "),
        ("read: 20 mV", "read: 2 V", "mine.yaml:14:29: infer.read: 2 V could put as much on a cell"),
        (
            "{cell_voltage: 650 mV}",
            "{terminal_voltage: 90 mV}",
            "mine.yaml:5:53: polarity.ceiling: 600 mV could put 300 mV on a terminal",
        ),
    ],
)
def test_every_voltage_of_a_step_is_held_against_the_limits(job, old, new, message):
    with pytest.raises(LimitExceeded) as caught:
        job(old, new)
    assert message == str(caught.value)[: len(message)]


def test_a_limit_looser_than_the_bench_quotes_the_line_of_the_bench(job):
    with pytest.raises(LimitExceeded) as caught:
        job("cell_voltage: 650 mV", "cell_voltage: 1.4 V")
    assert str(caught.value) == (
        "mine.yaml:17:24: limits.cell_voltage: 1.4 V is looser than the bench's limit 700 mV\n"
        "    limits: {cell_voltage: 1.4 V}\n"
        "                           ^^^^^\n"
        "  the bench allows 700 mV (bench.yaml:22); a protocol may only be tighter"
    )


# --- everything else that can be wrong


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("retries: 3", "retrys: 3", (10, 7), "there is no field retrys"),
        ("retries: 3", "retries: many", (10, 16), "'many' stands here; a whole number is expected"),
        ("retries: 3", "retries: -1", (10, 16), "-1 must be at least 0"),
        ("retries: 3", "scheme: v_fourth", (10, 15), "'v_fourth' is not one of the choices"),
        ("retries: 3", "place: somewhere", (10, 14), "'somewhere' is not one of the choices"),
        ("retries: 3", "place: {rows: [1, 1], cols: [1]}", (10, 25), "line 1 stands twice"),
        ("retries: 3", "place: {rows: [1, 16], cols: [1]}", (10, 25), "line 16 is not on the array"),
        ("retries: 3", "place: {rows: [], cols: [1]}", (10, 21), "at least one entry is expected"),
        ("retries: 3", "place: {rows: [1]}", (10, 7), "cols is missing"),
        ("320 mV", "from_mapp", (9, 40), "'from_mapp' is no amplitude"),
        ("320 mV", "{ap_to_p: 320 mV}", (9, 29), "p_to_ap is missing"),
        ("samples: 5", "samples: some", (11, 61), "'some' is no choice of samples"),
        ("samples: 5", "samples: [1, 1]", (11, 61), "a sample stands twice in this list"),
        ("samples: 5", "samples: 0", (11, 61), "0 is no choice of samples"),
        ("inputs: map", "inputs: map, bits: 3", (12, 36), "bits belong to inputs: bit_serial"),
        ("- report:", "- report", (16, 5), "a step is a mapping: write report: and its fields, or report: alone"),
        ("- report:", "- 5", (16, 5), "a step is a mapping with its name as the only key"),
        ("  - report:", "    report:", (16, 5), "tune and report stand in one step"),
        ("- report:", "- report: {to: x}", (16, 14), "there is no field to"),
        ("start: 150 mV", "start: 620 mV", (5, 23), "the first pulse is above the ceiling"),
        (
            "ceiling: 600 mV",
            "ceiling: 600 mV, cell: [16, 1]",
            (5, 67),
            "cell (16, 1) is not on the array",
        ),
        ("shipped: wine/3", "files: x", (3, 18), "solution is missing"),
        ("shipped: wine/3", "shipped: wine/3, files: x", (3, 28), "a network is either shipped or in files, not both"),
        ("shipped: wine/3", "shipped: wine/3, solution: 3", (3, 28), "solution goes with files"),
        ("{shipped: wine/3}", "{}", (3, 10), "no network is named"),
        ("shipped: wine/3", "shipped: 3", (3, 20), "3 stands here; a text is expected"),
        ("title: Mine", "title: Mine\ntitle: Yours", (2, 1), "title stands twice, first in line 1"),
        ("format: 1", "format: 7", (2, 9), "format 7 was made by a newer labmtj; this one reads format 1"),
    ],
)
def test_each_mistake_in_a_protocol_is_found_where_it_stands(job, old, new, place, message):
    with pytest.raises(FileProblems) as caught:
        job(old, new)
    problem = caught.value.problems[0]
    assert ("mine.yaml", *place) == (problem.where, problem.line, problem.column)
    assert message == problem.message[: len(message)]


@pytest.mark.parametrize(
    ("removed", "place", "message"),
    [
        ("  - map: {read: 50 mV, width: 100 us}\n", (6, 5), "a map step must come before this one"),
        (
            "  - program: {layer: 2, pulse: {width: 20 ms}}\n",
            (13, 5),
            "a program step of layer 2 must come before",
        ),
        ("  - infer: {layer: 2, read: 20 mV}\n", (14, 5), "an infer step of layer 2 must come before this one"),
        (MINE[MINE.index("  - polarity") : MINE.index("  - map")], (5, 5), "a polarity step must come before this one"),
        (
            MINE[MINE.index("  - infer") : MINE.index("  - program: {")],
            (12, 5),
            "an infer step of layer 1 must come",
        ),
    ],
)
def test_a_step_needs_what_the_steps_before_it_have_done(job, removed, place, message):
    with pytest.raises(FileProblems) as caught:
        job(removed, "")
    problem = caught.value.problems[0]
    assert place == (problem.line, problem.column)
    assert message == problem.message[: len(message)]


def test_a_mistake_that_is_inherited_is_reported_once_where_it_was_written(job):
    with pytest.raises(FileProblems) as caught:
        job("retries: 3", "retries: 3 V")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (10, 16)


def test_all_problems_are_reported_at_once_in_the_order_of_lines(job):
    with pytest.raises(FileProblems) as caught:
        job("retries: 3\n  - infer: {layer: 1,", "retry: 3\n  - infer: {layer: one,")
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(10, 7), (11, 20)]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("{rows: [1, 2], cols: [3]}", "layer 1 needs 13 rows, 2 are named"),
        ("identity", ""),
    ],
)
def test_lines_that_are_named_must_be_as_many_as_the_layer_needs(job, place, message):
    loaded = job("retries: 3", f"place: {place}")
    if message:
        with pytest.raises(PlacementError, match=message):
            check_fits(loaded, {1: (13, 12), 2: (6, 6)})
    else:
        check_fits(loaded, {1: (13, 12), 2: (6, 6)})


def test_a_layer_that_the_network_does_not_have(job):
    with pytest.raises(PlacementError, match=r"^mine\.yaml:13:22: program\.layer: the network has no layer 2"):
        check_fits(job(), {1: (13, 12)})


# --- overrides


def test_a_step_is_set_by_its_kind_and_the_others_inherit_it(job):
    for path in ("steps.program.retries", "program.retries"):
        loaded = job(overrides=[f"{path}=7"])
        assert [step.retries for step in steps_of(loaded, ProgramStep)] == [7, 7]
        assert loaded.source.data["steps"][5] == {"program": {"layer": 2, "pulse": {"width": "20 ms"}}}


def test_one_step_of_a_kind_is_set_by_its_number(job):
    loaded = job(overrides=["steps.program[2].retries=7", "infer[1].bits=3"])
    assert [step.retries for step in steps_of(loaded, ProgramStep)] == [3, 7]
    assert [step.bits for step in steps_of(loaded, InferStep)] == [3, None, None]


def test_a_value_that_a_step_writes_itself_is_set_in_every_step(job):
    loaded = job(overrides=["program.pulse.width=10 ms", "program.pulse.amplitude=from_map"])
    assert [(s.pulse.width, s.pulse.amplitude) for s in steps_of(loaded, ProgramStep)] == [(10e-3, "from_map")] * 2


def test_a_text_gives_way_to_a_mapping(job):
    overrides = ["program.pulse.amplitude.ap_to_p=300 mV", "program.pulse.amplitude.p_to_ap=350 mV"]
    first, second = steps_of(job(overrides=overrides), ProgramStep)
    assert (first.pulse.amplitude.record.ap_to_p, second.pulse.amplitude.record.p_to_ap) == (0.3, 0.35)


def test_files_replace_the_shipped_network_and_are_made_absolute(job, tmp_path):
    loaded = job(overrides=["network.files=nist", "network.solution=7"])
    assert (loaded.protocol.network.shipped, loaded.protocol.network.solution) == (None, 7)
    assert loaded.protocol.network.files == str(tmp_path / "nist")
    assert str(tmp_path / "nist") in loaded.source.effective_text()


def test_the_protocol_comes_before_the_bench_and_the_bench_before_its_simulation(job):
    loaded = job(overrides=["limits.cell_voltage=640 mV", "wait.after_relay=1 ms", "die.diameter=30 nm"], seed=9)
    assert loaded.protocol.limits.cell_voltage == 0.64
    assert loaded.bench.bench.limits.cell_voltage == 0.7
    assert loaded.bench.bench.wait.after_relay == 1e-3
    assert (loaded.bench.bench.simulation.die.diameter, loaded.bench.bench.simulation.die.seed) == (30e-9, 9)


def test_the_effective_files_are_the_same_job(job):
    loaded = job(overrides=["program.retries=7", "die.diameter=30 nm"], seed=9)
    Path("p.yaml").write_text(loaded.source.effective_text(), encoding="utf-8")
    Path("b.yaml").write_text(loaded.bench.source.effective_text(), encoding="utf-8")
    again = load_protocol("p.yaml", bench="b.yaml")
    assert loaded.protocol == again.protocol
    assert loaded.bench.bench == again.bench.bench


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "progam.retries=3",
            "there is no field progam.retries\n  did you mean steps.program.retries or",
        ),
        ("steps.program.retrys=3", "there is no field steps.program.retrys\n  did you mean steps.program.retries"),
        ("program[3].retries=3", "mine.yaml has no step that program[3].retries could mean"),
        ("verify.layer=3", "mine.yaml has no step that verify.layer could mean"),
        ("program.retries=1e-3", "program.retries: 0.001 stands here; a whole number is expected"),
        ("network.solution=7", "network.solution: solution goes with files\n  the number of a shipped network"),
        (
            "limits.cell_voltage=1 V",
            "limits.cell_voltage: 1 V is looser than the bench's limit 700 mV\n",
        ),
        (
            "program.pulse.amplitude=1 V",
            "program.pulse.amplitude: 1 V could put as much on a cell, above its",
        ),
        ("steps=[]", "steps: at least one entry is expected"),
        ("program=3", "program: a mapping is expected with the fields layer, algorithm, "),
    ],
)
def test_a_wrong_override_is_named_as_it_was_typed(job, override, expected):
    with pytest.raises(LabmtjError) as caught:
        job(overrides=[override])
    expected = f"--set {override}: {expected}"
    assert expected == str(caught.value)[: len(expected)]


def test_the_schema_of_a_protocol_offers_every_step():
    schema = ProtocolFile.model_json_schema()
    names = [reference["$ref"].rpartition("/")[2] for reference in schema["properties"]["steps"]["items"]["oneOf"]]
    assert [f"{kind.__name__.removesuffix('Step')}Entry" for kind in STEPS.values()] == names


@given(st.integers(0, len(MINE) - 1), st.sampled_from(list(" x:-0{\n#\t~['")))
def test_a_protocol_with_a_slip_of_the_pen_is_a_job_or_one_clear_error(place, slip):

    text = MINE[:place] + slip + MINE[place + 1 :]
    try:
        check_protocol(parse(text, name="x"), load_bench())
    except (FileProblems, LimitExceeded) as error:
        message = str(error)
    else:
        return
    assert message.startswith("x:")


def test_a_network_is_tuned_after_all_of_its_layers_are_written(job):
    with pytest.raises(PlacementError, match=r"^mine\.yaml:15:5: tune: nothing has written layer 3"):
        check_fits(job(), {1: (13, 12), 2: (6, 6), 3: (3, 6)})
