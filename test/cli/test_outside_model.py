"""A model from another package, which predicts relations without displacement, through the commands and the stack's loading."""

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning import learner
from fail2progress.learning.finetuning.acceptance import Rule
from fail2progress.learning.finetuning.learner import Learner
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.hot_swap import LiveModel, Offer
from fail2progress.models.registry import MODELS
from fail2progress.models.store import Registry
from support import relations_only
from support.plugins import install_plugin

PACKAGE = "outside_model"


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package, installed for this test."""
    folder = tmp_path / "site"
    folder.mkdir()
    text = Path(str(relations_only.__file__)).read_text(encoding="utf-8")
    install_plugin(folder, text, {"fail2progress.models": {"relations-only": "RelationsOnly"}}, PACKAGE)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    monkeypatch.setattr(MODELS, "_searched", False)
    yield
    MODELS.unregister("relations-only")
    sys.modules.pop(PACKAGE, None)


@pytest.fixture
def weights(run, outside: None, data: Path, tmp_path: Path) -> Path:
    out = tmp_path / "outside.safetensors"
    model = ("--model", "relations-only", "--set", "hidden=24", "--set", "slope=10.0")
    result = run("train", "--data", data, "--out", out, *model, "--epochs", 4, "--batch", 8, "--processes", 1, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["run"]["config"] == {"hidden": 24, "slope": 10.0} and report["motion"] == "implied by relations"
    return out


def test_it_is_trained_evaluated_and_learns_from_a_failure(
    run, weights: Path, event: FailureEvent, store: Path, rehearsal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A model of 24 executions learns too little within the seconds that a test has to satisfy the acceptance test.
    monkeypatch.setattr(learner, "Learner", partial(Learner, rule=Rule(gain=0.0, worst=0.0)))
    trials = run("evaluate", "--objects", 3, "--trials", 1, "--model", weights, "--processes", 1, "--json")
    assert trials.exit_code == 0, trials.output
    assert json.loads(trials.stdout)["digest"] == load_checkpoint(weights).digest

    named = ("--store", store, "--model", weights, "--rehearsal", rehearsal, "--registry", tmp_path / "models")
    budget = ("--samples", 4, "--epochs", 150, "--processes", 1, "--json")
    learnt = run("learn", event.id, *named, *budget)
    values = json.loads(learnt.stdout)
    assert learnt.exit_code == 0, (learnt.output, values)
    assert values["gate"]["passed"] and values["dataset"]["samples"] == 4
    current = Registry(tmp_path / "models").current()
    assert current.note["model"] == "relations-only" and current.note["parent"] == load_checkpoint(weights).digest

    live = LiveModel(load_checkpoint(weights))
    assert live.offer(Offer(current.path, current.digest)), live.refusal
    assert live.current.digest == current.digest


def test_where_the_package_is_missing_its_weights_are_refused(
    run, refuses, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MODELS.unregister("relations-only")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not entry.endswith("site")])
    monkeypatch.setattr(MODELS, "_searched", False)
    said = refuses("evaluate", "--trials", 1, "--model", weights)
    assert "outside.safetensors: unknown model 'relations-only'; known: binary-pred, points2plans, stow-gnn" in said
