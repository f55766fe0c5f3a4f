from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.observation import SegmentedCloud
from fail2progress.evaluation.item_failures import NoFailureError, failure_of
from fail2progress.failures.classifier import concerned
from fail2progress.failures.event import FailureEvent, Mismatch
from fail2progress.learning.finetuning.acceptance import Scores, score
from fail2progress.learning.finetuning.kind import plain
from fail2progress.learning.finetuning.rehearsal import RehearsalSet
from fail2progress.learning.finetuning.repetitions import Repetitions, repeat, repeated
from fail2progress.learning.finetuning.targeted import rebuilt
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.training.transitions import Transitions, select
from fail2progress.simulation.base import Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.families.registry import FAMILIES
from support import failures


def test_what_no_repetition_shows_is_not_held_against_a_model(simulator: MujocoSimulator) -> None:
    event, done = failures.event("stack"), failures.outcome("stack")
    true = done.after.relations
    kept, gone = (failures.mismatch("above", one, other) for one, other in (("top", "base"), ("base", "top")))
    gone = gone.model_copy(update={"observed": 1.0, "expected": 0.0})  # no scene has the base above the top
    kept = kept.model_copy(update={"observed": true.value("above", "top", "base")})

    poses = done.after.scene.poses.copy()
    poses[done.after.scene.index("other"), :2] += 0.05
    elsewhere = replace(done, after=replace(done.after, scene=done.after.scene.with_poses(poses)))

    def broken(*mismatches: Mismatch, again: Outcome = elsewhere) -> tuple[Mismatch, ...]:
        header = event.header.model_copy(update={"mismatches": mismatches})
        return Repetitions(event.model_copy(update={"header": header}), (again,)).broken

    assert broken(kept, gone) == (kept,)
    assert broken(gone) == (gone,)
    assert broken(gone, again=done) == ()  # all ends as seen, and yet it never holds: seen wrongly
    absent = failures.mismatch("above", "nothing_known", "base")
    assert broken(gone, absent) == (absent,)
    for doubt in (0.57, 0.72):  # seen with doubt, and never repeated
        assert broken(gone.model_copy(update={"observed": doubt})) == ()


def test_what_hangs_on_a_millimetre_is_asked_for_in_repetitions_alone(model: Points2Plans, data: Transitions) -> None:
    event, done = failures.event("stack"), failures.outcome("stack")
    other = replace(done, after=done.before)  # the stack stays where it is: what was observed does not come about
    seen = {key: side.relations.value("above", "top", "table_b") for key, side in (("once", done.after), ("else", done.before))}
    assert seen["once"] != seen["else"]
    rare = failures.mismatch("above", "top", "table_b").model_copy(update={"observed": seen["once"]})
    often = failures.mismatch("above", "top", "base").model_copy(update={"observed": 1.0})

    def repeated(*outcomes: Outcome, broken: tuple[Mismatch, ...] = (rare,)) -> Repetitions:
        header = event.header.model_copy(update={"mismatches": broken})
        return Repetitions(event.model_copy(update={"header": header}), outcomes)

    assert repeated(done, other, other).on_edge and not repeated(done, done, other).on_edge
    assert not repeated(other, other).on_edge  # no repetition shows it: the failure is not repeated
    both = repeated(done, other, other, broken=(rare, often))
    assert both.broken == (often,) and not both.on_edge
    few = select(data, range(4))
    found = score(model, plain(few), RehearsalSet(few, few), [repeated(done, other, other)])
    assert found.broken == 1.0 and found.shifted in (pytest.approx(1 / 3), pytest.approx(2 / 3), 0.0, 1.0)


def test_what_a_repetition_moves_elsewhere_says_nothing_of_a_model(model: Points2Plans, data: Transitions) -> None:
    event, done = failures.event("stack"), failures.outcome("stack")
    top = done.before.cloud.names.index("top")
    poses = done.after.scene.poses.copy()
    poses[top, :3] += (0.3, 0.0, -0.4)
    fell = replace(done, after=replace(done.after, scene=done.after.scene.with_poses(poses)))
    assert repeated(event, done).all()
    assert [name for name, again in zip(fell.before.cloud.names, repeated(event, fell), strict=True) if not again] == ["top"]
    few = select(data, range(4))
    asked, all_of_it = ([Repetitions(event, (other,) * 9)] for other in (fell, done))
    assert (
        score(model, plain(few), RehearsalSet(few, few), asked).motion
        != score(model, plain(few), RehearsalSet(few, few), all_of_it).motion
    )


def test_what_went_out_of_sight_did_not_end_in_full_view() -> None:
    event, done = failures.event("stack"), failures.outcome("stack")
    top = event.after.names.index("top")

    def showing(cloud: SegmentedCloud, share: float) -> SegmentedCloud:
        return replace(cloud, visibility=np.where(np.arange(len(cloud)) == top, share, cloud.visibility).astype(np.float32))

    unseen = event.model_copy(update={"after": showing(event.after, 0.0)})
    for share, again in ((1.0, False), (0.1, True), (0.0, True)):
        other = replace(done, after=replace(done.after, cloud=showing(done.after.cloud, share)))
        assert repeated(unseen, other)[top] == again and repeated(event, other).all()
        assert np.delete(repeated(unseen, other), top).all()


