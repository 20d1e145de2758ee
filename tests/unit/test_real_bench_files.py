"""The bench files that are for copying: every field stands in them with what it means, and all of it holds together."""

import re

import pytest

from labmtj.config.bench import Bench, InstrumentEntry, check_bench, load_bench
from labmtj.config.fields import dotted
from labmtj.config.finder import find
from labmtj.config.source import parse

NAMES = ("keithley", "keysight")
UNSET = re.compile(r"^( *)#(?=[a-z])", re.MULTILINE)
# What only other kinds of benches have: chips with a transistor in every cell, and neurons.
OTHERS = ("array.kernels", "gates", "neurons", "simulation.neurons", "simulation.die.transistor")


def text(name):
    return find("benches", name).read_text(encoding="utf-8")


def with_everything(name, tmp_path):
    """The file with all that is not set taken in, beside where it lies."""
    return parse(UNSET.sub(r"\1", text(name)), name=str(tmp_path / f"{name}.yaml"))


def written(data, prefix=""):
    for key, value in data.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from written(value, f"{prefix}{key}.")


@pytest.mark.parametrize("name", NAMES)
def test_no_field_that_such_a_bench_may_have_is_left_out(name, tmp_path):
    data = with_everything(name, tmp_path).data
    known = {path for path in dotted(Bench, data) if not path.startswith((*OTHERS, "instruments."))}
    assert set() == known - set(written(data))
    told = set(re.findall(r"^#   ([a-z_]+) ", text(name), re.MULTILINE))  # of instruments, above all of them
    assert set() == set(InstrumentEntry.model_fields) - told


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_set_is_right_when_it_is_set(name, tmp_path):
    bench = check_bench(with_everything(name, tmp_path)).bench
    assert bench.magnet is not None
    assert bench.thermometer is not None
    assert 1 == len(bench.references)
    assert all(entry.fallback for key, entry in bench.instruments.items() if key not in ("supply", "sensor"))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_set_shows_its_default_where_it_has_one(name, tmp_path):
    plain, full = load_bench(name).bench, check_bench(with_everything(name, tmp_path)).bench
    for kept in ("wait", "measure", "pulse", "limits"):
        shown = getattr(full, kept).model_dump()
        assert {
            key: value for key, value in getattr(plain, kept).model_dump().items() if value is not None
        }.items() <= shown.items()
    assert plain.simulation.coil == full.simulation.coil
    from labmtj.dies import die_model

    two = [die_model(bench) for bench in (plain, full)]
    differ = {key for key in vars(two[0]) if getattr(two[0], key) != getattr(two[1], key)}
    assert {"back_hopping"} == differ  # it is off if nothing is said, and no number means that


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_explained_beside_it_or_above_it(name):
    lines = text(name).splitlines()
    bare, inside = [], False
    for number, line in enumerate(lines):
        if re.match(r"[a-z]", line):
            inside = line.startswith("instruments:")  # what stands there is explained above all of them
        key = re.match(r" *#?([a-z_]+):(?! *#)", line)
        if key is None or inside:
            continue
        above = lines[number - 1].lstrip()
        if " # " not in line.removeprefix("#") and not above.startswith("# "):
            bare.append(f"{number + 1}: {line}")
    assert [] == bare


def test_the_shipped_simulated_bench_and_that_with_real_addresses_are_the_same_but_for_the_library():
    kept = {"title", "visa"}
    real, twin = (load_bench(name).bench.model_dump(exclude=kept) for name in ("keithley", "simulated-15x15"))
    assert twin == real


def test_a_new_user_reads_first_that_keysight_is_simulated_and_how_it_becomes_real():
    top = text("keysight").partition("\ntitle:")[0]
    assert "AS IT STANDS THIS BENCH IS SIMULATED" in top
    assert 'change `visa` to "@py" or "@ivi"' in " ".join(line.lstrip("# ") for line in top.splitlines())
    assert "@labmtj" == load_bench("keysight").bench.visa
