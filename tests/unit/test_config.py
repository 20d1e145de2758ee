import contextlib
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from labmtj.config import finder, yaml12
from labmtj.config.bench import Bench, load_bench
from labmtj.config.quantities import Fraction, PerVoltSquared, Ratio, SignedRatio
from labmtj.config.source import parse, read
from labmtj.errors import FileProblems, InputError, MissingFile

ROOT = Path(__file__).parents[2]
# without its first line, which names the schema for editors
BENCH = (ROOT / "instruments/benches/simulated-15x15.yaml").read_text(encoding="utf-8").partition("\n")[2]


@pytest.fixture
def bench_with(tmp_path, monkeypatch):
    """Load the shipped bench, as mine.yaml in the current folder, with one text replaced by another."""
    monkeypatch.chdir(tmp_path)

    def load(old="", new="", **options):
        assert old in BENCH
        Path("mine.yaml").write_text(BENCH.replace(old, new, 1) if old else BENCH, encoding="utf-8")
        return load_bench("mine.yaml", **options)

    return load


def problem_of(call, *arguments, **options):
    with pytest.raises(FileProblems) as caught:
        call(*arguments, **options)
    assert caught.value.exit_code == 3
    (problem,) = caught.value.problems
    return problem


# --- finder


def test_a_shipped_name_is_found_with_and_without_suffix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = finder.shipped_root() / "instruments/benches/simulated-15x15.yaml"
    assert expected == finder.find("benches", "simulated-15x15")
    assert expected == finder.find("benches", "simulated-15x15.yaml")
    assert expected == finder.find("benches", "instruments/benches/simulated-15x15.yaml")
    assert finder.find("protocols", "protocols/wine.yaml") == finder.shipped_root() / "protocols/wine.yaml"


def test_a_file_of_the_user_wins_over_a_shipped_one_of_the_same_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("wine.yaml").touch()
    assert Path("wine.yaml") == finder.find("protocols", "wine.yaml")
    assert finder.find("protocols", "wine") == finder.shipped_root() / "protocols/wine.yaml"


def test_a_file_in_another_folder_is_never_replaced_by_a_shipped_one(tmp_path):
    with pytest.raises(MissingFile):
        finder.find("protocols", tmp_path / "wine.yaml")
    with pytest.raises(MissingFile):
        finder.find("protocols", "elsewhere/wine.yaml")


def test_without_a_checkout_files_come_from_the_installed_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(finder, "PACKAGE", tmp_path / "site" / "labmtj")
    shipped = tmp_path / "site" / "labmtj" / "_shipped" / "protocols" / "wine.yaml"
    shipped.parent.mkdir(parents=True)
    shipped.touch()
    assert shipped == finder.find("protocols", "protocols/wine.yaml")
    with pytest.raises(MissingFile, match="install labmtj again"):
        finder.shipped_file("data/reference/nothing.npz")


def test_a_missing_file_names_the_nearest_shipped_ones():
    with pytest.raises(MissingFile) as caught:
        finder.find("benches", "simulated-15x51")
    assert str(caught.value).startswith(
        "simulated-15x51: there is no such bench file; did you mean simulated-15x15 or simulated-1t1r? shipped ones: "
        "keithley, "
    )
    assert caught.value.exit_code == 3


# --- YAML


