"""What dies are like in a part of the study: the bench's, or with something left out of them or made worse."""

from __future__ import annotations

from dataclasses import dataclass, replace

from labmtj.physics.variation import DieModel

DEFAULT = "default"
_SIGMAS = ("sigma_r_p", "sigma_tmr", "sigma_v_c", "sigma_delta", "sigma_stray_field")
# Means that a wafer or neighbours shift are spread, too; so is a cell that flickers between two resistances.
_OTHER_SPREAD = ("gradient_r_p", "gradient_v_c", "bow_r_p", "bow_v_c", "correlated_r_p", "correlated_v_c", "telegraph")


@dataclass(frozen=True)
class Condition:
    """Dies in one part of the study, called `name`.

    `spread`, `shorts` and `wires` are multiples of the bench's; `sigma` (a fraction) is the spread of V_c and R_P
    themselves, if it is said, without any other spread of V_c; `without` names what is left out (schema.WITHOUT).
    `width` [s] is that of an update's pulses.
    """

    name: str
    width: float
    spread: float = 1.0
    sigma: float | None = None
    shorts: float = 1.0
    wires: float = 1.0
    without: str = ""

    @property
    def ideal(self) -> bool:
        """Whether devices are what they should be, and flip with exactly the probability that is asked for."""
        return self.without == "ideal"

    def model(self, model: DieModel, *, seed: int) -> DieModel:
        """The statistics of a die of this kind, with the `seed` that draws it."""
        changes = {name: getattr(model, name) * self.spread for name in (*_SIGMAS, *_OTHER_SPREAD[:-1])}
        changes |= {"short": model.short * self.shorts, "wire": model.wire * self.wires}
        if self.sigma is not None:
            changes |= {"sigma_v_c": self.sigma, "sigma_r_p": self.sigma}
        if self.without == "spread":
            changes |= dict.fromkeys((*_SIGMAS, *_OTHER_SPREAD), 0.0)
        if self.without == "wires":
            changes["wire"] = 0.0
        if self.without == "defects":
            changes |= dict.fromkeys(("short", "open", "stuck", "leaky"), 0.0)
        return replace(model, seed=seed, **changes)
