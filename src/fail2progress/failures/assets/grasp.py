"""grasp_instability: a grasp that small errors undo; answered by a step towards the centre of mass, or by the other axis.

Two fingers with flat pads and Coulomb friction, in closed form: a perturbed grasp holds if the pads meet enough material, within
the friction cone, and if friction carries the weight and its moment about the line between the fingers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from fail2progress.core.contents import contained
from fail2progress.core.objects import Box, ObjectSpec
from fail2progress.core.scene import Array, Scene
from fail2progress.failures.assets.case import Case, Grasp
from fail2progress.failures.assets.schema import DEFAULT, Reading, Thresholds
from fail2progress.simulation.materials import DENSITY
from fail2progress.simulation.mujoco.bodies import SURFACE as FRICTION
from fail2progress.skills.feasibility import STRETCH_RE2, Limits
from fail2progress.skills.registry import skill

SHIFT, TURN, WEAKER = 0.005, np.radians(5.0), 0.7
"""The perturbations: metres, radians, and the factor on friction."""
FORCE = 15.0
"""Newton that each finger presses with."""
PAD = 0.01
"""Half side of a pad in metres."""
_COVERED = 0.3
"""Share of a pad's face that must meet material: less tips about an edge."""
_GRAVITY = 9.81
_STEP = 0.008
"""Metres of one edit."""
_THERE = 0.001
"""So near (m) to the centre of mass nothing is to be gained by going nearer."""


@dataclass(frozen=True)
class Perturbation:
    """Errors of a grasp: along the object and in height (m), of the hand's heading (rad), and the share of friction left."""

    along: float = 0.0
    height: float = 0.0
    turn: float = 0.0
    friction: float = 1.0


def perturbations() -> Iterator[Perturbation]:
    """The sixteen corners."""
    for along, height, turn, friction in itertools.product((-SHIFT, SHIFT), (-SHIFT, SHIFT), (-TURN, TURN), (WEAKER, 1.0)):
        yield Perturbation(along, height, turn, friction)


@dataclass(frozen=True)
class GraspStability:
    """See the module."""

    thresholds: Thresholds = DEFAULT
    limits: Limits = STRETCH_RE2
    name: str = "grasp_instability"

    def readings(self, case: Case) -> tuple[Reading, ...]:
        """One for the object that is to be grasped."""
        if case.call is None or not skill(case.call.skill).carries or case.call.object not in case.scene.names:
            return ()
        name = case.call.object
        index, grasp = case.scene.index(name), case.grasp(name)
        spec, load = case.scene.objects[index], loaded(case.scene, index)
        lost = [why for error in perturbations() if (why := lets_go(spec, grasp, load, error, self.limits)) is not None]
        share = len(lost) / 16
        text = f"{name}: {16 - len(lost)} of 16 perturbed grasps hold" + (f"; {lost[0]}" if lost else "")
        fails = share > 1 - self.thresholds.hold
        return (Reading(signal=self.name, asset=name, value=share, fails=fails, evidence=text),)

    def edit(self, case: Case, reading: Reading) -> Case | None:
        """The grasp moved towards the centre of mass; once there, the other axis."""
        index, grasp = case.scene.index(reading.asset), case.grasp(reading.asset)
        way = np.array(loaded(case.scene, index).centre) - np.array(grasp.centre)
        way[grasp.axis] = 0.0
        length = float(np.linalg.norm(way))
        if length > _THERE:
            x, y, z = (np.array(grasp.centre) + way * min(1.0, _STEP / length)).tolist()
            other = replace(grasp, centre=(x, y, z))
        else:
            other = Grasp(grasp.centre, 1 - grasp.axis)
        return replace(case, grasps={**case.grasps, reading.asset: other})


@dataclass(frozen=True)
class Load:
    """What a grasp lifts: kg, the centre of mass (m, in the frame of the object that is held), and how many others come along."""

    weight: float
    centre: tuple[float, float, float]
    others: int = 0


