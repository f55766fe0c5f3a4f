from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Scene, pose
from fail2progress.failures import signals as rules
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch, event_id
from fail2progress.failures.report import FailureClass, FailureReport, FailureSignal
from fail2progress.failures.routes import SIGNALS, route
from fail2progress.failures.signals import signals
from fail2progress.failures.store import FailureStore
from fail2progress.simulation.base import Disturbances, Job, Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.adjustments import adjustable, bounded
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import infeasible
from fail2progress.skills.registry import SKILLS
from fail2progress.tasks.layout import DoesNotFitError
from fail2progress.tasks.pretraining import random_call, random_scene

SIMULATOR = MujocoSimulator()
NONE = Disturbances()
OVER = (0.0, -0.7, 0.012, 0.0)
LEFT = Mismatch(relation="above", subject="cup", other="table_b", expected=0.98, observed=0.02)
SPILT = Mismatch(relation="inside", subject="pill", other="cup", expected=0.97, observed=0.04)


def tables(seed: int) -> Scene:
    """A cup with a capsule in it and a box on one of two tables."""
    x, y = np.random.default_rng(seed).uniform(-0.05, 0.05, 2)
    specs = (
        ObjectSpec("table_a", "table", (0.5, 0.5, 0.04)),
        ObjectSpec("table_b", "table", (0.5, 0.5, 0.04)),
        ObjectSpec("cup", "cup", (0.09, 0.09, 0.07)),
        ObjectSpec("pill", "capsule", (0.03, 0.03, 0.03)),
        ObjectSpec("box", "cuboid", (0.06, 0.06, 0.06)),
    )
    places = ((0.6, 0.4, 0.48), (0.6, -0.4, 0.48), (0.6 + x, 0.35 + y, 0.535), (0.6 + x, 0.35 + y, 0.52), (0.75, 0.55, 0.53))
    return Scene(specs, np.stack([pose(*place) for place in places]))


@cache
def carried(seed: int = 0, disturbances: Disturbances = NONE) -> Outcome:
    call = SkillCall("pick_place", "cup", OVER, "table_b")
    return SIMULATOR.execute(Job(tables(seed), call, Camera(), seed, disturbances))


def event_of(outcome: Outcome, *broken: Mismatch, call: SkillCall | None = None) -> FailureEvent:
    """What is told of an execution in which these relations were expected otherwise."""
    cloud, call = outcome.before.cloud, call or outcome.call
    header = Header(
        id=event_id(cloud, call, "m", 0, 0), time="2025-01-01T00:00:00+00:00", task="test", objects=3, seed=0, step=0,
        goal=("above(cup, table_b)",), call=Call.of(call), plan=(), model="m", mismatches=broken, names=cloud.names,
        categories=cloud.categories, frame=cloud.frame, stamps=(0.0, 1.0),
    )  # fmt: skip
    before, after = (
        RelationState(s.names, np.asarray(s.binary, float), np.asarray(s.unary, float))
        for s in (outcome.before.relations, outcome.after.relations)
    )
    return FailureEvent(
        header=header, before=cloud, after=outcome.after.cloud, relations_before=before, expected=after, observed=after
    )


def report_of(event: FailureEvent, category: FailureClass = FailureClass.SIM2REAL_GAP) -> FailureReport:
    return FailureReport(failure=event.id, category=category, confidence=1.0, repetitions=5, differences=(), rebuilt=())


def found(event: FailureEvent, category: FailureClass = FailureClass.SIM2REAL_GAP) -> dict[str, FailureSignal]:
    return {signal.name: signal for signal in signals(event, report_of(event, category))}


def shifted(event: FailureEvent, name: str, offset: tuple[float, float, float]) -> FailureEvent:
    """The same event, had this object been seen elsewhere afterwards."""
    offsets = np.zeros((len(event.after), 3))
    offsets[event.after.index(name)] = offset
    return event.model_copy(update={"after": event.after.shifted(offsets)})


