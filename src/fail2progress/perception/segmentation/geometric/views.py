"""From pixels that belong together to segments: points, boxes, shapes; and the time that it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fail2progress.core.objects import Shape, category
from fail2progress.core.outlines import rectangle
from fail2progress.core.quantiles import quantile
from fail2progress.core.scene import Array, pose
from fail2progress.perception.colours import Light, colour_word, light_of
from fail2progress.perception.handles import body
from fail2progress.perception.segmentation.base import Segment
from fail2progress.perception.segmentation.geometric.cabinets import Cabinet, Part
from fail2progress.perception.segmentation.geometric.cavities import CavityRules, depth_of
from fail2progress.perception.segmentation.geometric.depth import Image
from fail2progress.perception.segmentation.geometric.guide import Thing
from fail2progress.perception.segmentation.geometric.planes import Surface
from fail2progress.perception.segmentation.geometric.region_adjacency import Others, Table
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan
from fail2progress.perception.segmentation.geometric.rims import crossed
from fail2progress.perception.segmentation.geometric.support_surfaces import within
from fail2progress.perception.segmentation.geometric.visibility import outline, visibility
from fail2progress.perception.shapes import CATEGORY, local, solid

_TABLE_TOP = 0.02
"""Metres of thickness that a surface's box is given, of which only the upper side is seen."""
_SPARSE = 4
"""Every so many pixels in a row tell how much of a surface is hidden."""


@dataclass(frozen=True)
class View:
    """What turns pixels into segments. owners: (H * W,) number of the object from 1, 0 for none; depth: (H, W) m, 0 unknown."""

    scan: Scan
    rows: Table
    origin: Array
    owners: Numbers
    depth: Image
    cavities: CavityRules = field(default_factory=CavityRules)

    def object(self, name: str, thing: Thing) -> Segment:
        """One object."""
        pixels = thing.pixels
        own = self._points(pixels)
        low = quantile(self.scan.heights.ravel()[pixels], 0.02)
        bottom = quantile(own[:, 2], 0.02) - (low if low < 0.03 else 0.0)
        others = Others(self.owners, (int(self.owners[pixels[0]]),))
        cavity = depth_of(self.rows, pixels, others, self.cavities)
        some = slice(None, None, 1 + len(own) // 4000)
        body = solid(own[some].astype(float), self.scan.normals.reshape(-1, 3)[pixels[some]], self.origin, bottom, cavity > 0)
        pixels = self._filled(pixels) if body.shape is Shape.OPEN_BOX else np.sort(pixels)
        around = outline(pixels, self.depth)
        hidden = around.sides(local(self._points(around.beside).astype(float), body.pose, body.size))
        word = colour_word(self.scan.colour.reshape(-1, 3)[pixels], self._light)
        own, covered = self._points(pixels), None if thing.covered is None else either(self.owners.size, thing.covered, pixels)
        return Segment(
            name,
            CATEGORY[body.shape],
            body.shape,
            own,
            pixels,
            body.pose,
            body.size,
            around.visibility,
            word,
            covered,
            cavity,
            hidden,
        )

    def table(self, name: str, surface: Surface) -> Segment:
        """One surface; its box is as high as its readings are, which are not where the plane is below the camera if it leans."""
        pixels = np.flatnonzero(surface.mask)
        points = self._points(pixels)
        middle, size, yaw = rectangle(surface.outline)
        top = float(np.median(points[:, 2]))
        at = pose(middle[0] + self.origin[0], middle[1] + self.origin[1], top - _TABLE_TOP / 2, yaw)
        thinned = surface.mask[::_SPARSE, ::_SPARSE]
        share = visibility(np.flatnonzero(thinned), self.depth[::_SPARSE, ::_SPARSE])
        return Segment(name, "table", Shape.TABLE, points, pixels, at, np.array([*size, _TABLE_TOP]), share)

    def furniture(self, found: list[Cabinet]) -> list[Segment]:
        """Cabinets, then their drawers: fixed, as those of a task are."""
        bodies = [self._fixed(f"cabinet_{i + 1}", "cabinet", cabinet.body) for i, cabinet in enumerate(found)]
        drawers = [drawer for cabinet in found for drawer in cabinet.drawers]
        return bodies + [self._fixed(f"drawer_{i + 1}", "drawer", drawer) for i, drawer in enumerate(drawers)]

    def _fixed(self, name: str, kind: str, part: Part) -> Segment:
        at = part.pose + np.array([*self.origin, 0.0, 0.0, 0.0, 0.0])
        word = colour_word(self.scan.colour.reshape(-1, 3)[part.pixels], self._light)
        share = visibility(part.pixels, self.depth)
        own = self._points(part.pixels)
        return Segment(name, kind, category(kind).shape, own, part.pixels, at, part.size, share, word)

    @cached_property
    def _light(self) -> Light:
        return light_of(self.scan.colour)

    def _points(self, pixels: Numbers) -> Image:
        return np.asarray(self.scan.points.reshape(-1, 3)[pixels] + self.origin, np.float32)

    def _filled(self, pixels: Numbers) -> Numbers:
        """With what is seen through its rim: the floor of a bowl may be too near the table to tell. What lies below the
        rim, but is seen beside it, is the table under an outward wall, or beside a handle."""
        high = quantile(self.rows.heights[pixels], 0.97)
        vessel = pixels[body(self.rows.points[pixels])]
        rim = self.rows.points[vessel[self.rows.heights[vessel] > 0.75 * high], :2].astype(float)
        window = self.rows.window(pixels, 1)
        free = window[(self.owners[window] == 0) & (self.rows.heights[window] < high)]
        plane = self.rows.points[free, 2] - self.rows.heights[free] + high
        through = crossed(self.rows.points[free], plane)
        inside = within(rim, self.rows.points[free, :2], -0.003) & within(rim, through, 0.0)
        return either(self.owners.size, pixels, free[inside])


def owners_of(found: list[Numbers], size: int) -> Numbers:
    """(size,) number of the object that each pixel belongs to, from 1; 0 for none."""
    owners = np.zeros(size, np.int64)
    for i, pixels in enumerate(found):
        owners[pixels] = i + 1
    return owners


def either(size: int, *parts: Numbers) -> Numbers:
    """Flat indices of the pixels of an image of that size that are in one of the parts, in order."""
    mask = np.zeros(size, bool)
    for pixels in parts:
        mask[pixels] = True
    return np.flatnonzero(mask)


class Clock:
    """Wall time by stage."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._spent: dict[str, float] = {}

    def done(self, stage: str) -> None:
        """A stage ends, perhaps for the second time: geometry may look twice."""
        now = time.perf_counter()
        self._spent[stage], self._last = self._spent.get(stage, 0.0) + now - self._last, now

    def seconds(self) -> dict[str, float]:
        """By stage, and in total."""
        return {**self._spent, "total": time.perf_counter() - self._start}
