"""Drawers that are opened and closed with something in them."""

from __future__ import annotations

import numpy as np

from fail2progress.core.objects import ObjectSpec
from fail2progress.simulation.base import Outcome
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.families.base import MOVED, Family, add_bystanders, called, quiet, some_table, way
from fail2progress.tasks.layout import Layout, two_tables


def _scene(rng: np.random.Generator, opening: float) -> Layout:
    layout = two_tables(rng)
    size = (rng.uniform(0.23, 0.28), rng.uniform(0.19, 0.26), rng.uniform(0.11, 0.14))
    layout.stand(ObjectSpec("cabinet", "cabinet", size), some_table(layout), margin=0.0)
    layout.fit_drawer("drawer", "cabinet", opening)
    for i in range(int(rng.integers(1, 3))):
        width = rng.uniform(0.026, 0.045)
        layout.drop_in(ObjectSpec(f"in_{i}", "cuboid", (width, width, rng.uniform(0.025, 0.045))), "drawer")
    add_bystanders(layout)
    return layout


def _call(rng: np.random.Generator, skill: str, outward: float, distance: float) -> SkillCall:
    direction = (outward + rng.normal(0.0, 0.15) + np.pi) % (2 * np.pi) - np.pi
    return SkillCall(skill, "drawer", (float(direction), float(distance)))


def _build_opened(rng: np.random.Generator) -> tuple[Layout, SkillCall]:
    """Partly open, so that the contents are in view, and opened further."""
    layout = _scene(rng, rng.uniform(0.07, 0.12))
    return layout, _call(rng, "open_drawer", np.pi, rng.uniform(0.03, 0.07))


def _build_closed(rng: np.random.Generator) -> tuple[Layout, SkillCall]:
    opening = rng.uniform(0.08, 0.15)
    return _scene(rng, opening), _call(rng, "close_drawer", 0.0, opening * rng.uniform(0.5, 1.1))


def _move_along(outcome: Outcome) -> bool:
    """Drawer and contents moved together; the contents are still in it."""
    inside = called(outcome.before.scene, "in_")
    kept = all(outcome.after.relations.value("inside", name, "drawer") > 0.5 for name in inside)
    return kept and bool((way(outcome, "drawer", *inside) > MOVED).all()) and quiet(outcome)


FAMILIES = (
    Family("drawer-opened", "a drawer with things in it is opened further", ("open_drawer",), _build_opened, _move_along),
    Family("drawer-closed", "a drawer with things in it is closed", ("close_drawer",), _build_closed, _move_along),
)
