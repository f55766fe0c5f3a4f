import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fail2progress.core.executor import PoolExecutor, UntilExecutor
from fail2progress.evaluation.rows import Rows, RowsError
from fail2progress.evaluation.studies.families import LEARNERS, Study
from fail2progress.evaluation.studies.families_page import markdown
from fail2progress.evaluation.studies.family_cells import Cell, Setting, _shows, mended
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.rehearsal import choose, save_rehearsal
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.models import weights
from fail2progress.simulation.base import Snapshot
from support import failures, samples

FIGURES = {"f1": 0.7, "along_mm": 60.0, "moved_mm": 5.0}
ROW = {"kind": "learn", "family": "row-pushed", "method": "stein", "failure": 0, "reason": "kept"}
MANY, FEW, ADAPTED = "true-executions-200", "true-executions", "adapt-1"


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    rehearsal = tmp_path_factory.mktemp("rehearsal") / "rehearsal.safetensors"
    save_rehearsal(choose(samples.transitions()), rehearsal)
    targeting = TargetOptions(samples=3, oversampling=2.0, state_steps=4, action_steps=2, acquisition="prior")
    options = (targeting, FinetuneOptions(epochs=5, replay=2), 0.0)
    return Setting(weights.path(weights.RELATIONAL), rehearsal, 1, 2, 3, 9, *options, fresh=8)


def test_cells_are_carried_out_once_and_told_as_tables(setting: Setting, tmp_path: Path) -> None:
    study = Study(tmp_path, ("row-pushed",), setting, ("prior", "sampling"), ("prior", FEW, ADAPTED))
    heard: list[str] = []
    report = study.run(PoolExecutor(1), heard.append)
    rows: Any = report["rows"]
    assert [(row["kind"], row["method"]) for row in rows] == [
        *(("data", name) for name in ("prior", "sampling")),
        *(("learn", name) for name in ("prior", FEW, ADAPTED)),
    ]
    drawn, sampled, learnt, oracle, adapted = rows
    assert adapted["executions"] == 1 and adapted["before"]["f1"] == oracle["before"]["f1"]
    assert adapted["after"] != adapted["before"] and len(adapted["f1s"]) == 2
    for data in (drawn, sampled):  # of a method that learns, its lesson tells of its data
        assert 0.0 <= data["kept"]["chosen"] <= 1.0 and data["concerned"] >= 2 and data["stable"] <= data["tried"]
    assert learnt["before"]["f1"] == oracle["before"]["f1"] and set(learnt["after"]) == set(oracle["after"])
    assert 0.5 < oracle["before"]["fresh_f1"] <= 1.0 and oracle["before"]["fresh_f1"] != oracle["before"]["held_out_f1"]
    assert oracle["executions"] == 3 and learnt["adjusts"] in ("relations", "networks", "all")
    assert len(learnt["judged"]) == len(learnt["lesson"]["tries"])
    assert learnt["after"]["f1"] in [one["after"]["f1"] for one in learnt["judged"]]
    assert len(heard) == 4 and study.run(PoolExecutor(1), heard.append) is not None and len(heard) == 4
    assert json.loads(json.dumps(report))["table"] == "families"
    text = markdown(report)
    assert text.count("| row-pushed 0 |") == 5 and "| prior |" in text and "compared with true executions" in text


def test_a_cell_that_was_not_run_says_so(setting: Setting, tmp_path: Path) -> None:
    study = Study(tmp_path, ("row-pushed", "stack-carried"), setting)
    report = study.run(UntilExecutor(PoolExecutor(1), 0.0), print)
    rows: Any = report["rows"]
    assert len(rows) == 2 * len(LEARNERS) and {row["reason"] for row in rows} == {"not run"}
    assert markdown(report).count("| not run |") == len(rows)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 1  # what it is about, and no row


def test_cells_of_another_setting_are_not_taken_for_those_that_are_asked_for(setting: Setting, tmp_path: Path) -> None:
    study, none = Study(tmp_path, ("row-pushed",), setting), UntilExecutor(PoolExecutor(1), 0.0)
    key = study.cells()[0].key
    study.run(none, print)
    Rows(tmp_path / "rows.jsonl", json.loads((tmp_path / "rows.jsonl").read_text())["run"]).add({"key": key, **ROW})
    several = replace(study, setting=replace(setting, failures=2))
    for same in (study, several, replace(study, families=("row-pushed", "stack-carried"), parts=("learn",))):
        rows: Any = same.run(none, print)["rows"]
        assert [row["reason"] for row in rows].count("kept") == 1
    for other in (replace(setting, tests=3), replace(setting, targeting=TargetOptions(samples=7))):
        with pytest.raises(RowsError, match="another run"):
            replace(study, setting=other).run(none, print)


def test_the_most_telling_cells_come_first(setting: Setting, tmp_path: Path) -> None:
    several = Setting(setting.weights, setting.rehearsal, failures=2)
    cells = Study(tmp_path, ("a", "b"), several, ("stein",), ("stein", MANY, "prior", ADAPTED)).cells()
    assert cells[:4] == [Cell("learn", family, method, 0) for method in ("stein", MANY) for family in ("a", "b")]
    order = [cell.method for cell in cells]
    assert order.index("prior") > max(i for i, name in enumerate(order) if name == "stein") and order[-1] == ADAPTED
    assert len({cell.key for cell in cells}) == len(cells)
    assert order.count(MANY) == 2  # it does not depend on the failure


def test_a_failure_of_which_nothing_is_seen_teaches_nothing() -> None:
    shown = failures.outcome("drawer")
    assert _shows(shown)
    thing = shown.before.scene.index("thing")

    def blind(side: Snapshot) -> Snapshot:
        points = side.cloud.points.copy()
        points[thing] = np.nan
        return replace(side, cloud=replace(side.cloud, points=points))

    before = replace(shown, before=blind(shown.before))
    assert _shows(before) and not _shows(replace(before, after=blind(shown.after)))


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
