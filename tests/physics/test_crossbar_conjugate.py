from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labmtj.physics.crossbar import solve_cells
from labmtj.physics.crossbar_conjugate import conjugate
from labmtj.physics.crossbar_network import SMALL, Network

TRUTH = sorted((Path(__file__).parents[1] / "truth" / "ngspice").glob("*.npz"))
CELL: dict[str, Any] = {"tmr0": 1.2, "v_h": 0.5, "k_p": 0.2}
FREE = np.full(15, np.inf)


@pytest.mark.parametrize("path", TRUTH, ids=lambda path: path.stem)
def test_conjugate_gradients_meet_ngspice_on_arrays_that_are_otherwise_too_small_for_them(path: Path) -> None:
    truth = np.load(path)
    r_wire, tmr0, v_h, k_p = truth["params"]
    network = Network(
        np.stack([truth["Rp"], np.full((15, 15), tmr0), truth["state"]]),
        row_lines=np.stack([truth["vrow"], np.zeros(15), FREE]),
        col_lines=np.stack([truth["vcol"], np.zeros(15), FREE]),
        r_wire=float(r_wire),
        v_h=float(v_h),
        k_p=float(k_p),
    )
    conjugate(
        network.device_b, network.curve, network.base_b, network.scale, network.r, network.term_w, network.term_b,
        network.x, network.y, network.flow_w, network.flow_b,
    )  # fmt: skip
    assert network.imbalance() < 1e-13
    for found, name in zip(network.nodes(), ("cell_v", "cell_i", "w", "b"), strict=True):
        assert np.abs(found - truth[name]).max() < (1e-11 if name != "cell_i" else 1e-14)
    most = max(np.abs(truth["i_row"]).max(), np.abs(truth["i_col"]).max())
    for found, name in zip(network.terminals(), ("i_row", "i_col"), strict=True):
        assert np.abs(found - truth[name]).max() < 1e-10 * most


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("shape", [(31, 33), (40, 25)])
def test_large_arrays_are_solved_on_any_wires_with_any_lines_floating(seed: int, shape: tuple[int, int]) -> None:
    assert shape[0] * shape[1] > SMALL
    chance = np.random.default_rng(seed)
    state = chance.integers(0, 3, shape).astype(np.int8)
    r_p = np.where(state == 2, chance.choice([100.0, 1e6, 1e9]), chance.uniform(1e3, 6e4, shape))
    r_p[chance.random(shape) < 0.2] = np.inf
    rows, cols = chance.uniform(-1, 1, shape[0]), chance.uniform(-1, 1, shape[1])
    floating = (0.0, 0.4, 0.95)[seed % 3]
    rows[chance.random(shape[0]) < floating], cols[chance.random(shape[1]) < floating] = np.nan, np.nan
    rows[0], cols[0] = 0.7, -0.2
    r_wire = (0.0, 1e-9, 20.0, 1e6)[seed % 4]
    found = solve_cells(state, r_p, rows, cols, r_wire=r_wire, r_row=3.0, limit_row=1e-4, **CELL)
    assert found.kcl < 1e-9
    assert np.abs(found.i_row).max() <= 1e-4 * (1 + 1e-8)
    assert np.abs(found.i_row[np.isnan(rows)]).max(initial=0.0) == 0.0
    held = ~np.isnan(rows) & ~found.limited_row
    assert rows[held] == pytest.approx((found.w[:, 0] + found.i_row * (r_wire + 3.0))[held], abs=1e-11)
    most = max(np.abs(found.i_row).max(), np.abs(found.i_col).max())
    # Whatever leaves the array comes in, and a line carries what its cells draw.
    assert found.i_row == pytest.approx(found.cell_i.sum(axis=1), abs=1e-9 * most)
    assert found.i_col == pytest.approx(found.cell_i.sum(axis=0), abs=1e-9 * most)
