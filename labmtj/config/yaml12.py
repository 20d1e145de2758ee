"""PyYAML made to read YAML as its 1.2 core schema has it, with bounds; a thin adapter, nothing else uses it.

Core schema (https://yaml.org/spec/1.2.2/#103-core-schema): only true and false are booleans, 1e-3 is a
number, `on`, `no`, 1:30 and 2026-01-01 are texts. A number with a leading zero stays a text, because
older readers take it for octal.
"""

from __future__ import annotations

import re
from typing import Any, cast

import yaml
from yaml.composer import Composer

_Parser: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# chosen: far above any bench or protocol, low enough that a hostile file is refused at once.
MAX_DEPTH, MAX_ALIASES, MAX_DIGITS, MAX_NODES = 32, 100, 400, 20_000
TAG = "tag:yaml.org,2002:"
_NUMBER = list("-+.0123456789")
_CORE = {
    "bool": (re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    "int": (re.compile(r"[-+]?(?:0|[1-9][0-9]*)$"), _NUMBER),
    "float": (re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"), _NUMBER),
    "null": (re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
}


class _Bounded(Composer):
    """Nodes from the events of a parser, with a bound on depth, aliases and values."""

    depth = 0
    aliases = 0
    count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        events = cast(Any, self)
        self.aliases += bool(events.check_event(yaml.AliasEvent))
        self.depth += 1
        self.count += 1
        what = ""
        if self.depth > MAX_DEPTH:
            what = f"nested deeper than {MAX_DEPTH}"
        elif self.aliases > MAX_ALIASES:
            what = f"more than {MAX_ALIASES} aliases"
        elif self.count > MAX_NODES:
            what = f"more than {MAX_NODES} values"
        if what:
            raise yaml.MarkedYAMLError(problem=what, problem_mark=events.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Loader(_Bounded, yaml.SafeLoader):
    """SafeLoader with the core schema's scalars and bounds; its messages say what is wrong and where."""


class _FastLoader(_Bounded, _Parser):
    """The same nodes from libyaml's parser, where PyYAML has it: an eighth of the time."""

    def __init__(self, text: str) -> None:
        cast(Any, _Parser).__init__(self, text)
        Composer.__init__(self)


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes whatever this reader or a YAML 1.1 reader would not take for a text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _class in (_Loader, _FastLoader):
    cast(Any, _class).yaml_implicit_resolvers = {}
for _name, (_pattern, _first) in _CORE.items():
    for _class in (_Loader, _FastLoader, _Dumper):
        cast(Any, _class).add_implicit_resolver(TAG + _name, _pattern, _first)


def compose(text: str) -> yaml.Node | None:
    """Read one document into nodes with marks. Raises yaml.YAMLError."""
    try:
        return _FastLoader(text).get_single_node()
    except yaml.YAMLError:
        return _Loader(text).get_single_node()  # what it says of a mistake is what a person can use


def scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    """Value of a scalar node. Raises ValueError for a tag that is not of the core schema."""
    text: str = node.value
    name = node.tag.removeprefix(TAG)
    if name == "str":
        return text
    if name not in _CORE or _CORE[name][0].match(text) is None:
        raise ValueError(f"tags such as {node.tag} are not used here")
    if len(text) > MAX_DIGITS:
        raise ValueError("this number is too long")
    if name == "bool":
        return text.lower() == "true"
    if name == "null":
        return None
    return int(text) if name == "int" else float(text)


def dump(data: Any) -> str:
    """Write data as YAML that this reader and others read back alike."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
