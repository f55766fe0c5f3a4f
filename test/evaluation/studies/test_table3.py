import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fail2progress.evaluation.evaluate import summarise
from fail2progress.evaluation.studies import paper
from fail2progress.evaluation.studies.conditions import CONDITIONS, USUAL
from fail2progress.evaluation.studies.table3 import NOT_YET, Study, impossible, learn
from fail2progress.evaluation.studies.table3_page import markdown, values
from fail2progress.evaluation.trials import TrialResult
from fail2progress.models.checkpoint import load_checkpoint
from support.scripted import BASES, NAMES, Scripted, small_study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return small_study(tmp_path)


def test_the_tables_have_a_cell_for_every_condition(study: Study) -> None:
    cells = study.cells()
    names = [cell.name for cell in cells]
    assert len(set(names)) == len(names) == 2 * (4 + 3) * 2
    assert names[0] == "points2plans/original/3" and names[-1].endswith("/fail2progress/5/within shortest + 1")
    first = [cell for cell in cells if cell.spare is None]
    assert {cell.method.name for cell in first if cell.replans} == {"replanning"}
    assert all(cell.replans for cell in cells if cell.spare is not None)
    assert len(replace(study, spare=None).cells()) == len(first) == 16


def test_each_base_model_learns_once_from_its_own_weights(study: Study) -> None:
    executor, heard = Scripted(), []
    assert learn([study], executor, lambda name, done, total: heard.append((name, done, total))) == {}
    assert len(executor.work) == 4 and heard[0] == ("models", 0, 4) and heard[-1][1:] == (4, 4)
    assert {recipe.objects for recipe in executor.work} == {3}  # failures are met with the fewest objects
    for recipe in study.recipes():
        assert load_checkpoint(Path(recipe.out)).note["parent"] == load_checkpoint(Path(recipe.base)).digest
    again = Scripted()
    assert learn([study], again) == {} and again.work == []
    other = replace(study, rounds=2)
    assert not {recipe.out for recipe in other.recipes()} & {recipe.out for recipe in study.recipes()}


def test_the_table(study: Study) -> None:
    executor, heard = Scripted(), []
    report = study.run(executor, lambda name, done, total: heard.append((done, total)))
    rows: Any = report["rows"]
    # Planning again within the budget differs from `replanning`: 2 * 7 * 2 cells, none equal to another.
    assert len(rows) == 28 and len(executor.work) == 4 + 28 * 4 and heard[-1] == (112, 112)
    assert report["complete"] is True and report["trial_seconds"] == 28 * 8.0
    for row in rows:
        learned = row["method"] == "fail2progress"
        assert row["rate"] == (1.0 if learned else 0.5) and row["trials"] == 4 and row["seconds"] == 8.0
        assert row["base_model"] == dict(zip(("relational", "plain"), BASES, strict=True))[row["configuration"]]
        assert row["paper"] == paper.rate(study.task, "points2plans", row["method"], row["objects"]) or row["spare"] == 1
        assert row["successful_seeds"] == sorted(row["successful_seeds"])
        assert set(row["failed_seeds"].values()) == (set() if learned else {"put"})
    digests = {cell.name: load_checkpoint(Path(cell.model)).digest for cell in study.cells()}
    assert [row["model"] for row in rows] == list(digests.values())
    seeds = [row["successful_seeds"] + [int(seed) for seed in row["failed_seeds"]] for row in rows]
    assert all(sorted(part) == sorted(seeds[0]) for part in seeds)  # all rows go through the same trials
    assert json.loads(json.dumps(report["provenance"]))["configuration"]["trials"] == 4
    assert set(report["lessons"]) == {f"{name}/{method}" for name in BASES for method in ("gradient", "fail2progress")}  # type: ignore[call-overload]


def test_a_winner_is_named_where_the_trials_show_it(study: Study) -> None:
    few = study.run(Scripted())
    assert few["claims"] == []  # two trials of four decide nothing
    page = markdown(few)
    assert page.startswith("**Where fail2progress is not shown to be better:**") and "No difference is shown." in page
    assert "| points2plans | replanning | 2 : 0 of 4, p = 1 | 2 : 0 of 4, p = 1 |" in page
    many = replace(study, trials=40).run(Scripted())
    claims: Any = many["claims"]
    assert len(claims) == 2 * 2 * (3 + 2) and all(": fail2progress beats " in claim for claim in claims)
    page = markdown(many)
    assert "not shown" not in page
    assert "- points2plans/plain, 3 and 5 objects: fail2progress beats original, replanning, gradient" in page
    assert "| fail2progress | **100%** (91% to 100%); paper 90% |" in page  # one table for each base model, as in the paper
    assert page.count("\n| points2plans (relational) |") == 14


@pytest.mark.parametrize("trials", [4, 40])
def test_a_page_without_our_method_does_not_speak_of_it(study: Study, trials: int) -> None:
    page = markdown(replace(study, methods=study.methods[:3], trials=trials).run(Scripted()))
    assert page.startswith("Of all trials, those that both went through are compared: McNemar's exact test, after Holm over ")
    assert "fail2progress" not in page and "No difference is shown." in page
    two = markdown(replace(study, methods=study.methods[:2], bases=study.bases[:1], counts=(3,), spare=None).run(Scripted()))
    assert "after Holm over 1 comparison, level 0.05." in two


