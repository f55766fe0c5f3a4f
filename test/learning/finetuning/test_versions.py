import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import torch

from fail2progress.core import gaps
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.learner import Learner
from fail2progress.learning.finetuning.rehearsal import choose, save_rehearsal
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.learning.finetuning.versions import Remembered, register_lesson, remembered, version_from, version_of
from fail2progress.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fail2progress.models.notes import CheckpointError
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.store import Registry, gaps_path, lesson_path
from fail2progress.models.training.transitions import Transitions
from support.remembering import Remembering


@pytest.fixture
def parent(model: Points2Plans, tmp_path: Path) -> Checkpoint:
    """Weights from elsewhere."""
    save_checkpoint(model, tmp_path / "parent.safetensors", {"run": "first"})
    return load_checkpoint(tmp_path / "parent.safetensors")


def test_a_lesson_says_where_it_comes_from_and_its_parent_is_one_call_away(
    remembering: Remembering, data: Transitions, event: FailureEvent, parent: Checkpoint, tmp_path: Path
) -> None:
    targeting = TargetOptions(method="prior", samples=2, oversampling=2.0, action_steps=3)
    learner = Learner(remembering, choose(data), targeting, FinetuneOptions(epochs=2, batch=4, replay=2), patience=0.0)
    lesson = learner.learn([event], parent.model, 0)
    versions = Registry(tmp_path / "models")
    made = versions.make_current(register_lesson(versions, parent, lesson, event.id, "prior", 0))
    wanted = {"parent": parent.digest, "parent_version": "v0001", "event": event.id, "method": "prior", "version": "v0002"}
    assert {key: made.note[key] for key in wanted} == wanted
    assert {"gate", "seconds", "dataset", "tries", "provenance"} <= set(made.note)
    found = gaps.read(gaps_path(versions.path("v0002")))
    assert found == lesson.gaps and {gap.run_id for gap in found} <= {event.id}
    written = (gaps_path(made.path), lesson_path(made.path), made.path)
    times = [path.stat().st_mtime_ns for path in written]
    assert times == sorted(times), "a version is there with its weights: these come last"
    assert versions.roll_back().digest == parent.digest


def test_what_a_model_comes_from_is_remembered(
    remembering: Remembering, data: Transitions, event: FailureEvent, parent: Checkpoint, tmp_path: Path
) -> None:
    targeting = TargetOptions(method="prior", samples=2, oversampling=2.0, action_steps=3)
    learner = Learner(remembering, choose(data), targeting, FinetuneOptions(epochs=1, batch=4, replay=2), patience=0.0)
    versions, store, current = Registry(tmp_path / "models"), FailureStore(tmp_path / "failures.sqlite"), parent
    for number in range(2):
        again = event.model_copy(update={"header": event.header.model_copy(update={"id": f"{number}{event.id[1:]}"})})
        known = remembered(versions, current, store)
        knows = learner.remembering(known.lessons, known.failures)
        assert len(knows.rehearsal.lessons) == len(knows.earlier) == number
        store.add(again)
        lesson = knows.learn([again], current.model, number)
        assert len(lesson.verdict.before.lessons) == number
        current = versions.make_current(register_lesson(versions, current, lesson, again.id, "prior", number))
    assert versions.versions() == ["v0001", "v0002", "v0003"]
    known = remembered(versions, current, store)
    assert [one.id[0] for one in known.failures] == ["0", "1"] and [len(one.replay) for one in known.lessons] == [2, 2]
    lesson_path(versions.path("v0002")).unlink()
    assert counts(remembered(versions, current, store)) == (1, 2, 0)
    nothing = FailureStore(tmp_path / "other.sqlite")
    assert counts(remembered(versions, current, nothing)) == (1, 0, 0)
    assert counts(remembered(versions, versions.roll_back(), nothing)) == counts(remembered(versions, parent, store)) == (0, 0, 0)


def counts(known: Remembered) -> tuple[int, int, int]:
    return len(known.lessons), len(known.failures), len(known.left_out)


@pytest.fixture
def chain(data: Transitions, event: FailureEvent, parent: Checkpoint, tmp_path: Path) -> tuple[Registry, FailureStore]:
    """v0001 from elsewhere, and a lesson after the other from it: v0002 to v0004, which is in use."""
    versions, store, kept = Registry(tmp_path / "models"), FailureStore(tmp_path / "failures.sqlite"), choose(data)
    version = versions.begin(parent).path.stem
    for number in range(3):
        again = event.model_copy(update={"header": event.header.model_copy(update={"id": f"{number}{event.id[1:]}"})})
        store.add(again)
        origin = {"parent": versions.current().digest, "parent_version": version, "event": again.id}
        with torch.no_grad():
            next(iter(parent.model.parameters())).add_(0.25)
        version = versions.register(parent.model, origin, lambda weights: save_rehearsal(kept, lesson_path(weights)))
        versions.make_current(version)
    return versions, store


