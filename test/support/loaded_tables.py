"""A simulated Stretch before a table with a loaded cup, or with what a test puts there."""

import numpy as np

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.robots.stretch.camera import D435I, HeadCamera
from fail2progress.robots.stretch.description import AXES
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.skills.base import SkillCall

SMALL = HeadCamera(160, 120, 72.5)
SIDEWAYS = HeadCamera(160, 90, 116.5, roll=0.0, looks=D435I.looks)
CUP, CAPSULE, CUBE = (0.09, 0.09, 0.07), (0.03, 0.03, 0.03), (0.04, 0.04, 0.04)
LIMITS = {joint: (axis, share) for axis in AXES.values() for joint, share in axis.joints.items()}


def on_table(*items: tuple[str, str, tuple[float, float, float], float, float, float]) -> Scene:
    """A table at 0.5 m and objects (name, category, size, x, y, metres above it)."""
    specs, poses = [ObjectSpec("table", "table", (0.6, 0.9, 0.04))], [pose(0.6, 0.0, 0.48)]
    for name, kind, size, x, y, above in items:
        specs.append(ObjectSpec(name, kind, size))
        poses.append(pose(x, y, 0.5 + above + size[2] / 2))
    return Scene(tuple(specs), np.stack(poses))


LOADED = on_table(
    ("cup", "cup", CUP, 0.6, 0.2, 0.0), ("a", "capsule", CAPSULE, 0.58, 0.2, 0.006), ("b", "capsule", CAPSULE, 0.62, 0.2, 0.006),
    ("beside", "capsule", CAPSULE, 0.7, 0.2, 0.0),
)  # fmt: skip


def stretch(scene: Scene = LOADED, camera: HeadCamera = SMALL, **options: object) -> SimulatedStretch:
    return SimulatedStretch(scene, camera=camera, **options)  # type: ignore[arg-type]


def carry(dy: float = -0.4, name: str = "cup") -> SkillCall:
    return SkillCall("pick_place", name, (0.0, dy, 0.012, 0.0))
