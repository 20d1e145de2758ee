"""A simulated chip as one electrical object: kernels of cells with a transistor each, of which one is on the lines.

What stands on the lines concerns the kernel that the gates name, and nothing else: the others are at rest, and get the
exposure of that time when something happens to them. So nothing costs more for a chip of many kernels.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from labmtj.account import Account
from labmtj.physics.variation import DieTruth
from labmtj.twin.chip_kernel import KernelElectrics, transistor
from labmtj.twin.effort import Effort
from labmtj.twin.hookup import Hookup
from labmtj.twin.operating_point import OperatingPoint, unconnected
from labmtj.twin.state import DieState

_LARGEST = ("terminal",)


class ChipElectrics:
    """A chip with its truth and its state, seen through the ends of its lines; to the world it is an `Electrics`."""

    def __init__(self, truth: DieTruth, state: DieState) -> None:
        transistor(truth)
        self.truth, self.state, self.effort = truth, state, Effort()
        self._began, self._pulses, self._cycles = state.clock, state.pulses, state.cycles.copy()
        self._kernels: dict[int, KernelElectrics] = {}
        self._active: KernelElectrics | None = None  # the kernel that something stands on
        self._touched: set[int] = set()  # kernels, from 0, that have changed since the last commit
        model = truth.model
        self._nothing = np.zeros((model.rows // model.kernels, model.cols))

    def kernel(self, number: int) -> KernelElectrics:
        """Kernel `number` (from 0)."""
        found = self._kernels.get(number)
        if found is None:
            found = self._kernels[number] = KernelElectrics(self.truth, self.state, number)
            found.effort = self.effort
        return found

    def operating_point(self, hookup: Hookup) -> OperatingPoint:
        """What flows: nothing, unless a gate is open."""
        number = self._number(hookup)
        return self._open(hookup) if number is None else self.kernel(number).operating_point(hookup)

    def _number(self, hookup: Hookup) -> int | None:
        """The kernel (from 0) that a hookup concerns."""
        return None if hookup.gates is None else hookup.gates.kernel - 1

    def _open(self, hookup: Hookup) -> OperatingPoint:
        return unconnected(hookup.sources, self._nothing)

    # -- time ------------------------------------------------------------------------------------

    def hold(self, hookup: Hookup, seconds: float) -> None:
        """Let time pass with the lines connected so; it takes effect before anything else happens (`settle`)."""
        number = self._number(hookup)
        if number is None or hookup.quiet:
            self.rest(seconds)
        else:
            self._enter(number).hold(hookup, seconds)

    def rest(self, seconds: float) -> None:
        """Let time pass with nothing on the cells."""
        self.settle()
        self.state.clock += seconds

    def settle(self) -> None:
        """Give the cells the exposure of the time that was held."""
        if self._active is not None:
            self._active.settle()
            self._active.own.leave()
            self._active = None

    def pulse(self, hookup: Hookup, seconds: float) -> OperatingPoint:
        """One pulse: solve the network once, at its start, and draw once for every cell of the kernel."""
        number = self._number(hookup)
        if number is None:
            self.rest(seconds)
            self.state.pulses += 1
            return self._open(hookup)
        point = self._enter(number).pulse(hookup, seconds)
        self.settle()
        return point

    def _enter(self, number: int) -> KernelElectrics:
        kernel = self.kernel(number)
        if kernel is not self._active:
            self.settle()
            kernel.own.enter()
            self._active = kernel
            self._touched.add(number)
        return kernel

    def measure(self, hookup: Hookup, source: int, aperture: float) -> tuple[float, float]:
        """Current [A] out of a source averaged over `aperture` [s], with noise, and a draw for the meter's own."""
        number = self._number(hookup)
        # Through closed gates a meter sees the ends of the lines, which any kernel's lines are.
        kernel = self.kernel(number or 0)
        return kernel.measure(hookup, source, aperture)

    # -- what came of it ---------------------------------------------------------------------------

    def commit(self) -> None:
        """Make all that has happened the state that a next process finds; nothing where no file keeps it."""
        if self.state.path is None:
            return
        self.settle()
        if len(self._touched) > 1:
            self.state.commit()
        else:
            self.state.commit(self.kernel(next(iter(self._touched))).own.rows if self._touched else slice(0, 0))
        self._touched.clear()

    def account(self) -> Account:
        """What happened to the die since this object was made."""
        self.settle()
        model = self.truth.model
        kernels = [self._account(number) for number in range(model.kernels)]
        state, found = self.state, dict[str, object]()
        for name in (field.name for field in fields(Account)):
            parts = [getattr(account, name) for account in kernels]
            if isinstance(parts[0], np.ndarray):
                found[name] = np.concatenate(parts)
            else:
                found[name] = max(parts) if name in _LARGEST else sum(parts)
        found["seconds"], found["pulses"] = state.clock - self._began, state.pulses - self._pulses
        found["closures"] = ((state.cycles - self._cycles + 1) // 2).astype(np.float64)
        return Account(**found)  # pyright: ignore[reportArgumentType]

    def _account(self, number: int) -> Account:
        """The account of one kernel, which has then had its rest."""
        kernel = self._enter(number)
        found = kernel.account()
        self.settle()
        return found
