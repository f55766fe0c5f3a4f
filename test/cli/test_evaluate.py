import json
from dataclasses import replace
from pathlib import Path

import pytest

from fail2progress.evaluation import evaluate as room
from fail2progress.evaluation.trials import TrialResult
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.notes import CheckpointError

KEYS = {"task", "objects", "method", "trials", "successes", "rate", "ci95", "seed", "seconds", "model"}
RESULT = TrialResult(100_000, 3, True, "done", 5, 5, 0.9, "", (0, 0, 0, 5), float("nan"), 0.01, (10, 0, 0))


def test_real_trials(run, checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "reports" / "untrained.json"
    options = ("--objects", 3, "--trials", 1, "--model", checkpoint, "--processes", 1, "--seed", 2, "--out", out, "--json")
    result = run("evaluate", *options)
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert set(values) >= KEYS and values["digest"] == load_checkpoint(checkpoint).digest
    assert (values["trials"], values["successes"], values["rate"], values["method"]) == (1, 0, 0.0, "original")
    report = json.loads(out.read_text())
    assert report["complete"] and [row["seed"] for row in report["rows"]] == [200_000] and "provenance" in report


def test_ctrl_c_sums_up_the_finished_trials(run, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def two_of_five(work, executor):
        yield replace(RESULT, seed=work[1].seed)
        yield replace(RESULT, seed=work[0].seed, success=False)
        raise KeyboardInterrupt

    monkeypatch.setattr(room, "evaluate", two_of_five)
    out = tmp_path / "report.json"
    result = run("evaluate", "--trials", 5, "--model", checkpoint, "--out", out, "--json")
    values = json.loads(result.stdout)
    assert result.exit_code == 130 and (values["trials"], values["successes"], values["along_error_m"]) == (2, 1, None)
    report = json.loads(out.read_text())
    assert not report["complete"] and [row["seed"] for row in report["rows"]] == [100_000, 100_001]
    assert result.stderr.splitlines()[-1] == "fail2progress: stopped after 2 of 5 trials; the same command goes on from there"


def test_where_no_plan_is_believed_to_reach_the_goal_it_is_said(
    run, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_plan(work, executor):
        yield replace(RESULT, seed=work[0].seed, success=False, outcome="no plan", plan_probability=0.0)
        yield replace(RESULT, seed=work[1].seed, success=False, plan_probability=0.01)
        yield replace(RESULT, seed=work[2].seed, success=False)

    monkeypatch.setattr(room, "evaluate", without_plan)
    result = run("evaluate", "--trials", 3, "--model", checkpoint, "--out", tmp_path / "report.json")
    assert "in 2 of 3 trials no plan was found that is believed to reach the goal" in result.stderr


def test_what_speaks_against_a_goal_is_said_before_its_trials(
    run, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "evaluate", lambda work, executor: iter([replace(RESULT, seed=work[0].seed)]))
    options = ("evaluate", "--trials", 1, "--model", checkpoint, "--out", tmp_path / "report.json")
    said = run(*options, "--goal", "above(table_a, table_b)").stderr.splitlines()
    assert said[0] == "note: above(table_a, table_b): neither table_a nor table_b can be moved"
    assert "note:" not in run(*options).stderr


def test_mistakes(refuses, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ("--model", checkpoint)
    assert "at least one trial" in refuses("evaluate", *model, "--trials", 0)
    assert "at least one trial" in refuses("evaluate", *model, "--trials", -3)
    assert "unknown task 'tidy'; known: constrained-packing" in refuses("evaluate", *model, "--task", "tidy")
    assert "not 4" in refuses("evaluate", *model, "--objects", 4)
    assert "unknown method 'luck'" in refuses("evaluate", *model, "--method", "luck")
    assert "learned from a failure" in refuses("evaluate", *model, "--method", "fail2progress")
    assert "by definition" in refuses("evaluate", *model, "--method", "original", "--replan")
    assert "is a folder" in refuses("evaluate", *model, "--out", tmp_path)
    for words in (("--goal", ""), ("--lifelong", "--over", " ")):
        assert "says nothing: leave it out" in refuses("evaluate", *model, *words)
    assert "'pill' is no group" in refuses("evaluate", *model, "--goal", "inside(pill_*, cup_1)")
    assert "none.safetensors: no such file" in refuses("evaluate", "--model", tmp_path / "none.safetensors")
    note = json.loads(checkpoint.with_suffix(".json").read_text())
    old = tmp_path / "old.safetensors"
    old.write_bytes(checkpoint.read_bytes())
    old.with_suffix(".json").write_text(json.dumps({**note, "schema": 99}))
    assert "schema 99" in refuses("evaluate", "--model", old)

    def missing(name: str) -> Path:
        raise CheckpointError(f"{name}: not in this installation")

    monkeypatch.setattr(weights, "path", missing)
    assert "not in this installation" in refuses("evaluate", "--trials", 1)


def test_trials_in_a_simulator_from_outside(run, refuses, checkpoint: Path, kinematic: str) -> None:
    options = ("evaluate", "--objects", 3, "--trials", 1, "--model", checkpoint, "--processes", 1, "--seed", 2)
    result = run(*options, "--simulator", kinematic, "--json")
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert (values["trials"], values["simulator"]) == (1, kinematic)
    assert "unknown simulator 'bullet'; known: " in refuses(*options, "--simulator", "bullet")


def test_real_trials_on_perceived_segments(run, refuses, checkpoint: Path) -> None:
    options = ("evaluate", "--objects", 3, "--trials", 1, "--model", checkpoint, "--processes", 1, "--seed", 2)
    result = run(*options, "--segmenter", "geometric", "--json")
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert (values["trials"], values["robot"], values["segmenter"]) == (1, "hand", "geometric")
    assert "unknown segmenter 'eyes'" in refuses(*options, "--segmenter", "eyes")
    assert "unknown robot 'arm'" in refuses(*options, "--robot", "arm")


@pytest.mark.parametrize(
    "words",
    ["--task hierarchical-tabletop", "--objects 5", "--goal x", "--method original", "--open-loop", "--free-order", "--slack 0",
     "--relations combined", "--robot hand", "--segmenter fused"],
)  # fmt: skip
def test_lifelong_refuses_what_it_has_no_use_for(refuses, words: str, tmp_path: Path) -> None:
    said = refuses("evaluate", "--lifelong", "--out", tmp_path / "life", *words.split())
    option = words.split()[0].replace("--open-loop", "--replan/--open-loop")
    assert f"{option} is for evaluations without --lifelong: leave it out" in said and not (tmp_path / "life").exists()


@pytest.mark.parametrize("words", ["--over row-pushed", "--failures 10"])
def test_what_is_for_lifelong_is_refused_without_it(refuses, words: str) -> None:
    assert f"{words.split()[0]} is for evaluations with --lifelong" in refuses("evaluate", *words.split())


def test_lifelong_mistakes(refuses, checkpoint: Path, tmp_path: Path) -> None:
    lifelong = ("evaluate", "--lifelong", "--model", checkpoint, "--out", tmp_path / "life", "--processes", 1)
    assert "unknown task 'juggling'" in refuses(*lifelong, "--over", "row-pushed,juggling")
    assert "not 4" in refuses(*lifelong, "--over", "hierarchical-tabletop/4")
    assert "at least one trial" in refuses(*lifelong, "--trials", 0)
    (tmp_path / "life").mkdir()
    (tmp_path / "life" / "lifelong.jsonl").write_text('{"run": {"model": "another"}}\n')
    assert "rows of another run" in refuses(*lifelong, "--over", "row-pushed")
