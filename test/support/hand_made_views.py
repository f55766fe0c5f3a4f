"""Frames of boxes on a table, made by hand: what a segmenter would find in them."""

from dataclasses import replace

import numpy as np

from fail2progress.core.objects import Shape
from fail2progress.core.scene import pose
from fail2progress.perception.segmentation.base import Perceived, Segment

EYE = np.eye(4)
EYE[:3, 3] = (0.0, 0.0, 1.4)


def box(
    name: str,
    at: tuple[float, float, float],
    size: tuple[float, float, float] = (0.05, 0.05, 0.05),
    shape: Shape = Shape.CUBOID,
) -> Segment:
    """What is seen of an upright box with its lower side at a place: the upper side, and the sides for a hollow one."""
    rng = np.random.default_rng(1)
    points = rng.uniform(-0.5, 0.5, (400, 3)) * size
    points[:, 2] = size[2] / 2 if shape is not Shape.OPEN_BOX else points[:, 2]
    if shape is Shape.OPEN_BOX:
        side = rng.integers(2, size=400)
        points[np.arange(400), side] = np.sign(points[np.arange(400), side]) * np.array(size)[side] / 2
    place = np.add(at, (0, 0, size[2] / 2))
    kind = {Shape.CUBOID: "cuboid", Shape.OPEN_BOX: "cup", Shape.TABLE: "table"}[shape]
    cloud = (points + place).astype(np.float32)
    return Segment(name, kind, shape, cloud, np.arange(400), pose(*place), np.array(size), 1.0)


def deep_cup(at: tuple[float, float, float]) -> Segment:
    """A cup with so many points on its walls that it is seen to hide what is in it and behind it."""
    size, rng = (0.09, 0.09, 0.12), np.random.default_rng(5)
    walls, side = rng.uniform(-0.5, 0.5, (8000, 3)) * size, rng.integers(2, size=8000)
    walls[np.arange(8000), side] = np.sign(walls[np.arange(8000), side]) * size[0] / 2
    points = (walls + np.add(at, (0, 0, size[2] / 2))).astype(np.float32)
    return replace(box("cup", at, size, Shape.OPEN_BOX), points=points, pixels=np.arange(8000), cavity=0.1)


def view(*segments: Segment) -> Perceived:
    rng = np.random.default_rng(0)
    table = box("table", (0.6, 0.0, 0.46), (0.6, 0.8, 0.04), Shape.TABLE)
    top = np.column_stack([rng.uniform(0.3, 0.9, 20_000), rng.uniform(-0.4, 0.4, 20_000), np.full(20_000, 0.5)])
    table = replace(table, points=top.astype(np.float32), pixels=np.arange(20_000))
    return Perceived(segments, (table,), EYE, 640, 480)


def behind_a_screen(*segments: Segment) -> Perceived:
    """A frame in which something near the camera hides the middle of the table."""
    shown = view(box("screen", (0.48, 0.0, 0.5), (0.4, 0.4, 0.3)), *segments)
    rest = np.abs(shown.surfaces[0].points[:, 1]) > 0.3
    table = replace(shown.surfaces[0], points=shown.surfaces[0].points[rest], pixels=np.flatnonzero(rest))
    return replace(shown, surfaces=(table,))


def places(found: Perceived) -> dict[str, np.ndarray]:
    """(3,) m the middle of what is seen of each object, by name."""
    return {part.id: part.points.mean(axis=0) for part in found.segments}
