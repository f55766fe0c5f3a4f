"""A page on which the cloud of one frame turns: segments are switched on and off, relations are shown where they are."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.reporting.page import page

_MOST = 60_000
"""Points that a page shows."""
_FAR = 2.0
"""Metres around the middle of what was found, beyond which nothing is shown."""
_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])


def perception_page(
    title: str, frame: RgbdFrame, perceived: Perceived, relations: Sequence[tuple[str, str, str, float]], notes: Sequence[str]
) -> str:
    """HTML that holds all that it shows: points, segments with their boxes, and relations (name, subject, object, probability);
    at first as the camera sees it."""
    parts = (*perceived.surfaces, *perceived.segments)
    points = (frame.points() @ perceived.pose[:3, :3].T + perceived.pose[:3, 3]).reshape(-1, 3)
    owner = np.zeros(len(points), np.int64)
    for number, part in enumerate(parts):
        owner[part.pixels] = number + 1
    middle = _middle(parts, points)
    shown = _chosen(points, owner > len(perceived.surfaces), middle)
    data = {
        "yaw": float(np.arctan2(perceived.pose[1, 2], perceived.pose[0, 2])),
        "points": _packed(np.round(1000 * (points[shown] - middle)).astype("<i2")),
        "colours": _packed(frame.colour.reshape(-1, 3)[shown].astype(np.uint8)),
        "owners": _packed(owner[shown].astype("<u2")),
        "parts": [_part(part, middle, part in perceived.surfaces) for part in parts],
        "relations": [[name, one, other, round(odds, 3)] for name, one, other, odds in relations],
    }
    return page("perception", title=title, data=data, notes=list(notes), up=perceived.way_up)


def _middle(parts: Sequence[Segment], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) of what was found; of everything where nothing was."""
    found = [part.points for part in parts if len(part.points)]
    return np.asarray(np.median(np.concatenate(found), axis=0) if found else np.nanmedian(points, axis=0), float)


def _chosen(points: NDArray[np.float64], objects: NDArray[np.bool_], middle: NDArray[np.float64]) -> NDArray[np.int64]:
    """Pixels that are shown: twice as many of each object as of what is around it."""
    near = np.flatnonzero(np.isfinite(points).all(axis=1) & (np.abs(points - middle).max(axis=1) < _FAR))
    step = max(1, -(-len(near) // _MOST))
    return np.union1d(near[::step], near[objects[near]][:: max(1, step // 2)])


def _part(part: Segment, middle: NDArray[np.float64], surface: bool) -> dict[str, Any]:
    turn = Rotation.from_quat(part.pose[3:], scalar_first=True)
    corners = turn.apply(_CORNERS * part.size) + part.pose[:3] - middle
    looks = f"{part.colour} {part.shape.value}".strip()
    size = " x ".join(f"{100 * extent:.1f}" for extent in part.size)
    return {
        "id": part.id,
        "looks": looks,
        "size": size,
        "points": len(part.points),
        "visible": round(100 * part.visibility),
        "surface": surface,
        "corners": np.round(1000 * corners).astype(int).tolist(),
    }


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
