"""What a bench's wires, relays and outputs leave of a voltage, as far as its file says."""

from __future__ import annotations

import numpy as np

from labmtj.bench.assemble import roles_of
from labmtj.config.bench import BenchFile
from labmtj.config.model import PulseGeneratorModel, SwitchMatrixModel, VoltageBankModel, load_model
from labmtj.dies import die_model
from labmtj.physics.reach import Path, reach
from labmtj.records import Cell, Scheme, State

_LEAD = 0.5  # [ohm] chosen: a metre of thin coaxial cable and a probe needle, as on the twin


def ohms(file: BenchFile) -> Path:
    """Ohms from the sources to the lines of a bench: leads and closed relays, and outputs that make pulses."""
    sheets = {name: load_model(file.model_file(name)) for name in file.bench.instruments}
    leads = file.bench.simulation.leads if file.bench.simulation is not None else None
    lead = leads.lead if leads is not None and leads.lead is not None else _LEAD
    if file.bench.every_line:
        ends = (end for end in file.bench.lines.rows.values() if not isinstance(end, int))
        source, contact = sheets[next(ends)[0]], 0.0
    else:
        relay = next(sheet.relay for sheet in sheets.values() if isinstance(sheet, SwitchMatrixModel))
        contact = leads.contact if leads is not None and leads.contact is not None else float(np.mean(relay.resistance))
        source = sheets[file.bench.channels[roles_of(file.bench, sheets).pulse_col][0]]
    output = source.output_impedance if isinstance(source, PulseGeneratorModel | VoltageBankModel) else 0.0
    return Path(lead + contact, output)


def largest_share(file: BenchFile, volts: float, scheme: Scheme = Scheme.V_HALF) -> tuple[Cell, float]:
    """Cell that gets most of `volts` [V] between two lines of the bench's simulated die, and the volts it gets.

    Raises SolveError.
    """
    found = reach(die_model(file.bench), scheme=scheme, amplitude=volts, path=ohms(file), state=State.AP)
    return found.nearest, volts * float(found.selected.max())
