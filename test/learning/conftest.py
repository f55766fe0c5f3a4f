import pytest
import torch

from fail2progress.failures.event import FailureEvent
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.training.transitions import Transitions
from fail2progress.simulation.base import Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from support import samples
from support.remembering import Remembering


@pytest.fixture(scope="session")
def data() -> Transitions:
    """The same as a training set."""
    made: Transitions = samples.transitions()
    return made


@pytest.fixture(scope="session")
def loaded_cup() -> Outcome:
    """A cup with a capsule in it goes to the other table."""
    made: Outcome = samples.loaded_cup()
    return made


@pytest.fixture(scope="session")
def event() -> FailureEvent:
    """The failure of a robot that believed that the capsule would stay behind."""
    made: FailureEvent = samples.failure()
    return made


@pytest.fixture(scope="session")
def remembering(simulator: MujocoSimulator) -> Remembering:
    """For lessons about one failure that differ in what is made of the same executions."""
    return Remembering(simulator)


@pytest.fixture
def model() -> Points2Plans:
    """Untrained, relational, small."""
    torch.manual_seed(0)
    return Points2Plans(Points2PlansConfig(relational=True, feedforward=64, layers=1)).eval()
