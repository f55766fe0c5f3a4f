"""Rebuilt assets over the cloud, before and after their correction: from above and from the robot's side."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from fail2progress.core.outlines import corners_of
from fail2progress.core.scene import Array, rotations
from fail2progress.failures.assets.case import Case
from fail2progress.failures.assets.refine import Refinement
from fail2progress.reporting.naming import Named, write_names
from fail2progress.reporting.pictures import colours_of, png
from fail2progress.reporting.render import Colour

_VIEWS = ((0, 1, "x", "y"), (1, 2, "y", "z"))
_MARGIN = 0.06
_UNIT = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))


def asset_picture(case: Case, found: Refinement) -> bytes:
    """A PNG: two columns, the case as it was rebuilt and as it was corrected, around the assets that were edited."""
    figure = Figure(figsize=(11.0, 8.5), layout="constrained")
    axes = figure.subplots(2, 2)
    names = _shown(case, found)
    still = {reading.asset for reading in found.open}
    for column, (title, now) in enumerate((("as rebuilt", case), ("corrected", found.case))):
        for row, view in enumerate(_VIEWS):
            _draw(axes[row, column], now, view[:2], names)
            axes[row, column].set(xlabel=f"{view[2]} (m)", ylabel=f"{view[3]} (m)", title=title if row == 0 else "")
    edited = ", ".join(dict.fromkeys(f"{r.signal}({r.asset})" for r in found.history if r.accepted)) or "nothing"
    figure.suptitle(f"corrected: {edited}" + (f"; still failing: {', '.join(sorted(still))}" if still else ""), fontsize=10)
    return png(figure)


def _shown(case: Case, found: Refinement) -> list[str]:
    """The assets that were edited or still fail; all that can move where there are none."""
    named = {record.asset for record in found.history} | {reading.asset for reading in found.open}
    return [n for n in case.scene.names if n in named] or [spec.name for spec in case.scene.objects if spec.movable]


def _draw(axes: Axes, case: Case, view: tuple[int, int], names: list[str]) -> None:
    """Outlines of every primitive, the points that were seen on top; the axes show the named assets."""
    colours = colours_of(case.scene)
    for i, name in enumerate(case.scene.names):
        if case.scene.objects[i].category != "table":
            _outline(axes, case, i, view, colours[name])
        points = case.points(name)
        if points is not None:
            axes.scatter(points[:, view[0]], points[:, view[1]], s=3.0, color=colours[name], zorder=3)
    bounds = case.scene.bounds()[[case.scene.index(name) for name in names]]
    low, high = bounds[:, 0].min(axis=0) - _MARGIN, bounds[:, 1].max(axis=0) + _MARGIN
    axes.set(xlim=(low[view[0]], high[view[0]]), ylim=(low[view[1]], high[view[1]]), aspect="equal")
    boxes = bounds[:, :, list(view)]
    kinds = [case.scene.objects[case.scene.index(name)].kind for name in names]
    write_names(axes, [Named(n, box, colours[n], kind.container) for n, box, kind in zip(names, boxes, kinds, strict=True)], 8)


def _outline(axes: Axes, case: Case, index: int, view: tuple[int, int], colour: Colour) -> None:
    spec, at = case.scene.objects[index], case.scene.poses[index]
    turn = rotations(at[None, 3:])[0]
    for part in spec.primitives():
        corners: Array = (np.array(part.centre) + _UNIT * part.half) @ turn.T + at[:3]
        flat = corners_of(corners[:, list(view)])
        axes.add_patch(Polygon(flat, closed=True, fill=True, facecolor=(*colour, 0.15), edgecolor=colour, linewidth=0.8))
