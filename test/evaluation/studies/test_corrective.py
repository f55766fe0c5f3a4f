from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fail2progress.core.executor import Executor
from fail2progress.evaluation.studies import corrective_document as document
from fail2progress.evaluation.studies import corrective_robot as robot
from fail2progress.evaluation.studies.corrective import Study, markdown
from fail2progress.failures.assets import refine
from fail2progress.failures.assets.case import Case
from fail2progress.failures.assets.refine import Policy, Refiner, assess, failing


class InPlace(Executor):
    def map_unordered(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return map(function, items)


@pytest.mark.parametrize(("scenario", "iterations"), list(zip(document.SCENARIOS, (3, 2, 2, 3), strict=True)))
def test_the_printed_policy_needs_the_documents_iterations(scenario: str, iterations: int) -> None:
    found = document.trial(scenario, "corrective", 0)
    assert found.passed and found.iterations == iterations == len(found.history)


def test_the_documents_table_is_reproduced() -> None:
    found: Any = document.run(0)
    assert found["corrective"]["mean_iterations"] == 2.5 and found["corrective"]["passed"] == found["trials"] == 80
    assert 11.2 <= found["jitter"]["mean_iterations"] <= 11.9 and 4 <= found["jitter"]["passed"] <= 10
    assert len(found["runs"]) == 160 and all("final_signals" in run for run in found["runs"])
    assert document.run(0) == found


def test_an_asset_without_faults_passes_at_once() -> None:
    assert document.passes(document.evaluate(document.AssetParams()))
    with pytest.raises(ValueError, match="unknown policy 'luck'"):
        document.trial("part_misplaced", "luck", 0)


@pytest.mark.parametrize("scenario", list(robot.FAULTS))
def test_every_fault_is_seen_and_mended_with_acceptance(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    true = robot.true_case(rng)
    assert failing(assess(true)) == ()
    wrong = robot.FAULTS[scenario](true, rng)
    assert failing(assess(wrong)) != ()
    looked = list[Case]()
    monkeypatch.setattr(refine, "assess", lambda case, signals: (looked.append(case), assess(case, signals))[1])
    found = Refiner().refine(wrong)
    assert found.iterations == len(looked)
    assert found.passed, [reading.evidence for reading in found.open]
    assert 2 <= found.iterations <= 12


@pytest.mark.parametrize("policy", ["corrective", "accepting"])
def test_no_more_evaluations_are_made_than_are_allowed(policy: Policy) -> None:
    rng = np.random.default_rng(4)
    wrong = robot.FAULTS["drawer_and_contents"](robot.true_case(rng), rng)
    found = Refiner(policy=policy, at_most=2).refine(wrong)
    assert found.iterations == 2 and len(found.history) == 1


def test_the_study_is_resumed_and_reports_the_coupled_failures(tmp_path: Path) -> None:
    first: Any = Study(tmp_path, runs=1).run(InPlace(), lambda done: None)
    rows = (tmp_path / "rows.jsonl").read_text()
    again: Any = Study(tmp_path, runs=1).run(InPlace(), lambda done: None)
    assert (tmp_path / "rows.jsonl").read_text() == rows and again["robot"] == first["robot"]
    assert first["robot"]["accepting"]["passed"] > first["robot"]["jitter"]["passed"]
    assert "geometry_mismatch_mm" in first["robot"]["accepting"]["coupled"]
    assert "law" in markdown(first) and "cup_and_neighbour" in markdown(first)
