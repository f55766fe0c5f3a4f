"""Pictures of scenes, clouds, particles and timings, each as the bytes of a PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Patch, Polygon
from matplotlib.ticker import FixedLocator, Locator, MaxNLocator

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec, Shape, kind_of
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array, Scene, rotations
from fail2progress.reporting.naming import Named, write_names
from fail2progress.reporting.render import VIEW, Colour, render
from fail2progress.reporting.saving import saved
from fail2progress.simulation.base import Outcome
from fail2progress.simulation.looking import box_corners

_PALETTES = {
    "table": ("#dccdb4", "#d3c2a6"),
    "cup": ("#2d6ca8", "#3f9c94", "#7462b3", "#5b7f95"),
    "capsule": ("#e4772e", "#cf3f52", "#e3ab2c", "#b8478f"),
    "cuboid": ("#5d9b4c", "#86b049", "#3f7d57"),
    "open_box": ("#8a6bb0", "#a984b8", "#6a5a9c"),
    "shelf": ("#9c8f80",),
    "cabinet": ("#a0968c",),
    "drawer": ("#b7845a",),
}
_INK, _SOFT_INK, _GRID = "#24292f", "#6b737c", "#e4e7ea"
_LETTERS = 9.0
"""Points, of names in a scene that is shown as large as it is."""
_TICK = np.array([36.0, 14.0])
"""Pixels that a tick's number takes across and upwards, in three dimensions."""
_MARGIN = 0.06
"""Metres around the tables that a view from above shows."""


def colours(names: Sequence[str], categories: Sequence[str]) -> dict[str, Colour]:
    """A colour for every object: its category decides the family, its order the shade."""
    used: dict[str, int] = {}
    result = {}
    for name, kind in zip(names, categories, strict=True):
        palette = _PALETTES[kind]
        result[name] = to_rgb(palette[used.get(kind, 0) % len(palette)])
        used[kind] = used.get(kind, 0) + 1
    return result


def colours_of(scene: Scene) -> dict[str, Colour]:
    """Colours of a scene's objects."""
    return colours(scene.names, [spec.category for spec in scene.objects])


def scene_picture(scene: Scene, camera: Camera = VIEW, across: int | None = None) -> bytes:
    """The scene in perspective, movable objects named.

    across: how wide it is shown, in pixels: names can be read there. Default: the camera's width.
    """
    palette = colours_of(scene)
    figure = Figure(figsize=(camera.width / 100, camera.height / 100))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.imshow(render(scene, palette, camera), extent=(0, camera.width, camera.height, 0), interpolation="lanczos")
    axes.set_axis_off()
    bounds = scene.bounds()
    pixels = camera.project_rows(box_corners(bounds).reshape(3, -1)).reshape(2, 8, -1)
    boxes = np.stack([pixels.min(axis=1), pixels.max(axis=1)]).transpose(2, 0, 1)
    write_names(axes, _named(scene, boxes), _LETTERS * camera.width / (across or camera.width))
    return png(figure, dpi=200)


def _named(scene: Scene, boxes: Array) -> list[Named]:
    """What can move, with its box of (N, 2, 2): names stand above containers, which hide what is in them, and below all else."""
    palette, rows = colours_of(scene), [row for row, spec in enumerate(scene.objects) if spec.movable]
    return [Named(scene.names[row], boxes[row], palette[scene.names[row]], scene.objects[row].kind.container) for row in rows]


def top_view(scene: Scene, later: Scene | None = None) -> bytes:
    """A scene from above, or what changed between two: the earlier one dashed, with arrows to the later."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    _frame(axes, scene)
    if later is None:
        _draw(axes, scene, labels=True)
    else:
        _draw_change(axes, scene, later, labels=True)
    shown = scene if later is None else later
    write_names(axes, _named(shown, shown.bounds()[:, :, 1::-1]), 8)
    return png(figure)


def scene_grid(outcomes: Sequence[Outcome], columns: int = 5) -> bytes:
    """Many executions from above, before (dashed) and after the skill. ValueError where there are none."""
    if not outcomes:
        raise ValueError("a grid of scenes needs at least one")
    rows = -(-len(outcomes) // columns)
    figure = Figure(figsize=(2.3 * columns, 1.75 * rows + 0.45), layout="constrained")
    panels = np.array(figure.subplots(rows, columns, squeeze=False)).ravel()
    for number, axes in enumerate(panels):
        if number >= len(outcomes):
            axes.set_axis_off()
            continue
        outcome = outcomes[number]
        _frame(axes, outcome.before.scene, ticks=False)
        _draw_change(axes, outcome.before.scene, outcome.after.scene, labels=False)
        axes.set_title(f"{number + 1}", fontsize=8, loc="left", color=_SOFT_INK, pad=2)
    _legend(figure, outcomes[0].before.scene)
    return png(figure)


def cloud_picture(cloud: SegmentedCloud) -> bytes:
    """The segmented cloud in three dimensions, seen from the robot's side; segments without points are left out."""
    figure = Figure(figsize=(6.4, 4.4))
    axes = figure.add_axes((0.0, 0.06, 0.94, 0.94), projection="3d", computed_zorder=False)
    palette = colours(cloud.names, cloud.categories)
    order = sorted(np.flatnonzero(cloud.seen), key=lambda i: kind_of(cloud.categories[i]).movable)
    for layer, i in enumerate(order):
        x, y, z = cloud.points[i].T
        axes.scatter(x, y, zs=z, s=7, color=palette[cloud.names[i]], linewidths=0, label=cloud.names[i], zorder=layer)
    _space(axes, cloud.points[cloud.seen].reshape(-1, 3).astype(float))
    figure.legend(loc="lower center", ncols=min(len(cloud), 6), fontsize=9, frameon=False, markerscale=2.4, labelcolor=_INK)
    return png(figure)


