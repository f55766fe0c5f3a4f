"""Registers the simulator behind a wire."""

from __future__ import annotations

import shutil
from contextlib import closing

from fail2progress.simulation.base import Simulator
from fail2progress.simulation.registry import Capabilities, SimulatorEntry
from fail2progress.simulation.worker.options import WorkerOptions


def _obstacle(options: WorkerOptions) -> str | None:
    if options.address is not None:
        return None
    if not options.command:
        return "it needs a file with the option `command` or `address`"
    return None if shutil.which(options.command[0]) else f"the command {options.command[0]!r} is not there"


def _make(options: WorkerOptions) -> Simulator:
    from fail2progress.simulation.worker.client import WorkerSimulator

    return WorkerSimulator(options)


def _physics(options: WorkerOptions) -> bool:
    from fail2progress.simulation.worker.client import WorkerSimulator

    with closing(WorkerSimulator(options)) as simulator:
        return simulator.physics


ENTRY = SimulatorEntry(
    "worker",
    "any simulator in other processes, over the worker protocol (fail2progress sim-worker)",
    _make,
    options=WorkerOptions,
    capabilities=Capabilities(physics=False, own_processes=True),
    physics=_physics,
    obstacle=_obstacle,
)
