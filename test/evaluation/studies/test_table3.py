import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from fail2progress.core.executor import Executor
from fail2progress.core.provenance import provenance
from fail2progress.evaluation.studies import table3 as hierarchical
from fail2progress.evaluation.studies.table3 import PAPER, Study, conditions
from fail2progress.evaluation.trials import TrialResult
from fail2progress.failures.report import FailureClass
from fail2progress.models.checkpoint import load_checkpoint, save_checkpoint
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig


@dataclass
class Scripted(Executor):
    """Instead of trials, results: what has learned succeeds, the rest with even seeds only. Last trial first."""

    work: list[Any] = field(default_factory=list)

    def map_unordered(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        for job in reversed(list(items)):
            self.work.append(job)
            success = "tuned" in job.model or job.seed % 2 == 0
            step = "" if success else "put"
            said = (0, 0, 0, 5)
            yield TrialResult(job.seed, job.objects, success, "done", 5, 1, 0.9, step, said, float("nan"), 0.01, (9, 1, 0))


def made(seed: int, relational: bool = False) -> Points2Plans:
    torch.manual_seed(seed)
    return Points2Plans(Points2PlansConfig(relational, identity=16, layers=1, feedforward=8, hidden=8))


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Two configurations with models; one failure is met and one lesson learnt, the gate rejects the plain one's."""

    class Life:
        def __init__(self, task: object, rounds: int) -> None:
            self.rounds = rounds

        def run(self, model: Points2Plans, *arguments: object) -> Iterator[Any]:
            passed = model.config.relational
            lesson = SimpleNamespace(
                model=made(9, model.config.relational),
                verdict=SimpleNamespace(passed=passed),
                to_dict=lambda: {"gate": {"passed": passed}},
            )
            report = SimpleNamespace(category=FailureClass.SYMBOLIC_PREDICTION)
            yield SimpleNamespace(event=SimpleNamespace(id="f"), report=report, lesson=lesson, trials=2)

    monkeypatch.setattr(hierarchical, "Lifelong", Life)
    for name, relational in (("relational", True), ("plain", False)):
        save_checkpoint(made(0, relational), tmp_path / "models" / f"{name}.safetensors", {})
    return Study(tmp_path / "models", tmp_path / "study", trials=4, counts=(3, 5))


def learn(study: Study) -> list[str]:
    return [name for name, _ in study.learn(None, None, lambda stage, share: None)]  # type: ignore[arg-type]


def test_the_table_has_a_row_for_every_condition() -> None:
    rows = list(conditions(("relational", "plain"), (3, 5, 7)))
    assert len(rows) == len({row.name for row in rows}) == 24
    assert rows[0].name == "relational/original/open-loop/3"
    assert all(row.objects in PAPER[row.method] for row in rows)
    assert {row.replan for row in rows if row.method == "original"} == {False}
    assert {row.replan for row in rows if row.method == "replanning"} == {True}


def test_each_configuration_learns_once_from_its_own_model(study: Study) -> None:
    assert learn(study) == ["relational", "plain"]
    for name in ("relational", "plain"):
        note = load_checkpoint(study.tuned(name)).note
        assert note["parent"] == load_checkpoint(study.models / f"{name}.safetensors").digest
        (told,) = note["rounds"]  # type: ignore[misc]
        assert told["event"] == "f" and told["trials"] == 2 and told["gate"]["passed"] == (name == "relational")
    assert learn(study) == []


def test_the_table(study: Study) -> None:
    learn(study)
    executor, heard = Scripted(), []
    report = study.run(executor, lambda row, trials: heard.append((row, trials)))
    rows: Any = report["rows"]
    assert len(rows) == 2 * 4 * 2 and len(executor.work) == 16 * 4 == len(heard)
    assert heard[:4] == [("relational/original/open-loop/3", n) for n in (1, 2, 3, 4)]
    for row in rows:
        learned = row["method"] == "fail2progress"
        assert row["rate"] == (1.0 if learned else 0.5) and row["paper"] == PAPER[row["method"]][row["objects"]]
        model = study.tuned(row["configuration"]) if learned else study.models / f"{row['configuration']}.safetensors"
        assert row["model"] == load_checkpoint(model).digest
        assert row["successful_seeds"] == sorted(row["successful_seeds"])
        assert set(row["failed_seeds"].values()) == (set() if learned else {"put"})
    seeds = [row["successful_seeds"] + [int(seed) for seed in row["failed_seeds"]] for row in rows]
    assert all(sorted(part) == sorted(seeds[0]) for part in seeds)  # all rows go through the same trials
    assert json.loads(json.dumps(report["provenance"]))["configuration"]["trials"] == 4
    assert set(report["lessons"]) == {"relational", "plain"}  # type: ignore[call-overload]


def test_an_interrupted_study_goes_on_where_it_was(study: Study) -> None:
    learn(study)
    first = study.run(Scripted(), lambda row, trials: None)
    kept = sorted(study.folder.glob("row_*.json"))
    assert len(kept) == 16 and not list(study.folder.glob("*.part"))
    kept[3].unlink()
    assert len(study.report()["rows"]) == 15  # type: ignore[arg-type]
    executor = Scripted()
    again = study.run(executor, lambda row, trials: None)
    assert len(executor.work) == 4
    assert json.dumps(again["rows"]) == json.dumps(first["rows"])


def test_other_trials_or_seeds_have_rows_of_their_own(study: Study) -> None:
    learn(study)
    study.run(Scripted(), lambda row, trials: None)
    other = Study(study.models, study.folder, trials=2, counts=(3,), configurations=("plain",))
    executor = Scripted()
    rows: Any = other.run(executor, lambda row, trials: None)["rows"]
    assert len(executor.work) == 8 and {row["trials"] for row in rows} == {2}


def test_provenance_says_where_a_number_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    found = provenance(seed=3, model="d" * 64)
    assert found["configuration"] == {"seed": 3, "model": "d" * 64}
    assert {"torch", "numpy", "mujoco"} <= set(found["versions"])  # type: ignore[call-overload]
    assert str(Path.home()) not in json.dumps(found) and str(Path.cwd()) not in json.dumps(found)
    monkeypatch.setenv("PATH", "")  # no git
    alone = provenance()
    assert (alone["commit"], alone["changed_files"]) == ("", False)
