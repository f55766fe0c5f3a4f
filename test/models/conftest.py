import pytest
import torch
from torch import Tensor

from fail2progress.learning.pretraining.pretrain import shape_codes
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.training.transitions import Transitions
from support import samples


@pytest.fixture(scope="session")
def data() -> Transitions:
    """The same as a training set."""
    made: Transitions = samples.transitions()
    return made


@pytest.fixture(scope="session")
def codes(data: Transitions) -> Tensor:
    """(U, C) shape codes of an untrained encoder."""
    torch.manual_seed(0)
    return shape_codes(Points2Plans(), data)


@pytest.fixture(params=[False, True], ids=["plain", "relational"])
def model(request: pytest.FixtureRequest) -> Points2Plans:
    """Both configurations, untrained, in small."""
    torch.manual_seed(0)
    return Points2Plans(Points2PlansConfig(relational=request.param, feedforward=64)).eval()