def test_only_true_and_false_are_booleans_and_keys_are_texts():
    text = "{on: off, 1: yes, a: true, b: 1e-3, c: 0x1F, d: 017, e: 1:30, f: 2026-01-01, g: ~, h: 1_000, i: .inf}"
    expected = {"on": "off", "1": "yes", "a": True, "b": 1e-3, "c": "0x1F", "d": "017", "e": "1:30"}
    expected |= {"f": "2026-01-01", "g": None, "h": "1_000", "i": ".inf"}
    assert expected == parse(text, name="x").data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2", "x.yaml:2:1: a: a stands twice, first in line 1\n    a: 2\n    ^"),
        (
            "a:\n  b: [1, 2",
            "x.yaml:2:11: this is not YAML: expected ',' or ']', but got '<stream end>' "
            "(while parsing a flow sequence)\n"
            "      b: [1, 2\n"
            "              ^\n"
            "  the bracket that opens in line 2, column 6 may not be closed; texts with commas or colons need quotes",
        ),
        (
            "a: {b: 1\nc: 2",
            "x.yaml:2:2: this is not YAML: expected ',' or '}', but got ':' (while parsing a flow mapping)\n"
            "    c: 2\n     ^\n"
            "  a comma may be missing here, or the brace that opens in line 1, column 4 may not be closed; "
            "texts with commas or colons need quotes",
        ),
        (
            'a: 1\nb: "c',
            "x.yaml:2:6: this is not YAML: found unexpected end of stream (while scanning a quoted scalar)\n"
            '    b: "c\n         ^\n  the quote that opens in line 2, column 4 is not closed',
        ),
        (
            "a:\n  b: 1\n c: 2",
            "x.yaml:3:2: this is not YAML: expected <block end>, but found '<block mapping start>' "
            "(while parsing a block mapping)\n     c: 2\n     ^\n"
            "  fields of one mapping must begin in one column; what this stands in begins in line 1, column 1",
        ),
        (
            "visa: @py",
            "x.yaml:1:7: this is not YAML: found character '@' that cannot start any token "
            "(while scanning for the next token)\n    visa: @py\n          ^\n"
            '  a text that begins with this character needs quotes, for example "@py"',
        ),
        ("", "x.yaml:1:1: the file is empty"),
        ("a: \x07", "x.yaml:1:4: the character U+0007 may not stand in YAML\n    a: \x07\n       ^"),
    ],
)
def test_a_syntax_error_has_line_column_and_hint(text, expected):
    assert expected == str(problem_of(parse, text, name="x.yaml"))


@pytest.mark.parametrize(
    "text", ["a: !!python/object/apply:os.system [ls]", "a: !!binary aGk=", "!!set {a, b}", "!x 1"]
)
def test_tags_are_refused(text):
    assert "are not used here" in problem_of(parse, text, name="x").message


def test_a_file_that_unfolds_without_bound_is_refused_at_once():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "unfold without bound" in problem_of(parse, "\n".join(levels), name="x").message
    assert "unfold without bound" in problem_of(parse, "&a [*a]", name="x").message
    assert "nested deeper than 32" in problem_of(parse, "[" * 5000, name="x").message
    assert "more than 100 aliases" in problem_of(parse, "a: &a 1\nb: [" + "*a, " * 200 + "]", name="x").message
    assert "too long" in problem_of(parse, "a: " + "9" * 5000, name="x").message


def test_a_file_that_is_missing_large_a_folder_or_not_utf8_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingFile, match=r"^a\.yaml: there is no such file$"):
        read("a.yaml")
    with pytest.raises(InputError, match=r"^\.: this is not a file$"):
        read(".")
    Path("b.yaml").write_bytes(b"a: 1\n" * 200_001)
    with pytest.raises(InputError, match=r"^b\.yaml: the file is larger than 1000 kB; is it the right one\?$"):
        read("b.yaml")
    Path("c.yaml").write_bytes(b"a: 1\nb: \xff\n")
    assert str(problem_of(read, "c.yaml")) == "c.yaml:2:4: the file is not UTF-8 (byte 0xFF); save it as UTF-8"