def with_visibility(cloud: SegmentedCloud, name: str, share: float) -> SegmentedCloud:
    visibility = cloud.visibility.copy()
    visibility[cloud.index(name)] = share
    return replace(cloud, visibility=visibility)


@pytest.mark.parametrize("seed", range(3))
def test_a_missed_grasp_is_named(seed: int) -> None:
    signal = found(event_of(carried(seed, Disturbances(grasp_miss=1.0)), LEFT))["grasp_missed"]
    assert signal.severity > 0.95 and "planned were 0.700 m" in signal.evidence
    assert signal.parameter == "pick_place.grasp_x" and signal.delta > 0


@pytest.mark.parametrize("seed", range(5, 8))  # with these it is lost well before its end, with others where it should go
def test_an_object_lost_on_the_way_is_named(seed: int) -> None:
    outcome = carried(seed, Disturbances(grasp_slip=1.0))
    event = event_of(outcome, LEFT, SPILT)
    signal = found(event)["grasp_slipped"]
    short = 0.7 + outcome.displacements[outcome.before.scene.index("cup")][1]
    told = float(signal.evidence.split(" m before")[0].split()[-1])
    assert told == pytest.approx(short, abs=0.03) and signal.severity == 1.0
    assert signal.parameter == "pick_place.grip" and signal.delta > 0
    # That it lost its contents in the fall is no second failure.
    assert "contents_lost" not in found(event)


def test_a_surprise_is_named_though_no_relation_broke() -> None:
    missed = found(event_of(carried(0, Disturbances(grasp_miss=1.0))))["grasp_missed"]
    assert missed.parameter == "pick_place.grasp_x" and missed.severity > 0.95
    # Contents are to come along: that they did is nothing.
    (fine,) = found(event_of(carried()), FailureClass.SYMBOLIC_PREDICTION).values()
    assert fine.severity < 0.2


def test_an_execution_that_did_what_was_planned_blames_nothing() -> None:
    event = event_of(carried())
    (signal,) = signals(event, report_of(event))
    assert signal.name == "unexplained" and not signal.parameter and signal.severity < 0.2
    # Where only the beliefs differ, nothing is blamed on the robot.
    (signal,) = signals(event_of(carried(), LEFT), report_of(event))
    assert signal.name == "unexplained" and not signal.parameter and signal.severity == pytest.approx(0.96)


def test_a_wrong_prediction_is_for_learning_whatever_moved() -> None:
    event = event_of(carried(0, Disturbances(grasp_miss=1.0)), LEFT)
    (signal,) = found(event, FailureClass.SYMBOLIC_PREDICTION).values()
    assert signal.name == "prediction_wrong" and signal.parameter == "" and signal.delta == 0.0
    assert str(LEFT) in signal.evidence
    long = LEFT.model_copy(update={"subject": "cup" * 100})
    assert len(found(event_of(carried(), long), FailureClass.SYMBOLIC_PREDICTION)["prediction_wrong"].evidence) == 256


def random_places(disturbances: Disturbances, count: int) -> Iterator[tuple[float, float, set[str]]]:
    """Random pick-and-places: metres from the planned place in truth, visibility, names of the signals."""
    made, seeds = 0, iter(range(20_000, 30_000))
    while made < count:
        seed = next(seeds)
        rng = np.random.default_rng(seed)
        try:
            scene = random_scene(rng)
        except DoesNotFitError:
            continue
        call = random_call(rng, scene)
        if call is None or call.skill != "pick_place" or infeasible(scene, call) is not None:
            continue
        made += 1
        outcome = SIMULATOR.execute(Job(scene, call, Camera(), seed, disturbances))
        row = scene.index(call.object)
        broken = LEFT.model_copy(update={"subject": call.object, "other": "table_a"})
        seen = min(float(s.cloud.visibility[row]) for s in (outcome.before, outcome.after))
        off = float(np.linalg.norm(outcome.displacements[row] - call.parameters[:3]))
        yield off, seen, set(found(event_of(outcome, broken)))


