import pytest
import torch

from fail2progress.core.scene import Scene
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.prediction import Belief, encode_observation
from fail2progress.simulation.reconstruction import rebuild
from fail2progress.stein.around import state_space
from fail2progress.stein.states import StateSpace
from support import samples


@pytest.fixture(scope="session")
def event() -> FailureEvent:
    """A cup with a capsule in it was carried, and the capsule was believed to stay behind."""
    made: FailureEvent = samples.failure()
    return made


@pytest.fixture(scope="session")
def model() -> Points2Plans:
    """Random, relational, small, with nothing left at zero."""
    torch.manual_seed(0)
    made = Points2Plans(Points2PlansConfig(relational=True, feedforward=64, layers=1)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return made


@pytest.fixture(scope="session")
def belief(model: Points2Plans, event: FailureEvent) -> Belief:
    return encode_observation(model, event.before)


@pytest.fixture(scope="session")
def scene(event: FailureEvent) -> Scene:
    """O_F rebuilt."""
    return rebuild(event.before, event.relations_before).scene


@pytest.fixture(scope="session")
def space(belief: Belief, event: FailureEvent, scene: Scene) -> StateSpace:
    return state_space(belief, observed(event), scene)