def test_a_byte_order_mark_and_windows_line_ends_do_not_shift_positions(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: {c: 2}\r\n")
    source = read(path)
    mark = source.mark(("b", "c"))
    assert (mark.line, mark.column) == (2, 8)
    assert f"{path}:2:8: b.c: wrong\n    b: {{c: 2}}\n           ^" == str(source.problem(("b", "c"), "wrong"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ony1e-3.:~ #'\n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ony1.~ ", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1), JSON, min_size=1, max_size=4))
def test_what_is_dumped_is_read_back(data):
    assert data == parse(yaml12.dump(data), name="x").data


@given(st.text("ab:-[]{},&*!|>'\"%@`#\n\t 1?~\\"))
def test_any_text_is_data_or_file_problems(text):
    try:
        parse(text, name="x")
    except FileProblems as error:
        places = [(problem.line, problem.column) for problem in error.problems]
    else:
        return
    assert all(line >= 1 and column >= 1 for line, column in places)


# --- field types


def test_fractions_are_percentages_or_bare_numbers():
    assert [TypeAdapter(Fraction).validate_python(v) for v in ("6 %", 0.06, 0, "100%")] == [0.06, 0.06, 0.0, 1.0]
    assert [TypeAdapter(Ratio).validate_python(value) for value in ("120 %", 1.2)] == [1.2, 1.2]
    assert TypeAdapter(SignedRatio).validate_python("-5 %") == -0.05
    assert TypeAdapter(PerVoltSquared).validate_python("0.2 /V2") == 0.2
    for wrong in (6, "6", "6 mV", True, None, -0.1, math.nan):
        with pytest.raises(ValueError, match=r"fraction|above|negative"):
            TypeAdapter(Fraction).validate_python(wrong)


# --- benches


def test_the_shipped_benches_differ_in_title_and_library_only():
    twin, real = load_bench("simulated-15x15").bench, load_bench("keithley").bench
    assert twin.visa == "@labmtj"
    assert real.visa == "@py"
    assert twin == real.model_copy(update={"visa": twin.visa, "title": twin.title})


def test_a_bench_is_read_in_si_units_with_ranges_expanded(bench_with):
    bench = bench_with().bench
    assert {line: line for line in range(1, 16)} == bench.lines.rows
    assert {line: line + 15 for line in range(1, 16)} == bench.lines.cols
    assert (bench.limits.cell_voltage, bench.limits.terminal_voltage, bench.limits.line_compliance) == (0.7, 1.5, 3e-3)
    assert bench.channels == {"A": ("smu", "a"), "B": ("smu", "b")}
    assert bench.ground_rows == ("C",)
    assert (bench.simulation.die.diameter, bench.simulation.die.wire, bench.simulation.die.seed) == (40e-9, 5.0, 17)


def test_an_unknown_model_is_an_error_at_its_name(bench_with):
    problem = problem_of(bench_with, "model: keithley_2636b", "model: keithley_2636")
    expected = (
        "mine.yaml:10:19: instruments.smu.model: there is no instrument model keithley_2636\n"
        '      smu:    {model: keithley_2636, address: "TCPIP0::192.0.2.11::inst0::INSTR"}\n'
        "                      ^^^^^^^^^^^^^\n"
        "  did you mean keithley_2636b?"
    )
    assert expected == str(problem)[: len(expected)]


def test_a_bare_number_for_a_voltage_is_an_error_at_the_number(bench_with):
    problem = problem_of(
        bench_with, "cell_voltage: 700 mV                       # across one cell", "cell_voltage: 0.7  # across"
    )
    expected = (
        "mine.yaml:21:17: limits.cell_voltage: 0.7 has no unit; a voltage is expected: "
        'write it with its unit, for example "50 mV"\n'
        "      cell_voltage: 0.7  # across; breakdown after 100 pulses of 100 us is 5e-8 there\n"
        "                    ^^^"
    )
    assert expected == str(problem)


@pytest.mark.parametrize(
    "case",
    [
        ("line_compliance: 3 mA", "pulse_energy: 20 nJ", (20, 1), "line_compliance is missing", None),
        ("after_relay: 3 ms", "after_relay: 3 mV", (26, 21), "'3 mV' is a voltage; a time is expected", ""),
        ("after_relay: 3 ms", "after_relay: -3 ms", (26, 21), "'-3 ms' must not be negative", ""),
        ("diameter: 40 nm", "diameter: 0 nm", (30, 19), "'0 nm' must be above zero", ""),
        ("diameter: 40 nm", "diametre: 40 nm", (30, 9), "there is no field diametre", "did you mean diameter?"),
        ("mains: 50 Hz", "mains: 50 kHz", (28, 8), "50 kHz is no mains frequency", "write 50 Hz or 60 Hz"),
        ("C: ground", "C: grond", (15, 6), "there is no instrument grond", "did you mean ground? "),
        ("B: smu.b", "B: smu.a", (14, 6), "smu.a is plugged into row A already", ""),
        (
            "B: smu.b",
            "B: smu",
            (14, 6),
            "smu (Keithley 2636B System SourceMeter, two channels, TSP) has no channel 1",
            "",
        ),
        ("C: ground", "C: matrix.a", (12, 1), "no matrix row is at ground", "write, for example: C: ground"),
        ("1..15: 1..15", "1..15: 1..14", (17, 17), "15 array lines (1..15) cannot go to 14 matrix columns or", ""),
        ("1..15: 1..15", "1..14: 1..14", (17, 3), "line 15 of the rows is not wired", "the array has 15 rows"),
        ("1..15: 16..30", "1..15: 15..29", (18, 17), "matrix column 15 is wired to rows line 15 already", ""),
        (
            "1..15: 16..30",
            "1..16: 16..31",
            (18, 10),
            "line 16 is not on the array, which has 15 cols",
            "array.cols: mine.yaml:19",
        ),
        ("1..15: 16..30", "15..1: 16..30", (18, 10), "'15..1' is not a range of lines", ""),
        ("1..15: 16..30", "1..15: 16..30, 3: 40", (18, 25), "array line 3 stands twice", ""),
        ("array: {rows: 15", "array: {rows: 15.0", (19, 15), "15.0 stands here; a whole number is expected", ""),
        ("192.0.2.12::inst0", "192.0.2.11::inst0", (11, 44), "this is the address of smu, too", ""),
        (
            '"TCPIP0::192.0.2.12::inst0::INSTR"',
            "192.0.2.12",
            (11, 44),
            "'192.0.2.12' is no VISA address",
            "write it as",
        ),
        ('visa: "@labmtj"', "visa: on", (8, 7), "'on' names no VISA library", 'write "@labmtj"'),
        ("seed: 17", "seed: -1", (30, 45), "-1 must be at least 0", ""),
        ("format: 1", "format: 2", (7, 9), "format 2 was made by a newer labmtj; this one reads format 1", ""),
        ("format: 1", "", (6, 1), "format is missing", "write: format: 1"),
        ("format: 1", "format: true", (7, 9), "True is not a format of this file", "write: format: 1"),
    ],
)
def test_each_mistake_in_a_bench_is_found_where_it_stands(bench_with, case):
    old, new, place, message, hint = case
    with pytest.raises(FileProblems) as caught:
        bench_with(old, new)
    problem = caught.value.problems[0]
    assert ("mine.yaml", *place) == (problem.where, problem.line, problem.column)
    assert message == problem.message[: len(message)]
    assert hint is None or hint == problem.hint[: len(hint)]


def test_all_problems_are_reported_at_once_in_the_order_of_lines(bench_with):
    with pytest.raises(FileProblems) as caught:
        bench_with("limits:", "colour: red\nrules:")
    assert [(problem.line, problem.message) for problem in caught.value.problems] == [
        (6, "limits is missing"),
        (20, "there is no field colour"),
        (21, "there is no field rules"),
    ]


def test_a_field_that_is_misspelt_is_one_problem_and_not_missing_as_well(bench_with):
    problem = problem_of(bench_with, "cell_voltage:", "cell_votage:")
    assert problem.message == "there is no field cell_votage"
    assert problem.hint.startswith("did you mean cell_voltage?")


def test_a_model_beside_the_bench_file_is_found(bench_with, tmp_path):
    model = finder.find("models", "keithley_2636b").read_text(encoding="utf-8")
    (tmp_path / "my_smu.yaml").write_text(model, encoding="utf-8")
    loaded = bench_with("model: keithley_2636b", "model: my_smu.yaml")
    assert str(tmp_path / "my_smu.yaml") == str(loaded.model_file("smu"))
    assert str(tmp_path / "my_smu.yaml") in loaded.source.effective_text()


def test_the_schema_of_a_bench_shows_units_as_texts():
    schema = Bench.model_json_schema()["$defs"]["Limits"]["properties"]["cell_voltage"]
    assert (schema["type"], schema["examples"]) == ("string", ["50 mV", "1.5 V"])


# --- overrides of a bench


def test_an_override_is_looked_up_in_the_bench_and_then_in_its_simulation(bench_with):
    overrides = [
        "simulation.die.diameter=30 nm",
        "die.wire=2 ohm",
        "die.defects.short=1 %",
        "visa=@py",
        "measure.nplc=0.1",
    ]
    loaded = bench_with(overrides=overrides, seed=5)
    die = loaded.bench.simulation.die
    assert (die.diameter, die.wire, die.defects.short, die.seed) == (30e-9, 2.0, 0.01, 5)
    assert (loaded.bench.visa, loaded.bench.measure.nplc) == ("@py", 0.1)


def test_the_effective_bench_is_the_same_bench_and_names_the_overrides(bench_with, tmp_path):
    loaded = bench_with(overrides=["die.diameter=30 nm"], seed=5)
    text = loaded.source.effective_text()
    assert text[: text.index("title:")] == "# mine.yaml, as it was used with\n# --set die.diameter=30 nm\n# --seed 5\n"
    Path("again.yaml").write_text(text, encoding="utf-8")
    assert loaded.bench == load_bench("again.yaml").bench


def test_a_bench_without_overrides_keeps_its_text_and_comments(bench_with):
    assert bench_with().source.effective_text() == BENCH


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("die.diametre=3 nm", "there is no field die.diametre\n  did you mean die.diameter "),
        (
            "diameter=3 nm",
            "there is no field diameter\n  did you mean simulation.die.diameter or die.diameter or ",
        ),
        ("instruments.smv.model=x", "there is no field instruments.smv.model\n  did you mean instruments.smu.model"),
        ("die.wire=5", "die.wire: 5 has no unit; a resistance is expected: "),
        ("mains=5 kHz", "mains: 5 kHz is no mains frequency\n  write 50 Hz or 60 Hz"),
        ("simulation=5", "simulation: a mapping is expected with the fields state, die, neurons, leads"),
        ("limits={cell_voltage: 1 V}", "limits.terminal_voltage: terminal_voltage is missing\n"),
        ("mains=[", "the value is not YAML: "),
        ("mains", "a path and a value are expected\n"),
        ("=1", "a path and a value are expected\n"),
        ("a..b=1", "there is no field a..b\n"),
    ],
)
def test_a_wrong_override_is_named_as_it_was_typed(bench_with, override, expected):
    with pytest.raises(FileProblems) as caught:
        bench_with(overrides=[override])
    text = str(caught.value)
    start = f"--set {override}: "
    assert start == text[: len(start)]
    body = text[len(start) :].replace("simulation.", "") if override.startswith("die") else text[len(start) :]
    assert expected == body[: len(expected)]


def test_a_relative_state_is_relative_to_who_wrote_it(bench_with, tmp_path, monkeypatch):
    loaded = bench_with("  die:", "  state: s/twin.state\n  die:")
    assert str(tmp_path / "s/twin.state") == loaded.bench.simulation.state
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    loaded = load_bench("../mine.yaml", overrides=["simulation.state=t.state"])
    assert str(tmp_path / "sub/t.state") == loaded.bench.simulation.state


@given(st.text("aeimnorst.[]=1{}: ,-", max_size=20))
def test_any_override_is_taken_or_refused(override):
    with contextlib.suppress(FileProblems):
        load_bench(overrides=[override])


# --- what the models allow


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("A: smu.a", "A: smu.c", "has no channel c"),
        ("A: smu.a", "A: matrix.a", "is a switch matrix and drives nothing"),
        ("1..15: 1..15", "1..15: dac.1..15", "there is no instrument dac"),
        ("1..15: 1..15", "1..14: 1..14, 15: smu.c", "has no channel c"),
        ("C: ground", "K: ground", "matrix has the rows A to H, not K"),
        ("{1..15: 16..30}", "{1..15: 41..55}", "matrix has the columns 1 to 48, not 49"),
        ("keithley_2636b", "keithley_707b", "a bench needs one switch matrix; here: smu, matrix"),
    ],
)
def test_what_the_models_do_not_allow_is_refused_with_its_place(bench_with, old, new, says):
    with pytest.raises(FileProblems) as caught:
        bench_with(old, new)
    assert any(says in problem.message and problem.line > 1 for problem in caught.value.problems)
