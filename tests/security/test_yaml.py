"""YAML is read by PyYAML's safe loader, with bounds on size, depth and aliases, in one place of the package."""

import re
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from labmtj.config import yaml12
from labmtj.config.source import MAX_BYTES, parse, read
from labmtj.errors import FileProblems, InputError

ROOT = Path(__file__).parents[2]
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)
)
HOSTILE = {
    "a bomb of aliases": (BOMB, "unfold without bound"),
    "many aliases": ("a: &a 1\nb: [" + "*a, " * (yaml12.MAX_ALIASES + 1) + "]", "more than 100 aliases"),
    "an alias of itself": ("&a [*a]", "unfold without bound"),
    "deep lists": ("[" * 100_000, "nested deeper than 32"),
    "deep mappings": ("{a: " * 100_000, "nested deeper than 32"),
    "many values": ("[" + "1," * 499_000 + "]", "more than 20000 values"),
    "a long number": ("a: " + "9" * (yaml12.MAX_DIGITS + 1), "too long"),
    "an object": ("a: !!python/object/apply:os.system [ls]", "are not used here"),
    "a name": ("a: !!python/name:os.system", "are not used here"),
    "a second document": ("a: 1\n---\nb: 2", "expected a single document"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_yaml_is_refused_within_a_second(what):
    text, expected = HOSTILE[what]
    began = time.process_time()
    with pytest.raises(FileProblems, match=expected):
        parse(text, name="x")
    assert time.process_time() - began < 3.0  # a second, three times as long in CI


def test_a_file_above_the_largest_size_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte without a byte on the disk
    with pytest.raises(InputError, match=f"larger than {MAX_BYTES // 1000} kB"):
        read(path)


def test_one_module_talks_to_pyyaml_and_its_loaders_are_safe_ones():
    texts = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "labmtj").rglob("*.py")}
    assert [] == [name for name, text in texts.items() if re.search(r"\byaml\.\w*load\w*\(|from yaml import", text)]
    assert ["yaml12.py"] == [name for name, text in texts.items() if re.search(r"yaml\.C?SafeLoader", text)]
    unsafe = (yaml.constructor.UnsafeConstructor, yaml.constructor.FullConstructor)
    for loader in (yaml12._Loader, yaml12._FastLoader):
        assert issubclass(loader, yaml.constructor.SafeConstructor)
        assert not issubclass(loader, unsafe)


def nodes(node):
    """A node with where it stands, as nested tuples."""
    if node is None:
        return None
    place = node.start_mark.line, node.start_mark.column
    if isinstance(node, yaml.ScalarNode):
        return node.tag, node.value, place, (node.end_mark.line, node.end_mark.column)
    inner = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
    return node.tag, place, tuple(map(nodes, inner))


def read_by(loader, text):
    try:
        return nodes(loader(text).get_single_node())
    except yaml.YAMLError:
        return "refused"


@pytest.mark.parametrize("path", sorted(ROOT.glob("[ipt]*/**/*.yaml")), ids=lambda path: path.name)
def test_both_parsers_read_every_file_of_ours_alike(path):
    text = path.read_text(encoding="utf-8")
    assert read_by(yaml12._Loader, text) == read_by(yaml12._FastLoader, text)


@given(st.text(alphabet="ab01:-,[]{}&*!|>'\"#%@ \n\t.~é\x07\u2028", max_size=40))
def test_both_parsers_agree_on_what_is_yaml(text):
    slow, fast = read_by(yaml12._Loader, text), read_by(yaml12._FastLoader, text)
    assert slow == fast or "refused" in (slow, fast)
