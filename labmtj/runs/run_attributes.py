"""Attributes of run.h5: what a run was made of, how it ended, and of which journal the file was built."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from labmtj.runs.netcdf import FORMAT, Attribute
from labmtj.runs.provenance import program
from labmtj.runs.tables import Entry, Events

FILES = ("protocol.yaml", "bench.yaml")


def attributes_of(events: Events, folder: Path, lines: bytes) -> dict[str, Attribute]:
    """Attributes of the root; `lines` are the whole lines of the journal that the events were read from."""
    header, end = events.last("run"), events.last("end")
    if end and end["n"] != max(events.steps):
        end = {}  # the run has gone on since
    found: dict[str, Attribute] = {"format": FORMAT}
    found |= {name: header[name] for name in ("title", "network", "data")}
    found |= {name: header.get(name, "") for name in ("operator", "sample")}
    found |= {"started": header["wall"], "simulated": int(header["simulated"]), "clock_zero": clock_zero(events)}
    found |= {"ended": end.get("how", "unfinished"), "error": end.get("error", "")}
    met = events.last("abort")
    passed = events.last("past_abort").get("n", -1) > met.get("n", -1)
    found |= {"abort": json.dumps(header.get("abort", {})), "abort_met": json.dumps({} if passed else _content(met))}
    if "processor_seconds" in end:
        found["processor_seconds"] = end["processor_seconds"]
    found["summary"] = json.dumps(_content(events.last("summary")))
    found["instruments"] = json.dumps(events.last("bench").get("identities", {}))
    found |= _measured(events.last("polarity"), events.last("map"))
    for name, value in header["provenance"].items():
        found["provenance_" + re.sub(r"\W", "_", name)] = str(value)
    found["made_by"] = program()
    found |= {"journal_entries": len(events.steps), "journal_sha256": hashlib.sha256(lines).hexdigest()}
    for name in FILES:
        if (folder / name).is_file():
            found[name.replace(".", "_")] = (folder / name).read_text(encoding="utf-8", errors="replace")
    return found


def clock_zero(events: Events) -> str:
    """The wall's time (ISO 8601) at which the bench's clock began: when the run opened its bench for the first time."""
    commands = events.of("command")
    return str(commands[0]["wall"] if commands else events.last("run")["wall"])


def _measured(polarity: Entry, die: Entry) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    if polarity:
        found |= {"polarity_cell": polarity["cell"], "positive_writes": polarity["positive_writes"]}
        found |= {f"polarity_{name}_volt": polarity[name] for name in ("ap_to_p", "p_to_ap")}
    if die:
        found |= dict(zip(("switching_ap_to_p_volt", "switching_p_to_ap_volt"), die["switching"], strict=True))
        found |= {"map_read_volt": die["read"], "map_width_second": die["width"]}
    return found


def _content(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if name not in ("crc", "n", "k")}
