"""What a robot with bodies of its own stands on: a scene that is stepped, joints that are driven, a camera that looks.

A simulator offers it by `SimulatorEntry.stage`. The robot is described in MJCF, through MuJoCo's MjSpec; whatever can load that
can be a stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.relations import Mask
from fail2progress.core.scene import Array, Scene

if TYPE_CHECKING:
    from fail2progress.core.rgbd import RgbdFrame


@dataclass(frozen=True)
class BodyPose:
    """Where a body is: position (3,) in metres, rotation (3, 3) and the same as a quaternion (4,) w x y z, planning frame."""

    position: Array
    rotation: Array
    quaternion: Array


class Joints(Protocol):
    """Motorised joints of the robot, in the order in which they were asked for. Metres, radians, newtons, newton metres."""

    @property
    def lead(self) -> Array:
        """(J,) seconds by which a set-point must lead, for a motor's damping."""

    def put(self, values: Array) -> None:
        """Be at (J,) values, at rest, with the set-points there too."""

    def command(self, values: Array) -> None:
        """Take (J,) set-points."""

    def positions(self) -> Array:
        """(J,) now."""

    def velocities(self) -> Array:
        """(J,) now."""

    def efforts(self) -> Array:
        """(J,) that motors exert beyond what their own damping takes."""


class Stage(Protocol):
    """A scene with a robot in physics under way."""

    @property
    def timestep(self) -> float:
        """Seconds of a step."""

    def step(self, count: int) -> None:
        """Let so many steps pass."""

    def refresh(self) -> None:
        """Derive where bodies are from the joints, without a step."""

    @property
    def speed(self) -> float:
        """The fastest generalised speed of anything (m/s, rad/s)."""

    def joints(self, names: Sequence[str]) -> Joints:
        """The robot's motorised joints."""

    def body(self, name: str) -> BodyPose:
        """Where a body is, of the robot or an object."""

    def hold(self, weld: str, hand: str, name: str) -> None:
        """Weld an object to the hand as it lies in it now; `weld` was described with the robot."""

    def release(self) -> None:
        """Hold nothing."""

    def knock(self, name: str, velocity: Array) -> None:
        """Give an object that can be moved a velocity (2,) in m/s."""

    @property
    def holding(self) -> bool:
        """Whether anything is held."""

    def read(self, scene: Scene) -> Scene:
        """The scene as it is now."""

    def touching(self, count: int, gap: float) -> Mask:
        """(N, N) which of the first `count` objects touch, closer than a gap (m)."""

    def photograph(self, scene: Scene, camera: Camera, noise: Any, rng: np.random.Generator, stamp: int = 0) -> RgbdFrame:
        """What a camera sees, with true labels."""


OpenStage = Callable[..., Stage]
"""(scene, extend=None, weight=1.0, surface=1.0): see simulation.mujoco.stage.open_stage."""
