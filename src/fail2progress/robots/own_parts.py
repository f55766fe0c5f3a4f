"""A robot's own parts in the images of a camera: told by its URDF and where its links are, and taken out of the depth.

Links are looked at as the convex outlines of their shapes: an arm's own hollows hold no things to be found.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.transform import Rotation

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import Array
from fail2progress.robots.stretch.urdf import Urdf, UrdfError, read_urdf

MARGIN = 0.015
"""Metres around a part within which a reading is of the robot: of calibration and noise."""
CAMERA = "camera_color_optical_frame"
"""The link whose axes are those of the colour image, by the usual RealSense description."""
_ROUND = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_GRAIN = 0.001
"""Metres to which a mesh's corners are rounded before its outline is made."""


@dataclass(frozen=True)
class Part:
    """The convex outline of one link in its own frame: sides (k, 4), normal and offset (m), negative inside; middle (3,) and
    radius (m) of a ball around it."""

    link: str
    sides: Array
    middle: Array
    radius: float

    def seen_in(self, points: Array, place: Array, margin: float) -> NDArray[np.bool_]:
        """(n,) whether points (n, 3) are within the outline, grown by a margin (m); place: (4, 4) of the link in their frame."""
        middle = place[:3, :3] @ self.middle + place[:3, 3]
        inside: NDArray[np.bool_] = ((points - middle) ** 2).sum(axis=1) < (self.radius + margin) ** 2
        near = (points[inside] - place[:3, 3]) @ place[:3, :3]
        inside[inside] = (near @ self.sides[:, :3].T + self.sides[:, 3]).max(axis=1, initial=-np.inf) < margin
        return inside


@dataclass(frozen=True)
class OwnParts:
    """The parts of a robot, and the URDF that they are of."""

    urdf: Urdf
    parts: tuple[Part, ...]

    def places(self, positions: Mapping[str, float], camera: str = CAMERA) -> dict[str, Array]:
        """(4, 4) from every part's link to the camera's optical frame, at joint positions (m, rad). UrdfError where the camera is
        no link, or no joint has one of the names."""
        known = {joint.name for joint in self.urdf.joints.values() if joint.kind != "fixed"}
        if camera not in self.urdf.joints:
            raise UrdfError(f"{self.urdf.path}: no link {camera!r}, where the camera would be")
        if positions and not known & set(positions):
            raise UrdfError(f"{self.urdf.path}: none of its joints is among {', '.join(sorted(positions)[:5])}")
        steps = self.urdf.local_transforms(positions)
        back = np.linalg.inv(self._in_root(camera, steps))
        return {part.link: back @ self._in_root(part.link, steps) for part in self.parts}

    def _in_root(self, link: str, steps: Mapping[str, Array]) -> Array:
        result = np.eye(4)
        while link in self.urdf.joints:
            result, link = steps[link] @ result, self.urdf.joints[link].parent
        return result

    def left_out(self, frame: RgbdFrame, places: Mapping[str, Array], margin: float = MARGIN) -> RgbdFrame:
        """The frame without readings of the robot. places: (4, 4) of links in the optical frame; a link without one is passed
        over."""
        known = np.flatnonzero(frame.depth > 0)
        points = frame.points().reshape(-1, 3)[known].astype(float)
        own = np.zeros(len(known), bool)
        for part in self.parts:
            if part.link in places:
                own |= part.seen_in(points, places[part.link], margin)
        depth = frame.depth.copy()
        depth.ravel()[known[own]] = 0.0
        return replace(frame, depth=depth)


def own_parts(path: Path) -> OwnParts:
    """Of a URDF whose meshes lie where it says: beside it, or below a folder of their package's name above it. UrdfError names
    what cannot be read."""
    urdf = read_urdf(path)
    links = ET.parse(path).getroot().findall("link")
    parts = [part for link in links if (part := _part(link, path)) is not None]
    if not parts:
        raise UrdfError(f"{path}: none of its links has a shape")
    return OwnParts(urdf, tuple(parts))


