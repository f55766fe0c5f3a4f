"""A robot's URDF, read: joints with their origins, axes and limits, and where links are at zero. No library, no meshes."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from fail2progress.core.scene import Array
from fail2progress.robots.stretch.description import matrix

_Vector = tuple[float, float, float]
_KINDS = ("revolute", "continuous", "prismatic", "fixed", "floating", "planar")


class UrdfError(ValueError):
    """A file that is not a URDF, or lacks a joint: its name and what is wrong."""


@dataclass(frozen=True)
class Mimic:
    """That a joint goes where another one does: `factor` times its position, and `offset` (m, rad) more."""

    joint: str
    factor: float
    offset: float


@dataclass(frozen=True)
class UrdfJoint:
    """One joint: frame of the child in the parent's (m, roll-pitch-yaw in rad), its unit axis, its range where it has one, and
    what it mimics, if anything."""

    name: str
    kind: str
    parent: str
    child: str
    xyz: _Vector
    rpy: _Vector
    axis: _Vector = (1.0, 0.0, 0.0)
    low: float | None = None
    high: float | None = None
    mimic: Mimic | None = None


@dataclass(frozen=True)
class Urdf:
    """Joints by the names of their children, and masses (kg) of links."""

    path: Path
    joints: Mapping[str, UrdfJoint]
    masses: Mapping[str, float]

    def joint(self, name: str) -> UrdfJoint:
        """A joint by name. UrdfError where there is none."""
        found = next((joint for joint in self.joints.values() if joint.name == name), None)
        if found is None:
            raise UrdfError(f"{self.path}: no joint {name!r}")
        return found

    def local_transforms(self, positions: Mapping[str, float]) -> dict[str, Array]:
        """(4, 4) of every child in its parent's frame at joint positions (m, rad); joints that are not named are where the ones
        that they mimic say, else at zero."""
        return {child: _placed(joint, self._position(joint, positions)) for child, joint in self.joints.items()}

    def _position(self, joint: UrdfJoint, positions: Mapping[str, float]) -> float:
        if joint.name in positions or joint.mimic is None:
            return positions.get(joint.name, 0.0)
        return joint.mimic.factor * self._position(self.joint(joint.mimic.joint), positions) + joint.mimic.offset

    def below(self, link: str) -> frozenset[str]:
        """The links that hang on a link, directly or not."""
        found, before = {link}, 0
        while len(found) > before:
            before = len(found)
            found |= {child for child, joint in self.joints.items() if joint.parent in found}
        return frozenset(found - {link})

    def at_zero(self, link: str, base: str) -> Array:
        """(4, 4) of a link in a base's frame, every joint at zero but mimics. UrdfError where no chain leads there."""
        result = np.eye(4)
        while link != base:
            if link not in self.joints:
                raise UrdfError(f"{self.path}: no joint leads from {base!r} to {link!r}")
            joint = self.joints[link]
            result = _placed(joint, self._position(joint, {})) @ result
            link = joint.parent
        return result


def read_urdf(path: Path) -> Urdf:
    """Read a URDF. UrdfError names the file and what is wrong with it."""
    try:
        root = ET.parse(path).getroot()
        joints = [_joint(element) for element in root.findall("joint")]
        masses = {str(link.get("name")): _mass(link) for link in root.findall("link")}
        _refuse_tangles(joints)
    except OSError as error:
        raise UrdfError(f"{path}: {error.strerror}") from error
    except (ET.ParseError, ValueError, AttributeError, LookupError) as error:  # also an encoding that nobody knows
        raise UrdfError(f"{path}: not a URDF ({error})") from error
    return Urdf(path, {joint.child: joint for joint in joints}, masses)


def _refuse_tangles(joints: Sequence[UrdfJoint]) -> None:
    """ValueError where the joints are no tree: two of a name or with the same child, or some that lead or mimic in a circle."""
    for what, names in (("joints called", [joint.name for joint in joints]), ("parents of", [joint.child for joint in joints])):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two {what} {twice!r}")
    mimics = {joint.name: joint.mimic.joint for joint in joints if joint.mimic is not None}
    unknown = next((name for name in mimics.values() if name not in {joint.name for joint in joints}), None)
    if unknown is not None:
        raise ValueError(f"a joint mimics {unknown!r}, which there is none of")
    for onwards in ({joint.child: joint.parent for joint in joints}, mimics):
        for begin in onwards:
            at, seen = begin, {begin}
            while at in onwards:
                at = onwards[at]
                if at in seen:
                    raise ValueError(f"its joints go round in a circle at {at!r}")
                seen.add(at)


def _placed(joint: UrdfJoint, value: float) -> Array:
    """(4, 4) of a joint's child in its parent's frame, moved by m or rad along or about its axis."""
    axis = np.array(joint.axis)
    moved = np.eye(4)
    if joint.kind == "prismatic":
        moved[:3, 3] = value * axis
    elif joint.kind != "fixed":
        moved[:3, :3] = Rotation.from_rotvec(value * axis).as_matrix()
    return np.asarray(matrix(np.array(joint.xyz), Rotation.from_euler("xyz", joint.rpy)) @ moved)


def _joint(element: ET.Element) -> UrdfJoint:
    name, kind = str(element.get("name")), element.get("type")
    if kind not in _KINDS:
        raise ValueError(f"joint {name!r} has the type {kind!r}; known: {', '.join(_KINDS)}")
    origin, limit = element.find("origin"), element.find("limit")
    ends = (None, None) if limit is None else (limit.get("lower"), limit.get("upper"))
    low, high = (None if end is None else float(end) for end in ends)
    return UrdfJoint(
        name,
        kind,
        _link(element, "parent"),
        _link(element, "child"),
        _vector(origin, "xyz", "0 0 0", name),
        _vector(origin, "rpy", "0 0 0", name),
        _axis(element, name) if kind != "fixed" else (1.0, 0.0, 0.0),  # those of fixed ones are often zero
        low,
        high,
        _mimic(element),
    )


def _link(element: ET.Element, end: str) -> str:
    found = element.find(end)
    if found is None or found.get("link") is None:
        raise ValueError(f"joint {element.get('name')!r} has no {end}")
    return str(found.get("link"))


def _axis(element: ET.Element, joint: str) -> _Vector:
    """Of length one: how far a joint goes is told by its position alone."""
    x, y, z = _vector(element.find("axis"), "xyz", "1 0 0", joint)
    length = math.hypot(x, y, z)
    if not length:
        raise ValueError(f"joint {joint!r} moves along an axis of no length")
    return x / length, y / length, z / length


def _mimic(element: ET.Element) -> Mimic | None:
    found = element.find("mimic")
    if found is None:
        return None
    factor, offset = (_number(found.get(name, default)) for name, default in (("multiplier", "1"), ("offset", "0")))
    return Mimic(str(found.get("joint")), factor, offset)


def _vector(element: ET.Element | None, name: str, default: str, joint: str) -> _Vector:
    text = default if element is None else element.get(name, default)
    try:
        x, y, z = map(_number, text.split())
    except ValueError as error:
        raise ValueError(f"joint {joint!r}: {name}={text!r} is not three numbers") from error
    return x, y, z


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is no number")
    return value


def _mass(link: ET.Element) -> float:
    found = link.find("inertial/mass")
    return 0.0 if found is None else _number(found.get("value", "0"))
