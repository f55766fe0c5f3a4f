"""What it costs to take one sighting for another, and the cheapest pairs of tracks and sightings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from fail2progress.core.scene import Array
from fail2progress.perception.tracking.tracks import Track

IMPOSSIBLE = 9.0
"""Cost of no match, three standard deviations: two poor matches must not be bought with a good one."""


@dataclass(frozen=True)
class Gates:
    """How far two sightings of one object may differ. The first number of a pair scales the cost, the second one is a limit."""

    position: tuple[float, float] = (0.03, 0.12)
    """Metres between centres, of what has been expected there."""
    size: tuple[float, float] = (0.5, 1.5)
    """Mean absolute difference of logarithms of extents; generous, as other things hide parts. Shrinking costs half."""
    colour: tuple[float, float] = (0.12, 0.5)
    """Distance of mean chromaticities and lightness, of at most about 1.4."""
    jump: tuple[float, float] = (0.3, 0.8)
    """As `size`, for something that turned up where nothing was expected."""
    area: tuple[float, float] = (0.5, 0.8)
    """Share of the area of a table, seen from above, that another sighting of it does not have in common with it."""
    through: float = 0.02
    """Metres behind a thing's last place at which something must be seen to say that it is gone; less for what is so flat that
    what it stands on is nearer (View.evidence)."""
    gone: float = 0.6
    """Share of its points that must be seen through for that, of those that can tell."""
    patience: int = 3
    """Frames in which the place of something may be seen to be empty, and it is still reported; its id is kept for ever. None
    for what a skill was to move: that it is not where it was to go is what the skill is judged by."""


def off_course(offset: Array) -> float:
    """Metres by which something came to lie elsewhere than expected; what is let go falls, which counts for a fifth."""
    down = offset[2] if offset[2] > 0 else 0.2 * offset[2]
    return float(np.linalg.norm((offset[0], offset[1], down)))


def cost_of(values: tuple[float, ...], gates: tuple[tuple[float, float], ...]) -> float:
    """Sum of squares in units of their scales; impossible where one is beyond its limit."""
    if any(value > limit for value, (_, limit) in zip(values, gates, strict=True)):
        return IMPOSSIBLE
    return min(sum((value / scale) ** 2 for value, (scale, _) in zip(values, gates, strict=True)), IMPOSSIBLE)


def assign(
    pairs: dict[str, int], tracks: Mapping[str, Track], found: list[Track], cost: Callable[[str, Track, Track], float]
) -> None:
    """Add the cheapest pairs of what is left on both sides."""
    names = [name for name in tracks if name not in pairs]
    taken = set(pairs.values())
    rows = [i for i in range(len(found)) if i not in taken]
    if not names or not rows:
        return
    costs = np.array([[cost(name, tracks[name], found[i]) for i in rows] for name in names])
    for a, b in zip(*linear_sum_assignment(costs), strict=True):
        if costs[a, b] < IMPOSSIBLE:
            pairs[names[a]] = rows[b]
