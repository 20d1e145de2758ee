"""JSON schemas: complete, beside the files that name them, and the same as labmtj would make now."""

from __future__ import annotations

import json
import re

import pytest

from labmtj import units
from labmtj.config.finder import shipped_root
from labmtj.config.json_schema import json_schema, undescribed, unknown_texts
from labmtj.config.quantities import Model, Voltage
from labmtj.config.source import read
from labmtj.protocol.kinds import STEPS
from labmtj.studies.in_situ.load import is_in_situ
from labmtj.studies.load import is_study
from labmtj.studies.neurons.load import is_neuron_study
from labmtj.studies.schemas import KINDS
from labmtj.studies.training.load import is_training
from labmtj.units import Dimension

ROOT = shipped_root()
SHIPPED = [
    (kind, path)
    for kind in KINDS.values()
    for path in sorted((ROOT / kind.folder).glob("*.yaml"))
    if path.name not in {"field-texts.yaml", "image-sets.yaml"}  # nothing that a user writes
    and is_study(read(path).data) == (kind.name == "study")  # studies and training files lie beside protocols
    and is_training(read(path).data) == (kind.name == "training")
    and is_in_situ(read(path).data) == (kind.name == "in-situ")
    and is_neuron_study(read(path).data) == (kind.name == "neuron-study")
    and (path.name == "mtj-chips.yaml") == (kind.name == "chips")  # chips and neurons lie beside dies
    and (path.name == "mtj-neurons.yaml") == (kind.name == "neurons")
]


def name(value):
    return getattr(value, "name", None)


@pytest.mark.parametrize("kind", KINDS.values(), ids=name)
def test_a_shipped_schema_is_what_would_be_made_now(kind):
    # if not: labmtj schema all --out .
    assert (ROOT / kind.folder / kind.file).read_text(encoding="utf-8") == kind.text()


@pytest.mark.parametrize("kind", KINDS.values(), ids=name)
def test_every_field_says_what_it_means(kind):
    # if not: a string below the field, or a line in data/reference/field-texts.yaml
    assert [] == undescribed(kind.content)


def test_no_text_is_left_of_a_field_that_is_gone():
    assert [] == unknown_texts([kind.content for kind in KINDS.values()])


@pytest.mark.parametrize(("kind", "path"), SHIPPED, ids=name)
def test_a_shipped_file_names_its_schema(kind, path):
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    assert first == f"# yaml-language-server: $schema=./{kind.file}"
    assert (path.parent / kind.file).is_file()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("kind", "path"), SHIPPED, ids=name)
def test_a_shipped_file_is_valid_by_its_schema(kind, path):
    validator = pytest.importorskip("jsonschema", reason="pip install 'labmtj[test]'").Draft7Validator
    schema = json.loads((path.parent / kind.file).read_text(encoding="utf-8"))
    validator.check_schema(schema)
    assert [] == [
        f"{list(error.absolute_path)}: {error.message}" for error in validator(schema).iter_errors(read(path).data)
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("read: 50 mV", "read: 0.05"),
        ("read: 50 mV", "read: 50 ms"),
        ("retries: 10", "retires: 10"),
        ("- map:", "- mop:"),
    ],
)
def test_an_editor_sees_what_labmtj_would_refuse(old, new, tmp_path):
    validator = pytest.importorskip("jsonschema", reason="pip install 'labmtj[test]'").Draft7Validator
    text = (ROOT / "protocols/wine.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "mine.yaml").write_text(text.replace(old, new), encoding="utf-8")
    schema = json.loads((ROOT / "protocols/protocol.schema.json").read_text(encoding="utf-8"))
    assert not validator(schema).is_valid(read(tmp_path / "mine.yaml").data)


def test_every_kind_of_step_is_in_the_schema_with_its_own_words():
    schema = json_schema(KINDS["protocol"].content, name="protocol")
    (entries,) = [schema["properties"]["steps"]["items"]]
    found = {
        key for entry in entries["oneOf"] for key in schema["$defs"][entry["$ref"].rpartition("/")[2]]["properties"]
    }
    assert set(STEPS) == found


def test_a_field_is_described_by_the_string_below_it_and_its_unit():
    class Mine(Model):
        """A model."""

        high: Voltage
        """How high
        it goes."""

    (field,) = json_schema(Mine, name="mine")["properties"].values()
    assert field["description"] == "How high it goes. (positive voltage with its unit, such as 50 mV)"


@pytest.mark.parametrize("dimension", Dimension)
def test_the_pattern_of_a_quantity_takes_what_units_take(dimension):
    pattern = re.compile(units.pattern(dimension))
    good = {
        Dimension.VOLTAGE: ["50 mV", "1.5V", "-3e-2 V"],
        Dimension.CURRENT: ["3 mA", "0.1 uA"],
        Dimension.RESISTANCE: ["5 ohm", "2 kohm", "3 \u03a9"],
        Dimension.TIME: ["100 us", "3 min", "1.5 h"],
        Dimension.LENGTH: ["40 nm"],
        Dimension.FREQUENCY: ["50 Hz"],
        Dimension.TEMPERATURE: ["300 K"],
        Dimension.RESISTANCE_AREA: ["10 ohm um2", "10 ohm um^2"],
    }
    for text in good.get(dimension, []):
        assert pattern.fullmatch(text), text
        units.parse(text, dimension)
    for text in ("5", "", "5 furlongs", "mV"):
        assert pattern.fullmatch(text) is None, text
