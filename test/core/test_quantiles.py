"""Quantiles are those of numpy."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fail2progress.core.quantiles import quantile, quantiles


@given(
    arrays.arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e3, 1e3)),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_they_are_those_of_numpy(values: np.ndarray, shares: list[float]) -> None:
    assert np.allclose(quantiles(values, *shares), np.quantile(values, shares), rtol=1e-12, atol=1e-12)


def test_the_half_of_two_is_between_them() -> None:
    assert quantile(np.array([1.0, 3.0], np.float32), 0.5) == 2.0
