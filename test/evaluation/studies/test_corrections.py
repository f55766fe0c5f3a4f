from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fail2progress.core.executor import LocalExecutor
from fail2progress.evaluation.studies.cells import study_rows
from fail2progress.evaluation.studies.correction_faults import FAULTS
from fail2progress.evaluation.studies.corrections import ATTEMPTS, Item, Study, _compared, markdown, trial
from fail2progress.simulation.base import Job
from fail2progress.simulation.mujoco.backend import MujocoSimulator


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_goal_is_reached_by_a_hand_that_does_as_it_is_told(fault: str) -> None:
    attempt = FAULTS[fault].setting(np.random.default_rng(4), np.random.default_rng(5))
    assert attempt.goal.satisfied(MujocoSimulator().execute(Job(attempt.scene, attempt.call)).after.relations)


@pytest.mark.parametrize("fault", ["weight", "push_short"])
def test_corrections_reach_what_is_never_reached_without(fault: str) -> None:
    without, corrected = (trial(Item(5, fault, c, 1)) for c in (False, True))
    assert without["attempts"] == ATTEMPTS and not without["reached"] and without["corrections"] == []
    assert corrected["reached"] and corrected["attempts"] < ATTEMPTS and corrected["bounded"] and corrected["corrections"]


def test_a_study_goes_on_where_it_was_and_compares_with_intervals(tmp_path: Path) -> None:
    study = Study(tmp_path, trials=9, seed=5)
    rows = [{"key": i.key, "fault": i.fault, "corrected": i.corrected, "attempts": 2 if i.corrected else 9, "reached": True,
             "corrections": ["one"], "undone": 0, "bounded": True} for i in study.items()]  # fmt: skip
    kept = study_rows(tmp_path, "corrections", seed=5, robot="hand")
    for row in rows:
        kept.add(row)
    found: Any = study.run(LocalExecutor(1), lambda done: None)
    assert study.total == len(rows) and all(row["fewer"] and not row["worse"] for row in found["faults"].values())
    assert "| 9.00 (9.00 to 9.00) | 2.00 (2.00 to 2.00) | 9, 9 of 9 |" in markdown(found)
    assert f"| fewer (p {len(FAULTS) * 2 / 2**9:.2g}) |" in markdown(found)


def _rows(attempts: dict[bool, list[int]]) -> list[dict[str, Any]]:
    """Of one fault; nothing of the others is decided."""
    first = next(iter(FAULTS))
    return [
        {"key": Item(5, name, c, n).key, "fault": name, "corrected": c, "attempts": counts[n] if name == first else 3,
         "reached": True, "corrections": [], "undone": 0}
        for name in FAULTS for c, counts in attempts.items() for n in range(len(counts))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("with_", "without", "fewer", "worse"),
    [([1], [10], False, False), ([1] * 20, [10] * 20, True, False), ([9] * 20, [2] * 20, False, True),
     ([3, 5] * 20, [5, 3] * 20, False, False),
     ([2] * 9 + [10], [3] * 9 + [10], True, False), ([2] * 8 + [10], [3] * 8 + [10], False, False)],
)  # fmt: skip
def test_attempts_are_compared_on_the_same_trials_and_never_by_one(
    with_: list[int], without: list[int], fewer: bool, worse: bool
) -> None:
    found = _compared(_rows({True: with_, False: without}))[next(iter(FAULTS))]
    assert (found["fewer"], found["worse"]) == (fewer, worse)
    assert (found["with"]["ci95"] is None) == (len(with_) < 5)
