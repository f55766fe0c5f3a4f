"""`fail2progress reproduce table3` with worker processes and a small untrained model."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fail2progress.cli.reproduce_table3 import PARTS
from fail2progress.models.checkpoint import save_checkpoint
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig

Run = Callable[..., Any]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder of weights."""
    torch.manual_seed(0)
    model = Points2Plans(Points2PlansConfig(True, identity=16, layers=1, feedforward=8, hidden=8))
    save_checkpoint(model, tmp_path / "weights" / "relational.safetensors", {})
    return tmp_path / "weights"


def command(small: Path, out: Path) -> list[object]:
    chosen = ["--models", "points2plans", "--methods", "original,replanning", "--task", "short", "--objects", "1"]
    return ["reproduce", "table3", "--weights", small, "--out", out, *chosen, "--processes", "1"]


def test_two_methods_and_a_budget(run: Run, small: Path, tmp_path: Path) -> None:
    result = run(*command(small, tmp_path / "out"), "--trials", 2, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert [(row["method"], row["spare"]) for row in report["rows"]] == [
        ("original", None),
        ("replanning", None),
        ("replanning", 1),
    ]
    for row in report["rows"]:
        assert (row["trials"], row["objects"], row["complete"], row["base_model"]) == (2, 1, True, "points2plans")
        assert 0.0 <= row["ci95"][0] <= row["rate"] <= row["ci95"][1] <= 1.0
    assert "| relational |" not in (tmp_path / "out" / "report.md").read_text()
    assert "| points2plans (relational) | original, open loop | 1 |" in (tmp_path / "out" / "report.md").read_text()


def test_a_study_is_done_where_only_cells_are_left_whose_models_cannot_be_made(run: Run, small: Path, tmp_path: Path) -> None:
    """The untrained model fails in no trial by a wrong prediction: there is nothing to learn from, however often it is asked."""
    words = ("--methods", "original,gradient", "--no-replan-budget", "--trials", 2)
    result = run(*command(small, tmp_path / "out"), *words)
    assert result.exit_code == 0, result.output
    why = "nothing to learn from: no failure of a wrong symbolic prediction was met in 20 trials"
    assert f"note: table3: points2plans, gradient, 1 objects: cannot be made ({why})\n" in result.stderr
    assert "not every cell is complete" not in result.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [(row["complete"], row.get("not_run")) for row in report["rows"]] == [(True, None), (False, why)]
    more = run(*command(small, tmp_path / "out"), *words[:-1], 3, "--minutes", 0)
    assert more.exit_code == 1 and "not every cell is complete" in more.stderr


def test_ctrl_c_keeps_the_finished_trials(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [str(word) for word in command(small, out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "fail2progress.cli", *words, "--trials", "500", "--no-replan-budget"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 240.0
    while time.monotonic() < until and process.poll() is None and not any(kept(out)):
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130 and "not every cell is complete" in said and "Traceback" not in said, said
    rows = json.loads((out / "report.json").read_text())["rows"]
    assert rows[0]["trials"] >= 1 and not rows[0]["complete"]
    assert rows[1]["trials"] or rows[1]["not_run"] == "not run"


def test_without_time_it_only_reports(run: Run, small: Path, tmp_path: Path) -> None:
    result = run(*command(small, tmp_path / "out"), "--trials", 2, "--minutes", 0)
    assert result.exit_code == 1 and "not every cell is complete" in result.stderr
    rows = json.loads((tmp_path / "out" / "report.json").read_text())["rows"]
    assert {row["not_run"] for row in rows} == {"not run"}
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("<td>not run</td>") == 2 * len(rows) == 6  # in a table as the paper has it, and row by row


def test_the_page_of_a_folder_of_reports_is_written_again_with_what_was_written_about_them(
    run: Run, small: Path, tmp_path: Path
) -> None:
    run(*command(small, tmp_path / "out"), "--trials", 2, "--minutes", 0)
    (tmp_path / "out" / "report.lead.md").write_text("Nothing was run yet.\n")
    assert run("report", tmp_path / "out").exit_code == 0
    for name in ("index.html", "report.md"):
        assert "Nothing was run yet." in (tmp_path / "out" / name).read_text()
    refused = run("report", tmp_path / "out", "--film", "x.gif")
    assert refused.exit_code == 2 and "holds studies" in refused.stderr


def test_the_whole_study_is_one_page_with_a_report_for_each_part(run: Run, tmp_path: Path) -> None:
    result = run("reproduce", "all", "--quick", "--out", tmp_path / "out", "--minutes", 0, "--json")
    assert result.exit_code == 1
    reports = json.loads(result.stdout)
    assert tuple(reports) == PARTS
    page = (tmp_path / "out" / "index.html").read_text()
    for name, report in reports.items():
        assert json.loads((tmp_path / "out" / f"{name}.json").read_text()) == report and f'<section id="{name}">' in page
        assert (
            report["rows"]
            and all(row["not_run"] == "not run" for row in report["rows"])
            and report["provenance"]["commit"] is not None
        )


def test_every_task_has_a_report_of_its_own(run: Run, tmp_path: Path) -> None:
    words = ("reproduce", "tasks", "--methods", "loop", "--no-replan-budget", "--minutes", 0, "--json")
    result = run(*words, "--out", tmp_path / "out")
    assert result.exit_code == 1
    reports = json.loads(result.stdout)
    assert len(reports) == 4 and all(row["method"] == "loop" for report in reports.values() for row in report["rows"])
    assert {(tmp_path / "out" / f"{name}.md").exists() for name in reports} == {True}
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == reports
    assert (tmp_path / "out" / "report.md").read_text().count("Drawer Tidying") >= 1
    assert {row["spare"] for report in reports.values() for row in report["rows"]} == {None}


def kept(out: Path) -> list[int]:
    """Trials on disk of each cell."""
    return [len(path.read_text().splitlines()) - 1 for path in (out / "cells").glob("*.jsonl")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--models", "points3plans"), "unknown base model 'points3plans'"),
        (("--methods", "original,best"), "unknown method 'best'"),
        (("--objects", "3,four"), "--objects four"),
        (("--objects", "4"), "3, 5, 7 objects, not 4"),
        (("--task", "dancing"), "unknown task 'dancing'"),
        (("--executor", "slurm"), "unknown executor 'slurm'"),
    ],
)
def test_what_is_unknown_is_told_in_one_line(refuses: Run, tmp_path: Path, words: tuple[str, str], told: str) -> None:
    assert told in refuses("reproduce", "table3", "--out", tmp_path / "out", *words)


@pytest.mark.parametrize(("words", "tables"), [(("--replan-budget",), {None, 1}), ((), {None})])
def test_table_2_plans_again_where_asked(run: Run, tmp_path: Path, words: tuple[str, ...], tables: set[int | None]) -> None:
    asked = ("reproduce", "table2", "--methods", "replanning", "--objects", "3", "--minutes", 0, "--json", *words)
    result = run(*asked, "--out", tmp_path)
    assert {row["spare"] for row in json.loads(result.stdout)["rows"]} == tables
