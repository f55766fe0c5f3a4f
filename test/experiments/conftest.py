import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from fail2progress.models.skill_effect import SkillEffectModel

spec = importlib.util.spec_from_file_location("oracle", Path(__file__).parents[1] / "planning" / "oracle.py")
assert spec is not None and spec.loader is not None
oracle_module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(oracle_module)


@pytest.fixture(scope="session")
def oracle() -> Callable[..., SkillEffectModel]:
    """Makes a model that knows geometry; `carries=False` believes that contents stay behind."""
    made: Callable[..., SkillEffectModel] = oracle_module.Oracle
    return made
