"""A layer placed by the optimiser, through the instruments of the simulated bench."""

from __future__ import annotations

import json

from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped
from labmtj.nets.placement import optimise
from labmtj.protocol.engine import run
from labmtj.runs.die_map import read_die_map
from labmtj.runs.journal import read_journal

SIZE = 7
SMALL = (
    f'lines.rows={{"1..{SIZE}": "1..{SIZE}"}}', f'lines.cols={{"1..{SIZE}": "16..{SIZE + 15}"}}',
    f"array.rows={SIZE}", f"array.cols={SIZE}",
)  # fmt: skip
PROTOCOL = """title: Placed by the optimiser
format: 1
network: {shipped: wine/1}
steps:
  - polarity: {start: 150 mV, step: 20 mV, ceiling: 600 mV, width: 100 us, read: 50 mV}
  - map: {read: 50 mV, width: 100 us}
  - program: {layer: 2, place: optimise}
  - verify: {layer: 2}
"""


def test_a_protocol_places_a_layer_where_it_errs_least_and_writes_it_there(tmp_path):
    (tmp_path / "placed.yaml").write_text(PROTOCOL, encoding="utf-8")
    result = run(tmp_path / "placed.yaml", settings=SMALL, seed=3, out=tmp_path / "runs")
    (entry,) = [entry for entry in read_journal(result.folder / "journal.jsonl") if entry["k"] == "program"]
    data, network = wine(), shipped("wine/1")
    die = read_die_map(result.folder / "die.h5")
    assert json.loads(json.dumps(entry["state"])) == network.layers[1].states.tolist()
    assert 6 == len(set(entry["rows"])) == len(set(entry["cols"]))
    assert sorted(entry["cols"]) != entry["cols"]
    expected = optimise(die, network, layer=1, inputs=data.inputs[data.train])
    assert (list(expected.rows), list(expected.cols)) == (entry["rows"], entry["cols"])
