"""Pages of the YAML files: steps of protocols, benches, studies of all kinds, training, data sheets, dies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from labmtj.config.finder import shipped_file, shipped_root
from labmtj.config.json_schema import json_schema
from labmtj.docs.reference.fields import Fields, about
from labmtj.docs.reference.markdown import link, table

if TYPE_CHECKING:
    from labmtj.protocol.kinds.step import Step

_FIRST = ("wine", "map", "electrical", "switching", "disturb")  # chosen: examples are taken from these where they can


def protocol_steps() -> str:
    """The page of protocol files: their head, then each kind of step."""
    from labmtj.protocol.kinds import STEPS
    from labmtj.protocol.schema import ProtocolFile

    fields = Fields(json_schema(ProtocolFile, name="protocol"))
    head = _fields_of(fields, leave_out=("steps",))
    parts = [
        "# Protocol steps\n",
        "A protocol is a YAML file with a title, its steps in their order, and limits of its own.\n"
        "Every quantity has its unit. What a step does not say it inherits, where the table says so, from the step\n"
        "before of its kind.\n",
        "An editor with YAML support completes and checks protocols: `labmtj schema protocol --out .` writes the\n"
        "schema, and the first line of a protocol names it:\n",
        "```yaml\n# yaml-language-server: $schema=./protocol.schema.json\n```\n",
        "## The file\n",
        head,
        "`steps` is a list; each entry has one of these names as its only key:\n",
        table(
            ("step", "what it does"), (_in_short(name, fields.models[step.__name__]) for name, step in STEPS.items())
        ),
    ]
    names: list[str] = []
    for name, step in STEPS.items():
        entry = fields.models[step.__name__]
        names.append(step.__name__)
        parts += [f"({name.replace('_', '-')})=\n## {name}\n", about(entry), _where(step)]
        parts += [fields.fields(entry, inherited=step.inherits), example(name)]
    return "\n".join([*parts, "## Parts of steps\n", fields.linked(leave_out=names)])


def _in_short(name: str, model: Mapping[str, Any]) -> tuple[str, str]:
    said = about(model).partition("\n\n")[0]
    return f"[{name}](#{name.replace('_', '-')})", " ".join(said.split())


def _where(step: type[Step]) -> str:
    arrays = {"arrays without transistors": step.on_arrays, "chips": step.on_chips, "neurons": step.on_neurons}
    where = ", ".join(name for name, is_there in arrays.items() if is_there)
    looks = "" if step.changes_cells else " It only looks: layers stand as they were."
    needs = " The protocol must name a network." if step.of_network else ""
    return f"For {where}.{looks}{needs}\n"


def example(kind: str) -> str:
    """A step of this kind as it stands in a shipped protocol."""
    names = sorted(path.stem for path in (shipped_root() / "protocols").glob("*.yaml"))
    for name in [*_FIRST, *(name for name in names if name not in _FIRST)]:
        text = shipped_file(f"protocols/{name}.yaml").read_text(encoding="utf-8")
        lines = re.sub(rf"^# ( +- {kind}:)", r"\1", text, flags=re.MULTILINE).splitlines()  # or in its comment
        starts = [number for number, line in enumerate(lines) if re.match(rf"  - {kind}:", line)]
        if starts:
            end = starts[0] + 1
            while end < len(lines) and re.match(r"    +\S", lines[end]):
                end += 1
            shown = "\n".join(line[2:] for line in lines[starts[0] : end])
            return f"In `protocols/{name}.yaml`:\n\n```yaml\n{shown}\n```\n"
    return ""


def bench_file() -> str:
    """The page of bench files."""
    from labmtj.config.bench import Bench

    intro = (
        "A bench is a YAML file: instruments with their addresses, what is plugged in where, what the array may take,\n"
        "and the simulated die. `labmtj doctor BENCH` says what is wrong with each line of it.\n"
    )
    return _page("Bench files", intro, Bench, "bench")


def study_files() -> str:
    """One page for the files of `labmtj study` and `labmtj train`."""
    from labmtj.studies.schemas import KINDS

    parts = [
        "# Study and training files\n",
        "What `labmtj study` and `labmtj train` take. `labmtj check FILE` says what is wrong with one.\n",
    ]
    titles = {
        "study": ("Copies of networks on dies", "goodwill.yaml"),
        "in-situ": ("Networks that learn on dies", "wine-in-situ-study.yaml"),
        "neuron-study": ("Networks of neurons", "digits-neuron-study.yaml"),
        "training": ("Training for chips with defects", "digits-statistics-aware.yaml"),
    }
    for name, (title, shipped) in titles.items():
        fields = Fields(json_schema(KINDS[name].content, name=name))
        body = [about(fields.root), f"`labmtj schema {name}` prints the schema; `protocols/{shipped}` is one.\n"]
        body += [fields.fields(fields.root), fields.linked()]
        parts += [f"## {title}\n", _own_anchors("\n".join(body), name)]
    return "\n".join(parts)


def _page(title: str, intro: str, kind: Any, name: str) -> str:
    fields = Fields(json_schema(kind, name=name))
    return "\n".join([f"# {title}\n", intro, "## The file\n", fields.fields(fields.root), fields.linked()])


def _fields_of(fields: Fields, *, leave_out: Sequence[str]) -> str:
    kept: Mapping[str, Any] = {
        name: content
        for name, content in cast("dict[str, Any]", fields.root["properties"]).items()
        if name not in leave_out
    }
    return fields.fields({**fields.root, "properties": kept})


def _own_anchors(text: str, name: str) -> str:
    """Anchors that carry the kind of file, since several kinds on one page have parts of the same name."""
    text = re.sub(r"^### (\w+)$", lambda m: f"({name}-{m[1].lower()})=\n### {m[1]}", text, flags=re.MULTILINE)
    return re.sub(r"\[(\w+)\]\(#(\w+)\)", lambda m: link(m[1]).replace("(#", f"(#{name}-"), text)
