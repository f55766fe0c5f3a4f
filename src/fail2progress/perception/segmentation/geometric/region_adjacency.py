"""Parts of objects and where they meet: what the rules of merging look at."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from fail2progress.core.quantiles import quantile
from fail2progress.core.scene import Array
from fail2progress.perception.pixels import rows_and_columns
from fail2progress.perception.segmentation.geometric.colour_bins import CHROMA, COLOURS, GREYS, colour_bins
from fail2progress.perception.segmentation.geometric.regions import Numbers, Scan, between
from fail2progress.perception.segmentation.geometric.thresholds import MergeRules

_OFFSETS = ((0, 1), (0, 4), (1, 0), (4, 0), (3, 3), (3, -3))
_SPARSE = 0.05
"""Share of readings from which a row or a column of the image belongs to what the sensor sees."""
_RIM = 3
"""Pixels beside the image's edge."""
_EDGE = 4
"""Rows at the image's lower edge; the last ones often have no reading."""


@dataclass(frozen=True)
class Meeting:
    """Pixels of one part and pixels of another beside them: (n,) flat indices each."""

    own: Numbers
    other: Numbers

    def turned(self) -> Meeting:
        """Seen from the other part."""
        return Meeting(self.other, self.own)

    def joined(self, more: Meeting) -> Meeting:
        """Both together."""
        return Meeting(np.concatenate([self.own, more.own]), np.concatenate([self.other, more.other]))


Meetings = dict[int, dict[int, Meeting]]


def meetings(labels: Numbers) -> Meetings:
    """Which regions lie beside each other in the image, and where."""
    found: list[Numbers] = []
    width, flat = labels.shape[1], labels.ravel()
    known, small = labels > 0, labels.astype(np.int32)
    for dy, dx in _OFFSETS:
        here, there = between(labels.shape, dy, dx)
        border = np.zeros(labels.shape, bool)
        border[here] = (small[here] != small[there]) & known[here] & known[there]
        own = np.flatnonzero(border)
        other = own + dy * width + dx
        found.append(np.stack([flat[own], flat[other], own, other]))
    rows = np.concatenate(found, axis=1)
    rows = np.concatenate([rows, rows[[1, 0, 3, 2]]], axis=1)
    key = rows[0] * (int(labels.max(initial=0)) + 1) + rows[1]
    order = np.argsort(key, kind="stable")
    rows = rows[:, order]
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(rows[:2]) != 0).any(axis=0)])) if rows.size else np.zeros(0, int)
    result: Meetings = {}
    for part in np.split(rows, starts[1:], axis=1) if rows.size else []:
        result.setdefault(int(part[0, 0]), {})[int(part[1, 0])] = Meeting(part[2], part[3])
    return result