@dataclass(frozen=True)
class ParticleClouds:
    """Where particles have their objects, seen from above: (M, 2) x and y in metres for each object named."""

    title: str
    places: Mapping[str, Array]
    arrows: Mapping[str, Array]
    """(M, 2) where an object is to be brought from its place, in metres."""


def particles_picture(panels: Sequence[ParticleClouds], scene: Scene) -> bytes:
    """Particles over the tables of a scene, one panel for each stage. Only tables are drawn, and the objects in outline."""
    figure = Figure(figsize=(4.0 * len(panels), 3.3), layout="constrained")
    palette = colours_of(scene)
    for axes, panel in zip(np.array(figure.subplots(1, len(panels), squeeze=False)).ravel(), panels, strict=True):
        _frame(axes, scene, brief=axes is not figure.axes[0])
        _draw(axes, scene, labels=False, ghost=True)
        for name, places in panel.places.items():
            y, x = places[:, 1], places[:, 0]
            if name in panel.arrows:
                step = panel.arrows[name] - places
                axes.quiver(
                    y,
                    x,
                    step[:, 1],
                    step[:, 0],
                    angles="xy",
                    scale_units="xy",
                    scale=1,
                    width=0.004,
                    color=palette[name],
                    alpha=0.55,
                    zorder=60,
                )
            axes.scatter(y, x, s=16, color=palette[name], edgecolors="white", linewidths=0.5, zorder=70)
        axes.set_title(panel.title, fontsize=10, color=_INK)
    shown = dict.fromkeys(name for panel in panels for name in panel.places)
    handles = [Patch(color=palette[name], label=name) for name in shown]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=9, frameon=False)
    return png(figure)


def bars(values: Mapping[str, float], unit: str, decimals: int = 1) -> bytes:
    """Horizontal bars, one for each name, with its value and unit at the end."""
    figure = Figure(figsize=(6.4, 0.36 * len(values) + 0.3), layout="constrained")
    axes = figure.add_subplot()
    names, heights = list(values), list(values.values())
    drawn = axes.barh(names, heights, color="#2d6ca8", height=0.62)
    axes.bar_label(drawn, [f"{value:.{decimals}f} {unit}" for value in heights], padding=4, fontsize=9, color=_INK)
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(_SOFT_INK)
    axes.tick_params(axis="y", length=0, labelsize=9, labelcolor=_INK)
    axes.set_xticks([])
    return png(figure)


def png(figure: Figure, dpi: int = 150) -> bytes:
    """A figure as a PNG on white."""
    return saved(figure, dpi, facecolor="white")


def _frame(axes: Axes, scene: Scene, ticks: bool = True, brief: bool = False) -> None:
    """Axes as one stands behind the robot: y grows to the left, x away."""
    bounds = scene.bounds()
    low, high = bounds[:, 0].min(axis=0) - _MARGIN, bounds[:, 1].max(axis=0) + _MARGIN
    axes.set_xlim(high[1], low[1])
    axes.set_ylim(low[0], high[0])
    axes.set_aspect("equal")
    axes.set_facecolor("#fafbfc")
    for spine in axes.spines.values():
        spine.set_color(_GRID)
    if not ticks:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    axes.tick_params(labelsize=8, colors=_SOFT_INK, length=2)
    axes.set_xlabel("y (m), to the robot's left", fontsize=8, color=_SOFT_INK)
    axes.set_ylabel("" if brief else "x (m), away from the robot", fontsize=8, color=_SOFT_INK)


