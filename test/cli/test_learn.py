import json
from pathlib import Path
from typing import Any

import pytest
import torch

from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning import learner
from fail2progress.models.checkpoint import load_checkpoint, save_checkpoint
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.store import Registry


@pytest.fixture
def arguments(event: FailureEvent, store: Path, checkpoint: Path, rehearsal: Path, tmp_path: Path) -> tuple[Any, ...]:
    named = ("--store", store, "--model", checkpoint, "--rehearsal", rehearsal, "--registry", tmp_path / "models")
    return ("learn", event.id, *named, "--method", "prior", "--samples", 3, "--epochs", 20, "--processes", 1, "--json")


@pytest.fixture
def humble(tmp_path: Path) -> Path:
    """A model that believes in no relation: nothing can be lost, and some displacement is learned at once."""
    torch.manual_seed(0)
    model = Points2Plans()
    torch.nn.init.constant_(model.binary.rest[-1].bias, -10.0)
    path = tmp_path / "humble.safetensors"
    save_checkpoint(model, path, {})
    return path


def test_a_better_model_becomes_current_and_names_its_parent(
    run, arguments: tuple[Any, ...], event: FailureEvent, humble: Path, tmp_path: Path
) -> None:
    result = run(*arguments, "--model", humble, "--epochs", 80)
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert (values["event"], values["method"], values["parent"]) == (event.id, "prior", str(humble))
    assert values["gate"]["passed"] and {"before", "after"} <= set(values["gate"]) and values["dataset"]["samples"] == 3
    assert {"states", "actions", "simulation", "fine-tuning", "gate"} <= set(values["seconds"])
    registry = Registry(tmp_path / "models")
    current = registry.current()
    assert str(current.path) == values["model"] and current.note["parent"] == load_checkpoint(humble).digest
    assert registry.roll_back().digest == load_checkpoint(humble).digest


def test_a_rejected_model_leaves_everything_as_it_was(run, arguments: tuple[Any, ...], tmp_path: Path) -> None:
    result = run(*arguments)  # an untrained model has no relations to learn from
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("fail2progress: the new model was rejected: it ")
    values = json.loads(result.stdout)
    assert values["model"] is None and not values["gate"]["passed"]
    assert Registry(tmp_path / "models").versions() == []


def test_ctrl_c_leaves_everything_as_it_was(
    run, arguments: tuple[Any, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(learner, "finetune", interrupted)
    result = run(*arguments)
    assert result.exit_code == 1 and "stopped; the model in use" in result.stderr.splitlines()[-1]
    assert Registry(tmp_path / "models").versions() == []


def test_mistakes(refuses, arguments: tuple[Any, ...], checkpoint: Path, tmp_path: Path) -> None:
    assert "unknown method 'magic'; known: stein" in refuses(*arguments, "--method", "magic")
    assert "unknown acquisition 'luck'" in refuses(*arguments, "--acquisition", "luck")
    assert "no failure whose id" in refuses("learn", "ffff", *arguments[2:])
    assert "no failure store" in refuses(*arguments, "--store", tmp_path / "none")
    assert "cannot be read" in refuses(*arguments, "--rehearsal", tmp_path / "none")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(checkpoint.read_bytes()[:1000])
    cut.with_suffix(".json").write_text(checkpoint.with_suffix(".json").read_text())
    assert "cut.safetensors" in refuses(*arguments, "--model", cut)


def test_learning_in_a_simulator_from_outside(run, arguments: tuple[Any, ...], humble: Path, kinematic: str) -> None:
    result = run(*arguments, "--model", humble, "--epochs", 80, "--simulator", kinematic)
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert values["gate"]["passed"] and values["dataset"]["samples"] == 3