def _part(link: ET.Element, path: Path) -> Part | None:
    """Of a link, by its collision shapes, or by what is to be seen of it; None where it has no shape."""
    shapes = link.findall("collision") or link.findall("visual")
    where = f"{path}: link {link.get('name')!r}"
    corners = [_placed(shape, path, where) for shape in shapes if shape.find("geometry") is not None]
    if not corners:
        return None
    points = np.concatenate(corners)
    try:
        sides = np.unique(np.round(ConvexHull(np.unique(np.round(points / _GRAIN), axis=0) * _GRAIN).equations, 4), axis=0)
    except QhullError:
        return None  # a plate of no thickness
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return Part(str(link.get("name")), sides, middle, float(np.linalg.norm(points - middle, axis=1).max()))


def _placed(shape: ET.Element, path: Path, where: str) -> Array:
    """(n, 3) corners of one shape in its link's frame. where: what errors begin with."""
    geometry, origin = shape.find("geometry"), shape.find("origin")
    assert geometry is not None
    corners = _corners(geometry, path, where)
    if origin is None:
        return corners
    turn = Rotation.from_euler("xyz", _numbers(origin, "rpy", where))
    return np.asarray(turn.apply(corners) + _numbers(origin, "xyz", where))


def _corners(geometry: ET.Element, path: Path, where: str) -> Array:
    for shape in geometry:
        if shape.tag == "box":
            half = _extents(shape, "size", where, 3) / 2
            return np.array([half * (x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        if shape.tag == "cylinder":
            radius, length = (_extents(shape, name, where) for name in ("radius", "length"))
            ring = radius * np.column_stack([np.cos(_ROUND), np.sin(_ROUND)])
            return np.concatenate([np.column_stack([ring, np.full(len(ring), s * length / 2)]) for s in (-1, 1)])
        if shape.tag == "sphere":
            ball = np.random.default_rng(0).standard_normal((200, 3))
            return np.asarray(_extents(shape, "radius", where) * ball / np.linalg.norm(ball, axis=1)[:, None])
        if shape.tag == "mesh":
            return _mesh(shape, path) * (_numbers(shape, "scale", where) if shape.get("scale") else 1.0)
    raise UrdfError(f"{where} has a shape that is no box, cylinder, sphere or mesh")


def _mesh(shape: ET.Element, path: Path) -> Array:
    """(n, 3) corners of a mesh file."""
    named = str(shape.get("filename"))
    inner = named.split("://", 1)[-1]
    found = next((folder / inner for folder in path.resolve().parents if (folder / inner).is_file()), None)
    if found is None:
        raise UrdfError(f"{path}: no mesh {named} beside it or above")
    from fail2progress.perception.open3d_library import o3d  # takes seconds, and few descriptions are looked at for their meshes

    corners: Array = np.array(o3d.io.read_triangle_mesh(found).vertices, dtype=np.float64)
    if not len(corners):
        raise UrdfError(f"{found}: no mesh that can be read")
    return corners


def _extents(shape: ET.Element, name: str, where: str, count: int = 1) -> Array:
    """(count,) metres of a shape."""
    if shape.get(name) is None:
        raise UrdfError(f"{where} has a {shape.tag} without a {name}")
    values = _numbers(shape, name, where, count)
    if (values < 0).any():
        raise UrdfError(f"{where}: {name}={shape.get(name)!r} is less than nothing")
    return values


def _numbers(element: ET.Element, name: str, where: str, count: int = 3) -> Array:
    """(count,) of an attribute; zeros where it is not there."""
    text = element.get(name, "0 " * count)
    try:
        values = np.array([float(value) for value in text.split()])
    except ValueError:
        values = np.empty(0)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise UrdfError(f"{where}: {name}={text!r} is not {'three numbers' if count == 3 else 'a number'}")
    return values
