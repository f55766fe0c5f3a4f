"""Learning over time: how good each version of the model is on its failure, on what worked before, and in trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from fail2progress.reporting.pictures import png

WORKED = "F1 on what worked before"
DRAWN = ("failure_f1", "held_out_prediction")
"""Figures of the acceptance test that are drawn."""
_COLOURS = ("#b3261e", "#e4772e", "#7462b3", "#3f9c94", "#b8478f")
_INK, _SOFT_INK, _GRID, _BLUE, _GREEN = "#24292f", "#6b737c", "#e4e7ea", "#2d6ca8", "#1a7f37"


@dataclass(frozen=True)
class Lesson:
    """One failure that was learnt from, with the acceptance test's figures of the model before and after."""

    failure: str
    parent: str
    version: str
    before: Mapping[str, float]
    after: Mapping[str, float]


def learning_curves(lessons: Sequence[Lesson], success: Mapping[str, float] | None = None) -> bytes:
    """A PNG with the versions from left to right.

    Args:
        lessons: in the order in which they were learnt. ValueError where there are none.
        success: share of successful trials by version, where it was measured.
    """
    if not lessons:
        raise ValueError("learning curves need at least one lesson")
    names = list(dict.fromkeys(name for lesson in lessons for name in (lesson.parent, lesson.version)))
    figure = Figure(figsize=(6.4, 3.1), layout="constrained")
    axes = figure.add_subplot()
    for number, lesson in enumerate(lessons):
        ends = [names.index(lesson.parent), names.index(lesson.version)]
        values = [lesson.before[DRAWN[0]], lesson.after[DRAWN[0]]]
        axes.plot(ends, values, "o-", color=_COLOURS[number % len(_COLOURS)], label=f"F1 on failure {lesson.failure}")
    worked = {lesson.parent: lesson.before[DRAWN[1]] for lesson in reversed(lessons)}
    worked |= {lesson.version: lesson.after[DRAWN[1]] for lesson in lessons}
    axes.plot(range(len(names)), [worked[name] for name in names], "s--", color=_BLUE, label=WORKED)
    if success:
        known = [name for name in names if name in success]
        places = [names.index(name) for name in known]
        axes.plot(places, [success[name] for name in known], "D:", color=_GREEN, label="success in unseen trials")
    axes.set_xticks(range(len(names)), names, fontsize=9, color=_INK)
    axes.set_xlim(-0.25, len(names) - 0.75)
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.tick_params(labelsize=9, colors=_SOFT_INK, length=2)
    axes.grid(axis="y", color=_GRID)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return png(figure)
