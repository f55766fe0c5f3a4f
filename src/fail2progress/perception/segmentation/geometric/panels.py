"""Panels in the face of a box: rectangles with a gap or a step around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.elevations import Elevation, apart

_Kind = TypeVar("_Kind", bound=np.generic)
Span = tuple[int, int]
"""First and last row or column."""


@dataclass(frozen=True)
class PanelRules:
    """What counts as a panel."""

    step: float = 0.0015
    """Metres between a panel and what lies beside it, at least, or of the gap between the two."""
    edge: float = 0.001
    """The same of an edge that may be one of its sides."""
    sigmas: float = 5.0
    """The same in standard deviations of noise."""
    plain: float = 0.004
    """Metres of such a step that needs no line in the image beside it."""
    light: float = 4.0
    """Of 255, between the two sides of a line in the image."""
    line: float = 0.5
    """Share of a side along which there is one."""
    along: float = 0.04
    """Metres along an edge over which readings are averaged."""
    filled: float = 0.8
    """Share of its rectangle that a panel fills."""
    least: tuple[float, float] = (0.03, 0.05)
    """Metres of height and width, at least."""
    sunk: float = 0.03
    """Metres that a panel may lie behind what is around it, and that this may lie off the face."""
    strip: int = 4
    """Cells on either side of an edge that are held against each other."""


@dataclass(frozen=True)
class Panel:
    """First and last rows and columns of an elevation; behind: m behind the face."""

    rows: Span
    columns: Span
    behind: float

    @property
    def size(self) -> int:
        """In cells."""
        return int(np.prod([last - first + 1 for first, last in (self.rows, self.columns)]))

    def meets(self, other: Panel) -> bool:
        """Whether both have more in common than an edge."""
        pairs = ((self.rows, other.rows), (self.columns, other.columns))
        return all(min(a[1], b[1]) - max(a[0], b[0]) > 2 for a, b in pairs)


@dataclass(frozen=True)
class _Side:
    """What lies beside one side of a panel: metres behind the face and before the panel, metres of the gap between the two, and
    share of the side with a line in the image."""

    beside: float
    step: float
    gap: float
    line: float


def panels(view: Elevation, rules: PanelRules) -> list[Panel]:
    """All of a face, those below first."""
    edges = _edges(view, rules)
    labels, _ = ndimage.label(view.known & ~edges)
    places = enumerate(ndimage.find_objects(labels), start=1)
    found = [panel for number, place in places if (panel := _panel(view, labels[place] == number, place, rules)) is not None]
    # Of those that lie in or across each other the largest.
    largest = sorted(found, key=lambda panel: (-panel.size, panel.rows))
    return sorted(apart(largest, Panel.meets), key=lambda panel: panel.rows)


def _edges(view: Elevation, rules: PanelRules) -> Mask:
    """Cells on a step of depth or a line in the image, along rows or columns."""
    result = np.zeros(view.behind.shape, bool)
    for axis in (0, 1):
        result |= _steps(view, view.behind, _depth_step(view, axis, rules), axis, rules) | _lines(view, axis, rules)
    return result


def _depth_step(view: Elevation, axis: int, rules: PanelRules) -> float:
    return float(max(rules.edge, rules.sigmas * view.noise * np.sqrt(2 / _along(view, axis, rules))))


def _along(view: Elevation, axis: int, rules: PanelRules) -> int:
    """Cells along an edge over which readings are averaged; axis: the one across it."""
    return 1 + 2 * int(rules.along / view.cell[1 - axis] / 2)


def _steps(view: Elevation, image: Array, least: float, axis: int, rules: PanelRules) -> Mask:
    even = ndimage.uniform_filter1d(image, _along(view, axis, rules), axis=1 - axis, mode="nearest")
    step = np.abs(ndimage.correlate1d(even, (-1.0, 0.0, 1.0), axis=axis, mode="nearest"))
    ridge = (step > least) & (step >= ndimage.maximum_filter1d(step, 3, axis=axis))
    # Averages end before the corners do.
    return np.asarray(ndimage.maximum_filter1d(ridge, _along(view, axis, rules), axis=1 - axis))


def _lines(view: Elevation, axis: int, rules: PanelRules) -> Mask:
    return _steps(view, view.light, rules.light, axis, rules)


def _panel(view: Elevation, cells: Mask, place: tuple[slice, slice], rules: PanelRules) -> Panel | None:
    """From a part of the face that edges enclose."""
    spans = [(part.start - 1, part.stop) for part in place]
    size = [(last - first + 1) * float(cell) for (first, last), cell in zip(spans, view.cell, strict=True)]
    if size[0] < rules.least[0] or size[1] < rules.least[1] or cells.mean() < rules.filled:
        return None
    level = float(np.median(view.behind[place][cells]))
    if not _is_parted(view, spans, level, rules):
        return None
    rows, columns = (_tight(view, spans, axis, rules) for axis in (0, 1))
    return Panel(rows, columns, level)


def _is_parted(view: Elevation, spans: list[Span], level: float, rules: PanelRules) -> bool:
    """Whether there is a gap or a step on all four sides."""
    sides = [_side(view, spans, level, axis, end, rules) for axis in (0, 1) for end in (0, 1)]
    face = [side for side in sides if side is not None and abs(side.beside) < rules.sunk]
    if len(face) < len(sides):
        return False
    beside = float(np.median([side.beside for side in face]))
    if abs(level - beside) > rules.sunk:
        return False
    apart = [max(side.step if level > beside else -side.step, side.gap) for side in face]
    least = rules.plain if np.mean([side.line for side in face]) < rules.line else rules.step
    return bool(min(apart) > least)


def _tight(view: Elevation, spans: list[Span], axis: int, rules: PanelRules) -> Span:
    """Its first and last row (axis 0) or column: where what lies within differs most from what lies beside it."""
    (first, last), found = spans[1 - axis], []
    for end, sign in ((0, -1), (1, 1)):
        lines = spans[axis][end] + sign * np.arange(-rules.strip, rules.strip + 1)
        lines = lines[(lines >= 0) & (lines < view.behind.shape[axis])]
        profile = np.median(np.moveaxis(view.behind, axis, 0)[lines, first + 1 : last], axis=1)
        cuts = np.arange(1, len(lines))
        apart = [abs(profile[:cut].mean() - profile[cut:].mean()) * np.sqrt(cut * (len(lines) - cut)) for cut in cuts]
        found.append(int(lines[cuts[int(np.argmax(apart))] - 1]))
    return found[0], found[1]


def _side(view: Elevation, spans: list[Span], level: float, axis: int, end: int, rules: PanelRules) -> _Side | None:
    """Beside a panel at its first or last row (axis 0) or column; None where next to nothing is seen there."""
    (first, last), sign = spans[1 - axis], 1 if end else -1
    count = view.behind.shape[axis]
    lines = [line for k in range(1 + rules.strip) if 0 <= (line := spans[axis][end] + sign * k) < count]

    def cut(image: NDArray[_Kind]) -> NDArray[_Kind]:
        return np.moveaxis(image, axis, 0)[lines, first + 1 : last]

    known = cut(view.known)
    enough = known.mean(axis=1) > 0.5 if lines else np.zeros(0, bool)
    if not enough.any():
        return None
    profile = np.array([np.median(row[seen]) for row, seen in zip(cut(view.behind)[enough], known[enough], strict=True)])
    beside = float(profile[np.abs(profile - level).argmax()])
    gap = float(np.median(cut(view.deepest)[:2].max(axis=0))) - max(beside, level)
    return _Side(beside, level - beside, gap, float(cut(_lines(view, axis, rules))[:2].any(axis=0).mean()))
