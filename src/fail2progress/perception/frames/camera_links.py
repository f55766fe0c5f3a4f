"""The motion from the depth camera to the colour camera: where a camera's file has it, and which way it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.perception.frames.camera_keys import joined, mappings, numbers
from fail2progress.perception.frames.camera_poses import linked
from fail2progress.perception.segmentation.base import PerceptionError

_DEPTH, _COLOUR = r"(?:.*depth|(?:.*extrinsics?|extr|tf?)?d)(?:cam|camera|sensor)?", r"(?:colou?r|rgb|c(?![a-z]))"
_BACKWARD = r"(?:.*colou?r|.*rgb|(?:.*extrinsics?|extr|tf?)?c)(?:cam|camera|sensor)?", r"(?:depth|d(?![a-z]))"
_TO = r"(?:extrinsics?|extr|pose|transform|motion)*(?:to|2)"
_FORWARD, _BACK = re.compile(f"{_DEPTH}{_TO}{_COLOUR}.*"), re.compile(f"{_BACKWARD[0]}{_TO}{_BACKWARD[1]}.*")
"""Names of the motion and of its inverse, the words of two keys joined."""
_ALIGNED = re.compile(r"align|regist")
"""Words for images that were moved so."""
_UNSAID = re.compile(r"extrinsics?|extr")
"""A name of both, and of a camera's place in a room."""
_ROTATIONS, _TRANSLATIONS = ("rotation", "r", "rot", "rotationmatrix", "rmat"), ("translation", "t", "trans", "translationvector")
_MATRICES = ("matrix", "transform", "transformation", "transformmatrix", "extrinsicmatrix", "t", "extrinsics", "extrinsic")
_BESIDE, _TURN = 0.3, 0.5
"""Metres and radians by which lenses of one device are apart at most: where it is not said what a motion is of."""
_SLIGHT = 1e-4
"""By how much a rotation by rows differs from one by columns, at least, where it matters (radians)."""


@dataclass(frozen=True)
class Link:
    """A motion from depth to colour (4, 4), m. other: what it is where the rotation is written the other way round, by columns
    where `motion` has it by rows, and nobody says which; else None."""

    key: str
    motion: Array
    other: Array | None = None

    @property
    def beside(self) -> bool:
        """Whether it leads to another lens of one device, and not to a place in a room."""
        turn = np.arccos(np.clip((np.trace(self.motion[:3, :3]) - 1) / 2, -1, 1))
        return bool(np.linalg.norm(self.motion[:3, 3]) <= _BESIDE and turn <= _TURN)


@dataclass(frozen=True)
class _Named:
    key: str
    value: Any
    back: bool
    certain: bool


def link_in(tree: object, source: str, certain: bool) -> Link | None:
    """The motion that a file's content tells, also by its inverse; None where it tells none.

    certain: whether its name has to say that it is one from depth to colour. PerceptionError for what is said to be it and is
    none, and for two that differ.
    """
    by_columns = _by_columns(tree)
    named = sorted(_named(tree), key=lambda one: one.back)
    said = [one for one in named if one.certain]
    found = [_link(one, source, by_columns) for one in said if one.back == said[0].back]
    if any(not np.allclose(link.motion, found[0].motion, atol=1e-6) for link in found):
        raise PerceptionError(f"{source}: {' and '.join(link.key for link in found)} are two motions from depth to colour")
    if found or certain:
        return found[0] if found else None
    links = (_link(one, source, by_columns) for one in named)
    return next((link for link in links if link.beside), None)


def tells_a_motion(tree: object) -> bool:
    """Whether a file's content has a motion between depth and colour by name that is not none at all."""
    values = (one.value for one in _named(tree) if one.certain)
    return any(numbers(value) != np.eye(4).ravel().tolist() for value in values)


def _named(tree: object) -> list[_Named]:
    found = list[_Named]()
    for levels in mappings(tree):
        path, fields = levels[-1]
        for key, value in fields.items():
            if joined(key) in (*_ROTATIONS, *_TRANSLATIONS):
                continue  # a part of what it lies in
            names = [joined(key), joined("_".join((*path[-1:], key)))]
            back = any(_BACK.fullmatch(name) for name in names)
            certain = back or any(_FORWARD.fullmatch(name) for name in names)
            if _ALIGNED.search(names[1]):
                continue
            if (certain or _UNSAID.fullmatch(names[0])) and _is_motion(value, certain):
                found.append(_Named(key, value, back, certain))
    return found


def _is_motion(value: object, certain: bool) -> bool:
    """Whether it is one, or at least is meant to be; not a switch, nor a mapping in which there is more to look at."""
    if isinstance(value, Mapping):
        inner = [one for one in value.values() if isinstance(one, Mapping)]
        if _part(value, (*_ROTATIONS, *_TRANSLATIONS, *_MATRICES)) is not None:
            return True
        return certain and not inner and not {"fx", "fl_x", "K", "k", "enable", "enabled"} & set(value)
    return isinstance(value, (list, tuple)) and (certain or len(numbers(value) or ()) in (12, 16))


def _part(value: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((one for name in names for key, one in value.items() if joined(key) == name and one is not None), None)


def _link(named: _Named, source: str, by_columns: bool | None) -> Link:
    """by_columns: whether nine numbers in a row go so; None where nobody says."""
    value, key, flat = named.value, named.key, False
    if isinstance(value, Mapping):
        rotation, translation = _part(value, _ROTATIONS), _part(value, _TRANSLATIONS)
        matrix = _part(value, _MATRICES)
        flat = isinstance(rotation, (list, tuple)) and len(rotation) == 9
        parts = {"rotation": rotation, "translation": translation}
        value = matrix if rotation is None and len(numbers(matrix) or ()) in (12, 16) else parts
    motion = linked(value, source, key, limited=named.certain)
    turned = motion.copy()
    turned[:3, :3] = motion[:3, :3].T
    ways = [motion, turned] if flat and np.abs(turned - motion).max() > _SLIGHT else [motion]
    if len(ways) == 2 and by_columns is not None:
        ways = ways[1:] if by_columns else ways[:1]
    ways = [np.asarray(np.linalg.inv(way), np.float64) for way in ways] if named.back else ways
    return Link(key, ways[0], ways[1] if len(ways) == 2 else None)


def _by_columns(tree: object) -> bool | None:
    """Whether a file's content has the marks of RealSense, whose rotations are written by columns, or those of an Azure Kinect,
    whose are by rows; None where it has neither."""
    if is_realsense(tree):
        return True
    return False if any(re.search(r"k4a|kinect", text) for text in _texts(tree)) else None


def is_realsense(tree: object) -> bool:
    """Whether a file's content has marks of RealSense: its names of numbers, of models or of itself, or an echo of its topics."""
    keys = [{joined(key) for key in levels[-1][1]} for levels in mappings(tree)]
    named = any(one & {"ppx", "ppy", "coeffs"} or {"binningx", "distortionmodel"} <= one for one in keys)
    return named or any(re.search(r"distortion\.|realsense|\bd4\d\d", text) for text in _texts(tree))


def _texts(tree: object) -> Iterator[str]:
    for levels in mappings(tree):
        for key, value in levels[-1][1].items():
            yield key.lower()
            if isinstance(value, str):
                yield value.lower()
