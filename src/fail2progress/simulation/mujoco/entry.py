"""Registers the MuJoCo backend."""

from __future__ import annotations

from fail2progress.simulation.base import Simulator
from fail2progress.simulation.registry import Options, SimulatorEntry
from fail2progress.simulation.stage import OpenStage


def _make(options: Options) -> Simulator:
    from fail2progress.simulation.mujoco.backend import MujocoSimulator

    return MujocoSimulator()


def _stage(options: Options) -> OpenStage:
    from fail2progress.simulation.mujoco.stage import open_stage

    return open_stage


ENTRY = SimulatorEntry(
    "mujoco", "MuJoCo on the CPU, one scene at a time; runs everywhere", _make, requires=("mujoco",), stage=_stage
)
