"""How networks on passive dies are trained: pulses, readings, and what of the arrays is switched off."""

from __future__ import annotations

from dataclasses import dataclass, replace

from labmtj.errors import InputError
from labmtj.physics.variation import DieModel

LONG, SHORT = 0.7, 0.8
"""Largest voltage of a cell [V] at pulses above and below 1 us.

chosen: 100 pulses of 100 us at 0.7 V break one barrier in 2e7, 1e5 pulses of 10 ns at 0.8 V one in 1e5 or so.
"""


@dataclass(frozen=True)
class PassiveSetting:
    """`width` [s] of update pulses, `read` voltage [V]; `shape`: pulses for the `die` or for each `cell`.

    `lines`: `all` rows of a sign are pulsed at once, or one `row` at a time: then each of its cells has a voltage of
    its own, and with `thin` there are few pulses more. Lines whose largest probability is below `least` are not
    driven; none is asked above `most`. A phase that asks less than `thin` of every cell is fired in a share of its
    turns only, and asks more then (0: always). `map_error` is the relative error with which the host knows a cell's
    switching voltage (shape `cell`). A write is a pulse of `over` times what switches 99.9 %, with `retries`, each
    `growth` larger from the third on, of `write_width` [s].

    Ablations: `spread` multiplies the spreads of devices, `wires`, `defects`, `noise` (of readings), `disturb`
    (False: cells that are not selected never flip) and `ideal` (P exactly as asked, no pulse solved). `compensated`:
    line voltages make up for what wires take. `contact` [ohm] at every line's terminal. `goal` of solutions, of the
    largest voltage; `seconds` of a pulse without its width and of one pass of a product [s].
    """

    width: float = 100e-6
    read: float = 0.05
    shape: str = "die"
    lines: str = "all"
    least: float = 0.003
    most: float = 0.98
    thin: float = 0.1  # chosen: a sixth of the pulses, and Wine is learnt as well
    map_error: float = 0.003  # chosen: a tenth of P at 100 us, as a calibration is asked to reach
    over: float = 1.25
    retries: int = 10
    growth: float = 1.03
    write_width: float = 100e-6
    spread: float = 1.0
    wires: bool = True
    defects: bool = True
    noise: bool = True
    disturb: bool = True
    ideal: bool = False
    compensated: bool = True
    contact: float = 0.0
    goal: float = 1e-3  # chosen: voltages were within 3e-5 then, P within 1e-3 at 100 us (tests)
    highest: float | None = None
    seconds: tuple[float, float] = (5e-3, 25e-3)  # chosen: messages to sources; one period of the mains and settling

    def __post_init__(self) -> None:
        if self.shape not in ("die", "cell"):
            raise InputError(f"shape: {self.shape!r}; pulses are shaped for the 'die' or for each 'cell'")
        if self.lines not in ("all", "row"):
            raise InputError(f"lines: {self.lines!r}; 'all' rows are pulsed at once, or one 'row' at a time")
        if not (self.width > 0.0 and self.write_width > 0.0 and self.read > 0.0 and self.spread >= 0.0):
            raise InputError("widths and the read voltage are above 0, the spread is not below 0")
        if not 0.0 < self.least < self.most < 1.0:
            raise InputError(f"least {self.least} and most {self.most}: 0 < least < most < 1 is needed")

    def of(self, model: DieModel) -> DieModel:
        """The die's model with spreads, wires and defects as this setting has them."""
        k = self.spread
        changed = replace(
            model, sigma_r_p=k * model.sigma_r_p, sigma_tmr=k * model.sigma_tmr, sigma_v_c=k * model.sigma_v_c,
            sigma_delta=k * model.sigma_delta, sigma_stray_field=k * model.sigma_stray_field,
        )  # fmt: skip
        if not self.wires:
            changed = replace(changed, wire=0.0)
        return changed if self.defects else replace(changed, short=0.0, open=0.0, stuck=0.0)

    def ceiling(self, width: float) -> float:
        """Largest voltage of a cell [V] at pulses of `width` [s]."""
        return self.highest if self.highest is not None else LONG if width > 1e-6 else SHORT