def loaded(scene: Scene, index: int) -> Load:
    """An object with what is in it or on it."""
    along = [i for i in np.flatnonzero(contained(scene, index)).tolist() if scene.objects[i].movable or i == index]
    weights = np.array([spec_volume(scene.objects[i]) * DENSITY for i in along])
    centres = [scene.turns[i] @ centre_of_mass(scene.objects[i]) + scene.poses[i, :3] for i in along]
    centre = scene.turns[index].T @ (weights @ np.array(centres) / weights.sum() - scene.poses[index, :3])
    x, y, z = centre.tolist()
    return Load(float(weights.sum()), (x, y, z), len(along) - 1)


def lets_go(spec: ObjectSpec, grasp: Grasp, load: Load, error: Perturbation, limits: Limits = STRETCH_RE2) -> str | None:
    """Why a perturbed grasp does not hold, or None."""
    span = _span(spec, grasp, error)
    mu = FRICTION[0] * error.friction
    lost = load.weight * _GRAVITY
    # Metres between the centre of mass and the vertical plane through the fingers: what gravity turns the object about.
    lever = abs(load.centre[1 - grasp.axis] - grasp.centre[1 - grasp.axis] - error.along)
    checks = (
        (span.covered < _COVERED, f"the pads meet only {span.covered:.0%} of their face"),
        (
            span.width > limits.gripper_opening,
            f"{span.width:.3f} m between the fingers, they open {limits.gripper_opening:.2f} m",
        ),
        (abs(error.turn) > np.arctan(mu), "the pads stand outside the friction cone"),
        (lost > 2 * mu * FORCE, f"it weighs {lost:.1f} N"),
        (lost * lever > 2 * mu * FORCE * 2 * PAD / 3, f"its weight turns it, {1e3 * lever:.0f} mm beside the fingers"),
    )
    return next((why for fails, why in checks if fails), None)


@dataclass(frozen=True)
class _Span:
    covered: float
    width: float


def _span(spec: ObjectSpec, grasp: Grasp, error: Perturbation) -> _Span:
    """Share of the pads that meets material, and the width (m) between them: what lies on the lines from pad to pad.

    The fingers close from where they stand around the middle: material beyond a cavity, such as the far wall of a cup whose rim
    is held, is not between them.
    """
    across = 1 - grasp.axis
    points = np.array(list(itertools.product((-PAD, 0.0, PAD), repeat=2)))
    lines = np.tile(np.array(grasp.centre, float), (len(points), 1))
    lines[:, across] += points[:, 0] + error.along
    lines[:, 2] += points[:, 1] + error.height
    widths = [_material(spec.primitives(), line, grasp.axis) for line in lines]
    met = [width for width in widths if width > 0]
    return _Span(len(met) / len(widths), max(met, default=0.0))


def _material(parts: tuple[Box, ...], line: Array, axis: int) -> float:
    """Metres of the material about the middle of a line along an axis; 0 where it meets none."""
    spans = sorted(span for part in parts if (span := _cut(part, line, axis)) is not None)
    if not spans:
        return 0.0
    inside = [span for span in spans if span[0] - PAD / 2 <= line[axis] <= span[1] + PAD / 2]
    low, high = (inside or [(spans[0][0], max(end for _, end in spans))])[0]
    return high - low


def _cut(part: Box, line: Array, axis: int) -> tuple[float, float] | None:
    """Where a line along an axis enters and leaves a part (m)."""
    local, across = line - part.centre, 1 - axis
    if abs(local[2]) > part.half[2] or abs(local[across]) > part.half[across]:
        return None
    half = part.half[axis]
    if part.cylinder:
        half = float(np.sqrt(max(part.half[0] ** 2 - local[across] ** 2, 0.0)))
    return part.centre[axis] - half, part.centre[axis] + half


def spec_volume(spec: ObjectSpec) -> float:
    """Cubic metres of the primitives."""
    return float(sum(_volume(part) for part in spec.primitives()))


def _volume(part: Box) -> float:
    return float(np.prod(part.half) * (2 * np.pi if part.cylinder else 8))


def centre_of_mass(spec: ObjectSpec) -> Array:
    """(3,) metres in the object's frame."""
    parts = spec.primitives()
    weights = np.array([_volume(part) for part in parts])
    return np.asarray(weights @ np.array([part.centre for part in parts]) / weights.sum())
