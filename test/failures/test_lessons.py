from pathlib import Path
from typing import Any

import pytest

from fail2progress.failures.event import FailureEvent
from fail2progress.failures.lessons import Lessons
from fail2progress.failures.sentences import learnt
from fail2progress.failures.store import FailureStore
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.store import Registry
from support.samples import failure

SCORES = {"failure_f1": 0.5, "held_out_prediction": 0.97}


@pytest.fixture
def versions(tmp_path: Path) -> Registry:
    """v0001, from which v0002 learnt, and v0003 from that; v0004 was never taken. v0003 is in use."""
    registry, model = Registry(tmp_path / "models"), Points2Plans(Points2PlansConfig(relational=True, feedforward=16, layers=1))
    registry.register(model, {})
    for parent in ("v0001", "v0002", "v0003"):
        gate: dict[str, Any] = {"passed": True, "reason": f"better than {parent}", "before": SCORES, "after": SCORES}
        registry.register(model, {"parent_version": parent, "event": failure().id, "gate": gate})
    registry.make_current("v0003")
    return registry


@pytest.fixture
def store(tmp_path: Path) -> FailureStore:
    found, event = FailureStore(tmp_path / "failures.sqlite"), failure()
    other = event.model_copy(update={"header": event.header.model_copy(update={"id": "another"})})
    for each in (event, other):
        found.add(each)
    return found


def test_a_version_that_lives_is_told_whatever_the_store_says(versions: Registry, store: FailureStore) -> None:
    event: FailureEvent = failure()
    store.add_lesson(event.id, "", "rejected")
    living = (("v0002", "better than v0001"), ("v0003", "better than v0002"))
    assert Lessons.beside(store).of(event.id) == (*living, ("", "rejected"))
    assert Lessons.beside(store).of("another") == ()
    store.add_lesson(event.id, "v0003", "as the store has it")
    assert Lessons.beside(store).of(event.id) == (living[0], ("", "rejected"), ("v0003", "as the store has it"))
    versions.make_current("v0002")
    assert Lessons.beside(store).of(event.id)[0] == living[0]


def test_a_version_that_lives_is_told_after_those_before_it(versions: Registry, store: FailureStore) -> None:
    """So that what counts is the one in use: the store tells of the first one only, as the process ended after the second."""
    store.add_lesson(failure().id, "v0002", "better")
    told = Lessons.beside(store).of(failure().id)
    assert told == (("v0002", "better"), ("v0003", "better than v0002"))
    assert list(learnt(told)) == ["The model v0003 learnt from it: better than v0002."]
    store.add_lesson(failure().id, "", "rejected")
    store.add_lesson(failure().id, "v0004", "never taken")
    order = [version for version, _ in Lessons.beside(store).of(failure().id)]
    assert order == ["v0002", "v0003", "", "v0004"]


def test_what_is_damaged_of_the_versions_is_left_out(versions: Registry, store: FailureStore) -> None:
    versions.path("v0002").with_suffix(".json").write_text("{")
    assert Lessons.beside(store).of(failure().id) == (("v0003", "better than v0002"),)
    (versions.folder / "CURRENT").write_text("v0009")
    assert Lessons.beside(store).of(failure().id) == ()
    (versions.folder / "CURRENT").unlink()
    assert Lessons.beside(store).of(failure().id) == ()
