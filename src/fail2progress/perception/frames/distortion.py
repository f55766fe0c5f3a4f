"""Lens distortion as calibrations state it, and images as a pinhole camera would show them.

Undone is the model of Brown and Conrady, which ROS calls plumb_bob and rational_polynomial, and Kalibr radtan.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import Intrinsics, Labels, RgbdFrame
from fail2progress.core.scene import Array

BROWN_CONRADY = (
    *("", "plumbbob", "rationalpolynomial", "radtan", "brownconrady", "opencv", "fullopencv", "pinhole", "simplepinhole"),
    *("simpleradial", "radial"),
)
"""Names of that model, letters alone."""
TERMS = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
"""Its coefficients by name, in their order."""
_STEPS = 1000
"""Distances from the middle of the image at which the model is looked at for where it folds over."""
_Pixels = TypeVar("_Pixels", bound=np.generic)


@dataclass(frozen=True)
class Lens:
    """What bends a camera's image. coefficients: k1, k2, p1, p2, k3, k4, k5, k6, as many as there are."""

    model: str
    coefficients: tuple[float, ...]

    @property
    def known(self) -> bool:
        """Whether it can be undone."""
        return not self._hindrance

    @property
    def terms(self) -> tuple[float, ...]:
        """The eight, 0 where there are fewer."""
        return (*self.coefficients, *[0.0] * len(TERMS))[: len(TERMS)]

    @property
    def _hindrance(self) -> str:
        """Why it cannot be undone; "" where it can."""
        if not np.isfinite(self.coefficients).all():
            return "its coefficients are not all numbers"
        if letters(self.model).removeprefix("distortion") not in BROWN_CONRADY:
            return "that of plumb_bob, rational_polynomial or radtan would be"
        return "that of at most 8 would be" if any(self.coefficients[len(TERMS) :]) else ""

    def note(self, source: str) -> str:
        """What became of the distortion that a source states."""
        count = len(self.coefficients)
        name = f"{self.model or 'plumb_bob'}, {count} coefficient{'' if count == 1 else 's'}"
        if self.known:
            return f"{source}: the lens's distortion is undone ({name})"
        return f"{source}: the lens's distortion is not undone ({name}; {self._hindrance})"


def letters(name: str) -> str:
    """Those of a name, small."""
    return re.sub(r"[^a-z]", "", name.lower())


def lens_of(model: str, coefficients: Any) -> Lens | None:
    """The lens of a calibration; None where it bends nothing."""
    try:
        numbers = [] if coefficients is None else [float(value) for value in np.ravel(np.array(coefficients, np.float64))]
    except (TypeError, ValueError, OverflowError):
        numbers = [np.nan]
    return Lens(model, tuple(numbers)) if any(numbers) else None


def straight(frame: RgbdFrame, lens: Lens | None) -> RgbdFrame:
    """The frame without the distortion of its lens, where that is known; its intrinsics stay."""
    if lens is None or not lens.known:
        return frame
    k, labels = frame.intrinsics, frame.labels
    return replace(
        frame,
        colour=remapped(frame.colour, k, lens),
        depth=remapped(frame.depth, k, lens),
        labels=labels and Labels(remapped(labels.image, k, lens), labels.names, labels.categories),
    )


def remapped(pixels: NDArray[_Pixels], k: Intrinsics, lens: Lens | None) -> NDArray[_Pixels]:
    """(H, W) or (H, W, C) of a pinhole camera, from what came through the lens: for each pixel the nearest one, 0 for none.

    Depth stays along the optical axis; it is not mixed, as between two surfaces there is none.
    """
    if lens is None or not lens.known:
        return pixels
    rows, columns, seen = _sources(k, lens)
    found = np.zeros_like(pixels)
    found[seen] = pixels[rows, columns]
    return found


@lru_cache(maxsize=4)
def _sources(k: Intrinsics, lens: Lens) -> tuple[NDArray[np.int64], NDArray[np.int64], Mask]:
    """(n,) rows and columns of the pixels through the lens, for the (H, W) pixels of the pinhole that have one."""
    x = np.asarray((np.arange(k.width) - k.cx) / k.fx, np.float64)[None, :]
    y = np.asarray((np.arange(k.height) - k.cy) / k.fy, np.float64)[:, None]
    with np.errstate(all="ignore"):
        bent_x, bent_y = bent(x, y, lens)
        columns, rows = np.round(bent_x * k.fx + k.cx), np.round(bent_y * k.fy + k.cy)
        seen = (columns >= 0) & (columns < k.width) & (rows >= 0) & (rows < k.height)
        seen &= x**2 + y**2 < _fold(float(np.sqrt((x**2).max() + (y**2).max())), lens) ** 2
    return rows[seen].astype(np.int64), columns[seen].astype(np.int64), seen


def bent(x: Array, y: Array, lens: Lens) -> tuple[Array, Array]:
    """Where rays (x / z, y / z) of the optical frame seem to come from, through the lens."""
    r2, (_, _, p1, p2, *_) = x**2 + y**2, lens.terms
    radial = _radial(r2, lens)
    along, across = 2 * p1 * x * y + p2 * (r2 + 2 * x**2), p1 * (r2 + 2 * y**2) + 2 * p2 * x * y
    return np.asarray(x * radial + along), np.asarray(y * radial + across)


def _radial(r2: Array, lens: Lens) -> Array:
    """By how much rays go farther from the middle, by the square of how far they are."""
    k1, k2, _, _, k3, k4, k5, k6 = lens.terms
    return np.asarray((1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6))))


def _fold(farthest: float, lens: Lens) -> float:
    """Distance from the middle from which on the model, which was fitted to what is nearer, shows the same again."""
    ways = np.linspace(0.0, farthest, _STEPS)
    back = ~(np.diff(ways * _radial(ways**2, lens)) > 0)
    return float(ways[int(np.argmax(back))]) if back.any() else np.inf
