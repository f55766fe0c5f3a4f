import atexit
import gc
import os
import shlex
import sys

# Set before torch and matplotlib are imported: workers share the cores, and no display is needed.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

# What the fixtures import is imported when they are used: some tests run where torch and MuJoCo are not installed.
if TYPE_CHECKING:
    from fail2progress.core.scene import Scene
    from fail2progress.simulation.base import Outcome
    from fail2progress.simulation.mujoco.backend import MujocoSimulator

# Modules and tests stay: there is no garbage while they are read, nor is any looked for when the process ends.
gc.disable()
atexit.register(gc.freeze)

SLOW = (
    "cli/test_first_hour.py",
    "cli/test_learn.py",
    "cli/test_stops.py",
    "cli/test_reproduce_perception.py",
    "cli/test_reproduce_table3.py",
    "evaluation/studies",
    "evaluation/test_demo_episode.py",
    "evaluation/test_performance.py",
    "learning/finetuning/test_learner.py",
    "models/training",
    "perception/relations/test_detectors.py",
    "robots/stretch/simulated/test_robot.py",
    "ros",
    "simulation/isaacgym",
    "stack",
    "test_examples.py",
    "test_growth.py",
    "test_launch_runs.py",
)
"""Files and folders whose tests take more than a few seconds, together: `make test-fast` leaves them out."""

LONGEST = ("cli", "stack", "evaluation", "learning", "ros", "simulation", "test_style.py", "test_examples.py")
"""Rooms that workers begin with, so that what is left for the end is short and all end together."""


def room_of(path: str) -> str:
    """The folder of a test, or its file where it stands in none."""
    return path.partition("::")[0].removeprefix("test/").partition("/")[0]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow by where it stands; where workers share the tests, the longest come first."""
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here).as_posix() if item.path.is_relative_to(here) else ""
        if place.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
    if hasattr(config, "workerinput"):
        turn = {room: number for number, room in enumerate(LONGEST)}
        items.sort(key=lambda item: turn.get(room_of(item.nodeid), len(turn)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A room is one worker's: what several of its tests share is made once."""
    from xdist.scheduler import LoadScopeScheduling

    class Rooms(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return room_of(nodeid)

    config.option.loadscopereorder = False
    return Rooms(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """From here on only what tests make is looked through for garbage."""
    gc.freeze()
    gc.enable()


# A deadline per example measures how busy the machine is.
settings.register_profile("fail2progress", deadline=None)
settings.load_profile("fail2progress")


@pytest.fixture(scope="session")
def simulator() -> "MujocoSimulator":
    from fail2progress.simulation.mujoco.backend import MujocoSimulator

    return MujocoSimulator()


@pytest.fixture(scope="session")
def outcomes() -> "tuple[Outcome, ...]":
    """150 executions of the pre-training distribution."""
    from support import samples

    return samples.executions()


@pytest.fixture(scope="session")
def cupboard() -> "Callable[[float], Scene]":
    """Builds a cabinet turned by a yaw, with a shut drawer and a cube in it."""
    import numpy as np

    from fail2progress.core.objects import ObjectSpec
    from fail2progress.core.scene import Scene, pose

    def build(yaw: float = 0.0) -> "Scene":
        specs = (
            ObjectSpec("cabinet", "cabinet", (0.35, 0.40, 0.25)),
            ObjectSpec("drawer", "drawer", (0.31, 0.36, 0.10), inside_of="cabinet"),
            ObjectSpec("cube", "cuboid", (0.04, 0.04, 0.04)),
        )
        poses = np.stack([pose(0.9, 0.0, z, yaw) for z in (0.6, 0.54, 0.516)])
        return Scene(specs, poses, {"drawer": 0.0})

    return build


@pytest.fixture
def kinematic(tmp_path: "Path") -> str:
    """The choice of a simulator from outside `src`, in a process of its own."""
    from support import kinematic_worker

    command = shlex.join([sys.executable, str(kinematic_worker.__file__)])
    path = tmp_path / "kinematic.yaml"
    path.write_text(f"simulator: worker\ncommand: {command}\n")
    return str(path)
