"""Whether things that a caller puts at a place of their own rest there: on something, and in nothing solid."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.rest import SETTLES

_SUNK = 0.002
"""Metres by which solid parts may overlap before things count as in one another."""
_ROUND = 0.5**0.5
"""Half side of the square in a circle of radius 1: what is surely of a cylinder, seen from above."""
_STRAIGHT = 0.02
"""Sine of an angle up to which a thing stands along the axes."""


def check_standing(scene: Scene, placed: Iterable[str]) -> None:
    """ValueError names the first of the `placed` things that would fall, or that stands in another one's solid parts, and where.

    By boxes along the axes: of what is turned aslant, no overlap is judged. A thing rests where what is under it, up to the few
    centimetres that settling takes, reaches around its middle.
    """
    parts = [_parts(scene, row) for row in range(len(scene))]
    for name in placed:
        row = scene.index(name)
        others = [other for other in range(len(scene)) if other != row]
        x, y, _ = scene.position(name)
        place = f"{name}: at x {x:.3g} m, y {y:.3g} m with its top at {scene.bounds()[row, 1, 2]:.3g} m"
        crossed = next((other for other in others if _crossed(scene, parts, row, other)), None)
        if crossed is not None:
            raise ValueError(f"{place} it stands in {scene.names[crossed]}; choose another place, or say on or inside")
        if not _supported(scene, row, np.concatenate([parts[other] for other in others]) if others else np.empty((0, 2, 3))):
            raise ValueError(f"{place} there is nothing that it stands on, it would fall; say on or inside, or a fitting height")


def _parts(scene: Scene, row: int) -> Array:
    """(n, 2, 3) bounds of a thing's solid parts in the planning frame; of a cylinder, what is surely of it from above."""
    turn, middle = scene.turns[row], scene.poses[row, :3]
    found = []
    for part in scene.parts[row]:
        half = np.array(part.half) * ((_ROUND, _ROUND, 1.0) if part.cylinder else 1.0)
        centre, reach = middle + turn @ np.array(part.centre), np.abs(turn) @ half
        found.append((centre - reach, centre + reach))
    return np.array(found).reshape(-1, 2, 3)


def _crossed(scene: Scene, parts: list[Array], one: int, other: int) -> bool:
    if not (_straight(scene.turns[one]) and _straight(scene.turns[other])):
        return False
    mine, theirs = parts[one][:, None], parts[other][None]
    depth = np.minimum(mine[..., 1, :], theirs[..., 1, :]) - np.maximum(mine[..., 0, :], theirs[..., 0, :])
    return bool((depth > _SUNK).all(axis=-1).any())


def _straight(turn: Array) -> bool:
    """Whether a rotation (3, 3) takes axes to axes."""
    return bool((np.sort(np.abs(turn), axis=1)[:, :2] < _STRAIGHT).all())


def _supported(scene: Scene, row: int, parts: Array) -> bool:
    """Whether the parts (n, 2, 3) at whose height a thing ends reach around its middle."""
    low, high = scene.bounds()[row]
    under = np.abs(parts[:, 1, 2] - low[2]) < SETTLES.shift
    meets = (parts[:, 0, :2] < high[:2]).all(axis=1) & (parts[:, 1, :2] > low[:2]).all(axis=1)
    support, middle = parts[under & meets], scene.poses[row, :2]
    return len(support) > 0 and bool(
        (support[:, 0, :2].min(axis=0) < middle).all() and (support[:, 1, :2].max(axis=0) > middle).all()
    )
