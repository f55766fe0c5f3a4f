import json
from pathlib import Path
from typing import Any

import pytest

from fail2progress.evaluation.studies.families import ADAPT, LEARNERS, Cell, Study, markdown, mended
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.learner import Learner
from fail2progress.learning.finetuning.rehearsal import choose
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.models import weights
from fail2progress.models.checkpoint import Checkpoint, load_checkpoint
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from support import samples

FIGURES = {"f1": 0.7, "along_mm": 60.0, "moved_mm": 5.0}


ORACLE = "true-executions"


@pytest.fixture(scope="module")
def start() -> Checkpoint:
    return load_checkpoint(weights.path(weights.RELATIONAL))


@pytest.fixture(scope="module")
def learner() -> Learner:
    targeting = TargetOptions(samples=3, oversampling=2.0, state_steps=4, action_steps=2, acquisition="prior")
    return Learner(MujocoSimulator(), choose(samples.transitions()), targeting, FinetuneOptions(epochs=5, replay=2), patience=0.0)


def test_cells_are_carried_out_once_and_told_as_tables(start: Checkpoint, learner: Learner, tmp_path: Path) -> None:
    study = Study(tmp_path, ("row-pushed",), ("prior",), ("prior", ORACLE, ADAPT), failures=1, tests=2, true=3, seed=9)
    heard: list[str] = []
    report = study.run(start, learner, heard.append)
    rows: Any = report["rows"]
    assert [(row["kind"], row["method"]) for row in rows] == [
        ("data", "prior"),
        *(("learn", method) for method in ("prior", ORACLE, ADAPT)),
    ]
    data, learnt, oracle, adapted = rows
    assert adapted["executions"] == 1 and adapted["before"]["f1"] == oracle["before"]["f1"]
    assert 0.0 <= data["kept"]["chosen"] <= 1.0 and data["concerned"] >= 2 and data["stable"] <= data["tried"]
    assert learnt["before"]["f1"] == oracle["before"]["f1"] and set(learnt["after"]) == set(oracle["after"])
    assert oracle["executions"] == 3 and learnt["adjusts"] in ("relations", "networks", "all")
    assert len(heard) == 4 and study.run(start, learner, heard.append) is not None and len(heard) == 4
    assert json.loads(json.dumps(report))["table"] == "families"
    text = markdown(report)
    assert text.count("| row-pushed 0 |") == 4 and "| prior |" in text


def test_a_cell_that_was_not_run_says_so(start: Checkpoint, learner: Learner, tmp_path: Path) -> None:
    report = Study(tmp_path, ("row-pushed", "stack-carried"), failures=1, minutes=0.0).run(start, learner, print)
    rows: Any = report["rows"]
    assert len(rows) == 2 * (4 + len(LEARNERS)) and {row["reason"] for row in rows} == {"not run"}
    assert markdown(report).count("| not run |") == len(rows)
    assert not list(tmp_path.iterdir())


def test_the_first_failure_of_every_family_comes_first(tmp_path: Path) -> None:
    cells = list(Study(tmp_path, ("a", "b"), ("stein",), ("stein", ORACLE), failures=2)._cells())
    assert cells[:2] == [Cell("learn", "a", "stein", 0), Cell("learn", "b", "stein", 0)]
    assert [cell.failure for cell in cells] == sorted(cell.failure for cell in cells)
    assert len({cell.file for cell in cells}) == len(cells)
    assert sum(cell.method == ORACLE for cell in cells) == 2  # it does not depend on the failure


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({"f1": 0.95, "along_mm": 10.0}, True),
        ({"f1": 0.75, "along_mm": 10.0}, False),
        ({"f1": 0.95, "along_mm": 80.0}, False),
        ({"f1": 0.95, "along_mm": float("nan"), "moved_mm": 4.0}, True),
    ],
)
def test_what_counts_as_mended(after: dict[str, float], expected: bool) -> None:
    assert mended(FIGURES, {**FIGURES, **after}) == expected
