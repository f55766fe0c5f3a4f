from collections.abc import Iterator

import pytest

from fail2progress.simulation.base import Simulator
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.parallel import serving
from fail2progress.simulation.worker.client import WorkerSimulator
from fail2progress.simulation.worker.options import WorkerOptions


@pytest.fixture(scope="session", params=["in this process", "behind a wire"])
def simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """The backend, in this process and as a worker in another: both pass the same tests."""
    if request.param == "in this process":
        yield MujocoSimulator()
        return
    with WorkerSimulator(WorkerOptions(command=serving("mujoco"))) as wired:
        yield wired