def test_random_executions_are_blamed_only_where_the_object_went_astray() -> None:
    """The measurement of decision 0011, there with 150 each."""
    good, missed = list(random_places(NONE, 40)), list(random_places(Disturbances(grasp_miss=1.0), 20))
    assert all(names == {"unexplained"} for off, _, names in good if off < 0.03)
    assert all(names == ({"grasp_missed"} if seen >= 0.5 else {"unexplained"}) for _, seen, names in missed)
    assert sum(off < 0.03 for off, _, _ in good) >= 10 and sum(seen >= 0.5 for _, seen, _ in missed) >= 10


def test_a_placement_beside_its_place_is_named() -> None:
    signal = found(shifted(event_of(carried(), LEFT), "cup", (0.1, 0.0, 0.0)))["placement_off"]
    assert signal.severity == pytest.approx(0.5, abs=0.1)
    # Seven tenths of what it was off, turned round, and at most a step.
    assert signal.parameter == "pick_place.place_x" and -0.05 <= signal.delta < -0.03


def test_a_skill_that_can_be_adjusted_one_way_is_corrected_by_the_error_that_way(monkeypatch: pytest.MonkeyPatch) -> None:
    event = shifted(event_of(carried(), LEFT), "cup", (0.1, -0.05, 0.0))
    assert found(event)["placement_off"].parameter == "pick_place.place_x"
    monkeypatch.setattr(rules, "adjustable", lambda skill, name: adjustable(skill, name) if name == "place_y" else None)
    signal = found(event)["placement_off"]
    assert signal.parameter == "pick_place.place_y" and 0.02 < signal.delta < 0.05


def test_lost_contents_are_named_where_the_container_arrived() -> None:
    signal = found(event_of(carried(), SPILT))["contents_lost"]
    assert signal.severity == 1.0 and signal.evidence == "no longer in cup: pill"


def test_what_was_moved_besides_is_named_and_pushes_may_move_others() -> None:
    event = shifted(event_of(carried(), LEFT), "box", (0.0, 0.08, 0.0))
    assert found(event)["disturbed"].severity == pytest.approx(0.4, abs=0.05)
    push = shifted(pushed(0.0), "box", (0.0, 0.08, 0.0))
    assert list(found(push)) == ["unexplained"] and "at its planned place" in found(push)["unexplained"].evidence


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_was_not_seen_is_not_said_to_have_stayed(moment: str) -> None:
    """A segment out of view keeps its last known points, which do not move."""
    event = event_of(carried(0, Disturbances(grasp_miss=1.0)), LEFT, SPILT)
    event = event.model_copy(update={moment: with_visibility(getattr(event, moment), "cup", 0.0)})
    (signal,) = found(event).values()
    assert signal.name == "unexplained" and "in view" in signal.evidence


def test_a_thing_that_is_merely_half_hidden_was_not_moved() -> None:
    event = event_of(carried(), LEFT)
    points, row = event.after.points.copy(), event.after.index("box")
    points[row, :, 1] = np.maximum(points[row, :, 1], points[row, :, 1].mean() + 0.01)
    assert list(found(event.model_copy(update={"after": replace(event.after, points=points)}))) == ["unexplained"]


@pytest.mark.parametrize("name", [name for name in SIGNALS.names() if route(name).edits])
def test_every_edit_changes_something_that_a_skill_lets_be_adjusted(name: str) -> None:
    for edit in route(name).edits:
        takes = [one for skill in SKILLS if (one := adjustable(skill, edit.adjustable)) is not None]
        assert takes and all(one.low <= 0.0 <= one.high and abs(edit.change) <= one.step for one in takes)


