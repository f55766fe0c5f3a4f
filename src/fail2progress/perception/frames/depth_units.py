"""Metres of one step of a depth image: what its numbers can be, and depth in metres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fail2progress.perception.frames.depth_scales import UNIT_KEY
from fail2progress.perception.segmentation.base import PerceptionError

DEFAULT_UNIT = 0.001
"""Metres of one step of an integer depth image, where the camera's file does not say."""
_NEAR, _FAR = 0.15, 8.0
"""Metres between which the median of depth is, as a rule; ..."""
_CLOSE = 0.05
"""... and nearer, where the camera's file gives the unit: cameras on a gripper (D405) read from 7 cm on."""
_USUAL = (0.25, 2.5)
"""Metres between which the median of a table's depth is; beyond, it is said that the unit was assumed."""
_UNITS = (0.001, 0.0001, 0.00025, 0.0002, 0.01, 1.0)
"""Metres of one step that cameras and data sets have, the usual ones first."""
_FILLING = 0.01
"""Share of an image's pixels from which one value, the largest, may stand for no reading ..."""
_APART = 0.8
"""... where no other value is above this share of it, ..."""
_STRAY = 0.01
"""... but for this share of those pixels, ..."""
_END = 65_500
"""... and it is beyond what is looked at here, or is where the numbers of 16 bits end."""
_REACH = 0.5
"""Metres that 8 bits reach at least where they are depth: in millimetres they end at 25 cm."""


def in_metres(raw: NDArray[Any], unit: float | None, scaled: bool, path: Path) -> tuple[NDArray[np.float32], list[str]]:
    """Depth (H, W) m of an image as it is stored, 0 for no reading, and what was assumed.

    unit: m of one step, None where the camera's file does not say; scaled: whether that comes from a scale, which may be doubted.
    PerceptionError where it is empty or cannot be of a table.
    """
    known = np.isfinite(raw) & (raw > 0)
    if raw.dtype.kind in "ui":
        known &= raw < np.iinfo(raw.dtype).max  # how some drivers write that there is no reading
    values = np.where(known, raw, 0).astype(np.float64)
    filling = _filling(values, raw.dtype.kind == "f", unit, scaled, path)
    filled = values == filling
    values[filled] = 0
    readings = values[values > 0]
    if len(readings) < 0.01 * raw.size:
        raise PerceptionError(f"{path} is empty: {len(readings)} of {raw.size} pixels have a reading")
    given = unit is not None and not scaled
    nearest = _CLOSE if given else _NEAR
    middle = float(np.median(readings))
    short = raw.dtype.itemsize == 1 and (unit is None or 255 * unit < _REACH)
    ends = "" if unit is None else f" (in steps of {unit:g} m they end at {255 * unit:.2g} m)"
    if short and not given:
        raise PerceptionError(
            f"{path} has 8 bits a pixel, of which nobody knows the unit{ends}: give 16-bit depth (PNG), or set {UNIT_KEY} in the"
            " camera's file to the metres of one step"
        )
    found, notes = _step(raw.dtype.kind == "f", middle, unit, scaled, path)
    if filling:
        share = f"{100 * np.count_nonzero(filled) / raw.size:.2g} % of {path.name}"
        notes.append(f"{share} is {filling:g}, far beyond all else in it: taken for pixels without a reading")
    notes += [f"{path.name} has 8 bits a pixel{ends}: see that it is depth and no picture of it"] * short
    if not nearest < middle * found < _FAR:
        raise PerceptionError(_impossible(path, found, middle))
    return np.asarray(values * found, np.float32), notes


def _filling(values: NDArray[np.float64], floating: bool, unit: float | None, scaled: bool, path: Path) -> float:
    """The value by which an image (H, W), 0 for no reading, says that there is none; 0 where there is no such. A far wall, or a
    range at whose end all that is farther is put, has other values near the largest one."""
    top = float(values.max())
    count, rest = np.count_nonzero(values == top), values[(values > 0) & (values < top)]
    apart = np.count_nonzero(rest > _APART * top) <= _STRAY * count
    if not apart or count < _FILLING * values.size or len(rest) < _FILLING * values.size:
        return 0.0
    found, _ = _step(floating, float(np.median(rest)), unit, scaled, path)
    return top if top * found >= _FAR or (top >= _END and not floating) else 0.0


def _step(floating: bool, middle: float, unit: float | None, scaled: bool, path: Path) -> tuple[float, list[str]]:
    """Metres of a step where an image has that median, and what was assumed."""
    nearest = _NEAR if unit is None or scaled else _CLOSE
    found, notes = _assumed(floating, middle, unit, nearest, path)
    if scaled and not _NEAR < middle * found < _FAR and _NEAR < middle * DEFAULT_UNIT < _FAR:
        # What a scale counts differs from program to program; a unit is never doubted.
        told = f"{path.name} is read as millimetres: with the scale of the camera's file its median is {middle * found:.3g} m"
        return DEFAULT_UNIT, [*notes, told]
    return found, notes


def _assumed(floating: bool, middle: float, unit: float | None, nearest: float, path: Path) -> tuple[float, list[str]]:
    """Metres of a step, and a note where the file does not say it; nearest: m of a median."""
    if floating and not (unit is not None and nearest < middle * unit < _FAR):
        # Floating point is metres (REP-118), whatever a file says of integers; or millimetres.
        found = 1.0 if _CLOSE < middle < _FAR else DEFAULT_UNIT
        return found, [f"{path.name} holds floating point, read as {'metres' if found == 1.0 else 'millimetres'}"]
    if unit is not None:
        return unit, []
    far = middle * DEFAULT_UNIT
    unusual = _NEAR < far < _USUAL[0] or _USUAL[1] < far < _FAR
    note = f"{path.name} is read as millimetres, as the camera's file has no {UNIT_KEY}: its median is {far:.3g} m"
    return DEFAULT_UNIT, [note] if unusual else []


def _impossible(path: Path, unit: float, middle: float) -> str:
    """That no depth camera reads this, and the units by which one would."""
    fits = [step for step in _UNITS if _NEAR < middle * step < _FAR]
    hints = [f"{fits[0]:g} would give {middle * fits[0]:.3g} m"] if fits else []
    if _CLOSE < middle * unit <= _NEAR:
        hints = [f"{unit:g} if the camera is that near", *hints]
    hint = ", ".join(hints) or "to the metres of one step"
    return (
        f"{path}: with {unit:g} m a step its median is {middle * unit:.3g} m, which depth cameras do not read;"
        f" set {UNIT_KEY} in the camera's file ({hint})"
    )
