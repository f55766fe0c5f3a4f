from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from fail2progress.cli.main import app
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch
from fail2progress.failures.store import FailureStore
from fail2progress.learning.finetuning.rehearsal import choose, save_rehearsal
from fail2progress.learning.pretraining.pretrain import prepared
from fail2progress.learning.pretraining.shards import open_dataset
from fail2progress.models.checkpoint import save_checkpoint
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.simulation.base import Job
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.registry import task

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs a command; the result has exit_code, stdout and stderr. What is no mistake of the user is raised."""

    def invoke(*arguments: object) -> Any:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def refuses(run: Run) -> Run:
    """Runs a command that must end with exit code 2, one line on standard error and nothing on standard output."""

    def invoke(*arguments: object) -> str:
        result = run(*arguments)
        lines = result.stderr.splitlines()
        assert (result.exit_code, result.stdout, len(lines)) == (2, "", 1), result.output
        return str(lines[0])

    return invoke


@pytest.fixture(scope="session")
def data(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 24 executions."""
    folder = tmp_path_factory.mktemp("data")
    result = run("generate", "--executions", 24, "--seed", 3, "--out", folder, "--processes", 1)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    save_checkpoint(Points2Plans(Points2PlansConfig(relational=True)), path, {})
    return path


@pytest.fixture(scope="session")
def rehearsal(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Executions for replay and for the gate."""
    path = tmp_path_factory.mktemp("rehearsal") / "rehearsal.safetensors"
    save_rehearsal(choose(prepared(open_dataset(data), path.with_name("prepared.safetensors"))), path)
    return path


@pytest.fixture(scope="session")
def event() -> FailureEvent:
    """A cup with a capsule in it was to be carried, and the capsule was expected to stay behind."""
    trial = task("hierarchical-tabletop").trial(3, 5)
    scene = trial.scene
    poses = scene.poses.copy()
    poses[scene.index("capsule_1"), :3] = poses[scene.index("cup_1"), :3] + [0.0, 0.0, 0.03]
    call = SkillCall("pick_place", "cup_1", (0.0, -0.7, 0.02, 0.0), "table_b")
    outcome = MujocoSimulator().execute(Job(scene.with_poses(poses), call, seed=1))
    before, after = outcome.before, outcome.after
    expected = replace(after.relations, binary=before.relations.binary.astype(float))
    header = Header(
        id="0b5d3a52-5c0e-4d0a-9d0e-7d2f6b1c2a3e", time="2025-01-01T00:00:00.000+00:00",
        task=trial.task, objects=3, seed=5, step=1,
        goal=tuple(map(str, trial.goal.atoms)), call=Call.of(call), plan=(Call.of(call),), model="0" * 64,
        mismatches=(Mismatch(relation="above", subject="capsule_1", other="table_a", expected=0.9, observed=0.1),),
        names=before.cloud.names, categories=before.cloud.categories, frame=before.cloud.frame, stamps=(0.0, 1.0),
    )  # fmt: skip
    return FailureEvent(
        header=header,
        before=before.cloud,
        after=after.cloud,
        relations_before=before.relations,
        expected=expected,
        observed=after.relations,
    )


@pytest.fixture
def store(event: FailureEvent, tmp_path: Path) -> Path:
    """A failure store with the event in it."""
    path = tmp_path / "failures.sqlite"
    FailureStore(path).add(event)
    return path
