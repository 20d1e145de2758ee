"""The addressed numbers inside compiled kernels are those outside."""

from __future__ import annotations

import pytest

from labmtj.physics import chance, chance_kernels

ADDRESSES = [(17, 20, place, ordinal) for place in (0, 3, 224) for ordinal in (0, 1, 10**6)] + [(2**62, 1, 5, 7)]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_kernel_draws_what_python_draws(address):
    assert chance.uniform(*address) == chance_kernels.uniform(*address)
    assert chance.normal(*address) == pytest.approx(chance_kernels.normal(*address), rel=1e-14)
