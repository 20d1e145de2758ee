"""From connected instruments to an array with a source on every line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labmtj.bench.direct_lines import DirectLineTester
from labmtj.bench.limits import Gate, GatedBank, Limits
from labmtj.bench.line_array import LineArray, LineBanks
from labmtj.bench.routing import LeftOut
from labmtj.config.bench import Bench
from labmtj.config.model import VoltageBankModel
from labmtj.errors import InputError
from labmtj.ports import Clock
from labmtj.records import Floats, LineFault

if TYPE_CHECKING:
    from labmtj.bench.assemble import Connected


@dataclass(frozen=True)
class DirectLines:
    """Lines between the channels of two banks (labmtj.bench.contact.Examine)."""

    banks: LineBanks
    settle: float
    clock: Clock

    def __call__(self, level: float) -> tuple[list[LineFault], Floats, Floats]:
        """Examine them."""
        tester = DirectLineTester(self.banks, self.clock, settle=self.settle, level=level)
        found = list(tester.faults())
        return found, tester.siemens["row"], tester.siemens["col"]


def line_banks(bench: Bench, connected: Connected, gate: Gate) -> LineBanks:
    """The banks on the rows and on the columns of a bench. Raises InputError where a line has something else."""
    sides: list[tuple[str, tuple[str, ...]]] = []
    for wires in (bench.lines.rows, bench.lines.cols):
        ends = [end for _, end in sorted(wires.items()) if not isinstance(end, int)]
        names = {name for name, _ in ends}
        if len(names) != 1 or len(ends) != len(wires):
            raise InputError(
                f"{bench.title}: the lines of one axis belong to one bank; here: {', '.join(sorted(names))}"
            )
        sides.append((names.pop(), tuple(channel for _, channel in ends)))
    (rows, row_names), (cols, col_names) = sides
    model = connected.models[cols]
    if not isinstance(model, VoltageBankModel) or not isinstance(connected.models[rows], VoltageBankModel):
        raise InputError(f"{bench.title}: {rows} and {cols} are not banks of voltages")
    full = max(entry.range for entry in model.measure_current)
    first = GatedBank(connected.devices[rows], gate)
    second = first if rows == cols else GatedBank(connected.devices[cols], gate)
    return LineBanks(first, second, row_names, col_names, rows == cols, bench.measure.nplc, full)


def line_array(
    bench: Bench, connected: Connected, gate: Gate, shared: dict[str, Any]
) -> tuple[LineArray, DirectLines, LeftOut]:
    """The array, what examines its lines, and those that are left out; `shared` is what every kind of array takes."""
    banks, left_out = line_banks(bench, connected, gate), LeftOut()
    array = LineArray(banks=banks, left_out=left_out, gate=gate, **shared)
    return array, DirectLines(banks, shared["waits"].after_source, shared["clock"]), left_out


def direct_lines(bench: Bench, connected: Connected, clock: Clock) -> DirectLineTester:
    """What examines the lines of a bench by itself."""
    gate = Gate(Limits(**dict(bench.limits)))
    return DirectLineTester(line_banks(bench, connected, gate), clock, settle=bench.wait.after_source)
