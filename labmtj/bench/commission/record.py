"""The record of a commissioning: a YAML file for programs, a page in Markdown for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labmtj.bench.commission.commissioned import FOLDER, key_of
from labmtj.bench.commission.items import Figure, Item, Stage
from labmtj.bench.commission.walk import Commissioning
from labmtj.config import yaml12
from labmtj.config.bench import BenchFile
from labmtj.errors import StorageError
from labmtj.host_state import user_folder, who

FORMAT = 1


def write(done: Commissioning, *, operator: str, folder: Path | None = None) -> tuple[Path, Path]:
    """Write the record of a walk: its YAML file and its page. Raises StorageError.

    They go where `labmtj run` looks, into the folder of what this user keeps (labmtj.host_state), and to `folder`, too.
    """
    content = entry(done, operator=operator)
    found = _kept(user_folder() / FOLDER, done, content)
    return found if folder is None else _kept(folder, done, content)


def _kept(place: Path, done: Commissioning, content: dict[str, Any]) -> tuple[Path, Path]:
    name = f"{_slug(done.file)}-{content['key']}"
    paths = place / f"{name}.yaml", place / f"{name}.md"
    try:
        place.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, (yaml12.dump(content), page(done, content)), strict=True):
            beside = path.with_suffix(path.suffix + ".new")
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
    except OSError as error:
        raise StorageError(f"{place}: the record cannot be written: {error.strerror}") from error
    return paths


def entry(done: Commissioning, *, operator: str) -> dict[str, Any]:
    """The record as YAML and JSON have it."""
    return {
        "format": FORMAT,
        "bench": done.file.bench.title,
        "key": key_of(done.file),
        "operator": operator,
        "by": who(),
        "complete": done.complete,
        "bad": done.bad,
        "resistor": {"row": done.resistor.row, "col": done.resistor.col, "ohm": done.resistor.ohms},
        "identities": dict(done.identities),
        "items": [item.entry() for item in done.items],
    }


def page(done: Commissioning, content: dict[str, Any]) -> str:
    """The record as a page in Markdown."""
    return "\n".join(_page(done, content)) + "\n"


def _page(done: Commissioning, content: dict[str, Any]) -> Iterator[str]:
    verdict = "complete, nothing is wrong" if done.complete else f"not complete: {done.bad} wrong"
    yield f"# Commissioning of {content['bench']}"
    yield ""
    yield f"- {verdict}"
    yield f"- {content['by']['wall']}, by {content['operator'] or content['by']['user']} on {content['by']['host']}"
    yield f"- wiring `{content['key']}`; everything at 10 mV or below"
    for name, identity in done.identities.items():
        yield f"- {name}: {identity}"
    for stage in Stage:
        items = [item for item in done.items if item.stage is stage]
        if items:
            yield from _section(done, stage, items)


def _section(done: Commissioning, stage: Stage, items: list[Item]) -> Iterator[str]:
    yield ""
    yield f"## {stage.value.capitalize()}"
    yield ""
    yield done.to_do(stage)
    yield ""
    yield "| | check | found |"
    yield "|---|---|---|"
    for item in items:
        found = item.found + (f" **{item.advice}**" if item.advice else "")
        yield f"| {item.verdict.value} | {_cell(item.subject)} | {_cell(found)} |"
    yield ""
    told = {item.what: item for item in items}
    for item in told.values():
        yield f"- {item.what} {item.why} Good: {item.good}"
    figures = [(item.subject, name, figure) for item in items for name, figure in item.figures.items()]
    if figures:
        yield ""
        yield "| check | figure | value |"
        yield "|---|---|---|"
        for subject, name, figure in figures:
            yield f"| {_cell(subject)} | {name} | {_figure(figure)} |"


def _figure(figure: Figure) -> str:
    return f"{figure.value:.6g} {figure.unit}".strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _slug(file: BenchFile) -> str:
    stem = file.source.path.stem if file.source.path is not None else "bench"
    return re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-").lower() or "bench"
