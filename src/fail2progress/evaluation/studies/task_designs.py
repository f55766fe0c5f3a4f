"""Every task of the paper with one lesson that its own running loop gives: `reproduce tasks`."""

from __future__ import annotations

from fail2progress.evaluation.studies.designs import Design, Sizes
from fail2progress.evaluation.studies.methods import METHODS, FromLoop, Method

LOOP = Method("loop", "after the first accepted lesson (of --rounds) of a failure that the running loop met", FromLoop())
_METHODS = (METHODS.get("original"), METHODS.get("replanning"), LOOP)

TASKS = tuple(
    Design(
        f"tasks-{name}",
        f"{title}: before and after one lesson of the loop's own",
        Sizes(methods=_METHODS),
        Sizes(methods=(METHODS.get("original"), LOOP), counts=(fewest,), trials=2),
        task=name,
        budget=True,
        unbounded=False,
    )
    for name, title, fewest in (
        ("hierarchical-tabletop", "Hierarchical Tabletop Organization", 3),
        ("multi-object-transport", "Multi-object Transport", 3),
        ("constrained-packing", "Constrained Packing", 3),
        ("drawer-tidying", "Drawer Tidying", 1),
    )
)
"""Counts: all that a task is defined for; the lesson is met with the fewest."""
