from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.relations import BINARY
from fail2progress.learning.finetuning import chosen as room
from fail2progress.learning.finetuning.chosen import (
    KEPT,
    as_observed,
    ends_alike,
    held_up,
    in_view,
    mistaken,
    parted,
    ranked,
    teaching,
)
from fail2progress.learning.finetuning.instantiate import Sample
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.simulation.base import Outcome
from support import failures

ALL = np.ones(6)


def test_what_keeps_most_comes_first_and_explorers_fill_their_quota() -> None:
    explorer, wrong = np.array([False] * 3 + [True] * 3), np.array([True, True, True, False, True, True])
    shares = np.array([0.98, 1.0, 0.99, 1.0, 0.9, 0.4])
    order = ranked(shares, ALL, wrong, explorer, 3, 1 / 3)
    assert order[:3] == [1, 2, 4]  # two that keep most, and the first explorer that the model gets wrong
    assert sorted(order) == list(range(6))
    assert ranked(shares, ALL, wrong, explorer, 3, 0.0)[:3] == [1, 2, 0]


def test_explorers_leave_most_of_what_held() -> None:
    explorer, wrong = np.array([False] * 10 + [True] * 10), np.ones(20, bool)
    shares = np.array([1.0] * 10 + [0.7] * 10)
    order = ranked(shares, np.ones(20), wrong, explorer, 10, 0.5)
    assert sum(explorer[order[:10]]) == 1 and shares[order[:10]].mean() >= KEPT  # a second one would leave .94
    shares[12:] = 0.99
    order = ranked(shares, np.ones(20), wrong, explorer, 10, 0.5)
    assert sum(explorer[order[:10]]) == 5 and shares[order[:10]].mean() >= KEPT and 10 in order[:10] and 11 not in order[:10]


def test_explorers_that_teach_nothing_are_left_to_the_end() -> None:
    explorer, right = np.array([False] * 3 + [True] * 3), np.zeros(6, bool)
    assert ranked(ALL, ALL, right, explorer, 3, 0.5) == [0, 1, 2, 3, 4, 5]


def test_explorers_take_the_places_that_nothing_else_can_fill() -> None:
    explorer, wrong = np.array([False] + [True] * 5), np.ones(6, bool)
    assert ranked(ALL, ALL, wrong, explorer, 4, 0.25)[:4] == [0, 1, 2, 3]


def test_where_others_teach_nothing_explorers_take_their_places() -> None:
    explorer, wrong = np.array([False] * 3 + [True] * 3), np.array([False, True, False, True, False, True])
    assert ranked(ALL, ALL, wrong, explorer, 3, 1 / 3)[:3] == [1, 3, 5]
    assert ranked(ALL, ALL, wrong, explorer, 4, 1 / 4)[:4] == [1, 0, 3, 5]


def test_among_equals_those_come_first_in_which_things_are_seen() -> None:
    seen = np.array([0.0, 1.0, 0.4, 0.0, 0.0, 1.0])
    explorer, wrong = np.array([False] * 3 + [True] * 3), np.ones(6, bool)
    assert ranked(ALL, seen, wrong, explorer, 4, 0.5)[:4] == [1, 2, 5, 3]


def test_scenes_that_show_the_failure_as_it_was_observed_are_held_back() -> None:
    shares, order = np.ones(40), list(range(40))

    def judged(alike: int) -> tuple[list[int], list[int]]:
        teaches = np.where(np.arange(40) < alike, 1.0, 0.5)
        taken, apart = parted(order, shares, teaches, 20)
        assert len(taken) == 20 and not set(taken) & set(apart)
        return taken, apart

    assert judged(40) == (order[:20], order[20:]) and judged(30) == (order[:20], order[20:30])
    for alike, held in ((22, 5), (17, 4)):  # D+ would take nearly all of them
        taken, apart = judged(alike)
        assert apart == order[alike - held : alike] and taken == [*order[: alike - held], *order[alike : 20 + held]]
    assert judged(15) == (order[:20], order[20:])  # too few of them to give some up
    shares[20:38] = 0.5
    assert judged(25)[1] == order[15:20] and judged(15)[1] == [38, 39]  # what keeps too little of R_F is not judged on


