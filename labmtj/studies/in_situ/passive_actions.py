"""What is done to one layer of many networks: products, updates by pulses on many lines, readings, writing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.line_pulses_kernels import DISTURBED, FLIPS
from labmtj.physics.line_pulses_levels_kernels import choose, corrected, levels
from labmtj.physics.line_pulses_needs import hazard_table
from labmtj.physics.line_pulses_reading_kernels import add_noise
from labmtj.physics.superposition import SumNoise
from labmtj.physics.superposition_answers import answers
from labmtj.records import Floats, Ints
from labmtj.studies.in_situ.passive_layer import NOT_CAUGHT, PassiveLayer, noise_terms

Flags = NDArray[np.bool_]
_ROUGH = 1e-2  # chosen: of the solution that tells what wires take; what is left was 1e-3 at most, 3 % of P at 100 us
_SECANT = 0.6
_BEYOND = 3.0  # chosen: wires of 100 nm junctions take two thirds of a line's voltage


class LayerActions:
    """The actions of a `PassiveLayer`, with what they cost, each (copies,).

    `asked` (copies, rows, cols) are the probabilities of the last pulses, in the order of the copies that took one,
    `limited` are pulses that were left out because a cell would have seen more than it may.
    `known` (copies, inputs, 2 outputs) are the bits that the host has read last; after updates it reads them again
    before it writes.
    """

    def __init__(self, part: PassiveLayer, noise: SumNoise | None) -> None:
        self.part, count = part, len(part.window)
        setting, (rows, cols) = part.setting, part.dies.shape
        self.updates, self.pulses, self.writes, self.seconds, self.limited = np.zeros((5, count))
        self._table = hazard_table(setting.most)
        self._ends = float(np.log(setting.least)), float(np.log(setting.most))
        self._thin = float(np.log(setting.thin)) if setting.thin else -np.inf
        self._by_row = setting.lines == "row"
        self._turns = np.zeros(count, np.uint64)
        self._row_v, self._col_v = np.zeros((count, rows)), np.zeros((count, cols))
        self._row_on, self._col_on = np.zeros((count, rows), np.bool_), np.zeros((count, cols), np.bool_)
        self._need, self.asked = np.zeros((2, count, rows, cols))
        self._reads = np.zeros(count, np.uint64)
        self._noise = noise
        model = part.model
        self._terms = np.zeros(9) if noise is None else noise_terms(model, noise)
        self._full = np.array(noise.full if noise else (np.inf,))
        self._rms = np.array(noise.rms if noise else (0.0,))
        self._seeds = np.array([truth.model.seed for truth in part.truths], np.int64)
        cells = rows * cols
        self._siemens = np.stack([1.0 / truth.r_p for truth in part.truths]).reshape(count, cells)
        self._tmr = np.stack([truth.tmr for truth in part.truths]).astype(np.float64).reshape(count, cells)
        self._telegraph = np.stack([truth.telegraph for truth in part.truths]).reshape(count, cells)
        self._stale_read, self._stale_sum = np.ones(count, np.bool_), np.ones(count, np.bool_)
        inputs, outputs = part.layer
        self._read = np.zeros((count, inputs, 2 * outputs))
        self._transfer = np.zeros((count, inputs, outputs))
        self._unsure = np.zeros(count, np.bool_)
        self.known = (self.readings() > part.threshold).astype(np.int8)

    # -- reading -----------------------------------------------------------------------------------

    def products(self, inputs: Floats) -> Floats:
        """Weighted sums (copies, outputs), in windows, of signed `inputs` (copies, inputs), in two passes.

        Both passes are solved as one: a junction's current is odd in its voltage, and columns are at 0 V.
        """
        part, setting = self.part, self.part.setting
        each = np.arange(len(inputs))[:, np.newaxis]
        volts = np.zeros((len(inputs), part.dies.shape[0]))
        volts[each, part.rows] = setting.read * inputs
        copy = np.flatnonzero(inputs.any(axis=1))
        found = np.zeros((len(inputs), part.dies.shape[1]))
        found[copy] = self._sums(copy, volts[copy], passes=2)
        currents = found[each, part.cols]
        self.seconds[copy] += 2 * setting.seconds[1]
        return (currents[:, 0::2] - currents[:, 1::2]) / (setting.read * part.window[:, np.newaxis])

    def products_of(self, inputs: Floats) -> Floats:
        """Products of many samples, (copies, samples, outputs), by transfer conductances at the read voltage."""
        self._renew_transfer()
        return np.asarray(inputs) @ self._transfer

    def readings(self) -> Floats:
        """Conductances of all devices as they read [S], (copies, inputs, 2 outputs); anew where something changed."""
        part, read = self.part, self.part.setting.read
        which = np.flatnonzero(self._stale_read)
        if which.size:
            inputs = part.layer[0]
            volts = np.zeros((which.size, inputs, part.dies.shape[0]))
            volts[np.arange(which.size)[:, np.newaxis], np.arange(inputs), part.rows[which]] = read
            copy = np.repeat(which, inputs)
            found = self._sums(copy, volts.reshape(-1, part.dies.shape[0])).reshape(which.size, inputs, -1)
            places = np.broadcast_to(part.cols[which][:, np.newaxis, :], (which.size, inputs, part.cols.shape[1]))
            self._read[which] = np.take_along_axis(found, places, axis=2) / read
            self._stale_read[which] = False
            self.seconds[which] += inputs * part.setting.seconds[1]
        return self._read

    def states(self) -> NDArray[np.int8]:
        """Bits of all devices as they read."""
        self.known = (self.readings() > self.part.threshold).astype(np.int8)
        self._unsure[:] = False
        return self.known.copy()

    def _sums(self, copy: Ints, volts: Floats, *, passes: int = 1) -> Floats:
        """Column currents [A]; the meter's noise is that of so many readings."""
        part = self.part
        currents = part.dies.sums(copy, volts)
        if self._noise is not None:
            add_noise(
                self._seeds, part.dies.base, self._reads, copy, volts, part.dies.state.reshape(len(self._seeds), -1),
                self._siemens, self._tmr, self._telegraph, self._terms, self._full, np.sqrt(passes) * self._rms,
                part.cols, currents,
            )  # fmt: skip
        return currents

    def _renew_transfer(self) -> None:
        part, setting = self.part, self.part.setting
        which = np.flatnonzero(self._stale_sum)
        if not which.size:
            return
        model, count = part.model, which.size
        volts = _SECANT * setting.read
        state = part.dies.state[which].reshape(count, -1)
        rise = 1.0 + (volts / model.v_h) ** 2
        g = self._siemens[which]
        linear = np.where(state == 0, g * (1.0 + model.k_p * volts**2), g)
        linear = np.where(state == 1, g * rise / (rise + self._tmr[which]), linear)
        rows, cols = part.dies.shape
        inputs, outputs = part.layer
        sense = np.zeros((count, cols, outputs))
        each, output = np.arange(count)[:, np.newaxis], np.arange(outputs)
        sense[each, part.cols[which, 0::2], output] = 1.0
        sense[each, part.cols[which, 1::2], output] = -1.0
        fields, transfer = np.empty((count, rows, cols, inputs + outputs)), np.empty((count, inputs, outputs))
        contact = setting.contact
        answers(
            linear.reshape(count, rows, cols), float(model.wire), np.full(rows, contact), np.full(cols, contact),
            part.rows[which], sense, fields, transfer,
        )  # fmt: skip
        self._transfer[which] = transfer / part.window[which][:, np.newaxis, np.newaxis]
        self._stale_sum[which] = False

    # -- pulses ------------------------------------------------------------------------------------

    def update(self, rows: Floats, cols: Floats) -> None:
        """Pulses of the rows of either sign, or of every row, towards P and towards AP."""
        part = self.part
        some = np.flatnonzero(rows.any(axis=1) & cols.any(axis=1))
        if not some.size:
            return
        boosts = np.empty((some.size, 2 * part.layer[0] if self._by_row else 4))
        choose(
            some, rows, cols, self._by_row, self._ends[0], self._thin, self._seeds, part.dies.base, self._turns, boosts
        )
        fired = boosts >= 0.0
        count, order = fired.sum(axis=1), np.argsort(~fired, axis=1, kind="stable")
        before = part.dies.counts[:, FLIPS] + part.dies.counts[:, DISTURBED]
        # Phases of a copy follow one another; what is a copy's first may be another's last.
        for turn in range(int(count.max())):
            at = np.flatnonzero(count > turn)
            phase = order[at, turn]
            self._phase(some[at], phase, boosts[at, phase], rows, cols)
        self._turns[some] += np.uint64(1)
        self.updates[some] += count > 0
        changed = before != part.dies.counts[:, FLIPS] + part.dies.counts[:, DISTURBED]
        self._stale_read |= changed
        self._stale_sum |= changed
        self._unsure |= changed

    def _phase(self, dies: Ints, phases: Ints, boosts: Floats, rows: Floats, cols: Floats) -> None:
        """One pulse on each of these copies."""
        part, setting, n = self.part, self.part.setting, dies.size
        row_v, col_v, row_on, col_on = self._row_v[:n], self._col_v[:n], self._row_on[:n], self._col_on[:n]
        need, asked = self._need[:n], self.asked[:n]
        levels(
            dies, phases, boosts, rows, cols, self._by_row, part.rows, part.cols, self._table, *self._ends,
            part.needs, part.fixed, row_v, col_v, row_on, col_on, need, asked,
        )  # fmt: skip
        self.pulses[dies] += 1
        self.seconds[dies] += setting.seconds[0] + setting.width
        target = phases % 2
        if setting.ideal:
            part.dies.ask(dies, asked, target=target)
            return
        signs = (part.polarity * (1.0 - 2.0 * target)).astype(np.float64)
        sign = signs[:, np.newaxis]
        if setting.wires and setting.compensated:
            cell_v = part.dies.voltages(dies, sign * row_v, -sign * col_v, goal=_ROUGH)
            corrected(cell_v, signs, need, row_on, col_on, row_v, col_v)
        # Lines that are no numbers, or far from all that a cell may see, are those of cells that nothing suits.
        most = _BEYOND * part.dies.highest
        suited = (np.abs(row_v) < most).all(axis=1) & (np.abs(col_v) < most).all(axis=1)
        row_v[~suited], col_v[~suited], row_on[~suited], col_on[~suited] = 0.0, 0.0, False, False
        self.limited[dies[~suited]] += 1
        made = part.dies.pulse_lines(
            dies, sign * row_v, -sign * col_v, width=setting.width, row_on=row_on, col_on=col_on, strict=False
        )
        self.limited[dies[~made]] += 1

    def write(self, bits: NDArray[np.int8]) -> None:
        """Pulse every device that is known to be otherwise until it reads as it shall, one of each copy at a time."""
        part, asked = self.part, bits >= 0
        if (self._unsure & asked.any(axis=(1, 2))).any():
            self.states()
        wrong = asked & (bits != self.known) & part.writable
        todo = wrong.reshape(len(bits), -1)
        order = np.argsort(~todo, axis=1, kind="stable")
        count = todo.sum(axis=1)
        for turn in range(int(count.max(initial=0))):
            which = np.flatnonzero(count > turn)
            row, col = np.divmod(order[which, turn], bits.shape[2])
            self._write_one(which, row, col, bits[which, row, col])

    def _write_one(self, which: Ints, row: Ints, col: Ints, bit: NDArray[np.int8]) -> None:
        part, setting = self.part, self.part.setting
        x = float(np.log(-np.log1p(-NOT_CAUGHT)))
        going = np.arange(len(which))
        for attempt in range(setting.retries + 1):
            copy, wanted = which[going], bit[going]
            line, other = part.rows[copy, row[going]], part.cols[copy, col[going]]
            target = np.where(wanted == 1, 0, 1)
            cell = line * part.dies.shape[1] + other if part.write_needs.shape[2] > 1 else np.zeros_like(line)
            c = part.write_needs[copy, target, cell]
            volts = setting.over * (c[:, 0] + x * (c[:, 1] + x * (c[:, 2] + x * c[:, 3])))
            volts *= setting.growth ** max(0, attempt - 1)
            self._write_pulse(copy, line, other, volts, np.where(target == 0, part.polarity, -part.polarity))
            sums = np.zeros((len(copy), part.dies.shape[0]))
            sums[np.arange(len(copy)), line] = setting.read
            shown = self._sums(copy, sums)[np.arange(len(copy)), other] / setting.read
            self.seconds[copy] += setting.seconds[1]
            found = (shown > part.threshold[copy, row[going], col[going]]).astype(np.int8)
            self.known[copy, row[going], col[going]] = found
            going = going[found != wanted]
            if not going.size:
                return

    def _write_pulse(self, copy: Ints, row: Ints, col: Ints, volts: Floats, polarity: Ints) -> None:
        """One V/2 pulse of `volts` (n,) at the cell of each copy; made up for what wires take."""
        part, each = self.part, np.arange(len(copy))
        row_v, col_v = np.zeros((len(copy), part.dies.shape[0])), np.zeros((len(copy), part.dies.shape[1]))
        row_v[each, row] = col_v[each, col] = 0.5 * volts
        row_on, col_on = row_v != 0.0, col_v != 0.0
        sign = polarity[:, np.newaxis]
        if part.setting.wires and part.setting.compensated:
            cell_v = part.dies.voltages(copy, sign * row_v, -sign * col_v, goal=_ROUGH)[each, row, col]
            factor = np.clip(volts / np.maximum(np.abs(cell_v), 1e-6), 0.5, 2.0)[:, np.newaxis]
            row_v *= factor
            col_v *= factor
        made = part.dies.pulse_lines(
            copy, sign * row_v, -sign * col_v, width=part.setting.write_width, row_on=row_on, col_on=col_on,
            strict=False,
        )  # fmt: skip
        self.limited[copy[~made]] += 1
        self.writes[copy] += 1
        self.seconds[copy] += part.setting.seconds[0] + part.setting.write_width
        self._stale_read[copy] = True
        self._stale_sum[copy] = True
