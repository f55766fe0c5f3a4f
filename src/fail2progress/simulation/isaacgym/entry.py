"""Registers Isaac Gym, which runs in a worker of its own Python."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from pydantic import Field

import fail2progress
from fail2progress.core.children import module_command, program_command
from fail2progress.simulation.base import Simulator
from fail2progress.simulation.registry import Capabilities, Options, SimulatorEntry

_PROBE = "import importlib.util as u, sys; sys.exit(u.find_spec('isaacgym') is None or u.find_spec('numpy') is None)"


class IsaacGymOptions(Options):
    """Where Isaac Gym is, and on what it runs."""

    python: str = "python3.8"
    """The interpreter that Isaac Gym is installed for."""
    gpu: int = Field(default=0, ge=-1)
    """Number of the CUDA device; -1: the CPU."""
    path: tuple[str, ...] = ()
    """More folders of its PYTHONPATH."""
    batch: int = Field(default=0, ge=0, le=4096)
    """Scenes at once; 0: as many as the worker asks for."""
    patience: float = Field(default=600.0, gt=0)
    """Seconds that a batch may take."""

    @property
    def folders(self) -> tuple[str, ...]:
        """This package and the others."""
        return (str(Path(fail2progress.__file__).parents[1]), *self.path)


def _obstacle(options: IsaacGymOptions) -> str | None:
    if shutil.which(options.python) is None:
        return f"there is no {options.python}, which Isaac Gym needs"
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(options.folders)}
    probe = subprocess.run(program_command(_PROBE, options.python), capture_output=True, env=variables)
    return f"Isaac Gym (with numpy) is not installed for {options.python}" if probe.returncode else None


def _make(options: IsaacGymOptions) -> Simulator:
    from fail2progress.simulation.worker.client import WorkerSimulator
    from fail2progress.simulation.worker.options import WorkerOptions

    command = module_command("fail2progress.simulation.isaacgym.worker", str(options.gpu), python=options.python)
    return WorkerSimulator(WorkerOptions(command=command, path=options.folders, batch=options.batch, patience=options.patience))


ENTRY = SimulatorEntry(
    "isaacgym",
    "Isaac Gym Preview 4 in a worker of its own Python 3.8; written against its interface, not yet run on it",
    _make,
    options=IsaacGymOptions,
    capabilities=Capabilities(physics=False, own_processes=True, batch=256, gpu=True),
    obstacle=_obstacle,
)
