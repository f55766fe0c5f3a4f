"""Two detectors become one belief, each counted as far as it was found to be right."""

from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.evaluation.combining import Reading, fit
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.combination import SUFFIX, Combination, CombinationError, combination_for, equal, log_odds, read
from fail2progress.models.detector import CombinedDetector
from fail2progress.perception.relations.registry import GEOMETRIC, LEARNED, relation_detector
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.families.registry import FAMILIES
from support import failures

INSIDE = BINARY.index("inside")


def state(inside: float) -> RelationState:
    """Two things, of which nothing is believed but that one is inside the other."""
    binary = np.zeros((2, 2, len(BINARY)))
    binary[0, 1, INSIDE] = inside
    return RelationState(("thing", "box"), binary, np.zeros((2, len(UNARY))))


def test_without_weights_both_count_the_same_and_what_nobody_sees_stays_impossible() -> None:
    both = equal("m").combine(state(0.9), state(0.2))
    assert log_odds(both.value("inside", "thing", "box")) == pytest.approx(
        (log_odds(np.float64(0.9)) + log_odds(np.float64(0.2))) / 2
    )
    assert np.count_nonzero(both.binary) == 1 and not both.unary.any()


def test_a_detector_that_was_found_right_outweighs_one_that_was_not() -> None:
    """The first says the truth with more doubt than the second says anything."""
    rng, found = np.random.default_rng(0), []
    for _ in range(200):
        true = bool(rng.random() < 0.5)
        one = state(0.8 if true else 0.2)
        other = state(0.999 if rng.random() < 0.5 else 0.001)
        found.append(Reading(one, other, state(float(true)), np.ones(2, bool)))
    made = fit(found, "m", 200)
    assert made.relations["inside"].learned > 1.0 > 0.3 > made.relations["inside"].geometric
    assert made.combine(state(0.8), state(0.001)).value("inside", "thing", "box") > 0.5
    assert made.executions == 200 and made.model == "m"


def test_a_file_that_is_no_combination_is_named(tmp_path: Path) -> None:
    path = tmp_path / ("x" + SUFFIX)
    some = equal("m").model_dump()
    del some["relations"]["inside"]
    for content in ("{", '{"model": "m"}', str(some).replace("'", '"')):
        path.write_text(content)
        with pytest.raises(CombinationError, match=r"x.combination.json: no combination"):
            read(path)
    path.write_text(equal("m").model_dump_json())
    assert read(path) == equal("m")


def test_the_shipped_combination_sees_what_one_detector_alone_does_not() -> None:
    """Blocks in a shelf are known to geometry, and a hidden content of a nested cup to the model."""
    shipped = read(weights.path("relational" + SUFFIX))
    start = load_checkpoint(weights.path(weights.RELATIONAL))
    assert isinstance(shipped, Combination) and shipped.model == start.digest
    assert combination_for(start.digest) == shipped == combination_for("f" * 64)
    assert isinstance(relation_detector("combined", start.model, start.digest), CombinedDetector)
    _, pushed = next(FAMILIES.get("shelf-row-pushed").outcomes(MujocoSimulator(), 4500))
    for outcome in (pushed, failures.outcome("nested")):
        cloud, true = outcome.before.cloud, outcome.before.relations
        held = [key for key in true.holding() if key[0] == "inside" and {cloud.seen[cloud.index(n)] for n in key[1:]} == {True}]
        found = relation_detector("combined", start.model, start.digest).detect(cloud)
        assert held and all(found.value(*key) > 0.5 for key in held)
    learned = relation_detector(LEARNED, start.model, start.digest).detect(pushed.before.cloud)
    geometric = relation_detector(GEOMETRIC).detect(pushed.before.cloud)
    assert learned.value("inside", "row_0", "shelf") < 0.5 < geometric.value("inside", "row_0", "shelf")
