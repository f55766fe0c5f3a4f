"""The relations of paper A.9 and their ground-truth rules.

`R[i, j, k]` says that relation k holds of the ordered pair (i, j), read "i is k of j": `above(cup, table)`. Directions are those
of the planning frame (x away from the robot, y to its left): front is nearer to the robot. Directional relations come in
mirrored pairs by construction: right(i, j) = left(j, i), so each is antisymmetric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.brief import brief
from fail2progress.core.names import unknown
from fail2progress.core.scene import Array, Scene

Mask = NDArray[np.bool_]

BINARY = ("left", "right", "front", "behind", "above", "below", "contact", "boundary", "inside")
UNARY = ("movable", "drawer", "open")
MIRRORED = {"left": "right", "front": "behind", "above": "below", "contact": "contact"}
MIRRORED |= {other: one for one, other in MIRRORED.items()}
"""What each relation of (i, j) is of (j, i), where it says both."""
SUPPORT = ("above", "below", "inside")
"""Relations that say where an object is kept rather than how it lies among its neighbours."""
BY_DEGREES = ("left", "right", "front", "behind", "boundary")
"""Relations that turn over a few millimetres of the same place."""
KINDS = ("movable", "drawer")
"""Relations that say what a thing is: no skill changes them."""


@dataclass(frozen=True)
class Thresholds:
    """Every number in the rules, with its source."""

    cone: float = np.pi / 4
    """Half-angle of the direction cones in radians ([4] of the paper; the reference code widens it to pi / 2.25)."""
    boundary_distance: float = 0.10
    """epsilon_boundary of A.9: an object nearer than this (m) to the edge of its surface is on the boundary."""
    boundary_surface: float = 0.20
    """epsilon_bottom of A.9: a surface has a boundary only if both its extents exceed this (m)."""
    containment: float = 0.002
    """Slack (m) in "completely contained", for the compliance of simulated contacts."""
    drawer_open: float = 0.02
    """A drawer pulled out further than this (m) is open (reference code)."""
    contact: float = 0.002
    """Gap (m) up to which two bodies count as touching."""


DEFAULT = Thresholds()


@dataclass(frozen=True)
class RelationState:
    """All relations of N objects: binary (N, N, 9) and unary (N, 3), with names; booleans or probabilities.

    ValueError: of another shape, or with values that are none in [0, 1], as logits, percent or NaN.
    """

    names: tuple[str, ...]
    binary: Array | Mask
    unary: Array | Mask

    __repr__ = brief

    def __post_init__(self) -> None:
        n = len(self.names)
        if self.binary.shape != (n, n, len(BINARY)) or self.unary.shape != (n, len(UNARY)):
            raise ValueError(f"relations of {n} objects: got shapes {self.binary.shape} and {self.unary.shape}")
        for what, values in (("binary", self.binary), ("unary", self.unary)):
            wrong = values[~((values >= 0) & (values <= 1))] if values.dtype != np.bool_ else values[:0]
            if wrong.size:
                raise ValueError(f"{what} relations must be in [0, 1]; {wrong.size} of {values.size} are not, as {wrong[0]:g}")

    def value(self, relation: str, subject: str, other: str | None = None) -> float:
        """Truth or probability of one atom; ValueError names what is unknown."""
        i = self._index(subject)
        if other is None:
            return float(self.unary[i, _position(relation, UNARY)])
        return float(self.binary[i, self._index(other), _position(relation, BINARY)])

    def holding(self, threshold: float = 0.5) -> list[tuple[str, str, str]]:
        """The binary atoms (relation, subject, object) that hold, in a fixed order."""
        rows = np.argwhere(np.asarray(self.binary, float) > threshold)
        return [(BINARY[k], self.names[i], self.names[j]) for i, j, k in rows]

    def of(self, names: tuple[str, ...]) -> RelationState:
        """The relations of these objects, in this order; nothing holds of one that is not known here."""
        if names == self.names:
            return self
        rows = {name: row for row, name in enumerate(self.names)}
        known = [i for i, name in enumerate(names) if name in rows]
        theirs = [rows[names[i]] for i in known]
        binary = np.zeros((len(names), len(names), len(BINARY)))
        unary = np.zeros((len(names), len(UNARY)))
        binary[np.ix_(known, known)] = self.binary[np.ix_(theirs, theirs)]
        unary[known] = self.unary[theirs]
        return RelationState(names, binary, unary)

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise ValueError(f"unknown object {name!r}; there are: {', '.join(self.names)}")
        return self.names.index(name)


def _position(relation: str, known: tuple[str, ...]) -> int:
    if relation not in known:
        raise ValueError(unknown("relation", relation, known))
    return known.index(relation)


def ground_truth(scene: Scene, touching: Mask, thresholds: Thresholds = DEFAULT) -> RelationState:
    """Relations of a scene from its boxes and the simulator's contacts (`touching`, (N, N) symmetric)."""
    return ground_truths([scene], [touching], thresholds)[0]