def test_a_damaged_ancestor_costs_no_more_than_what_it_alone_knew(chain: tuple[Registry, FailureStore]) -> None:
    versions, store = chain
    current = versions.current()
    assert counts(remembered(versions, current, store)) == (3, 3, 0)
    for version in ("v0001", "v0002", "v0003"):
        versions.path(version).write_bytes(b"")
    assert counts(remembered(versions, current, store)) == (3, 3, 0), "weights of ancestors are not needed"
    lesson_path(versions.path("v0003")).write_bytes(b"{")
    known = remembered(versions, current, store)
    assert counts(known) == (2, 3, 1) and "lesson_v0003.safetensors: cannot be read" in known.left_out[0]
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE failures SET header = '{' WHERE id LIKE '0%'")
    known = remembered(versions, current, store)
    assert counts(known) == (2, 2, 2) and "Invalid JSON" in known.left_out[1]
    versions.path("v0003").with_suffix(".json").write_text("{")
    known = remembered(versions, current, store)
    assert counts(known) == (1, 1, 1) and [one.id[0] for one in known.failures] == ["2"]
    assert "v0003.json: cannot be read" in known.left_out[0] and "the lessons up to v0003 are not rehearsed" in known.left_out[0]
    assert "put back a copy of v0003.json, or delete it and v0003.safetensors" in known.left_out[0]


def test_weights_are_added_once(parent: Checkpoint, tmp_path: Path) -> None:
    versions = Registry(tmp_path / "models")
    assert [version_of(versions, parent), version_of(versions, parent)] == ["v0001", "v0001"]
    assert versions.versions() == ["v0001"] and load_checkpoint(versions.path("v0001")).note["run"] == "first"
    assert version_of(versions, load_checkpoint(versions.path("v0001"))) == "v0001"


def test_a_damaged_version_is_in_nobody_s_way(parent: Checkpoint, tmp_path: Path) -> None:
    versions = Registry(tmp_path / "models")
    for _ in range(2):
        versions.register(parent.model, {})
    versions.path("v0001").with_suffix(".json").unlink()
    assert version_of(versions, load_checkpoint(versions.path("v0002"))) == version_of(versions, parent) == "v0002"
    versions.path("v0002").write_bytes(b"")
    assert version_of(versions, parent) == "v0003"


def test_the_version_from_a_failure_is_found_beside_damaged_ones(parent: Checkpoint, tmp_path: Path) -> None:
    versions = Registry(tmp_path / "models")
    for event in ("one", "another", "another"):
        versions.register(parent.model, {"event": event})
    versions.path("v0001").with_suffix(".json").write_text("{")
    assert version_from(versions, "another") == "v0002" and version_from(versions, "one") is None
    versions.path("v0002").write_bytes(b"")
    assert version_from(versions, "another") == "v0003"


def test_a_model_learnt_elsewhere_brings_no_names_that_mean_other_things_here(
    remembering: Remembering, data: Transitions, event: FailureEvent, parent: Checkpoint, tmp_path: Path
) -> None:
    """Neither a parent, which would be itself, nor lessons that other versions here were learnt from."""
    targeting = TargetOptions(method="prior", samples=2, oversampling=2.0, action_steps=3)
    learner = Learner(remembering, choose(data), targeting, FinetuneOptions(epochs=1, batch=4, replay=2), patience=0.0)
    store = FailureStore(tmp_path / "failures.sqlite")
    store.add(event)
    first, second = Registry(tmp_path / "first"), Registry(tmp_path / "second")
    lesson = learner.learn([event], parent.model, 0)
    learnt = first.make_current(register_lesson(first, parent, lesson, event.id, "prior", 0))
    assert version_of(second, learnt) == "v0001"
    adopted = second.make_current("v0001")
    assert adopted.digest == learnt.digest and adopted.note["provenance"] == learnt.note["provenance"]
    assert counts(remembered(second, adopted, store)) == (0, 0, 0)
    with pytest.raises(CheckpointError, match="no parent to go back to"):
        second.roll_back()
    other = learner.learn([event], adopted.model, 1)
    third = second.make_current(register_lesson(second, adopted, other, event.id, "prior", 1))
    assert counts(remembered(second, third, store)) == (1, 1, 0)
    assert learnt.note["version"] == third.note["version"] and counts(remembered(second, learnt, store)) == (0, 0, 0)
