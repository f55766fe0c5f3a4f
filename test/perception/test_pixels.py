"""Rows and columns of pixels are those of numpy."""

import numpy as np

from fail2progress.perception.pixels import places_of, rows_and_columns


def test_rows_and_columns_are_those_of_numpy() -> None:
    mask = np.random.default_rng(0).random((37, 53)) < 0.3
    flat = np.arange(53 * 4)
    for one, other in ((places_of(mask), np.nonzero(mask)), (rows_and_columns(flat, 53), np.divmod(flat, 53))):
        assert all(np.array_equal(*pair) for pair in zip(one, other, strict=True))
    assert all(len(part) == 0 for part in places_of(np.zeros((4, 5), bool)))
