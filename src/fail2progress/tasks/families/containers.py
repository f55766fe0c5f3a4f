"""Containers that move with something in them: carried, pushed, and one inside another."""

from __future__ import annotations

import numpy as np

from fail2progress.core.objects import ObjectSpec
from fail2progress.simulation.base import Outcome
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.families.base import MOVED, Family, add_bystanders, called, carry, quiet, some_table, upright, way
from fail2progress.tasks.layout import Layout, two_tables


def _cup(rng: np.random.Generator) -> ObjectSpec:
    width = rng.uniform(0.078, 0.10)
    return ObjectSpec("box", "cup", (width, width, rng.uniform(0.065, 0.09)))


def _box(rng: np.random.Generator) -> ObjectSpec:
    return ObjectSpec("box", "open_box", (rng.uniform(0.11, 0.15), rng.uniform(0.11, 0.18), rng.uniform(0.05, 0.09)))


def _fill(layout: Layout, container: str, most: int) -> None:
    """Capsules and small blocks into a container, named in_0 and so on."""
    rng = layout.rng
    for i in range(int(rng.integers(1, most + 1))):
        width, height = rng.uniform(0.026, 0.034), rng.uniform(0.026, 0.036)
        kind = "capsule" if rng.random() < 0.6 else "cuboid"
        layout.drop_in(ObjectSpec(f"in_{i}", kind, (width, width, height)), container)


def _loaded(rng: np.random.Generator, spec: ObjectSpec, most: int) -> Layout:
    layout = two_tables(rng)
    layout.stand(spec, some_table(layout), margin=0.03)
    _fill(layout, spec.name, most)
    add_bystanders(layout)
    return layout


def _build_carried(rng: np.random.Generator) -> tuple[Layout, SkillCall]:
    spec = _cup(rng) if rng.random() < 0.5 else _box(rng)
    layout = _loaded(rng, spec, 3)
    return layout, carry(layout, "box", some_table(layout))


def _build_pushed(rng: np.random.Generator) -> tuple[Layout, SkillCall]:
    layout = _loaded(rng, _box(rng), 3)
    return layout, SkillCall("push", "box", (rng.uniform(-np.pi, np.pi), rng.uniform(0.05, 0.16)))


def _build_nested(rng: np.random.Generator) -> tuple[Layout, SkillCall]:
    layout = two_tables(rng)
    box = ObjectSpec("box", "open_box", (rng.uniform(0.13, 0.155), rng.uniform(0.14, 0.19), 0.06))
    layout.stand(box, some_table(layout), margin=0.03)
    width = rng.uniform(0.078, 0.09)
    layout.drop_in(ObjectSpec("cup", "cup", (width, width, rng.uniform(0.065, 0.085))), "box")
    small = rng.uniform(0.028, 0.034)
    layout.drop_in(ObjectSpec("in_0", "capsule", (small, small, rng.uniform(0.026, 0.034))), "cup")
    add_bystanders(layout)
    return layout, carry(layout, "box", some_table(layout))


def _contents_move_along(outcome: Outcome) -> bool:
    """The container and all its contents moved, and the contents are still in it."""
    scene, after = outcome.before.scene, outcome.after.relations
    inside = called(scene, "in_")
    kept = all(after.value("inside", name, "box") > 0.5 for name in inside)
    return kept and bool((way(outcome, "box", *inside) > MOVED).all()) and upright(outcome, "box") and quiet(outcome)


def _all_three_move(outcome: Outcome) -> bool:
    after = outcome.after.relations
    held = after.value("inside", "in_0", "cup") > 0.5 and after.value("contact", "cup", "box") > 0.5
    return held and bool((way(outcome, "box", "cup", "in_0") > MOVED).all()) and upright(outcome, "box", "cup") and quiet(outcome)


FAMILIES = (
    Family(
        "loaded-carried",
        "a cup or box is carried with one to three things in it",
        ("pick_place",),
        _build_carried,
        _contents_move_along,
    ),
    Family("loaded-pushed", "a box is pushed with one to three things in it", ("push",), _build_pushed, _contents_move_along),
    Family("nested-carried", "a box is carried; in it a cup, in that a capsule", ("pick_place",), _build_nested, _all_three_move),
)
