"""Things that touch: rows that are pushed, freely and against the side of a shelf, and stacks that are carried."""

from __future__ import annotations

import itertools

import numpy as np

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import pose
from fail2progress.simulation.base import Outcome
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.families.base import MOVED, Family, add_bystanders, called, carry, quiet, some_table, upright, way
from fail2progress.tasks.layout import DoesNotFitError, Layout, two_tables

_PRESS = 0.02
"""Metres by which a push may ask for more than the shelf leaves."""


def _blocks(rng: np.random.Generator, count: int, wide: float = 0.065) -> list[ObjectSpec]:
    sizes = np.column_stack([rng.uniform(0.04, wide, count), rng.uniform(0.045, 0.07, count), rng.uniform(0.04, 0.07, count)])
    return [ObjectSpec(f"row_{i}", "cuboid", (float(x), float(y), float(z))) for i, (x, y, z) in enumerate(sizes)]


def _build_row(rng: np.random.Generator) -> tuple[Layout, SkillCall]:
    layout = two_tables(rng)
    count, yaw = int(rng.integers(2, 5)), float(rng.uniform(-np.pi, np.pi))
    layout.stand_row(_blocks(rng, count), some_table(layout), rng.uniform(0.0, 0.002, count - 1).tolist(), yaw, margin=0.03)
    add_bystanders(layout)
    return layout, SkillCall("push", "row_0", (yaw, rng.uniform(0.05, 0.15)))


def _build_shelf_row(rng: np.random.Generator) -> tuple[Layout, SkillCall]:
    """The row stands near the open front, its free end `room` metres from one side of the shelf, the gripper at the other end."""
    layout = two_tables(rng)
    size = np.array([rng.uniform(0.22, 0.28), rng.uniform(0.36, 0.42), rng.uniform(0.22, 0.30)])
    layout.stand(ObjectSpec("shelf", "shelf", (float(size[0]), float(size[1]), float(size[2]))), some_table(layout), margin=0.0)
    shelf, wall = layout.poses[-1], layout.objects[-1].kind.wall
    blocks = _blocks(rng, int(rng.integers(2, 4)), wide=0.055)
    side = 1 if rng.random() < 0.5 else -1
    room = rng.uniform(0.03, 0.07)
    lengths = np.array([block.size[0] for block in blocks])
    gaps = rng.uniform(0.0, 0.002, len(blocks))
    ends = size[1] / 2 - wall - room - np.cumsum((lengths + gaps)[::-1])[::-1] + lengths / 2
    if ends[0] - lengths[0] / 2 - 0.04 < wall - size[1] / 2:
        raise DoesNotFitError("no room for the gripper beside the row")
    front = shelf[0] - size[0] / 2 + rng.uniform(0.045, 0.08)
    floor = shelf[2] - size[2] / 2 + wall
    for block, y in zip(blocks, ends, strict=True):
        layout.add(block, pose(front, shelf[1] + side * y, floor + block.size[2] / 2, side * np.pi / 2))
    add_bystanders(layout)
    travel = room + float(gaps.sum())
    return layout, SkillCall("push", "row_0", (side * np.pi / 2, travel + rng.uniform(0.0, _PRESS)))


def _build_stack(rng: np.random.Generator) -> tuple[Layout, SkillCall]:
    layout = two_tables(rng)
    width = rng.uniform(0.06, 0.09)
    base = ObjectSpec("stack_0", "cuboid", (width, width * rng.uniform(0.9, 1.1), rng.uniform(0.03, 0.055)))
    layout.stand(base, some_table(layout))
    for i in range(1, int(rng.integers(2, 4))):
        width *= rng.uniform(0.6, 0.9)
        layout.stack(ObjectSpec(f"stack_{i}", "cuboid", (width, width, rng.uniform(0.025, 0.045))), f"stack_{i - 1}")
    add_bystanders(layout)
    return layout, carry(layout, "stack_0", some_table(layout))


def _row_moves(outcome: Outcome) -> bool:
    """Every block of the row moved, on the surface that it stood on."""
    row = called(outcome.before.scene, "row_")
    rows = [outcome.before.scene.index(name) for name in row]
    level = np.abs(outcome.displacements[rows, 2]) < 0.005
    return bool((way(outcome, *row) > MOVED).all() and level.all()) and upright(outcome, *row) and quiet(outcome)


def _row_meets_the_side(outcome: Outcome) -> bool:
    """The row moved and its free end touches the side of the shelf."""
    last = called(outcome.before.scene, "row_")[-1]
    bounds = outcome.after.scene.bounds()
    shelf, end = bounds[outcome.after.scene.index("shelf")], bounds[outcome.after.scene.index(last)]
    wall = outcome.after.scene.objects[outcome.after.scene.index("shelf")].kind.wall
    gap = min(end[0, 1] - shelf[0, 1], shelf[1, 1] - end[1, 1]) - wall
    return _row_moves(outcome) and abs(gap) < 0.004


def _stack_moves(outcome: Outcome) -> bool:
    """Every block moved and still stands on the one below."""
    stack = called(outcome.before.scene, "stack_")
    after = outcome.after.relations
    standing = all(
        after.value("above", high, low) > 0.5 and after.value("contact", high, low) > 0.5
        for low, high in itertools.pairwise(stack)
    )
    return standing and bool((way(outcome, *stack) > MOVED).all()) and upright(outcome, *stack) and quiet(outcome)


FAMILIES = (
    Family("row-pushed", "a row of two to four blocks in contact is pushed from its end", ("push",), _build_row, _row_moves),
    Family(
        "shelf-row-pushed",
        "a row of two or three blocks in a shelf is pushed against the shelf's side",
        ("push",),
        _build_shelf_row,
        _row_meets_the_side,
    ),
    Family("stack-carried", "a stack of two or three blocks is carried by its base", ("pick_place",), _build_stack, _stack_moves),
)
