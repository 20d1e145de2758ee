"""The transistor in series with a junction: square law, symmetric in its two ends.

    I = (k/2) [ max(V_G - V_T - V_n, 0)^2 - max(V_G - V_T - V_r, 0)^2 ],     k = 1 / (R_on V_ov)

flows from the row (at V_r) into the node between transistor and junction (at V_n); the junction goes on from there to
the column. It is the long-channel law of Sah (IEEE Trans. Electron Devices 11, 324 (1964)) without body effect, written
for both directions at once: linear with R_on for small drops, and never above (k/2) (V_G - V_T - V_n)^2, however low
the resistance behind it. That bounds the current of a shorted cell.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Transistor:
    """`threshold` V_T [V], `on_resistance` R_on [ohm] at an overdrive V_G - V_T of `at_overdrive` [V].

    `sigma_threshold` [V] is the spread of V_T over cells.
    """

    threshold: float
    on_resistance: float
    at_overdrive: float
    sigma_threshold: float = 0.0

    @property
    def k(self) -> float:
        """Transconductance parameter k [A/V2]."""
        return 1.0 / (self.on_resistance * self.at_overdrive)
