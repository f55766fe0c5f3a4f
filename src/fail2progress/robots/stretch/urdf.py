"""A robot's URDF, read: joints with their origins, axes and limits, and where links are at zero. No library, no meshes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from fail2progress.core.scene import Array
from fail2progress.robots.stretch.description import matrix

_Vector = tuple[float, float, float]


class UrdfError(ValueError):
    """A file that is not a URDF, or lacks a joint: its name and what is wrong."""


@dataclass(frozen=True)
class UrdfJoint:
    """One joint: frame of the child in the parent's (m, roll-pitch-yaw in rad), its axis, and its range where it has one."""

    name: str
    kind: str
    parent: str
    child: str
    xyz: _Vector
    rpy: _Vector
    axis: _Vector = (1.0, 0.0, 0.0)
    low: float | None = None
    high: float | None = None


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
        """(4, 4) of every child in its parent's frame at joint positions (m, rad); joints that are not named are at zero."""
        return {child: _placed(joint, positions.get(joint.name, 0.0)) for child, joint in self.joints.items()}

    def below(self, link: str) -> frozenset[str]:
        """The links that hang on a link, directly or not."""
        found, before = {link}, 0
        while len(found) > before:
            before = len(found)
            found |= {child for child, joint in self.joints.items() if joint.parent in found}
        return frozenset(found - {link})

    def at_zero(self, link: str, base: str) -> Array:
        """(4, 4) of a link in a base's frame with every joint at zero. UrdfError where no chain leads there."""
        result = np.eye(4)
        while link != base:
            if link not in self.joints:
                raise UrdfError(f"{self.path}: no joint leads from {base!r} to {link!r}")
            joint = self.joints[link]
            result = _placed(joint, 0.0) @ result
            link = joint.parent
        return result


def read_urdf(path: Path) -> Urdf:
    """Read a URDF. UrdfError names the file and what is wrong with it."""
    try:
        root = ET.parse(path).getroot()
        joints = [_joint(element) for element in root.findall("joint")]
        masses = {str(link.get("name")): _mass(link) for link in root.findall("link")}
    except OSError as error:
        raise UrdfError(f"{path}: {error.strerror}") from error
    except (ET.ParseError, ValueError, AttributeError, LookupError) as error:  # also an encoding that nobody knows
        raise UrdfError(f"{path}: not a URDF ({error})") from error
    return Urdf(path, {joint.child: joint for joint in joints}, masses)


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
    origin, axis, limit = element.find("origin"), element.find("axis"), element.find("limit")
    ends = (None, None) if limit is None else (limit.get("lower"), limit.get("upper"))
    low, high = (None if end is None else float(end) for end in ends)
    return UrdfJoint(
        str(element.get("name")),
        str(element.get("type")),
        _link(element, "parent"),
        _link(element, "child"),
        _vector(origin, "xyz", "0 0 0"),
        _vector(origin, "rpy", "0 0 0"),
        _vector(axis, "xyz", "1 0 0"),
        low,
        high,
    )


def _link(element: ET.Element, end: str) -> str:
    found = element.find(end)
    if found is None or found.get("link") is None:
        raise ValueError(f"joint {element.get('name')!r} has no {end}")
    return str(found.get("link"))


def _vector(element: ET.Element | None, name: str, default: str) -> _Vector:
    x, y, z = map(float, (default if element is None else element.get(name, default)).split())
    return x, y, z


def _mass(link: ET.Element) -> float:
    found = link.find("inertial/mass")
    return 0.0 if found is None else float(found.get("value", "0"))
