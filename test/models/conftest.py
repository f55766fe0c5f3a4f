import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from fail2progress.learning.pretrain import shape_codes
from fail2progress.models.points2plans import Points2Plans, Points2PlansConfig
from fail2progress.models.transitions import Transitions
from fail2progress.sim.base import Outcome


def load(name: str, path: Path) -> Any:
    """A module of helpers, once for all folders: what it simulates is simulated once."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


samples = load("learning_samples", Path(__file__).parents[1] / "learning" / "samples.py")


@pytest.fixture(scope="session")
def outcomes() -> tuple[Outcome, ...]:
    """150 executions of the pre-training distribution."""
    made: tuple[Outcome, ...] = samples.executions()
    return made


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
