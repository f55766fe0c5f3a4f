"""Identities over an episode as a film strip, and their shares as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from fail2progress.core.shares import percent
from fail2progress.evaluation.studies.identities import Moment, followed, segmented
from fail2progress.evaluation.studies.identity_counts import BAR
from fail2progress.perception.segmentation.base import Perceived, Segmenter
from fail2progress.reporting.saving import unsigned

_HUES = ("#e4772e", "#2d6ca8", "#5d9b4c", "#cf3f52", "#7462b3", "#e3ab2c", "#3f9c94", "#b8478f", "#8a5a3c", "#5b7f95")


def strip(moments: Sequence[Moment], segmenter: Segmenter) -> bytes:
    """PNG: every frame of an episode with the segments in the colours of their ids; what is hidden as a cross at its place."""
    found = [view for _, view in followed(segmented(moments, segmenter, 0), expect=True, coloured=True, owner={})]
    ids = list(dict.fromkeys(part.id for view in found for part in view.segments))
    hue = {name: _HUES[i % len(_HUES)] for i, name in enumerate(ids)}
    columns = 3
    rows = -(-len(moments) // columns)
    top, bottom, left, right = _window(moments)
    figure = Figure(figsize=(5.2 * columns, (5.2 * (bottom - top) / (right - left) + 0.35) * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    for number, (ax, moment, view) in enumerate(zip(axes, moments, found, strict=False)):
        ax.imshow(_painted(moment, view, hue), interpolation="lanczos")
        for part in view.segments:
            _mark(ax, part.id, hue[part.id], *_place(moment, part.points.mean(axis=0)), hidden=len(part.pixels) == 0)
        ax.set_xlim(left, right)
        ax.set_ylim(bottom, top)
        ax.set_title(f"{number}: {_short(moment.skill)}", loc="left", fontsize=10)
    return unsigned(figure, 110)


def _painted(moment: Moment, view: Perceived, hue: Mapping[str, str]) -> NDArray[np.float64]:
    from matplotlib.colors import to_rgb

    grey = moment.frame.colour.mean(axis=2, keepdims=True) / 255 * np.ones(3)
    image = (0.35 + 0.6 * grey).reshape(-1, 3)
    for part in view.segments:
        image[part.pixels] = 0.3 * image[part.pixels] + 0.7 * np.array(to_rgb(hue[part.id]))
    return np.asarray(image.reshape(*moment.frame.depth.shape, 3))


def _mark(ax: Any, name: str, colour: str, x: float, y: float, hidden: bool) -> None:
    if hidden:
        ax.plot([x], [y], "x", color=colour, ms=9, mew=2.5)
    text = ax.annotate(
        name.removeprefix("segment_").removeprefix("object_"),
        (x, y),
        (0, 12),
        textcoords="offset points",
        ha="center",
        fontsize=10,
        color=colour,
        weight="bold",
        annotation_clip=True,
    )
    text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _place(moment: Moment, point: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Pixel (x, y) of a point in the planning frame."""
    pose, k = moment.frame.pose, moment.frame.intrinsics
    if pose is None:
        raise ValueError("a simulated frame knows its camera's pose")
    x, y, z = pose[:3, :3].T @ (point - pose[:3, 3])
    return k.fx * x / z + k.cx, k.fy * y / z + k.cy


def _window(moments: Sequence[Moment]) -> tuple[int, int, int, int]:
    """Rows and columns around what is labelled in any frame, with room for names: top, bottom, left, right."""
    images = [moment.frame.depth if moment.frame.labels is None else moment.frame.labels.image for moment in moments]
    rows, columns = np.nonzero(np.any([image > 0 for image in images], axis=0))
    return int(rows.min()) - 30, int(rows.max()) + 8, int(columns.min()) - 8, int(columns.max()) + 8


def _short(skill: str) -> str:
    return skill.split(":")[0] + (")" if "(" in skill and ")" not in skill.split(":")[0] else "")


def page(report: Mapping[str, Any]) -> str:
    """Markdown: what was measured, and the numbers."""
    origin = report["provenance"]["configuration"]
    lines = [
        "# Identities kept over episodes of skills",
        "",
        f"{origin['episodes']} episodes of {origin['skills']} skills each (seed {origin['seed']}): objects are put into "
        "containers, containers are carried with what is in them, things are pushed, stacked and set down anywhere. In every "
        "frame the names of the segments are shuffled; an identity is kept if a movable object still has the id under which it "
        "was first seen. `in view`: at least 20 pixels and found by the segmenter; `out of view`: hidden in a container or "
        "behind something: it must still be there, within 5 cm or in the right container; `not found`: at least 20 pixels, of "
        "which the segmenter makes no segment of the thing, so that no identity is kept. `of all`: of all of these together, "
        "on which the bar lies; `of found`: without those that are not found, all that reports before counted. What has fallen "
        "to the floor is not counted.",
        "",
        "| segments | expected shifts | colours | kept, of all | of found | in view | out of view | identities | not found |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in report["rows"]:
        ways = ("skill's" if row["expected_shifts"] else "none", "yes" if row["colours"] else "no")
        missed = row.get("not_found")  # earlier reports did not count these: theirs is of what was found
        all_, found = (None, row["kept"]) if missed is None else (row["kept"], row["kept_of_found"])
        shares = (percent(each, BAR, digits=1) for each in (all_, found, row["kept_in_view"], row["kept_out_of_view"]))
        counts = (str(row["in_view"] + row["out_of_view"] + (missed or 0)), "-" if missed is None else str(missed))
        lines.append(f"| {' | '.join((row['segments'], *ways, *shares, *counts))} |")
    lines += [
        "",
        "`expected shifts`: the tracker is told how far the skill was meant to move its object and what lies in it, as the loop "
        "knows it; without them it sees only that something is elsewhere.",
        "",
    ]
    return "\n".join(lines)
