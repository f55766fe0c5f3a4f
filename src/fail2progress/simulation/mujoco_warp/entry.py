"""Registers the MuJoCo Warp backend."""

from __future__ import annotations

from pydantic import Field

from fail2progress.simulation.base import Simulator
from fail2progress.simulation.registry import Capabilities, Options, SimulatorEntry


class MujocoWarpOptions(Options):
    """How many scenes are stepped at once."""

    batch: int = Field(default=256, ge=1, le=65536)


def _make(options: MujocoWarpOptions) -> Simulator:
    from fail2progress.simulation.mujoco_warp.backend import MujocoWarpSimulator

    return MujocoWarpSimulator(options.batch)


ENTRY = SimulatorEntry(
    "mujoco_warp",
    "MuJoCo Warp, many scenes at once; meant for a GPU, slow without one",
    _make,
    options=MujocoWarpOptions,
    capabilities=Capabilities(batch=256, gpu=True),
    requires=("mujoco", "mujoco_warp"),
)
