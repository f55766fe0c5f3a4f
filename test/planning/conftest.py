from collections.abc import Callable

import pytest

from fail2progress.models.base import SkillEffectModel
from support.oracle import Oracle


@pytest.fixture(scope="session")
def oracle() -> Callable[..., SkillEffectModel]:
    """Makes a model that knows geometry; `carries=False` believes that contents stay behind."""
    made: Callable[..., SkillEffectModel] = Oracle
    return made