@given(value=st.floats(-1, 1), change=st.floats(-1e6, 1e6), times=st.integers(1, 5))
def test_edits_stay_within_bounds_and_a_step(value: float, change: float, times: int) -> None:
    for one in (one for skill in SKILLS.values() for one in skill.adjustables):
        now = min(max(value, one.low), one.high)
        for _ in range(times):
            edited = bounded(one, now, change)
            assert one.low <= edited <= one.high and abs(edited - now) <= one.step + 1e-12 and (edited - now) * change >= 0
            now = edited


def pushed(beyond: float) -> FailureEvent:
    """The cup was to be pushed 10 cm to the right, and ended so much beyond or before that."""
    event = event_of(carried(0, Disturbances(grasp_miss=1.0)), LEFT, call=SkillCall("push", "cup", (-np.pi / 2, 0.1)))
    return shifted(event, "cup", (0.0, -0.1 - beyond, 0.0))


def test_a_push_that_ends_early_or_late_is_named_with_what_was_lacking() -> None:
    short, far = found(pushed(-0.05))["not_reached"], found(pushed(0.04))["overshot"]
    assert (short.parameter, far.parameter) == ("push.reach", "push.reach")
    assert short.delta == pytest.approx(0.035, abs=0.005) and far.delta == pytest.approx(-0.028, abs=0.005)
    assert list(found(pushed(0.0))) == ["unexplained"]


@given(
    offset=st.tuples(*[st.floats(-2, 2)] * 3),
    other=st.tuples(*[st.floats(-2, 2)] * 3),
    way=st.tuples(*[st.floats(-2, 2)] * 3),
    seen=st.floats(0, 1),
    category=st.sampled_from(FailureClass),
)
def test_whatever_was_seen_severities_are_shares_and_one_signal_at_least_is_given(
    offset: tuple[float, float, float],
    other: tuple[float, float, float],
    way: tuple[float, float, float],
    seen: float,
    category: FailureClass,
) -> None:
    event = event_of(carried(), LEFT, SPILT, call=SkillCall("pick_place", "cup", (*way, 0.0)))
    event = shifted(shifted(event, "cup", offset), "box", other)
    event = event.model_copy(update={"after": with_visibility(event.after, "cup", seen)})
    given_ = signals(event, report_of(event, category))
    assert given_ and len({signal.name for signal in given_}) == len(given_)
    assert all(0.0 <= signal.severity <= 1.0 and signal.name in SIGNALS and len(signal.evidence) <= 256 for signal in given_)


def test_every_number_of_a_signal_is_checked() -> None:
    good = {"name": "n", "severity": 0.5, "parameter": "", "delta": 0.0, "low": 0.0, "high": 0.0, "evidence": ""}
    FailureSignal.model_validate(good)
    for wrong in ({"severity": 1.1}, {"severity": float("nan")}, {"delta": float("inf")}, {"low": 1.0}, {"more": 1}):
        with pytest.raises(ValidationError):
            FailureSignal.model_validate({**good, **wrong})


def test_the_classifier_fills_them_in_and_the_store_keeps_them(store: FailureStore) -> None:
    event = event_of(carried(0, Disturbances(grasp_miss=1.0)), LEFT)
    report = Classifier(SIMULATOR, Camera(), repetitions=3).classify(event)
    assert report.category is FailureClass.SIM2REAL_GAP and report.signals == signals(event, report)
    assert [signal.name for signal in report.signals] == ["grasp_missed"]
    store.add(event)
    store.add_report(report)
    assert store.report(event.id) == report


def test_a_report_stored_before_there_were_signals_still_loads() -> None:
    report = report_of(event_of(carried()))
    old = report.model_dump_json(exclude={"signals", "initial_signals", "final_signals", "reason"})
    assert "signals" not in old and FailureReport.model_validate_json(old) == report


def test_events_of_any_content_are_taken(make_event) -> None:
    """Noise for clouds and relations, a segment that was never seen."""
    for seed in range(20):
        event = make_event(seed)
        assert all(0.0 <= signal.severity <= 1.0 for signal in signals(event, report_of(event)))
