import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest

from fail2progress.evaluation.predictions import Benchmark, compare, f1, from_row, run_items
from fail2progress.models.base import SkillEffectModel
from fail2progress.simulation.base import Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.items import Item
from support import samples

Make = Callable[..., SkillEffectModel]


@pytest.fixture(scope="module")
def loaded() -> Outcome:
    """A cup carried with a capsule in it."""
    return samples.loaded_cup()


def test_a_model_that_leaves_contents_behind_is_wrong_about_them_alone(oracle: Make, loaded: Outcome) -> None:
    knowing, ignorant = compare("a", loaded, oracle()), compare("a", loaded, oracle(carries=False))
    way = float(np.linalg.norm(loaded.displacements[loaded.before.scene.index("capsule_1")]))
    assert knowing.along[0] < 0.03 and ignorant.along[0] == pytest.approx(way, abs=1e-6)
    assert knowing.moved == ignorant.moved and knowing.moved[0] < 0.03
    assert len(knowing.still) == 3 and max(knowing.still) == max(ignorant.still) < 1e-5  # both tables and cup_2
    assert f1(*knowing.pairs) > f1(*ignorant.pairs)
    assert not ignorant.correct


def test_figures_are_over_all_objects_of_stable_items(oracle: Make, loaded: Outcome) -> None:
    one = compare("one", loaded, oracle(carries=False))
    result = Benchmark((one, compare("two", replace(loaded, stable=False), oracle()))).to_dict()
    assert (result["items"], result["stable"], result["correct"]) == (2, 1, 0.0)
    assert result["along_mm"] == pytest.approx(1000 * one.along[0]) and result["f1"] == f1(*one.pairs)
    nothing = Benchmark((compare("two", replace(loaded, stable=False), oracle()),)).to_dict()
    assert nothing["stable"] == 0 and math.isnan(float(str(nothing["f1"]))) and math.isnan(float(str(nothing["along_mm"])))


def test_what_was_not_seen_is_missed(oracle: Make, loaded: Outcome) -> None:
    points = loaded.before.cloud.points.copy()
    points[loaded.before.cloud.names.index("cup_1")] = np.nan
    blind = replace(loaded, before=replace(loaded.before, cloud=replace(loaded.before.cloud, points=points)))
    result = compare("a", blind, oracle())
    assert result.pairs[:2] == (0, 0) and result.pairs[2] > 0 and not result.correct
    assert result.moved[0] == pytest.approx(np.linalg.norm(loaded.displacements[loaded.before.scene.index("cup_1")]))


def test_items_are_run_in_order_and_read_back_from_rows(oracle: Make, simulator: MujocoSimulator) -> None:
    items = [Item(name, samples.loaded_cup_job()) for name in ("a", "b")]
    first, second = run_items(items, oracle(), simulator)
    assert (first.id, second.id) == ("a", "b") and replace(first, id="b") == second
    assert from_row(json.loads(json.dumps(asdict(first)))) == first
