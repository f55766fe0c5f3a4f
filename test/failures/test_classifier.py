from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.goals import Atom, Goal
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState, binary_relations
from fail2progress.core.scene import Scene, pose
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import Call, FailureEvent, Header, event_id
from fail2progress.failures.monitor import mismatches
from fail2progress.failures.report import FailureClass
from fail2progress.simulation.base import Disturbances, Job, Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.reconstruction import rebuild
from fail2progress.skills.base import SkillCall

SIMULATOR = MujocoSimulator()
GOAL = Goal((Atom("inside", "pill", "cup"), Atom("above", "cup", "table_b")))


def loaded(seed: int) -> Scene:
    """A cup with a capsule in it on one of two tables."""
    x, y = np.random.default_rng(seed).uniform(-0.05, 0.05, 2)
    specs = (
        ObjectSpec("table_a", "table", (0.5, 0.5, 0.04)),
        ObjectSpec("table_b", "table", (0.5, 0.5, 0.04)),
        ObjectSpec("cup", "cup", (0.09, 0.09, 0.07)),
        ObjectSpec("pill", "capsule", (0.03, 0.03, 0.03)),
    )
    poses = [pose(0.6, 0.4, 0.48), pose(0.6, -0.4, 0.48), pose(0.6 + x, 0.35 + y, 0.535), pose(0.6 + x, 0.35 + y, 0.52)]
    return Scene(specs, np.stack(poses))


def carried(seed: int, disturbances: Disturbances) -> Outcome:
    call = SkillCall("pick_place", "cup", (0.0, -0.7, 0.012, 0.0), "table_b")
    return SIMULATOR.execute(Job(loaded(seed), call, Camera(), seed, disturbances))


def probabilities(state: RelationState) -> RelationState:
    return RelationState(state.names, np.asarray(state.binary, float), np.asarray(state.unary, float))


def moved(outcome: Outcome, *names: str) -> RelationState:
    """The relations, had the call moved these objects and nothing else."""
    before = outcome.before
    poses = before.scene.poses.copy()
    rows = [before.scene.index(name) for name in names]
    poses[rows, :3] += outcome.call.parameters[:3]
    bounds = before.scene.with_poses(poses).bounds()
    touching = np.zeros((len(poses),) * 2, bool)
    return probabilities(RelationState(before.scene.names, binary_relations(bounds, touching), before.relations.unary))


def event_of(outcome: Outcome, expected: RelationState, goal: Goal = GOAL) -> FailureEvent:
    before, after = outcome.before, outcome.after
    observed = probabilities(after.relations)
    found = mismatches(expected, observed, goal)
    assert found
    header = Header(
        id=event_id(before.cloud, outcome.call, "m", 0, 0),
        time="2025-01-01T00:00:00+00:00",
        task="test",
        objects=2,
        seed=0,
        step=0,
        goal=tuple(map(str, goal.atoms)),
        call=Call.of(outcome.call),
        plan=(),
        model="m",
        mismatches=found,
        names=before.cloud.names,
        categories=before.cloud.categories,
        frame=before.cloud.frame,
        stamps=(0.0, 1.0),
    )
    return FailureEvent(
        header=header,
        before=before.cloud,
        after=after.cloud,
        relations_before=probabilities(before.relations),
        expected=expected,
        observed=observed,
    )


def hidden(cloud: SegmentedCloud, name: str) -> SegmentedCloud:
    """The same where no camera sees a thing."""
    points, visibility = cloud.points.copy(), cloud.visibility.copy()
    points[cloud.index(name)], visibility[cloud.index(name)] = np.nan, 0.0
    return replace(cloud, points=points, visibility=visibility)


@pytest.mark.parametrize("seed", range(4))
def test_a_model_that_leaves_contents_behind_predicted_wrongly(seed: int) -> None:
    outcome = carried(seed, Disturbances())
    assert GOAL.satisfied(outcome.after.relations)
    report = Classifier(SIMULATOR, Camera()).classify(event_of(outcome, moved(outcome, "cup")), seed)
    assert report.category is FailureClass.SYMBOLIC_PREDICTION
    assert report.confidence == 1.0 and report.repetitions == 5 and report.differences == ()
    assert len(report.rebuilt) == 4 and any(line.startswith("cup: cup [0.0") for line in report.rebuilt)


class Tumbling(MujocoSimulator):
    """In some executions of a scene a thing has moved before the skill begins."""

    def __init__(self, name: str, times: int) -> None:
        super().__init__()
        self.name, self.times = name, times

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        for number, outcome in enumerate(super().execute_all(jobs)):
            poses = outcome.before.scene.poses.copy()
            poses[outcome.before.scene.index(self.name), 0] += 0.05 * (number < self.times)
            yield replace(outcome, before=replace(outcome.before, scene=outcome.before.scene.with_poses(poses)))


@pytest.mark.parametrize(("name", "times", "left"), [("pill", 5, 0), ("pill", 3, 0), ("pill", 2, 3), ("table_a", 5, 5)])
def test_repetitions_of_scenes_in_which_what_is_concerned_tumbles_do_not_vote(name: str, times: int, left: int) -> None:
    outcome = carried(0, Disturbances())
    event = event_of(outcome, moved(outcome, "cup"))
    assert name == "table_a" or any(name in mismatch.names for mismatch in event.header.mismatches)
    report = Classifier(Tumbling(name, times), Camera()).classify(event)
    assert report.repetitions == left
    if left:
        assert report.category is FailureClass.SYMBOLIC_PREDICTION
    else:
        assert report.category is FailureClass.UNDECIDED and f"in {times} of 5 repetitions" in report.reason