def test_an_interrupted_study_goes_on_where_it_was(study: Study) -> None:
    first = study.run(Scripted())
    kept = sorted((study.folder / "cells").glob("*.jsonl"))
    assert len(kept) == 28
    kept[3].unlink()
    rows: Any = study.report()["rows"]
    (missing,) = [row for row in rows if not row["complete"]]
    assert missing["not_run"] == NOT_YET and missing["rate"] is None and missing["ci95"] is None
    page = markdown(study.report())
    assert f"| {NOT_YET} | - |" in page and page.count("at most 4 trials a cell") == 1
    executor = Scripted()
    again = study.run(executor)
    assert "at most 4 trials" not in markdown(again)
    assert len(executor.work) == 4
    assert json.dumps(again["rows"]) == json.dumps(first["rows"])


def test_a_model_that_cannot_be_made_leaves_its_cells_with_the_reason(study: Study) -> None:
    report = study.run(Scripted(fails="gradient_"))
    rows: Any = report["rows"]
    reasons = {row["method"]: row.get("not_run") for row in rows}
    assert reasons == {**dict.fromkeys(NAMES), "gradient": "nothing to learn from: no failure"} and not report["complete"]
    assert {row["method"] for row in rows if impossible(row)} == {"gradient"}
    assert not any(impossible(row) for row in study.report()["rows"])  # type: ignore[attr-defined]


def test_more_trials_go_on_and_other_seeds_have_cells_of_their_own(study: Study) -> None:
    small = replace(study, counts=(3,), bases=study.bases[1:], methods=study.methods[:2], spare=None)
    small.run(Scripted())
    more, other = Scripted(), Scripted()
    rows: Any = replace(small, trials=6).run(more)["rows"]
    assert len(more.work) == 2 * 2 and {row["trials"] for row in rows} == {6}
    replace(small, seed=8, trials=2).run(other)
    assert len(other.work) == 4


def test_the_papers_figures_stand_beside() -> None:
    assert paper.rate("hierarchical-tabletop", "points2plans", "fail2progress", 3) == 0.90
    assert paper.rate("hierarchical-tabletop", "binary-pred", "large", 7) == 0.09
    assert paper.rate("multi-object-transport", "points2plans", "sampling", 5) == 0.45
    assert paper.rate("multi-object-transport", "stow-gnn", "sampling", 5) is None
    mean = sum(paper.rate("hierarchical-tabletop", "stow-gnn", "gradient", n) or 0.0 for n in (3, 5, 7)) / 3
    assert mean == pytest.approx(0.44, abs=0.005)  # the paper's own average


def test_conditions_are_seen_through_their_cameras_and_failures_too_where_they_are_learnt_under(study: Study) -> None:
    names = (USUAL.name, "view1", "noise-5mm")
    wide = replace(study, conditions=tuple(map(CONDITIONS.get, names)), grid=False, spare=None)
    cells = wide.cells()
    assert len(cells) == 2 * 4 * (2 + 1 + 1)  # all numbers of objects under the first condition, the fewest under the others
    made = {(cell.method.name, cell.condition.name): cell.model for cell in cells if cell.base == BASES[0] and cell.objects == 3}
    assert made["gradient", "usual"] == made["gradient", "view1"] != made["gradient", "noise-5mm"]
    by_camera = {recipe.camera.noise: recipe.otherwise_base for recipe in wide.recipes()}
    assert by_camera == {0.0: False, 0.005: True} and len(wide.recipes()) == 2 * 2 * 2
    jobs = {cell.condition.name: cell.jobs(1)[0] for cell in cells}
    assert jobs["view1"].camera.eye != jobs["usual"].camera.eye and jobs["noise-5mm"].camera.noise == 0.005
    rows: Any = wide.run(Scripted())["rows"]
    assert len({cell.key for cell in cells}) == len(cells)
    gaps = {row["condition"]: row["sim2real_gap"] for row in rows if row["method"] == "gradient"}
    assert gaps["noise-5mm"] == pytest.approx(0.05) and gaps["usual"] != gaps["usual"]


def test_the_same_trials_seen_otherwise_are_compared(study: Study) -> None:
    conditions = tuple(map(CONDITIONS.get, ("stretch", "stretch-fused")))
    seen = replace(study, conditions=conditions, counts=(3,), bases=study.bases[:1], spare=None, trials=10, axis="condition")
    report: Any = seen.run(Scripted(unlike="fused"))
    told = {row["where"]: row for row in report["conditions"]}
    assert set(told) == {f"points2plans, {name}, 3 objects" for name in NAMES}
    one = told["points2plans, fail2progress, 3 objects"]
    assert (one["first"], one["second"], one["only_first"], one["only_second"]) == ("stretch", "stretch-fused", 10, 0)
    assert one["shown"] and one["pairs"] == 10
    assert told["points2plans, original, 3 objects"]["p"] == pytest.approx(2 * 0.5**5)
    assert "- points2plans, fail2progress, 3 objects: stretch beats stretch-fused (10 to 0 of 10 trials decide" in markdown(
        report
    )
    assert "seen otherwise" not in markdown({**report, "axis": "objects"})


def test_cells_are_not_rounded_to_none_or_to_all() -> None:
    def told(successes: int, plans: int = 1) -> str:
        result = TrialResult(1, 3, True, "done", 5, plans, 0.9, "", (1, 0, 0, 4), 0.02, 0.01, (10, 0, 0))
        results = [replace(result, seed=i, success=i < successes) for i in range(300)]
        head = {"base_model": "m", "configuration": "m", "method": "original", "replan": False, "spare": None, "objects": 3}
        row = {**head, "condition": "usual", "paper": 0.9, "asked": 300, "complete": True, **summarise(results).to_dict()}
        return " | ".join(values(row))

    assert "**99.7%** | 98% to 99.9% | 90% | 0.90" in told(299) and "**0.3%** | 0.1% to 2%" in told(1)
    assert "**0%** | 0% to 1%" in told(0) and told(0, plans=0).endswith("| -")
