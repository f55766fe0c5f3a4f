"""Registers the MuJoCo backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fail2progress.simulation.base import Simulator
from fail2progress.simulation.registry import Options, SimulatorEntry


def _make(options: Options) -> Simulator:
    from fail2progress.simulation.mujoco.backend import MujocoSimulator

    return MujocoSimulator()


def _stage(options: Options) -> Callable[..., Any]:
    from fail2progress.simulation.mujoco.bodies import compile_scene

    return compile_scene


ENTRY = SimulatorEntry(
    "mujoco", "MuJoCo on the CPU, one scene at a time; runs everywhere", _make, requires=("mujoco",), stage=_stage
)
