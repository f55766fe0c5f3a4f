"""The robot's own parts, left out of frames: `perceive --urdf`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fail2progress.cli.common import UserError

if TYPE_CHECKING:
    from fail2progress.core.rgbd import RgbdFrame
    from fail2progress.robots.own_parts import OwnParts

_MOST = 1e6
"""m or rad: no joint's position is as large as that, nor is it no number."""


@dataclass(frozen=True)
class OwnRobot:
    """Its parts, and where its joints are (m, rad)."""

    parts: OwnParts
    positions: Mapping[str, float] = field(default_factory=dict)

    def left_out(self, frame: RgbdFrame) -> RgbdFrame:
        """The frame without readings of the robot."""
        return self.parts.left_out(frame, self.parts.places(self.positions))


def own_robot(urdf: Path | None, joints: Path | None) -> OwnRobot | None:
    """As the options say; None without a URDF. UserError names what is wrong with a file."""
    if urdf is None:
        if joints is not None:
            raise UserError(f"--joints {joints}: joint positions of which robot? name its URDF with --urdf")
        return None
    from fail2progress.robots.own_parts import own_parts
    from fail2progress.robots.stretch.urdf import UrdfError

    try:
        found = OwnRobot(own_parts(urdf), {} if joints is None else _positions(joints))
        found.parts.places(found.positions)
    except UrdfError as error:
        raise UserError(str(error)) from error
    return found


def _positions(path: Path) -> dict[str, float]:
    """Of a JSON file with a number for each joint."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(content, dict) or not all(type(value) in (int, float) and abs(value) < _MOST for value in content.values()):
        raise UserError(f'{path}: joint positions are a number each, as in {{"joint_lift": 0.6}}')
    return {str(name): float(value) for name, value in content.items()}
