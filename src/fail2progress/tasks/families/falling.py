"""Things that fall over and things that fall down."""

from __future__ import annotations

import numpy as np

from fail2progress.core.objects import ObjectSpec
from fail2progress.simulation.base import Outcome
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.families.base import RELEASE, Family, add_bystanders, quiet, some_table, tilt, way
from fail2progress.tasks.layout import Layout, two_tables

_LYING = 1.2
"""Radians from the vertical at which a block lies."""
_FALL = 0.15
"""Metres that a thing must have fallen."""


def _build_tall(rng: np.random.Generator) -> tuple[Layout, SkillCall]:
    layout = two_tables(rng)
    width = rng.uniform(0.028, 0.036)
    spec = ObjectSpec("tall", "cuboid", (width, width * rng.uniform(0.95, 1.05), rng.uniform(0.16, 0.22)))
    layout.stand(spec, some_table(layout), margin=0.06)
    add_bystanders(layout)
    return layout, SkillCall("push", "tall", (rng.uniform(-np.pi, np.pi), rng.uniform(0.05, 0.14)))


def _build_edge(rng: np.random.Generator) -> tuple[Layout, SkillCall]:
    """The middle of the object ends a little outside the table, a part of it still above."""
    layout = two_tables(rng)
    size = (rng.uniform(0.04, 0.08), rng.uniform(0.04, 0.08), rng.uniform(0.03, 0.08))
    spec = ObjectSpec("box", "cuboid", size) if rng.random() < 0.6 else ObjectSpec("box", "cup", (0.085, 0.085, size[2] + 0.02))
    layout.stand(spec, some_table(layout), margin=0.03)
    add_bystanders(layout)
    table = some_table(layout)
    low, high = layout.bounds()[layout.index(table)]
    half = np.array(spec.size[:2]) / 2
    place = rng.uniform(low[:2] + half, high[:2] - half)
    axis = int(rng.integers(2))
    beyond = rng.uniform(0.2, 0.8) * half[axis]
    place[axis] = high[axis] + beyond if rng.random() < 0.5 else low[axis] - beyond
    shift = np.array([*place, high[2] + RELEASE + spec.size[2] / 2]) - layout.poses[layout.index("box")][:3]
    return layout, SkillCall("pick_place", "box", (float(shift[0]), float(shift[1]), float(shift[2]), 0.0), table)


def _topples(outcome: Outcome) -> bool:
    """The block lies, on the table that it stood on."""
    fall = -outcome.displacements[outcome.before.scene.index("tall"), 2]
    return tilt(outcome, "tall") > _LYING and fall < _FALL and quiet(outcome)


def _falls(outcome: Outcome) -> bool:
    """It ends far below where it was let go."""
    index = outcome.before.scene.index("box")
    end = outcome.after.scene.poses[index, 2] - outcome.before.scene.poses[index, 2] - outcome.call.parameters[2]
    return bool(end < -_FALL) and bool((way(outcome, "box") > _FALL).all()) and quiet(outcome)


FAMILIES = (
    Family("tall-toppled", "a tall block is pushed near its foot and falls over", ("push",), _build_tall, _topples),
    Family("over-edge", "an object is put over the edge of a table and falls", ("pick_place",), _build_edge, _falls),
)
