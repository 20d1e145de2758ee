"""Held-out operating points, made by ngspice as the test runs, 64 x 64 cells too.

Needs ngspice, a circuit simulator that shares no line with this project: apt-get install ngspice (or the like).
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from labmtj.physics.crossbar import solve_cells
from labmtj.records import Floats, Ints

R_WIRE, TMR0, V_H, K_P = 5.0, 1.2, 0.5, 0.2

pytestmark = pytest.mark.skipif(
    shutil.which("ngspice") is None, reason="ngspice is not installed: apt-get install ngspice"
)


def cell(row: int, col: int, state: int, ohms: float) -> str:
    v = f"v(w{row}_{col},b{row}_{col})"
    law = {
        0: f"(1+{K_P}*{v}*{v})",
        1: f"/(1+{TMR0}/(1+{v}*{v}/{V_H**2}))",
        2: "",
    }[state]
    times = "*" if law.startswith("(") else ""
    return f"B{row}_{col} w{row}_{col} b{row}_{col} I={1 / ohms:.17g}*{v}{times}{law}"


def netlist(state: Ints, r_p: Floats, rows: Floats, cols: Floats, found: Path) -> str:
    m, n = state.shape
    lines = ["crossbar"]
    for row in range(m):
        lines += [f"Rw{row}_{col} w{row}_{col} w{row}_{col + 1} {R_WIRE}" for col in range(n - 1)]
        if not np.isnan(rows[row]):
            lines += [f"Vr{row} tr{row} 0 {rows[row]:.17g}", f"Rr{row} tr{row} w{row}_0 {R_WIRE}"]
    for col in range(n):
        lines += [f"Rb{row}_{col} b{row}_{col} b{row + 1}_{col} {R_WIRE}" for row in range(m - 1)]
        if not np.isnan(cols[col]):
            lines += [f"Vc{col} tc{col} 0 {cols[col]:.17g}", f"Rc{col} b{m - 1}_{col} tc{col} {R_WIRE}"]
    lines += [cell(row, col, int(state[row, col]), float(r_p[row, col])) for row in range(m) for col in range(n)]
    lines += [
        ".options reltol=1e-9 abstol=1e-18 vntol=1e-13 gmin=1e-30 itl1=500",
        ".control",
        "op",
        "set numdgt=16",
        f"print all > {found}",
        "quit 0",
        ".endc",
        ".end",
    ]
    return "\n".join(lines)


def solved(folder: Path, state: Ints, r_p: Floats, rows: Floats, cols: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Word line and bit line nodes [V], currents into the rows and out of the columns [A]."""
    circuit, found = folder / "crossbar.cir", folder / "found.txt"
    circuit.write_text(netlist(state, r_p, rows, cols, found))
    subprocess.run(["ngspice", "-b", str(circuit)], check=True, capture_output=True, timeout=300)
    pairs = [line.split("=", 1) for line in found.read_text().splitlines() if "=" in line]
    values = {name.strip(): float(value.split()[0]) for name, value in pairs}
    m, n = state.shape
    word, bit = (
        np.array([[values[f"{line}{row}_{col}"] for col in range(n)] for row in range(m)]) for line in ("w", "b")
    )
    into = np.array([-values.get(f"vr{row}#branch", 0.0) for row in range(m)])
    return word, bit, into, np.array([values.get(f"vc{col}#branch", 0.0) for col in range(n)])


@pytest.mark.parametrize("size", [15, pytest.param(64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("floating", [0.0, 0.4], ids=["driven", "floating"])
@pytest.mark.parametrize("shorted", [False, True], ids=["sound", "shorted"])
def test_ngspice_finds_the_same(tmp_path: Path, size: int, floating: float, shorted: bool) -> None:
    chance = np.random.default_rng([size, int(10 * floating), shorted])
    state = chance.integers(0, 2, (size, size))
    r_p = 7960.0 * np.exp(0.06 * chance.standard_normal((size, size)))
    if shorted:
        state[[0, -1], [-1, 0]], r_p[[0, -1], [-1, 0]] = 2, 100.0
    rows = np.where(chance.uniform(size=size) < floating, np.nan, 0.0)
    cols = np.where(chance.uniform(size=size) < floating, np.nan, 0.0)
    rows[chance.integers(size)], cols[chance.integers(size)] = 0.3, -0.17
    word, bit, into, out_of = solved(tmp_path, state, r_p, rows, cols)
    found = solve_cells(state, r_p, rows, cols, r_wire=R_WIRE, tmr0=TMR0, v_h=V_H, k_p=K_P)
    assert max(np.abs(found.w - word).max(), np.abs(found.b - bit).max()) < 1e-10
    most = max(np.abs(into).max(), np.abs(out_of).max())
    assert max(np.abs(found.i_row - into).max(), np.abs(found.i_col - out_of).max()) < 1e-10 * most
