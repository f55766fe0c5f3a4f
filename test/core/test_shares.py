import math

import numpy as np
import pytest

from fail2progress.core.shares import per_cent, percent, rounded


@pytest.mark.parametrize(
    ("share", "told"),
    [(0.0, "0%"), (1.0, "100%"), (1 / 300, "0.3%"), (299 / 300, "99.7%"), (0.9996, "99.96%"), (0.5, "50%"), (-0.001, "-0.1%"),
     (1.0 - 1e-15, "100%"), (-0.0, "0%"), (math.nan, "-"), (None, "-"), (math.inf, "-")],
)  # fmt: skip
def test_nothing_is_rounded_to_none_or_to_all(share: float | None, told: str) -> None:
    assert percent(share) == told
    assert share is None or percent(np.float64(share)) == told


def test_nothing_is_rounded_to_a_bar_or_across_one() -> None:
    assert (percent(0.7951, 0.8), percent(0.796, 0.8), percent(0.8, 0.8), percent(0.804, 0.8)) == (
        "79.5%",
        "79.6%",
        "80%",
        "80.4%",
    )
    assert (percent(0.79), percent(0.9496, 0.95, digits=1), per_cent(0.9496, 0.95)) == ("79%", "94.96%", "94.96")
    assert (rounded(0.00304, 4, 0.003), rounded(0.003, 4, 0.003), rounded(0.0035, 4, 0.003)) == ("0.00304", "0.0030", "0.0035")