def test_what_the_camera_sees_of_things() -> None:
    outcome = failures.outcome("row")
    sample, cloud = Sample(0, 0.0, outcome), outcome.before.cloud
    assert in_view(sample, ["row_0"]) == min(8.0 * float(cloud.visibility[cloud.index("row_0")]), 1.0)
    assert in_view(sample, ["nobody"]) == 0.0


def test_a_model_that_knows_nothing_is_mistaken_and_of_other_things_nothing_is_said(model: Points2Plans) -> None:
    outcome = failures.outcome("row")
    names = [name for name in outcome.before.cloud.names if name.startswith("row_")]
    assert mistaken(model, outcome, names, [])
    assert not mistaken(model, outcome, [], ["left"])


@pytest.mark.parametrize(("beyond", "short"), [(0.03, True), (0.02, False), (-0.03, False)])
def test_what_ends_short_of_where_it_was_foreseen_was_held_up(
    model: Points2Plans, monkeypatch: pytest.MonkeyPatch, beyond: float, short: bool
) -> None:
    """`beyond`: metres that the model foresees in addition, along the way of the skill's object."""
    outcome = failures.outcome("row")
    way, row = outcome.displacements.copy(), outcome.before.cloud.index(outcome.call.object)
    way[row] *= 1.0 + beyond / np.linalg.norm(way[row])
    monkeypatch.setattr(room, "predict_effect", lambda *asked: (None, way, None))
    assert held_up(model, outcome) == short
    monkeypatch.setattr(room, "predict_effect", lambda *asked: (None, 0 * way, None))
    assert not held_up(model, outcome)


def fallen(outcome: Outcome, one: str) -> Outcome:
    """The same execution with nothing below one thing any more."""
    true = outcome.after.relations
    binary = np.array(true.binary, float)
    row = true.names.index(one)
    binary[row], binary[:, row] = 0.0, 0.0
    return replace(outcome, after=replace(outcome.after, relations=replace(true, binary=binary)))


def test_a_failure_came_about_as_it_was_observed_or_otherwise() -> None:
    stands = failures.outcome("stack")
    falls, names = fallen(stands, "top"), ["base", "top"]
    broken = [failures.mismatch(*one) for one in (("above", "top", "base"), ("below", "base", "top"), ("contact", "top", "base"))]
    told = [m.model_copy(update={"expected": 0.0, "observed": 1.0}) for m in broken]
    assert as_observed(told, names, [stands, falls]).tolist() == [True, False]
    # What no execution shows says nothing of them, nor do things that are not asked for, or contacts.
    unseen = failures.mismatch("inside", "top", "base").model_copy(update={"expected": 0.0, "observed": 1.0})
    assert as_observed([*told, unseen], names, [stands, falls]).tolist() == [True, False]
    assert as_observed(told[2:], names, [stands, falls]).all() and as_observed(told, ["base"], [falls]).all()


def test_what_stayed_on_something_stays_on_something_in_executions_that_are_alike() -> None:
    """Whether or not a broken relation says so; what no execution shows says nothing."""
    stands, event = failures.outcome("stack"), failures.event("stack")
    falls = fallen(stands, "top")
    quiet = event.model_copy(update={"header": event.header.model_copy(update={"mismatches": ()})})
    assert ends_alike(quiet, [stands, falls]).tolist() == [True, False]
    assert ends_alike(quiet, [falls, falls]).all()
    dropped = quiet.model_copy(update={"observed": fallen(stands, "top").after.relations})
    assert ends_alike(dropped, [stands, falls]).tolist() == [False, True]


def test_what_falls_onto_the_table_is_not_alike_to_what_stays_though_the_table_holds_it() -> None:
    done, event = failures.outcome("row"), failures.event("row")
    quiet = event.model_copy(update={"header": event.header.model_copy(update={"mismatches": ()})})

    def sunk(metres: float) -> Outcome:
        scene = done.after.scene
        poses = scene.poses.copy()
        poses[scene.index("row_2"), 2] -= metres
        return replace(done, after=replace(done.after, scene=scene.with_poses(poses)))

    assert ends_alike(quiet, [done, sunk(0.01), sunk(0.06)]).tolist() == [True, True, False]
    assert ends_alike(quiet, [sunk(0.06), sunk(0.08)]).all()  # what no execution shows says nothing


