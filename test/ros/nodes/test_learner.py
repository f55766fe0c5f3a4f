"""What the learner tells of a lesson."""

import json
from dataclasses import asdict

from fail2progress.learning.finetuning.acceptance import Scores
from fail2progress.ros.nodes.learner import metrics_of


def test_every_figure_of_an_acceptance_test_has_a_name() -> None:
    """As a version's note holds it: some figures are one for each earlier lesson."""
    before, after = Scores(0.6, 0.1, 0.9, 0.9), Scores(0.9, 0.02, 0.9, 0.9, lessons=(0.8, 0.7), earlier=(1.0, 0.5))
    gate = json.loads(json.dumps({"passed": True, "reason": "better", "before": asdict(before), "after": asdict(after)}))
    told = metrics_of(gate)
    assert told["before failure_f1"] == 0.6 and told["after failure_error"] == 0.02
    assert [told[f"after lessons {number}"] for number in (1, 2)] == [0.8, 0.7] and told["after earlier 2"] == 0.5
    assert len(told) == len(before.values()) + len(after.values())
    assert metrics_of({}) == {}


def test_a_figure_that_was_not_measured_has_no_entry() -> None:
    gate = {"before": asdict(Scores(0.6, 0.1, 0.9, 0.9, observed=0.02)), "after": asdict(Scores(0.9, 0.02, 0.9, 0.9))}
    told = metrics_of(gate)
    assert told["before observed"] == 0.02 and "after observed" not in told
