"""Registers the MuJoCo backend."""

from __future__ import annotations

from fail2progress.simulation.base import Simulator
from fail2progress.simulation.registry import Options, SimulatorEntry


def _make(options: Options) -> Simulator:
    from fail2progress.simulation.mujoco.backend import MujocoSimulator

    return MujocoSimulator()


ENTRY = SimulatorEntry("mujoco", "MuJoCo on the CPU, one scene at a time; runs everywhere", _make, requires=("mujoco",))