def ground_truths(scenes: Sequence[Scene], touching: Sequence[Mask], thresholds: Thresholds = DEFAULT) -> list[RelationState]:
    """The same of several scenes, in one pass over as many objects as the largest of them has."""
    most = max(map(len, scenes), default=0)
    bounds, contacts = np.zeros((len(scenes), most, 2, 3)), np.zeros((len(scenes), most, most), dtype=bool)
    for row, (scene, own) in enumerate(zip(scenes, touching, strict=True)):
        bounds[row, : len(scene)], contacts[row, : len(scene), : len(scene)] = scene.bounds(), own
    binary = binary_relations(bounds, contacts, thresholds)
    return [
        RelationState(scene.names, own[: len(scene), : len(scene)].copy(), unary_relations(scene, thresholds))
        for scene, own in zip(scenes, binary, strict=True)
    ]


def unary_relations(scene: Scene, thresholds: Thresholds = DEFAULT) -> Mask:
    """(N, 3) what each object is."""
    return np.array(
        [(spec.movable, spec.is_drawer, scene.openings.get(spec.name, 0.0) > thresholds.drawer_open) for spec in scene.objects],
        dtype=bool,
    ).reshape(len(scene), len(UNARY))


def binary_relations(bounds: Array, touching: Mask, thresholds: Thresholds = DEFAULT) -> Mask:
    """(..., N, N, 9) binary relations from boxes (..., N, 2, 3) and contacts (..., N, N), of one scene or of many."""
    axes = np.ascontiguousarray(bounds.transpose(bounds.ndim - 2, bounds.ndim - 1, *range(bounds.ndim - 2)))
    low, high = axes[0], axes[1]
    behind, left, above = beyond = _beyond(low, high, thresholds)
    front, right, below = beyond.swapaxes(-1, -2)
    relations = np.empty((*touching.shape, len(BINARY)), dtype=bool)
    for k, column in enumerate((left, right, front, behind, above, below)):
        relations[..., k] = column
    relations[..., 6] = touching | touching.swapaxes(-1, -2)
    relations[..., 7] = above & _near_edge(low, high, thresholds)
    relations[..., 8] = _contained(low, high, thresholds)
    diagonal = np.arange(low.shape[-1])
    relations[..., diagonal, diagonal, :] = False
    return relations


def _beyond(low: Array, high: Array, thresholds: Thresholds) -> Mask:
    """(3, ..., N, N): i lies beyond j along +x, +y, +z, seen from either of the two (rule of [4], made mirror-symmetric).

    Seen from one: the other's centre is beyond its whole box, inside the cone that opens from its corners, and the other's
    whole box is beyond its centre. Corners are (3, ..., N).
    """
    centre = (low + high) / 2
    over = centre[..., :, None] - high[..., None, :]
    under = low[..., None, :] - centre[..., :, None]
    outside = np.maximum(over, under)
    lateral = np.empty_like(outside)
    for axis, (one, other) in enumerate(((1, 2), (0, 2), (0, 1))):
        np.maximum(outside[one], outside[other], out=lateral[axis])
    slope = np.tan(thresholds.cone)
    upward = (over > 0) & (low[..., :, None] > centre[..., None, :]) & (lateral <= over * slope)
    downward = (under > 0) & (high[..., :, None] < centre[..., None, :]) & (lateral <= under * slope)
    return np.asarray(upward | downward.swapaxes(-1, -2))


def _near_edge(low: Array, high: Array, thresholds: Thresholds) -> Mask:
    """(..., N, N): i's centre is within the boundary distance of an edge of j, and j is a large surface."""
    centre = ((low + high) / 2)[:2, ..., :, None]
    margins = np.minimum(centre - low[:2, ..., None, :], high[:2, ..., None, :] - centre)
    nearest = np.minimum(margins[0], margins[1])
    large = np.minimum(high[0] - low[0], high[1] - low[1]) > thresholds.boundary_surface
    return np.asarray((np.abs(nearest) < thresholds.boundary_distance) & large[..., None, :])


def _contained(low: Array, high: Array, thresholds: Thresholds) -> Mask:
    """(..., N, N): i's box lies completely in j's."""
    slack = thresholds.containment
    inner = (low[..., :, None] >= (low - slack)[..., None, :]) & (high[..., :, None] <= (high + slack)[..., None, :])
    volume = np.prod(high - low, axis=0)
    return np.asarray(inner[0] & inner[1] & inner[2] & (volume[..., :, None] < volume[..., None, :]))


def on(state: RelationState) -> list[tuple[str, str, float]]:
    """What rests on what: (subject, other, probability) of above and in contact, and not inside, where at least 0.5."""
    above, contact, inside = (np.asarray(state.binary, float)[..., BINARY.index(name)] for name in ("above", "contact", "inside"))
    odds = above * contact * (1.0 - inside)
    rows = np.argwhere(odds >= 0.5)
    return [(state.names[i], state.names[j], float(odds[i, j])) for i, j in rows]