def _draw(axes: Axes, scene: Scene, labels: bool, ghost: bool = False) -> None:
    palette = colours_of(scene)
    for index in np.argsort(scene.bounds()[:, 0, 2], kind="stable"):
        spec = scene.objects[index]
        _draw_object(axes, scene, int(index), palette[spec.name], ghost=ghost and spec.movable)
        if labels and not spec.movable:
            _, (far, left, _) = scene.bounds()[index]
            axes.text(left - 0.012, far - 0.012, spec.name, fontsize=8, color=_SOFT_INK, ha="left", va="top", zorder=5)


def _draw_change(axes: Axes, before: Scene, after: Scene, labels: bool) -> None:
    palette = colours_of(before)
    shift = after.poses[:, :3] - before.poses[:, :3]
    for index in np.flatnonzero(np.linalg.norm(shift, axis=1) > 0.02):
        _draw_object(axes, before, int(index), palette[before.names[index]], ghost=True, layer=40)
        (x0, y0), (x1, y1) = before.poses[index, :2], after.poses[index, :2]
        arrow = {"arrowstyle": "-|>", "color": palette[before.names[index]], "lw": 1.3, "shrinkA": 4, "shrinkB": 4}
        axes.annotate("", xy=(y1, x1), xytext=(y0, x0), arrowprops=arrow, zorder=80)
    _draw(axes, after, labels)


def _draw_object(axes: Axes, scene: Scene, index: int, colour: Colour, ghost: bool = False, layer: int = 0) -> None:
    spec = scene.objects[index]
    fill = "none" if ghost else colour
    edge = tuple(0.62 * part for part in colour) if not ghost else colour
    style: dict[str, Any] = {"facecolor": fill, "edgecolor": edge, "linewidth": 0.9, "linestyle": "--" if ghost else "-"}
    order = layer or (1 if not spec.movable else 10 + index)
    middle = scene.poses[index, :2]
    if spec.kind.shape is Shape.CYLINDER:
        axes.add_patch(Ellipse((middle[1], middle[0]), spec.size[1], spec.size[0], zorder=order + 1, **style))
        return
    axes.add_patch(Polygon(_footprint(scene, index, spec), zorder=order, **style))
    if spec.kind.container and spec.movable and not ghost:
        share = 1 - 2 * spec.kind.wall / np.array(spec.size[:2])
        light = tuple(1 - 0.35 * (1 - part) for part in colour)
        axes.add_patch(Polygon(_footprint(scene, index, spec, share), facecolor=light, edgecolor="none", zorder=order))


def _footprint(scene: Scene, index: int, spec: ObjectSpec, share: Array | float = 1.0) -> Array:
    """(4, 2) corners as (y, x): of the object turned by its yaw, or of its bounding box where it lies on its side."""
    rotation = rotations(scene.poses[index : index + 1, 3:])[0]
    half, turn = np.array(spec.size[:2]) / 2, rotation[:2, :2]
    if rotation[2, 2] < 0.95:
        low, high = scene.bounds()[index, :, :2]
        half, turn = (high - low) / 2, np.eye(2)
    corners = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * half * share
    return np.asarray((corners @ turn.T + scene.poses[index, :2])[:, ::-1])


def _legend(figure: Figure, scene: Scene) -> None:
    palette = colours_of(scene)
    handles = [Patch(color=palette[spec.name], label=spec.name) for spec in scene.objects if spec.movable]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 8), fontsize=8, frameon=False)


def _space(axes: Any, points: Array) -> None:
    """Equal scales along the three axes, with units."""
    low, high = points.min(axis=0), points.max(axis=0)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    axes.set_box_aspect(high - low, zoom=1.15)
    axes.view_init(elev=38, azim=180 - 8)
    axes.tick_params(labelsize=7, colors=_SOFT_INK, pad=-1)
    axes.get_figure().draw_without_rendering()
    for row, (name, label) in enumerate((("x", "x (m)"), ("y", "y (m)"), ("z", "z (m)"))):
        getattr(axes, f"set_{name}label")(label, fontsize=8, color=_SOFT_INK)
        getattr(axes, f"{name}axis").set_major_locator(_ticks(axes, low, high, row))
    axes.set(xlabel="", xticklabels=[])  # seen end-on, they would lie on top of each other


def _ticks(axes: Any, low: Array, high: Array, row: int) -> Locator:
    """Ticks of one of the axes of a box (3,), (3,): as many as there is room for on the line that is drawn of it."""
    ends = np.stack([low, np.where(np.arange(3) == row, high, low)])
    seen = np.column_stack([ends, np.ones(2)]) @ axes.get_proj().T
    drawn = axes.transData.transform(seen[:, :2] / seen[:, 3:])
    room = int((np.abs(drawn[1] - drawn[0]) / _TICK).max())
    return MaxNLocator(min(room, 5), min_n_ticks=1) if room > 0 else FixedLocator([float(low[row] + high[row]) / 2])
