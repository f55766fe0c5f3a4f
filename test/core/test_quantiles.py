"""Quantiles are those of numpy, to the last bit."""

import numpy as np
import pytest
from numpy.typing import DTypeLike

from fail2progress.core.quantiles import quantile, quantile_of_upper, quantiles

SINGLE = tuple(map(int, np.__version__.split(".")[:2])) >= (2, 3)
SHARES = (0.0, 0.02, 0.37, 0.5, 0.9, 0.995, 1.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 2, 3, 10, 101, 2000])
def test_quantiles_are_those_of_numpy_in_every_bit(dtype: DTypeLike, count: int) -> None:
    rng = np.random.default_rng(count)
    for decimals in (1, 12):  # with many that are the same, and with none
        values = np.round(rng.standard_normal((count, 3)), decimals).astype(dtype)
        assert np.array_equal(quantiles(values, SHARES), np.quantile(values, SHARES, axis=0))
        assert np.array_equal(quantiles(values[:, 0], SHARES), np.quantile(values[:, 0], SHARES))
        own, known = ([of(values[:, 1], share) for share in SHARES] for of in (quantile, np.quantile))
        # An earlier NumPy, as Python 3.10 has it, interpolates single ones in double precision.
        assert own == known if SINGLE else np.allclose(own, known, rtol=1e-6, atol=1e-6)


def test_a_quantile_can_be_told_from_the_largest_values_alone() -> None:
    values = np.sort(np.random.default_rng(0).standard_normal((500, 4)), axis=0)
    for share in (0.9, 0.995, 1.0):
        assert np.array_equal(quantile_of_upper(values[-60:], 500, share), np.quantile(values, share, axis=0))
