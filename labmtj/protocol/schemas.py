"""The schemas that ship beside the YAML files that name them, and how they are made anew.

    labmtj schema all --out .        in a checkout, after a field was added

Each lies in the folder of its files under one name, so that `# yaml-language-server: $schema=protocol.schema.json`
holds in a checkout as in a folder of a user's own, once `labmtj schema protocol --out .` has put it there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labmtj.config.bench import Bench
from labmtj.config.chips import ChipDefaults
from labmtj.config.dies import DieDefaults
from labmtj.config.json_schema import json_schema
from labmtj.config.model import InstrumentModel
from labmtj.config.neurons import NeuronDefaults
from labmtj.errors import StorageError
from labmtj.protocol.schema import ProtocolFile


@dataclass(frozen=True)
class FileKind:
    """A kind of YAML file: its name, what its content is, and the folder of the shipped ones."""

    name: str
    content: Any
    folder: str

    @property
    def file(self) -> str:
        """Name of the schema's file."""
        return f"{self.name}.schema.json"

    def text(self) -> str:
        """The schema as it is written."""
        return json.dumps(json_schema(self.content, name=self.name), indent=1) + "\n"


KINDS = {
    kind.name: kind
    for kind in (
        FileKind("protocol", ProtocolFile, "protocols"),
        FileKind("bench", Bench, "instruments/benches"),
        FileKind("model", InstrumentModel, "instruments/models"),
        FileKind("dies", DieDefaults, "data/reference"),
        FileKind("chips", ChipDefaults, "data/reference"),
        FileKind("neurons", NeuronDefaults, "data/reference"),
    )
}


def write_schema(kind: FileKind, folder: Path) -> Path:
    """Write a schema into a folder; its path. Raises StorageError."""
    path = folder / kind.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(kind.text(), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path}: the schema cannot be written: {error.strerror}") from error
    return path
