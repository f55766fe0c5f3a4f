"""How the laws of the sides of boxes are fitted."""

import numpy as np
import pytest

from fail2progress.core.scene import Array
from fail2progress.evaluation.box_fitting import fitted, within
from fail2progress.perception.box_laws import KINDS


def made(seed: int, count: int) -> Array:
    """Sides (n, 3) that follow a law, with the errors of a heavy tail."""
    rng = np.random.default_rng(seed)
    scale, missing = rng.uniform(0.05, 0.3, count), rng.uniform(0.0, 0.1, count)
    excess = 0.01 + 0.1 * scale + 0.5 * missing + (0.004 + 0.05 * scale) * rng.standard_t(4, count)
    return np.column_stack([scale, missing, excess])


def test_laws_are_found_again_in_what_they_made_and_cover_what_they_say() -> None:
    few = {kind: made(i, 60) for i, kind in enumerate(KINDS)}
    laws = fitted({**few, "far": made(99, 3000)})
    law = laws["far"]
    mean, _ = law.at(0.2, 0.05)
    assert mean == pytest.approx(0.055, abs=0.003)
    assert law.at(0.3, 0.05)[1] > 1.5 * law.at(0.05, 0.05)[1]
    assert within(laws, {"far": made(100, 3000)})["within_2"] == pytest.approx(0.96, abs=0.015)


def test_too_few_sides_of_a_kind_are_told() -> None:
    with pytest.raises(ValueError, match="hidden top"):
        fitted({kind: made(0, 60) for kind in KINDS if kind != "hidden top"})
