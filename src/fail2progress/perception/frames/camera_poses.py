"""Directions and rigid motions as camera files state them."""

from __future__ import annotations

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.base import PerceptionError

SIDES = {"top": (0.0, -1.0, 0.0), "bottom": (0.0, 1.0, 0.0), "left": (-1.0, 0.0, 0.0), "right": (1.0, 0.0, 0.0)}
"""Up in the optical frame, where up in the world is up, down, left or right in the image."""
_APART = 2.0
"""Metres between two lenses that look at one table, at most: millimetres are more."""


def parse_up(value: object, source: str) -> Array:
    """(3,) unit vector in the optical frame (x right, y down, z forward) of a side of the image, or of three numbers."""
    if isinstance(value, str) and value in SIDES:
        return np.array(SIDES[value])
    try:
        numbers = value.split(",") if isinstance(value, str) else value
        vector = np.array(numbers, np.float64).reshape(3)
    except (TypeError, ValueError, OverflowError) as error:
        raise PerceptionError(f"{source} must be {', '.join(SIDES)} or three numbers, got {str(value)[:40]!r}") from error
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 1e-6:
        raise PerceptionError(f"{source} must have a direction, got {str(value)[:40]!r}")
    return np.asarray(vector / length)


def linked(value: object, source: str, key: str = "depth_to_color", limited: bool = True) -> Array:
    """(4, 4) of a matrix, of its first three rows, or of {"rotation": 9 numbers by rows, "translation": 3 numbers in m}; limited:
    whether it may lead no farther than another lens. PerceptionError for anything else."""
    if isinstance(value, list) and len(value) in (3, 12):
        value = [*value, *([0.0, 0.0, 0.0, 1.0] if len(value) == 12 else [[0.0, 0.0, 0.0, 1.0]])]
    if isinstance(value, dict):
        try:
            result = np.eye(4)
            result[:3, :3] = np.array(value["rotation"], np.float64).reshape(3, 3)
            result[:3, 3] = np.array(value["translation"], np.float64).reshape(3)
            value = result
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise PerceptionError(
                f"{source}: depth to colour needs rotation (nine numbers) and translation (three, in m)"
            ) from error
    found = rigid(value, source, key)
    assert found is not None
    away = float(np.linalg.norm(found[:3, 3]))
    if limited and away > _APART:
        raise PerceptionError(f"{source}: {key} moves by {away:.3g} m, farther than two lenses are apart; write metres")
    return found


def rigid(value: object, source: str, key: str) -> Array | None:
    """(4, 4) of a rigid motion, or None where there is no value."""
    if value is None:
        return None
    try:
        matrix = np.array(value, np.float64).reshape(4, 4)
    except (TypeError, ValueError, OverflowError) as error:
        raise PerceptionError(f"{source}: {key} must be a 4 x 4 matrix") from error
    turn = matrix[:3, :3]
    rotates = np.isfinite(matrix).all() and np.allclose(turn @ turn.T, np.eye(3), atol=1e-2) and np.linalg.det(turn) > 0
    if not rotates:  # a mirroring is none
        raise PerceptionError(f"{source}: {key} must be a rotation and a translation in m")
    if not np.allclose(matrix[3], (0, 0, 0, 1), atol=1e-6):
        last = " ".join(f"{value:g}" for value in matrix[3])
        raise PerceptionError(
            f"{source}: the last row of {key} is {last}, not 0 0 0 1; write it by rows, with the translation last"
        )
    return matrix