@pytest.mark.parametrize("seed", range(4))
def test_a_missed_grasp_is_a_gap_between_simulation_and_world(seed: int) -> None:
    outcome = carried(seed, Disturbances(grasp_miss=1.0))
    event = event_of(outcome, moved(outcome, "cup", "pill"))
    report = Classifier(SIMULATOR, Camera()).classify(event, seed)
    assert report.category is FailureClass.SIM2REAL_GAP and report.confidence == 1.0
    assert report.failure == event.id
    # The evidence: the simulation took the cup to the other table, the world did not.
    assert any((m.relation, m.subject, m.other) == ("above", "cup", "table_b") for m in report.differences)
    assert all((m.expected > 0.5) != (m.observed > 0.5) for m in report.differences)


def test_the_same_seed_gives_the_same_report() -> None:
    outcome = carried(0, Disturbances())
    event = event_of(outcome, moved(outcome, "cup"))
    classifier = Classifier(SIMULATOR, Camera(), repetitions=3)
    assert classifier.classify(event, 7) == classifier.classify(event, 7)


def test_an_object_that_was_not_seen_is_named() -> None:
    outcome = carried(0, Disturbances())
    event = event_of(outcome, moved(outcome, "cup"))
    points = event.before.points.copy()
    points[event.before.index("cup")] = np.nan
    blind = event.model_copy(
        update={"before": type(event.before)(event.before.names, event.before.categories, points, event.before.visibility)}
    )
    assert rebuild(blind.before).left_out == ("cup",)
    report = Classifier(SIMULATOR, Camera()).classify(blind)
    assert report.category is FailureClass.UNDECIDED and "'cup'" in report.reason
    assert report.repetitions == 0 and report.signals == ()


def test_a_failure_of_nothing_that_was_seen_is_undecided() -> None:
    """All relations that broke speak of the pill: where no camera sees it, the simulation does nothing that could agree."""
    outcome = carried(0, Disturbances())
    event = event_of(outcome, moved(outcome, "cup"))
    assert all("pill" in mismatch.names for mismatch in event.header.mismatches)
    unseen = {side: hidden(cloud, "pill") for side, cloud in (("before", event.before), ("after", event.after))}
    report = Classifier(SIMULATOR, Camera()).classify(event.model_copy(update=unseen))
    assert report.category is FailureClass.UNDECIDED and "'pill' was not seen" in report.reason
    before = event.model_copy(update={"before": unseen["before"]})
    assert Classifier(SIMULATOR, Camera()).classify(before).category is FailureClass.SYMBOLIC_PREDICTION, "seen afterwards"


def test_a_scene_that_does_not_fit_what_was_seen_leaves_the_class_undecided() -> None:
    outcome = carried(0, Disturbances())
    event = event_of(outcome, moved(outcome, "cup"))
    points = event.before.points.copy()
    points[event.before.index("cup"), ::4] += (0.0, 0.05, 0.08)  # a part of the segment is something else
    odd = event.model_copy(update={"before": replace(event.before, points=points)})
    report = Classifier(SIMULATOR, Camera()).classify(odd)
    assert report.category is FailureClass.UNDECIDED and report.confidence == 0.0
    assert "cup:" in report.reason and "mm between its surface and what was seen" in report.reason
    (row,) = [signals for signals in report.final_signals if signals.asset == "cup"]
    assert abs(row.geometry_mismatch_mm) > 5.0


def test_a_report_carries_the_signals_before_and_after_the_corrections() -> None:
    outcome = carried(0, Disturbances())
    report = Classifier(SIMULATOR, Camera()).classify(event_of(outcome, moved(outcome, "cup")))
    for rows in (report.initial_signals, report.final_signals):
        assert [row.asset for row in rows] == ["table_a", "table_b", "cup", "pill"]
    assert all(abs(row.geometry_mismatch_mm) < 5.0 for row in report.final_signals)
    assert not any(row.contact_equilibrium_fail or row.reachability_fail for row in report.final_signals)


def test_a_gap_after_a_push_comes_with_the_friction_that_would_explain_it() -> None:
    """On slippery ground the block slides over the edge of its table."""
    table, block = ObjectSpec("table", "table", (0.5, 0.5, 0.04)), ObjectSpec("block", "cuboid", (0.06, 0.06, 0.05))
    scene = Scene((table, block), np.stack([pose(0.6, 0.0, 0.48), pose(0.6, -0.15, 0.525)]))
    job = Job(scene, SkillCall("push", "block", (-np.pi / 2, 0.06)), Camera(), seed=1)
    stays, world = SIMULATOR.execute(job), SIMULATOR.execute(replace(job, disturbances=Disturbances(surface=0.12)))
    expected = probabilities(stays.after.relations)
    event = event_of(world, expected, Goal((Atom("above", "block", "table"),)))
    report = Classifier(SIMULATOR, Camera()).classify(event)
    assert report.category is FailureClass.SIM2REAL_GAP
    assert report.reason.startswith("the friction between things at 0.1")
