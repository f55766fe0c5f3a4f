"""What is started by which options, before it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fail2progress.cli import up
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.store import Registry
from fail2progress.ros.launch.supervisor import Launch

Run = Callable[..., Any]


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Launch]:
    """What would be, in a folder of its own."""
    found: list[Launch] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(up, "run_stack", lambda launch, again="": found.append(launch) or 0)
    return found


def test_a_robot_is_started_with_the_settings_of_its_file(run: Run, started: list[Launch]) -> None:
    run("up", "robot", "--no-stretch")
    segmentation, planner = (started[0].command(name) for name in ("segmentation", "planner"))
    assert "obstacles:=true" in segmentation and 'segmenter:="fused"' in segmentation
    assert "observation_timeout:=60.0" in planner and 'loglevel:="info"' in planner


def test_a_file_of_parameters_counts_where_no_option_is_given(run: Run, started: list[Launch], tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("segmentation: {ros__parameters: {segmenter: learned, loglevel: error}}\n")
    run("up", "robot", "--params-file", "p.yaml", "--relations", "geometric")
    run("up", "robot", "--params-file", "p.yaml", "--segmenter", "fused")
    first, second = (launch.command("segmentation") for launch in started)
    assert not [word for word in first if word.startswith(("segmenter:", "loglevel:"))]
    assert 'segmenter:="fused"' in second and 'relations:="geometric"' in started[0].command("relations")


def test_what_a_file_says_of_the_task_is_checked_and_holds_for_all_nodes(
    run: Run, refuses: Run, started: list[Launch], tmp_path: Path
) -> None:
    (tmp_path / "p.yaml").write_text("task: {ros__parameters: {task: short}}\n")
    run("up", "sim", "--params-file", "p.yaml")
    simulated, asked = (started[0].command(name) for name in ("sim_stretch", "task"))
    assert 'task:="short"' in simulated and "objects:=1" in simulated and "objects:=1" in asked
    for text, says in (
        ("task: {ros__parameters: {task: short, objects: 7}}", "not 7"),
        ("segmentation: {ros__parameters: {segmenter: nosuch}}", "unknown segmenter 'nosuch'"),
        ("classifier: {ros__parameters: {simulator: nosuch}}", "unknown simulator 'nosuch'"),
    ):
        (tmp_path / "q.yaml").write_text(f"{text}\n")
        assert says in refuses("up", "sim", "--params-file", "q.yaml")
    (tmp_path / "q.yaml").write_text("task: {ros__parameters: {goal: ''}}\n")
    run("up", "sim", "--params-file", "q.yaml")


def test_weights_that_a_folder_does_not_go_on_from_are_refused(
    run: Run, refuses: Run, started: list[Launch], tmp_path: Path
) -> None:
    mine, other = (weights.path(name) for name in ("stow-gnn.safetensors", "plain.safetensors"))
    Registry(tmp_path / "mine" / "models").begin(load_checkpoint(mine))
    assert "holds versions of other weights" in refuses("up", "robot", "--out", "mine", "--model", str(other))
    assert "no such file" in refuses("up", "robot", "--out", "mine", "--model", "none.safetensors")
    run("up", "robot", "--out", "mine", "--model", str(mine))
    assert len(started) == 1


def test_that_there_is_nothing_to_go_on_with_is_told(run: Run, refuses: Run, started: list[Launch], tmp_path: Path) -> None:
    assert "give one of them" in refuses("up", "sim", "--resume", "--force", "--out", "new")
    assert not started and not (tmp_path / "new").exists()
    assert "note: new: nothing to go on with is there; this is a new run" in run("up", "sim", "--resume", "--out", "new").stderr
    assert len(started) == 1