@dataclass(frozen=True)
class Table:
    """Pixels as rows: points and normals (n, 3) m, heights (n,) m, range (n,) m, colours (n,) bins, columns (n,)."""

    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    heights: NDArray[np.float32]
    range: NDArray[np.float32]
    colours: NDArray[np.int64]
    width: int
    pitch: float
    """Metres between neighbouring pixels at 1 m."""

    @cached_property
    def frame(self) -> tuple[int, int, int, int]:
        """First and last row, first and last column that have readings, less the width of an edge."""
        known = (self.range > 0).reshape(-1, self.width)
        rows, columns = (np.flatnonzero(known.mean(axis=axis) > _SPARSE) for axis in (1, 0))
        if not len(rows) or not len(columns):
            return 0, 0, 0, 0
        return int(rows[0]) + _RIM, int(rows[-1]) - _RIM, int(columns[0]) + _RIM, int(columns[-1]) - _RIM

    def meets_frame(self, pixels: Numbers) -> bool:
        """Whether pixels reach the edge of what the sensor sees."""
        return bool(self.at_edge(pixels).any())

    def at_edge(self, pixels: Numbers) -> NDArray[np.bool_]:
        """(n,) whether each of pixels (n,) is at the edge of what the sensor sees."""
        rows, columns = rows_and_columns(pixels, self.width)
        top, bottom, left, right = self.frame
        return np.asarray((rows <= top) | (rows >= bottom) | (columns <= left) | (columns >= right))

    def window(self, pixels: Numbers, step: int = 2, margin: float = 0.0) -> Numbers:
        """Known pixels of the image window around pixels, every so many of them; larger by a share of itself on every side."""
        rows, columns = rows_and_columns(pixels, self.width)
        y, x = (self._span(at, margin, end) for at, end in ((rows, len(self.range) // self.width), (columns, self.width)))
        inside = (y[::step, None] * self.width + x[None, ::step]).ravel()
        return np.asarray(inside[self.range[inside] > 0])

    @staticmethod
    def _span(at: Numbers, margin: float, end: int) -> Numbers:
        more = round(margin * float(np.ptp(at)))
        return np.arange(max(int(at.min()) - more, 0), min(int(at.max()) + more + 1, end))


_SPREAD, _SPREAD_GREY = (gaussian_filter1d(np.eye(n), 0.6, axis=0, mode="nearest") for n in (CHROMA, GREYS))


def table(scan: Scan) -> Table:
    """The pixels of a scan as rows."""
    flat = scan.inverted.ravel()
    return Table(
        scan.points.reshape(-1, 3),
        scan.normals.reshape(-1, 3),
        scan.heights.ravel(),
        np.where(flat > 0, 1 / np.maximum(flat, 1e-6), 0).astype(np.float32),
        colour_bins(scan.colour).ravel(),
        scan.inverted.shape[1],
        1 / scan.focal,
    )


@dataclass(frozen=True)
class Border:
    """What is measured along a meeting, place by place: see `gaps`, `grazing` and `concave`."""

    gaps: NDArray[np.float32]
    grazing: NDArray[np.float32]
    concave: NDArray[np.bool_]


def border(rows: Table, meeting: Meeting, valley: float) -> Border:
    """All of it; valley: angle (rad) of a concave edge."""
    return Border(gaps(rows, meeting), grazing(rows, meeting), concave(rows, meeting, valley))


def parting(rows: Table, meeting: Meeting, rules: MergeRules) -> float:
    """Share of a meeting's places at which a valley or a step parts its sides."""
    return float(((gaps(rows, meeting) >= rules.touch) | concave(rows, meeting, rules.valley)).mean())


@dataclass(frozen=True)
class Counts:
    """Of the places of a border: how many there are; where the sides touch, lie close, are parted by a valley or a step, where
    the one side hides the other, and the other way round."""

    places: int
    touching: int
    close: int
    parting: int
    before: int
    behind: int

    def turned(self) -> Counts:
        """Seen from the other part."""
        return replace(self, before=self.behind, behind=self.before)

    def joined(self, more: Counts) -> Counts:
        """Of both borders together."""
        return Counts(*(getattr(self, part.name) + getattr(more, part.name) for part in fields(self)))


_Met = TypeVar("_Met", Meeting, Counts)


def counts(rows: Table, found: Meetings, rules: MergeRules) -> dict[int, dict[int, Counts]]:
    """Of every meeting, all measured at once."""
    pairs = [(one, other, meeting) for one, met in found.items() for other, meeting in met.items()]
    if not pairs:
        return {}
    whole = Meeting(*(np.concatenate([getattr(m, side) for _, _, m in pairs]) for side in ("own", "other")))
    measured = border(rows, whole, rules.valley)
    deeper = rows.range[whole.other] - rows.range[whole.own]
    touching = measured.gaps < rules.touch
    columns = np.stack(
        [
            np.ones(len(deeper), bool),
            touching,
            measured.gaps < rules.touch / np.maximum(measured.grazing, 0.25),
            ~touching | measured.concave,
            deeper > rules.touch / 2,
            -deeper > rules.touch / 2,
        ]
    )
    starts = np.cumsum([0, *(len(meeting.own) for _, _, meeting in pairs[:-1])])
    sums = np.add.reduceat(columns, starts, axis=1, dtype=np.int64).T.tolist()
    result: dict[int, dict[int, Counts]] = {}
    for (one, other, _), row in zip(pairs, sums, strict=True):
        result.setdefault(one, {})[other] = Counts(*row)
    return result


def joined(found: dict[int, dict[int, _Met]], into: int, part: int) -> None:
    """Let what a part meets meet the one that it becomes a part of."""
    for other, met in found.pop(part, {}).items():
        del found[other][part]
        if other == into:
            continue
        mine = found.setdefault(into, {})
        mine[other] = mine[other].joined(met) if other in mine else met
        found[other][into] = mine[other].turned()


def bottoms(rows: Table, pixels: Numbers, met: dict[int, Meeting], touch: float) -> tuple[Numbers, NDArray[np.bool_]]:
    """(n,) lowest pixel of each column of a part, and whether it ends on another part, behind one or at the image's edge.

    touch: metres between pixels up to which two parts touch.
    """
    columns = pixels % rows.width
    order = np.lexsort((pixels, columns))
    bottom = pixels[order][np.flatnonzero(np.diff(columns[order], append=-1))]
    rest = bottom // rows.width >= len(rows.heights) // rows.width - _EDGE
    for meeting in met.values():
        under = (meeting.other > meeting.own) & ((meeting.other - meeting.own) % rows.width == 0)
        ahead = rows.range[meeting.own] - rows.range[meeting.other] > -touch
        rest |= np.isin(bottom % rows.width, (meeting.own % rows.width)[under & ahead])
    return bottom, np.asarray(rest)


@dataclass(frozen=True)
class Others:
    """Which pixels belong to other things than some. owners: (H * W,) numbers of things from 1, 0 for none; own: of those."""

    owners: Numbers
    own: tuple[int, ...]

    def __getitem__(self, pixels: Numbers) -> NDArray[np.bool_]:
        """(n,) of pixels (n,)."""
        found = self.owners[pixels]
        return np.asarray(np.logical_and.reduce([found > 0, *(found != number for number in self.own)]))


def gaps(rows: Table, meeting: Meeting) -> NDArray[np.float32]:
    """(n,) metres in space between the two sides; next to none where one plane goes on, which neighbours far apart may show
    where it is seen at a grazing angle."""
    apart = rows.points[meeting.own] - rows.points[meeting.other]
    off = [np.abs(np.einsum("ij,ij->i", rows.normals[side], apart)) for side in (meeting.own, meeting.other)]
    length = np.linalg.norm(apart, axis=1)
    flush = (np.maximum(off[0], off[1]) < 0.005) & (length < 0.05)
    return np.asarray(np.where(flush, np.minimum(length, 0.01), length), np.float32)


def grazing(rows: Table, meeting: Meeting) -> NDArray[np.float32]:
    """(n,) cosine between the ray and the normal, on the side where it is less: readings lie apart where a surface turns away."""
    sides = []
    for side in (meeting.own, meeting.other):
        along = np.einsum("ij,ij->i", rows.normals[side], rows.points[side])
        sides.append(np.abs(along) / np.maximum(np.linalg.norm(rows.points[side], axis=1), 1e-6))
    return np.asarray(np.minimum(sides[0], sides[1]), np.float32)


def concave(rows: Table, meeting: Meeting, angle: float) -> NDArray[np.bool_]:
    """(n,) whether the two sides form a valley sharper than an angle (rad)."""
    a, b = rows.normals[meeting.own], rows.normals[meeting.other]
    inward = np.einsum("ij,ij->i", b - a, rows.points[meeting.other] - rows.points[meeting.own]) < 0
    return np.asarray(inward & (np.einsum("ij,ij->i", a, b) < np.cos(angle)))


def histogram(rows: Table, pixels: Numbers) -> Array:
    """(COLOURS,) shares of colours, each spread a little over its neighbours."""
    counts = np.bincount(rows.colours[pixels], minlength=COLOURS).astype(float) / max(1, len(pixels))
    coloured, greys = counts[: CHROMA * CHROMA].reshape(CHROMA, CHROMA), counts[CHROMA * CHROMA :]
    return np.concatenate([(_SPREAD @ coloured @ _SPREAD.T).ravel(), _SPREAD_GREY @ greys])


def alike(one: Array, other: Array) -> float:
    """Bhattacharyya coefficient of two histograms: 1 for the same colours."""
    return float(np.sqrt(one * other).sum())


def same_hue(one: Array, other: Array) -> float:
    """The same, with all greys as one: sides of one thing are in different light."""
    merged = [np.append(part[: CHROMA * CHROMA], part[CHROMA * CHROMA :].sum()) for part in (one, other)]
    return alike(*merged)


def extent(rows: Table, pixels: Numbers) -> float:
    """Metres across, as a square that fills as many pixels."""
    return float(np.sqrt(len(pixels))) * rows.pitch * quantile(rows.range[pixels], 0.5)
