"""A failure that reveals something is learnt from as if that had been seen before."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.evaluation.item_failures import failure_of
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.hindsight import known_afterwards, rebuilt_before
from fail2progress.failures.report import FailureClass
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.simulation.base import Job
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from support import samples

MODEL = load_checkpoint(weights.path(weights.RELATIONAL)).model


@pytest.fixture(scope="module")
def opened(simulator: MujocoSimulator) -> FailureEvent:
    """A drawer is opened, and what lay deep in it comes into view."""
    specs = (
        ObjectSpec("table", "table", (0.6, 0.9, 0.04)),
        ObjectSpec("chest", "cabinet", (0.25, 0.22, 0.12)),
        ObjectSpec("tray", "drawer", (0.234, 0.188, 0.086), "chest"),
        ObjectSpec("pill", "capsule", (0.035, 0.035, 0.03)),
    )
    places = ((0.6, 0.0, 0.48), (0.62, -0.2, 0.56), (0.564, -0.2, 0.56), (0.59, -0.18, 0.538))
    scene = Scene(specs, np.array([pose(*place) for place in places]), {"tray": 0.05})
    outcome = simulator.execute(Job(scene, SkillCall("open_drawer", "tray", (np.pi, 0.07))))
    return failure_of(outcome, "opened", 0, MODEL, "d" * 64)


def test_what_was_revealed_is_in_the_scene_and_asked_of_the_model(opened: FailureEvent, simulator: MujocoSimulator) -> None:
    assert not opened.before.seen[3] and {0.0} == {m.expected for m in opened.header.mismatches if "pill" in m.names}
    known = known_afterwards(opened, MODEL, simulator)
    assert known.before.seen.all() and known.id == opened.id
    assert "pill" in rebuilt_before(known).names and "pill" not in rebuilt_before(opened).names
    assert known.relations_before.value("inside", "pill", "tray") > 0.5 > opened.relations_before.value("inside", "pill", "tray")
    others = [[m for m in event.header.mismatches if "pill" not in m.names] for event in (opened, known)]
    assert others[0] == others[1]
    assert all((m.expected > 0.5) != (m.observed > 0.5) for m in known.header.mismatches)
    assert known_afterwards(known, MODEL, simulator) is known


def test_an_event_that_reveals_nothing_stays_as_it_is(simulator: MujocoSimulator) -> None:
    event = samples.failure()
    assert known_afterwards(event, MODEL, simulator) is event


def test_no_broken_relation_speaks_of_what_went_out_of_sight(simulator: MujocoSimulator) -> None:
    event = samples.failure()

    def hiding(*names: str) -> FailureEvent:
        shown = np.where([name in names for name in event.after.names], 0.0, event.after.visibility).astype(np.float32)
        return known_afterwards(event.model_copy(update={"after": replace(event.after, visibility=shown)}), MODEL, simulator)

    assert hiding("capsule_1").header.mismatches == event.header.mismatches  # it went where its cup was seen to go
    assert hiding("capsule_1", "cup_1").header.mismatches == ()


def test_the_classifier_repeats_the_skill_with_what_was_revealed(opened: FailureEvent, simulator: MujocoSimulator) -> None:
    found = Classifier(simulator, Job(rebuilt_before(opened), opened.header.call.call()).camera).classify(opened)
    assert found.category is FailureClass.SYMBOLIC_PREDICTION
    assert any(line.startswith("pill: capsule") for line in found.rebuilt)
