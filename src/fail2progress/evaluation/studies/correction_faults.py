"""What is wrong with the hand in the study of corrections, and the small tasks that show it.

A trial is a goal that one skill reaches with a hand that does as it is told. Every attempt sets its scene up again, with things
some millimetres elsewhere; the fault stays. All lengths in metres, planning frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fail2progress.core.goals import Goal
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Array, Scene, pose
from fail2progress.simulation.base import Disturbances
from fail2progress.skills.base import SkillCall
from fail2progress.skills.placement import RELEASE

TOP = 0.5
"""Height of the tables."""
SHIFT = 0.01
"""Metres by which things stand elsewhere in each attempt, at most."""


@dataclass(frozen=True)
class Attempt:
    """A scene, the call that reaches the goal in it, and the goal."""

    scene: Scene
    call: SkillCall
    goal: Goal


Setting = Callable[[np.random.Generator, np.random.Generator], Attempt]
"""From the trial's own chance, the same in all its attempts, and the attempt's."""


def _tables() -> list[tuple[ObjectSpec, Array]]:
    tables = (("start_table", 0.4), ("goal_table", -0.4))
    return [(ObjectSpec(name, "table", (0.5, 0.5, 0.04)), pose(0.6, y, TOP - 0.02)) for name, y in tables]


def _standing(name: str, category: str, size: tuple[float, float, float], x: float, y: float) -> tuple[ObjectSpec, Array]:
    return ObjectSpec(name, category, size), pose(x, y, TOP + size[2] / 2 + 0.001)


def _attempt(items: list[tuple[ObjectSpec, Array]], call: SkillCall, goal: str) -> Attempt:
    scene = Scene(tuple(spec for spec, _ in items), np.stack([at for _, at in items]))
    return Attempt(scene, call, Goal.parse(goal))


def _thing(rng: np.random.Generator) -> tuple[str, tuple[float, float, float]]:
    """A block or a cup."""
    if rng.random() < 0.5:
        return "cuboid", (rng.uniform(0.035, 0.05), rng.uniform(0.035, 0.05), rng.uniform(0.04, 0.07))
    width = rng.uniform(0.04, 0.055)
    return "cup", (width, width, rng.uniform(0.05, 0.07))


def transport(own: np.random.Generator, chance: np.random.Generator) -> Attempt:
    """A thing to the other table."""
    category, size = _thing(own)
    x, y = np.array([own.uniform(0.5, 0.7), own.uniform(0.3, 0.45)]) + chance.uniform(-SHIFT, SHIFT, 2)
    goal = np.array([own.uniform(0.5, 0.7), own.uniform(-0.45, -0.3)])
    call = SkillCall("pick_place", "thing", (goal[0] - x, goal[1] - y, RELEASE, 0.0), "goal_table")
    return _attempt([*_tables(), _standing("thing", category, size, x, y)], call, "above(thing, goal_table)")


def onto_stand(own: np.random.Generator, chance: np.random.Generator) -> Attempt:
    """A small block onto a stand."""
    side, width, tall = own.uniform(0.028, 0.036), own.uniform(0.065, 0.08), own.uniform(0.04, 0.06)
    x, y = np.array([own.uniform(0.5, 0.7), own.uniform(0.3, 0.45)]) + chance.uniform(-SHIFT, SHIFT, 2)
    goal = np.array([own.uniform(0.5, 0.7), own.uniform(-0.45, -0.3)])
    items = [
        *_tables(),
        _standing("thing", "cuboid", (side, side, side), x, y),
        _standing("stand", "cuboid", (width, width, tall), *goal),
    ]
    call = SkillCall("pick_place", "thing", (goal[0] - x, goal[1] - y, tall + RELEASE, 0.0), "stand")
    return _attempt(items, call, "above(thing, stand)")


def push_to(own: np.random.Generator, chance: np.random.Generator) -> Attempt:
    """A block pushed against a heavier one."""
    size, gap = own.uniform(0.045, 0.06), own.uniform(0.08, 0.14)
    x, y = np.array([own.uniform(0.5, 0.6), own.uniform(-0.45, -0.4)]) + chance.uniform(-SHIFT, SHIFT, 2)
    side = own.choice([-1.0, 1.0])
    y = y if side > 0 else -0.8 - y
    items = [
        *_tables(),
        _standing("thing", "cuboid", (size, size, 0.05), x, y),
        _standing("stop", "cuboid", (0.1, 0.06, 0.06), x, y + side * (size / 2 + gap + 0.03)),
    ]
    call = SkillCall("push", "thing", (side * np.pi / 2, gap + 0.025), "stop")
    return _attempt(items, call, "contact(thing, stop)")


def over_tower(own: np.random.Generator, chance: np.random.Generator) -> Attempt:
    """A thing carried over a tower of two blocks, which stays."""
    category, size = _thing(own)
    x, y = np.array([own.uniform(0.55, 0.65), own.uniform(0.5, 0.55)]) + chance.uniform(-SHIFT / 2, SHIFT / 2, 2)
    goal = np.array([x, own.uniform(-0.4, -0.3)])
    block, tall = (0.05, 0.05, 0.05), own.uniform(0.06, 0.09)
    items = [
        *_tables(),
        _standing("thing", category, size, x, y),
        _standing("base", "cuboid", (0.06, 0.06, tall), x, 0.3),
        (ObjectSpec("top", "cuboid", block), pose(x, 0.3, TOP + tall + 0.026)),
    ]
    call = SkillCall("pick_place", "thing", (goal[0] - x, goal[1] - y, RELEASE, 0.0), "goal_table")
    return _attempt(items, call, "above(thing, goal_table) and above(top, base)")


@dataclass(frozen=True)
class Fault:
    """What is wrong, drawn for each trial, and where it shows."""

    summary: str
    draw: Callable[[np.random.Generator], Disturbances]
    setting: Setting


def _error(rng: np.random.Generator, names: tuple[str, ...], low: float, high: float) -> Disturbances:
    name, size = str(rng.choice(names)), rng.uniform(low, high) * rng.choice([-1.0, 1.0])
    return Disturbances(errors=((name, float(size)),))


FAULTS: dict[str, Fault] = {
    "grasp_bias": Fault(
        "the hand grasps 28 to 38 mm beside where it means to, along x or y",
        lambda rng: _error(rng, ("grasp_x", "grasp_y"), 0.028, 0.038),
        transport,
    ),
    "low_friction": Fault(
        "the fingers have a tenth of their friction (8 to 14 %)",
        lambda rng: Disturbances(friction=float(rng.uniform(0.08, 0.14))),
        transport,
    ),
    "weight": Fault(
        "things weigh seven to eleven times what is thought",
        lambda rng: Disturbances(weight=float(rng.uniform(7.0, 11.0))),
        transport,
    ),
    "place_bias": Fault(
        "the hand lets go 45 to 60 mm beside the place, along x or y",
        lambda rng: _error(rng, ("place_x", "place_y"), 0.045, 0.06),
        onto_stand,
    ),
    "push_short": Fault(
        "a push ends 35 to 70 mm early",
        lambda rng: Disturbances(errors=(("reach", -float(rng.uniform(0.035, 0.07))),)),
        push_to,
    ),
    "low_carry": Fault(
        "what is carried hangs 70 to 85 mm lower than meant, and knocks over what stands on the way",
        lambda rng: Disturbances(errors=(("clearance", -float(rng.uniform(0.07, 0.085))),)),
        over_tower,
    ),
    "chance": Fault(
        "nothing that could be corrected: two grasps of five miss, and every fifth time something is knocked",
        lambda rng: Disturbances(grasp_miss=0.4, bump=0.2),
        transport,
    ),
}