def test_what_only_the_rebuilt_scene_shows_is_asked_as_well() -> None:
    stands = failures.outcome("stack")
    falls, names = fallen(stands, "top"), ["base", "top"]
    broken = failures.mismatch("above", "top", "base")
    assert as_observed([broken], names, [stands, stands]).all()  # none shows it
    assert as_observed([broken], names, [stands, falls], [falls]).tolist() == [False, True]
    assert not as_observed([broken], names, [stands, stands], [falls]).any()
    event = failures.event("stack").model_copy(update={"observed": falls.after.relations})
    assert ends_alike(event, [stands, stands]).all() and not ends_alike(event, [stands, stands], [falls]).any()


def test_what_tips_or_turns_each_time_tips_or_turns_in_executions_that_are_alike() -> None:
    done, event = failures.outcome("row"), failures.event("row")

    def swung(axis: int, radians: float) -> Outcome:
        scene = done.after.scene
        poses = scene.poses.copy()
        poses[scene.index("row_2"), 3:] = [np.cos(radians / 2), *(np.sin(radians / 2) * np.eye(3)[axis])]
        return replace(done, after=replace(done.after, scene=scene.with_poses(poses)))

    tips, turns = swung(0, 1.5), swung(2, 1.0)
    every = [done, tips, turns]
    assert ends_alike(event, every, [done]).all()  # what did neither may do both
    assert ends_alike(event, every, [tips, tips]).tolist() == [False, True, False]
    assert ends_alike(event, every, [turns, swung(2, -1.1)]).tolist() == [False, False, True]
    assert ends_alike(event, every, [tips, done]).all()  # it does so by chance
    assert ends_alike(event, every, [swung(2, 0.3)]).all()  # of a small block no corner ends elsewhere


def test_what_lies_on_other_things_each_time_does_so_in_executions_that_are_alike() -> None:
    """A domino leans on the next, and not on the table, as all of it does where it is drawn farther from the next."""
    stands, event = failures.outcome("stack"), failures.event("stack")
    binary = np.array(stands.after.relations.binary, float)
    row = stands.after.scene.index("top")
    for other, name in enumerate(stands.after.scene.names):
        binary[row, other, BINARY.index("contact")] = name.startswith("table")
    lies = replace(stands, after=replace(stands.after, relations=replace(stands.after.relations, binary=binary)))
    assert ends_alike(event, [stands, lies], [stands, stands]).tolist() == [True, False]
    assert ends_alike(event, [stands, lies], [lies, lies]).tolist() == [False, True]
    assert ends_alike(event, [stands, lies], [stands, lies]).all()  # it does so by chance
    assert ends_alike(event, [stands, lies]).all()


def ended_aside(outcome: Outcome, name: str, shift: tuple[float, float, float]) -> Outcome:
    """An execution in which a thing ends so many metres from where it did."""
    scene = outcome.after.scene
    poses = scene.poses.copy()
    poses[scene.index(name), :3] += shift
    return replace(outcome, after=replace(outcome.after, scene=scene.with_poses(poses)))


def test_a_block_whose_foot_was_hidden_before_it_toppled_did_not_fall() -> None:
    event, done = failures.event("toppled"), failures.outcome("toppled")
    points, row = event.before.points.copy(), event.before.index("tall")
    points[row, :, 2] = points[row, :, 2].clip(points[row, :, 2].mean())
    hidden = event.model_copy(update={"before": replace(event.before, points=points)})
    assert ends_alike(event, [done], [done]).all() and ends_alike(hidden, [done], [done]).all()
    fell = ended_aside(done, "tall", (0.3, 0.0, -0.4))
    assert not ends_alike(hidden, [done, fell], [done])[1]
    assert not ends_alike(hidden, [done, fell])[0]  # nothing tells where its foot was


def test_what_was_observed_comes_before_what_else_is_wrong_and_both_before_what_is_right() -> None:
    wrong, alike = np.array([True, False, True, True]), np.array([False, True, True, False])
    teaches = teaching(wrong, alike)
    assert teaches.tolist() == [0.5, 0.0, 1.0, 0.5]
    assert ranked(np.ones(4), np.ones(4), teaches, np.zeros(4, bool), 2, 0.5) == [2, 0, 3, 1]
