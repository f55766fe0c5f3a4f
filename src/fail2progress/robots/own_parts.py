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
        result, seen = np.eye(4), {link}
        while link in self.urdf.joints:
            result, link = steps[link] @ result, self.urdf.joints[link].parent
            if link in seen:
                raise UrdfError(f"{self.urdf.path}: its joints go round in a circle at {link!r}")
            seen.add(link)
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
    corners = [_placed(shape, path) for shape in shapes if shape.find("geometry") is not None]
    if not corners:
        return None
    points = np.concatenate(corners)
    try:
        sides = np.unique(np.round(ConvexHull(np.unique(np.round(points / _GRAIN), axis=0) * _GRAIN).equations, 4), axis=0)
    except QhullError:
        return None  # a plate of no thickness
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return Part(str(link.get("name")), sides, middle, float(np.linalg.norm(points - middle, axis=1).max()))


def _placed(shape: ET.Element, path: Path) -> Array:
    """(n, 3) corners of one shape in its link's frame."""
    geometry, origin = shape.find("geometry"), shape.find("origin")
    assert geometry is not None
    corners = _corners(geometry, path)
    if origin is None:
        return corners
    turn = Rotation.from_euler("xyz", _numbers(origin, "rpy", path))
    return np.asarray(turn.apply(corners) + _numbers(origin, "xyz", path))


def _corners(geometry: ET.Element, path: Path) -> Array:
    for shape in geometry:
        if shape.tag == "box":
            half = _numbers(shape, "size", path) / 2
            return np.array([half * (x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        if shape.tag == "cylinder":
            radius, length = (float(shape.get(name, "nan")) for name in ("radius", "length"))
            ring = radius * np.column_stack([np.cos(_ROUND), np.sin(_ROUND)])
            return np.concatenate([np.column_stack([ring, np.full(len(ring), s * length / 2)]) for s in (-1, 1)])
        if shape.tag == "sphere":
            ball = np.random.default_rng(0).standard_normal((200, 3))
            return np.asarray(float(shape.get("radius", "nan")) * ball / np.linalg.norm(ball, axis=1)[:, None])
        if shape.tag == "mesh":
            return _mesh(shape, path) * (_numbers(shape, "scale", path) if shape.get("scale") else 1.0)
    raise UrdfError(f"{path}: a shape that is no box, cylinder, sphere or mesh")


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


def _numbers(element: ET.Element, name: str, path: Path) -> Array:
    """(3,) of an attribute; zeros where it is not there."""
    try:
        values = np.array([float(value) for value in element.get(name, "0 0 0").split()])
    except ValueError as error:
        raise UrdfError(f"{path}: {name}={element.get(name)!r} is not three numbers") from error
    if values.shape != (3,) or not np.isfinite(values).all():
        raise UrdfError(f"{path}: {name}={element.get(name)!r} is not three numbers")
    return values
