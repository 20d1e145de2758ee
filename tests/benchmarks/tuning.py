"""What tuning brings, kind by kind: gaps to software, in points of accuracy, of the 300 networks that ship.

    python tests/benchmarks/tuning.py [DIAMETER_NM,WIRE_OHM,SEED ...] [--ways scale,best]

Of each kind of die one, drawn with `seed`, mapped and written without an error (what writing does is not looked at
here): the networks lie around defects, layer 2 over layer 1, and every sample is summed by the exact network with
nonlinear cells. A line a way: mean gap on train, test and all, its 95th percentile and the largest on train. The gap
is that to software of the same network at its own tuned scale.
"""

from __future__ import annotations

import sys

import numpy as np

from labmtj.config.bench import load_bench
from labmtj.dies import die_model
from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped_networks
from labmtj.nets.network import pairs
from labmtj.nets.placement import avoid_defects
from labmtj.nets.readout import infer
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tuning.copies import Copies, in_software, map_weights
from labmtj.nets.tuning.judging import accuracies
from labmtj.nets.tuning.ways import tune
from labmtj.physics.lockstep import Dies
from labmtj.physics.variation import draw_die
from labmtj.records import Amplitudes, Cell, Defect, DieMap, Floats, Polarity, State

KINDS = [f"{diameter},{wire},11" for diameter in (30, 40, 50, 75, 100, 20, 15) for wire in (1, 5, 20)]


class Written:
    """Copies of all networks on one die, every device in the state it should have, unless it is stuck."""

    def __init__(self, stack: NetworkStack, diameter: float, wire: float, seed: int) -> None:
        said = {"diameter": f"{diameter} nm", "wire": f"{wire} ohm", "seed": seed}
        file = load_bench(overrides=[f"simulation.die.{name}={value}" for name, value in said.items()])
        model = die_model(file.bench)
        truth, self.volts = draw_die(model), 50e-3 if diameter >= 30 else 20e-3
        one, self.dies = Dies([truth]), Dies([truth] * len(stack))
        seen = [1.0 / one.conductances(state, voltage=self.volts)[0] for state in (State.P, State.AP)]
        polarity = Polarity(State.P, Cell(1, 1), 0.3, 0.35)
        die = DieMap(*seen, truth.defect.astype(np.int64), self.volts, polarity, Amplitudes(0.3, 0.35), 100e-6)
        self.window = die.conductance_p - die.conductance_ap
        self.places, self.states = [], []
        for layer in range(len(stack.devices)):
            target = stack.states(layer)
            found = avoid_defects(die, target.shape[1:])
            rows, cols = np.array(found.rows) - 1, np.array(found.cols) - 1
            wanted = self.dies.state.copy()
            wanted[np.ix_(np.arange(len(stack)), rows, cols)] = target
            fixed = (self.dies.state > 1) | (truth.defect == Defect.STUCK)
            self.dies.state[:] = np.where(fixed, self.dies.state, wanted)
            self.places.append((rows, cols))
            self.states.append(self.dies.state.copy())

    def sums(self, layer: int, drives: Floats) -> Floats:
        """Currents of the layer's columns over the read voltage [S], (networks, samples, device columns)."""
        networks, samples, _ = drives.shape
        rows, cols = self.places[layer]
        self.dies.state[:] = self.states[layer]
        volts = np.zeros((networks * samples, self.dies.shape[0]))
        volts[:, rows] = self.volts * drives.reshape(networks * samples, -1)
        found = self.dies.multiply(np.repeat(np.arange(networks), samples), volts) / self.volts
        return found.reshape(networks, samples, -1)[..., cols]

    def products(self, layer: int, drives: Floats) -> Floats:
        """What the array computes (`nets.readout.Products`)."""
        return pairs(self.sums(layer, drives)) / self.window

    def maps(self) -> tuple[Floats, ...]:
        """Conductance of every device as it is read alone [S]."""
        count = len(self.dies.state)
        each = [np.eye(len(rows)) for rows, _ in self.places]
        return tuple(self.sums(n, np.tile(one, (count, 1, 1))) for n, one in enumerate(each))


def main(arguments: list[str]) -> None:
    """Print a line for every kind and way."""
    names = ["scale", "best"]
    if "--ways" in arguments:
        at = arguments.index("--ways")
        names = arguments[at + 1].split(",")
        arguments = arguments[:at] + arguments[at + 2 :]
    data, stack = wine(), NetworkStack.of(shipped_networks().networks)
    software = in_software(stack, data)
    wanted = accuracies(software.tuned.scores, data)
    print(f"software, scale tuned: train {100 * wanted.train.mean():.2f} %, test {100 * wanted.test.mean():.2f} %")
    print("  nm ohm die  way            train   test    all    p95    max")
    for kind in arguments or KINDS:
        diameter, wire, seed = (int(word) for word in kind.split(","))
        die = Written(stack, diameter, wire, seed)
        copies = Copies(stack, data, map_weights(die.maps(), window=die.window), software)
        for name, how in tune(copies, names, products=die.products).items():
            found = accuracies(infer(stack, data.inputs, products=die.products, readout=how).scores, data)
            train = 100 * (wanted.train - found.train)
            means = [train.mean(), *(100 * (getattr(wanted, p) - getattr(found, p)).mean() for p in ("test", "all"))]
            figures = [*means, np.percentile(train, 95.0), train.max()]
            print(f"{diameter:4} {wire:3} {seed:3}  {name:13}", *(f"{value:6.2f}" for value in figures), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
