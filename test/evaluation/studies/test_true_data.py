from typing import Any

import numpy as np
import pytest
import torch

from fail2progress.evaluation.studies import true_data
from fail2progress.evaluation.studies.true_data import best_rung, from_event, true_failures
from fail2progress.learning.finetuning.finetune import RUNGS, FinetuneOptions
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.training.transitions import select
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.registry import task
from support.samples import failure, loaded_cup, transitions


def test_the_observed_transition_is_nearly_the_true_one() -> None:
    seen, true = from_event(failure()), from_outcomes([loaded_cup()])
    assert len(seen) == 1 and torch.equal(seen.count, true.count) and torch.equal(seen.skill, true.skill)
    assert torch.equal(seen.object, true.object) and torch.equal(seen.parameters, true.parameters)
    assert torch.equal(seen.binary.bool(), true.binary.bool()) and torch.equal(seen.unary.bool(), true.unary.bool())
    known = true.seen.all(dim=1)
    np.testing.assert_allclose(seen.shift[known], true.shift[known], atol=0.03)  # middles of what is seen, not of what is


def test_the_fewest_weights_are_adjusted_that_the_check_likes_and_the_model_stays_as_it_is() -> None:
    torch.manual_seed(0)
    model = Points2Plans(Points2PlansConfig(True, identity=16, layers=1, feedforward=8, hidden=8)).eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    data, replay = select(transitions(), range(4)), select(transitions(), range(4, 12))
    tuned, adjusts = best_rung(model, data, data, replay, 0, FinetuneOptions(epochs=5, batch=4, replay=4))
    assert adjusts in RUNGS and tuned is not model
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert any(not torch.equal(value, before[key]) for key, value in tuned.state_dict().items())


def test_a_model_without_weights_for_relations_is_adjusted_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = Points2Plans(Points2PlansConfig(False, identity=16, layers=1, feedforward=8, hidden=8)).eval()
    assert "relations" not in model.adapters()
    asked = list[tuple[str, int]]()

    def watched(begin: Any, data: Any, replay: Any, options: FinetuneOptions, *rest: Any, **more: Any) -> Any:
        asked.append((options.adjusts, options.epochs))
        return begin

    monkeypatch.setattr(true_data, "finetune", watched)
    data = select(transitions(), range(4))
    assert best_rung(model, data, data, data, 0, FinetuneOptions(epochs=5))[1] == "all" and asked == [("all", 5)]


def test_true_failures_are_executions_that_the_model_predicted_wrongly() -> None:
    start = load_checkpoint(weights.path(weights.RELATIONAL))
    (found,) = true_failures(start, task("hierarchical-tabletop"), 3, 1, 3, MujocoSimulator())
    assert found.call.object.startswith("cup")  # the shipped model has not seen that contents come along
    inside = found.before.relations.value("inside", "capsule_1", found.call.object)
    assert inside > 0.5
