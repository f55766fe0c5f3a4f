"""Registers the MuJoCo Warp backend."""

from __future__ import annotations

from pydantic import Field

from fail2progress.simulation.base import Simulator
from fail2progress.simulation.registry import Capabilities, Options, SimulatorEntry


class MujocoWarpOptions(Options):
    """How many scenes are stepped at once.

    preparers: processes that prepare jobs while a GPU is busy; with none, this one does.
    """

    batch: int = Field(default=256, ge=1, le=65536)
    preparers: int = Field(default=0, ge=0, le=256)


def _make(options: MujocoWarpOptions) -> Simulator:
    from fail2progress.simulation.mujoco_warp.backend import MujocoWarpSimulator

    return MujocoWarpSimulator(options.batch, preparers=options.preparers)


ENTRY = SimulatorEntry(
    "mujoco_warp",
    "MuJoCo Warp, many scenes at once; meant for a GPU, slow without one",
    _make,
    options=MujocoWarpOptions,
    capabilities=Capabilities(physics=False, batch=256, gpu=True),
    requires=("mujoco", "mujoco_warp"),
)