def test_what_was_not_seen_before_the_skill_is_not_asked_for(model: Points2Plans, data: Transitions) -> None:
    event, done = failures.event("stack"), failures.outcome("stack")
    hidden = [name != "top" for name in event.before.names]
    points = np.where(np.array(hidden)[:, None, None], event.before.points, np.nan)
    blind = event.model_copy(update={"before": replace(event.before, points=points)})
    asked = [failures.mismatch("above", one, "table_b").model_copy(update={"observed": 1.0}) for one in ("top", "base")]
    header = event.header.model_copy(update={"mismatches": tuple(asked)})
    seen, unseen = (Repetitions(one.model_copy(update={"header": header}), (done,)) for one in (event, blind))
    assert set(asked) >= set(seen.broken) > set(unseen.broken)
    assert all("top" not in (each.subject, each.other) for each in unseen.broken)
    few = select(data, range(4))
    alone = event.header.model_copy(update={"mismatches": tuple(asked[:1])})
    nothing = replace(unseen, event=blind.model_copy(update={"header": alone}))
    found = score(model, plain(few), RehearsalSet(few, few), [nothing])
    assert nothing.broken == () and found.broken == 1.0 and found.shifted is None


def test_what_a_thing_is_by_itself_can_be_broken_too(model: Points2Plans, data: Transitions) -> None:
    event, done = failures.event("stack"), failures.outcome("stack")
    broken = (Mismatch(relation="open", subject="top", other="", expected=0.9, observed=0.0),)
    again = Repetitions(event.model_copy(update={"header": event.header.model_copy(update={"mismatches": broken})}), (done,) * 2)
    few = select(data, range(4))
    found = score(model, plain(few), RehearsalSet(few, few), [again])
    assert again.broken == broken and {found.broken, found.shifted} <= {0.0, 1.0}


def test_what_hangs_on_bouncing_is_not_asked_of_the_failure(model: Points2Plans, simulator: MujocoSimulator) -> None:
    made = FAMILIES.get("over-edge").outcomes(simulator, 7)
    event = next(e for item, done in made if (e := _failed(item.id, done, model)) is not None)
    again = repeat(event, rebuilt(event), simulator, 0, count=2)
    assert again.bounced is not None and set(again.luck) == {"box"}
    known = replace(again, bounced=None)
    assert not known.luck and set(again.broken) <= set(known.broken)
    apart = np.linalg.norm(again.bounced.displacements - again.outcomes[0].displacements, axis=1)
    assert np.linalg.norm(again.luck["box"]) == pytest.approx(apart[again.outcomes[0].before.scene.index("box")])
    one, other = (_score(model, each) for each in (again, known))
    assert one.luck > 0.0 == other.luck and one.motion < other.motion
    stays = repeat(failures.event("stack"), failures.outcome("stack").before.scene, simulator, 0, count=2)
    assert stays.bounced is not None and not stays.luck


def _failed(name: str, done: Outcome, model: Points2Plans) -> FailureEvent | None:
    try:
        return failure_of(done, name, 0, model, "digest")
    except NoFailureError:
        return None


def _score(model: Points2Plans, again: Repetitions) -> Scores:
    few = from_outcomes([failures.outcome("stack")])
    return score(model, plain(few), RehearsalSet(few, few), [again])


def test_where_no_repetition_asks_what_was_observed_alone_counts(model: Points2Plans, data: Transitions) -> None:
    event, done = failures.event("stack"), failures.outcome("stack")
    few = select(data, range(4))
    found = score(model, plain(few), RehearsalSet(few, few), [Repetitions(event, ())], earlier=[Repetitions(event, ())])
    assert found.asked > 0.0 and found.shifted is None and found.right == found.broken and found.earlier == (found.broken,)
    assert Repetitions(event, (done,)).broken
    both = score(model, plain(few), RehearsalSet(few, few), [Repetitions(event, ()), Repetitions(event, (done,))])
    assert both.shifted == _score(model, Repetitions(event, (done,))).shifted


def test_what_tips_over_beside_a_failure_does_not_take_its_repetitions(simulator: MujocoSimulator) -> None:
    event, scene = failures.event("stack"), failures.outcome("stack").before.scene
    beside = next(name for name in scene.names if name not in concerned(event) and scene.objects[scene.index(name)].movable)
    for name, count in ((beside, 2), (event.header.call.object, 0)):
        poses = scene.poses.copy()
        poses[scene.index(name), 2] += 0.2
        assert len(repeat(event, scene.with_poses(poses), simulator, 0, count=2).outcomes) == count
