"""What reaches in over the image's border and is not of the table: arms, walls, furniture and bins behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import Intrinsics
from fail2progress.perception.pixels import places_of, rows_and_columns
from fail2progress.perception.segmentation.geometric import support_surfaces as outlines
from fail2progress.perception.segmentation.geometric.colour_bins import COLOURS
from fail2progress.perception.segmentation.geometric.colour_splitting import like_colour
from fail2progress.perception.segmentation.geometric.crosses import grown, shrunk
from fail2progress.perception.segmentation.geometric.planes import Surface
from fail2progress.perception.segmentation.geometric.region_adjacency import Table, extent
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan
from fail2progress.perception.segmentation.geometric.support_surfaces import Level, within


@dataclass(frozen=True)
class OutsiderRules:
    """When something that the image's border cuts is no thing on a table."""

    over: float = 0.5
    """Share of it over the table as far as its colour goes, from which it is on the table whatever the border shows."""
    beyond: float = 0.2
    """The same, below which it is not, unless the lower edge of the image cuts it."""
    inside: float = 0.01
    """Metres that this must be within the table's edge."""
    beside: float = 0.3
    """Share of the border beside it that shows the table, from which the table may go on under it."""
    scrap: float = 0.06
    """Metres across, up to which something beside an outsider, and not over the table, is a part of it."""
    colour: tuple[float, float] = (0.35, 0.9)
    """Share of a surface that is of its commonest colour, between which the table ends where that colour does."""
    filled: float = 0.75
    """Share of its own convex outline in the image that such a part fills, things on it counted."""
    large: float = 0.4
    """Metres across, as a square, from which what the border cuts is furniture, a wall or a robot, wherever it stands."""
    near: float = 1.6
    """Steps between bins of colour that are one colour in different light."""


_BORDER = 4
"""Pixels along the image's edge, and around a thing."""


class Outsiders:
    """Tells them, in one frame."""

    def __init__(
        self, scan: Scan, rows: Table, surfaces: list[Surface], axes: Level, camera: Intrinsics, rules: OutsiderRules
    ) -> None:
        self._scan, self._rows, self._rules = scan, rows, rules
        self._tables = [self._table(surface, scan) for surface in surfaces]
        self._outlines = [outlines.outline(mask, scan.inverted, axes, camera) for mask in self._tables]
        self._shown = np.any(self._tables, axis=0)

    def left_out(self, found: list[Numbers]) -> list[Numbers]:
        """The objects without outsiders."""
        outside = [self._rows.meets_frame(pixels) and self._outside(pixels) for pixels in found]
        if not any(outside):
            return found
        shape = self._scan.standing.shape
        mask = np.zeros(shape, bool)
        mask.ravel()[np.concatenate([pixels for pixels, out in zip(found, outside, strict=True) if out])] = True
        beside = grown(mask, 2 * _BORDER).ravel()
        return [pixels for pixels, out in zip(found, outside, strict=True) if not out and not self._scrap(pixels, beside)]

    def _table(self, surface: Surface, scan: Scan) -> Mask:
        """(H, W) the part of a surface that has its commonest colour, where that is one compact part of it; else all of it."""
        counts = np.bincount(self._rows.colours[surface.mask.ravel()], minlength=COLOURS)
        common = like_colour(int(counts.argmax()), self._rules.near)
        share = counts[common].sum() / max(counts.sum(), 1)
        if not self._rules.colour[0] < share < self._rules.colour[1]:
            return surface.mask
        own = surface.mask & common[self._rows.colours].reshape(surface.mask.shape)
        parts, count = ndimage.label(shrunk(grown(own, 2), 2))
        if count == 0:
            return surface.mask
        largest = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
        hull = _hull(largest)
        rest = surface.mask & ~largest
        compact = hull.any() and (largest | scan.standing)[hull].mean() > self._rules.filled
        return own & largest if compact and rest.sum() > 2 * (rest & hull).sum() else surface.mask

    def _outside(self, pixels: Numbers) -> bool:
        if extent(self._rows, pixels) > self._rules.large:
            return True
        points = self._rows.points[pixels, :2]
        points = points[:: 1 + len(points) // 1000]
        over = np.any([within(outline, points, -self._rules.inside) for outline in self._outlines], axis=0).mean()
        at_bottom, cut = self._cut(pixels)
        # What lies nearer than the lower edge of the image shows of the table is still over it, as a rule.
        if over < self._rules.beyond and not at_bottom:
            return True
        return bool(over < self._rules.over and self._beside(cut) < self._rules.beside)

    def _cut(self, pixels: Numbers) -> tuple[bool, Mask]:
        """Whether the lower edge cuts something, and (H, W) its pixels that are cut."""
        shape = self._scan.standing.shape
        y, _ = rows_and_columns(pixels, shape[1])
        mask = np.zeros(shape, bool)
        mask.ravel()[pixels[self._rows.at_edge(pixels)]] = True
        return bool((y >= self._rows.frame[1]).any()), mask

    def _beside(self, cut: Mask) -> float:
        """Share of the border next to where something is cut that shows a table."""
        y, x = places_of(cut)
        top, bottom, left, right = self._rows.frame
        reach = max(10, int(0.25 * max(np.ptp(y), np.ptp(x))))
        near = np.zeros(cut.shape, bool)
        near[max(y.min() - reach, 0) : y.max() + reach + 1, max(x.min() - reach, 0) : x.max() + reach + 1] = True
        rim = np.zeros(cut.shape, bool)
        rim[top : bottom + 1, left : right + 1] = True
        rim[top + _BORDER : bottom - _BORDER + 1, left + _BORDER : right - _BORDER + 1] = False
        free = near & rim & ~self._scan.standing & (self._scan.inverted > 0)
        return float(self._shown[free].mean()) if free.any() else 0.0

    def _scrap(self, pixels: Numbers, beside: Mask) -> bool:
        """Whether something is a small part of an outsider that it lies beside."""
        if extent(self._rows, pixels) > self._rules.scrap or beside[pixels].mean() < 0.1:
            return False
        points = self._rows.points[pixels, :2]
        return float(np.any([within(outline, points, 0.0) for outline in self._outlines], axis=0).mean()) < self._rules.over


def _hull(mask: Mask) -> Mask:
    """(H, W) the convex outline of a mask, from every fourth pixel."""
    y, x = places_of(mask[::4, ::4])
    corners = outlines.corners_of(4 * np.stack([y, x], axis=1).astype(np.float64))
    rows, columns = np.mgrid[0 : mask.shape[0] : 4, 0 : mask.shape[1] : 4]
    inside = within(corners, np.stack([rows, columns], axis=-1).astype(np.float32), 0.0)
    return np.asarray(np.kron(inside, np.ones((4, 4), bool))[: mask.shape[0], : mask.shape[1]])
