import errno
import fcntl
import json
import os
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fail2progress.cli import learn as learn_command
from fail2progress.cli.common import UserError
from fail2progress.core.runs import Runs
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore
from fail2progress.learning.finetuning import ladder, same_scenes
from fail2progress.learning.finetuning.learner import FineTuningResult, Learner
from fail2progress.models import weights
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import digest_of, load_checkpoint, save_checkpoint
from fail2progress.models.registry import MODELS
from fail2progress.models.store import Registry
from fail2progress.stein.states import NothingToVaryError
from support import samples


@pytest.fixture
def arguments(event: FailureEvent, store: Path, checkpoint: Path, rehearsal: Path, tmp_path: Path) -> tuple[Any, ...]:
    named = ("--store", store, "--model", checkpoint, "--rehearsal", rehearsal, "--registry", tmp_path / "models")
    budget = ("--samples", 3, "--epochs", 2, "--patience", 0, "--processes", 1)
    return ("learn", event.id, *named, "--method", "prior", *budget, "--json")


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A model with the weights of the package, which have never seen a loaded cup move."""
    path = tmp_path / "shipped.safetensors"
    save_checkpoint(load_checkpoint(weights.path(weights.RELATIONAL)).model, path, {})
    return path


def test_a_better_model_becomes_current_and_names_its_parent(
    run, arguments: tuple[Any, ...], event: FailureEvent, shipped: Path, tmp_path: Path
) -> None:
    result = run(*arguments, "--model", shipped, "--epochs", 120)
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert (values["event"], values["method"], values["parent"]) == (event.id, "prior", str(shipped))
    assert values["gate"]["passed"] and {"before", "after"} <= set(values["gate"]) and values["dataset"]["samples"] == 3
    assert {"set-up", "states", "actions", "simulation", "fine-tuning", "gate"} <= set(values["seconds"])
    same = values["same_scenes"]
    assert same["scenes"] > 0 and same["after"]["f1"] > same["before"]["f1"]
    registry = Registry(tmp_path / "models")
    current = registry.current()
    assert str(current.path) == values["model"] and current.note["parent"] == load_checkpoint(shipped).digest
    assert registry.roll_back().digest == load_checkpoint(shipped).digest


def test_a_rejected_model_leaves_everything_as_it_was(run, arguments: tuple[Any, ...], tmp_path: Path) -> None:
    result = run(*arguments)  # an untrained model has no relations to learn from
    assert result.exit_code == 1
    said = result.stderr.splitlines()[-1]
    assert said.startswith("fail2progress: the new model was rejected: it ") and "the one in use stays" in said
    assert "--patience 200" in said and "(failures ls)" in said  # no time was left for other data
    values = json.loads(result.stdout)
    assert values["model"] is None and not values["gate"]["passed"]
    assert Registry(tmp_path / "models").versions() == []


def test_a_damaged_ancestor_is_named_and_stops_no_lesson(
    run, arguments: tuple[Any, ...], checkpoint: Path, tmp_path: Path
) -> None:
    versions, start = Registry(tmp_path / "models"), load_checkpoint(checkpoint)
    versions.begin(start)
    versions.register(start.model, {"parent": start.digest, "parent_version": "v0001", "event": "removed"})
    versions.make_current("v0002")
    versions.path("v0001").with_suffix(".json").write_text("{")
    at = arguments.index("--model")
    result = run(*arguments[:at], *arguments[at + 2 : -1])
    assert result.exit_code == 1 and "the new model was rejected" in result.stderr.splitlines()[-1]
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("note: ") and "v0001" in line)
    assert "the lessons up to v0001 are not rehearsed" in line and "put back a copy of v0001.json" in line


def test_ctrl_c_leaves_everything_as_it_was(
    run, arguments: tuple[Any, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ladder, "finetune", interrupted)
    result = run(*arguments)
    assert result.exit_code == 130 and "stopped; the model in use" in result.stderr.splitlines()[-1]
    assert Registry(tmp_path / "models").versions() == []


@pytest.fixture(scope="module")
def lessons() -> dict[str, FineTuningResult]:
    """What was learnt in this module by a learner that is lenient, once from each model."""
    return {}


@pytest.fixture
def lenient(lessons: dict[str, FineTuningResult], monkeypatch: pytest.MonkeyPatch) -> None:
    """An acceptance test that every model passes. These tests look at what becomes of a lesson, which they share."""
    learn = Learner.learn

    def passed(learner: Learner, events: list[FailureEvent], model: SkillEffectModel, *rest: Any) -> FineTuningResult:
        start = digest_of(model)
        if start not in lessons:
            lessons[start] = learn(learner, events, model, *rest)
        lesson = lessons[start]
        return replace(lesson, verdict=replace(lesson.verdict, passed=True, reason="better"))

    monkeypatch.setattr(Learner, "learn", passed)


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("error", [KeyboardInterrupt(), NothingToVaryError("nothing")])
def test_what_was_learnt_is_kept_whatever_becomes_of_the_comparison_after_it(
    run,
    arguments: tuple[Any, ...],
    event: FailureEvent,
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    def ended(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(same_scenes, "same_scenes", ended)
    result = run(*arguments)
    assert Registry(tmp_path / "models").current().note["event"] == event.id
    assert FailureStore(store).lesson(event.id) == ("v0002", "better")
    if isinstance(error, KeyboardInterrupt):
        assert result.exit_code == 130 and "stopped; v0002 is the current model" in result.stderr
    else:
        assert result.exit_code == 0 and json.loads(result.stdout)["same_scenes"] is None


@pytest.mark.usefixtures("lenient")
def test_what_came_into_use_during_a_lesson_stays(
    run,
    arguments: tuple[Any, ...],
    event: FailureEvent,
    store: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learn, versions = Learner.learn, Registry(tmp_path / "models")

    def overtaken(*arguments: Any) -> FineTuningResult:
        lesson = learn(*arguments)
        versions.begin(load_checkpoint(checkpoint))
        return lesson

    monkeypatch.setattr(Learner, "learn", overtaken)
    monkeypatch.setattr(same_scenes, "same_scenes", nothing_to_compare)
    result = run(*arguments)
    assert result.exit_code == 1 and versions.current().note["version"] == "v0001"
    reason = f"v0001 came into use in {versions.folder} while v0002 was learnt, and stays"
    assert f"fail2progress: {reason}; `fail2progress models use v0002 --registry {versions.folder}` switches" in result.stderr
    values = json.loads(result.stdout)
    assert (values["version"], values["current"]) == ("v0002", False) and versions.path("v0002").exists()
    assert FailureStore(store).lesson(event.id) == ("", reason)
    monkeypatch.setattr(Learner, "learn", learn)
    assert run(*arguments[:-1]).exit_code == 0 and versions.current().note["version"] == "v0003"


def nothing_to_compare(*arguments: object) -> None:
    raise NothingToVaryError("nothing")


def test_a_model_that_cannot_learn_is_told_before_anything_is_kept(
    refuses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    examples = Path(__file__).resolve().parents[2] / "examples"
    own = runpy.run_path(str(examples / "own_model.py"))["BoxesMove"]
    MODELS.register("boxes-move", own)
    try:
        save_checkpoint(own(), tmp_path / "own.safetensors", {})
        said = refuses("learn", "--item", examples / "items.jsonl", "--model", "own.safetensors")
    finally:
        MODELS.unregister("boxes-move")
    assert "boxes-move has nothing to train: its finetuned_parameters() gives no weights" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.json", "own.safetensors"]


@pytest.mark.usefixtures("lenient")
def test_nothing_is_compared_that_nobody_asked_for(run, arguments: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_scenes, "same_scenes", None)
    assert run(*arguments[:-1]).exit_code == 0


def test_mistakes(refuses, arguments: tuple[Any, ...], checkpoint: Path, tmp_path: Path) -> None:
    assert "unknown generator of samples 'magic'; known: stein" in refuses(*arguments, "--method", "magic")
    assert "unknown acquisition 'luck'" in refuses(*arguments, "--acquisition", "luck")
    assert "no failure whose id" in refuses("learn", "ffff", *arguments[2:])
    assert not (tmp_path / "models").exists()
    assert "no failure store" in refuses(*arguments, "--store", tmp_path / "none")
    assert "cannot be read" in refuses(*arguments, "--rehearsal", tmp_path / "none")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(checkpoint.read_bytes()[:1000])
    cut.with_suffix(".json").write_text(checkpoint.with_suffix(".json").read_text())
    assert "cut.safetensors" in refuses(*arguments, "--model", cut)


def test_learning_in_a_simulator_from_outside(
    run, arguments: tuple[Any, ...], shipped: Path, kinematic: str, tmp_path: Path
) -> None:
    FailureStore(tmp_path / "other.sqlite").add(
        samples.failure()
    )  # nothing is knocked over in it: that simulator knows no collisions
    choices = ("--simulator", kinematic, "--method", "near-copies", "--store", tmp_path / "other.sqlite")
    result = run(*arguments, "--model", shipped, "--epochs", 120, *choices)
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert values["gate"]["passed"] and values["dataset"]["samples"] == 3


@pytest.mark.parametrize("locks", [False, True], ids=["no file locks", "a store of another user"])
def test_it_is_found_before_the_work_that_a_lesson_could_not_be_kept(
    run, arguments: tuple[Any, ...], store: Path, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    def begin(*_: object, **__: object) -> None:
        pytest.fail("the work has begun")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(Learner, "learn", begin)
    if locks:
        whole = os.open
        monkeypatch.setattr(
            os, "open", lambda path, *more, **words: denied(path) if path == store else whole(path, *more, **words)
        )
    else:
        monkeypatch.setattr(fcntl, "flock", refuse)
    result = run(*arguments)
    assert result.exit_code == 2
    said = "failures.sqlite: cannot be written (Permission denied)" if locks else ".models.lock: files cannot be locked there"
    assert said in result.stderr


def denied(path: Path) -> int:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def test_a_new_run_that_nothing_can_be_kept_in_is_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folder: Path, *how: object, **more: object) -> None:
        raise UserError(f"{folder}: cannot be written")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(learn_command, "writable", refused)
    with pytest.raises(UserError, match="cannot be written"):
        learn_command._new_store()
    assert Runs().all() == [] and not (tmp_path / "runs" / "learn" / "latest").is_symlink()
