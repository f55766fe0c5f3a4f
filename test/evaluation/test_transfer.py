from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene
from fail2progress.evaluation.goal_calls import wanted_of
from fail2progress.evaluation.transfer import ROBOTS, Code, Reason, TransferFailure, _reasons, robot, transfer
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import STRETCH_RE2
from fail2progress.tasks.base import Task, Trial
from fail2progress.tasks.registry import task


class Changed(Task):
    """A task whose scenes are changed."""

    def __init__(self, name: str, count: int, factor: float = 1.0, raised: float = 0.0) -> None:
        self.of, self.name, self.counts, self.factor, self.raised = task(name), name, (count,), factor, raised

    def trial(self, objects: int, seed: int) -> Trial:
        trial = self.of.trial(objects, seed)
        specs = tuple(
            replace(spec, size=tuple(np.array(spec.size) * self.factor)) if spec.category == "capsule" else spec
            for spec in trial.scene.objects
        )
        poses = trial.scene.poses.copy()
        poses[:, 2] += self.raised
        return replace(trial, scene=Scene(specs, poses, trial.scene.openings))


def codes(rows: tuple[TransferFailure, ...]) -> set[Code]:
    return {row.code for row in rows}


def test_the_paper_task_suits_both_robots() -> None:
    easy = Changed("hierarchical-tabletop", 3)
    assert any(not wanted.beyond for wanted in wanted_of(easy.trial(3, 0)))
    for name in ROBOTS:
        assert transfer(easy, robot(name), 2, 0) == ()


def test_what_is_too_wide_or_too_high_is_told_in_numbers() -> None:
    wide = transfer(Changed("hierarchical-tabletop", 3, factor=6.0), robot("floating_hand"), 1, 0)
    assert Code.GRIPPER_WIDTH in codes(wide)
    row = next(row for row in wide if row.code is Code.GRIPPER_WIDTH)
    assert row.required is not None and row.margin is not None and row.required > 0.16 and row.margin < 0 and row.unit == "m"
    high = transfer(Changed("hierarchical-tabletop", 3, raised=0.75), robot("floating_hand"), 1, 0)
    assert codes(high) == {Code.REACH_HEIGHT}
    assert all("z = 1." in row.evidence for row in high)


def test_what_is_too_low_falls_short_by_as_much_as_it_lies_below() -> None:
    lowest = replace(STRETCH_RE2, low=(*STRETCH_RE2.low[:2], 2.0), high=(*STRETCH_RE2.high[:2], 3.0))
    low = transfer(Changed("hierarchical-tabletop", 3), replace(robot("floating_hand"), limits=lowest), 1, 0)
    assert codes(low) == {Code.REACH_HEIGHT}
    for row in low:
        assert row.available == 2.0 and row.required is not None and 0.0 < row.required < 1.5
        assert row.margin == pytest.approx(row.required - 2.0)


def test_the_stretch_speaks_for_itself() -> None:
    rows = transfer(Changed("hierarchical-tabletop", 3, raised=0.75), robot("stretch_re2"), 1, 0)
    told = [row for row in rows if "joint_lift" in row.evidence]
    assert told and codes(tuple(told)) == {Code.REACH_HEIGHT}
    for row in told:
        assert row.required is not None and row.available is not None and row.required > row.available > 1.0 and row.unit == "m"


TABLE = ObjectSpec("table", "table", (0.6, 0.6, 0.04))


def reasons(name: str, call: SkillCall, *things: tuple[ObjectSpec, tuple[float, float, float]]) -> list[Reason]:
    """Against a call, in a scene of things at places (m) and a table under them."""
    specs, places = zip(*things, (TABLE, (0.7, 0.0, 0.48)), strict=True)
    return list(_reasons(Scene(specs, np.array([[*place, 1.0, 0.0, 0.0, 0.0] for place in places])), call, robot(name)))


@pytest.mark.parametrize("name", ["cube", "arm_base", "joint_lift"])
def test_why_not_hangs_on_no_name(name: str) -> None:
    """0.14 m is wider than the Stretch's gripper, and not than that of the planner's box."""
    cube = (ObjectSpec(name, "cuboid", (0.14, 0.14, 0.05)), (0.7, 0.0, 0.525))
    call = SkillCall("pick_place", name, (0.0, 0.1, 0.0, 0.0))
    (row,) = [row for row in reasons("stretch_re2", call, cube) if row[0] is not Code.GRASP_UNSTABLE]
    assert row[:4] == (Code.GRIPPER_WIDTH, pytest.approx(0.14), pytest.approx(0.125), "m")
    assert Code.GRIPPER_WIDTH not in {row[0] for row in reasons("floating_hand", call, cube)}


def test_a_box_weighs_what_lies_in_it_too() -> None:
    box = (ObjectSpec("box", "open_box", (0.32, 0.16, 0.16)), (0.7, 0.0, 0.58))
    block = (ObjectSpec("block", "cuboid", (0.3, 0.13, 0.12)), (0.7, 0.0, 0.57))
    call = SkillCall("pick_place", "box", (0.0, 0.1, 0.0, 0.0))
    alone, full = reasons("stretch_re2", call, box), reasons("stretch_re2", call, box, block)
    assert Code.PAYLOAD not in {row[0] for row in alone}
    (row,) = [row for row in full if row[0] is Code.PAYLOAD]
    assert row[1] is not None and row[1] > 1.5 and row[2] == 1.5 and row[4].endswith("kg, with what is in or on it")
    assert any(row[0] is Code.GRASP_UNSTABLE and "it weighs" in row[4] for row in full)


def test_a_push_comes_to_its_end() -> None:
    cube = (ObjectSpec("cube", "cuboid", (0.05, 0.05, 0.05)), (1.75, 0.0, 0.525))
    assert reasons("floating_hand", SkillCall("push", "cube", (np.pi, 0.4)), cube) == []
    (row,) = reasons("floating_hand", SkillCall("push", "cube", (0.0, 0.4)), cube)
    assert row[:3] == (Code.REACH_DISTANCE, pytest.approx(2.15), STRETCH_RE2.high[0]) and "the end of its way" in row[4]


def test_a_scene_that_cannot_be_is_a_reason_whichever_robot() -> None:
    """A capsule in a cup's wall, and one in the air."""
    wrong = Changed("hierarchical-tabletop", 3)
    trial = wrong.trial(3, 0)
    scene, capsule = trial.scene, trial.scene.index("capsule_1")
    inside, above = scene.poses.copy(), scene.poses.copy()
    inside[capsule, :2] = scene.position("cup_1")[:2]
    inside[capsule, 0] += scene.sizes[scene.index("cup_1"), 0] / 2
    above[capsule, 2] += 0.1
    for poses, said in ((inside, "mm in cup_1"), (above, "nothing within")):
        wrong.trial = lambda objects, seed, poses=poses: replace(trial, scene=scene.with_poses(poses))  # type: ignore[method-assign]
        rows = [row for row in transfer(wrong, robot("floating_hand"), 1, 0) if row.code is Code.ASSET_INVALID]
        told = next(row for row in rows if row.object == "capsule_1")
        assert said in told.evidence and told.skill == "" and told.unit == "mm" and (told.margin or 0.0) < 0


def test_what_no_skill_makes_true_is_a_reason_unless_it_is_so_from_the_start() -> None:
    asked = Changed("hierarchical-tabletop", 3)
    trial = asked.trial(3, 0)
    atoms = tuple(map(Atom.parse, ("movable(table_a)", "movable(cup_1)", "inside(table_a, cup_1)", "left(cup_1, cup_2)")))
    asked.trial = lambda objects, seed: replace(trial, stages=(Goal(atoms),))  # type: ignore[method-assign]
    for name in ROBOTS:
        rows = [row for row in transfer(asked, robot(name), 1, 0) if row.code is Code.SEMANTICS_MISSING]
        assert [row.evidence for row in rows] == [f"no skill makes {atom} true" for atom in (atoms[0], atoms[2])]


def test_a_drawer_that_shall_be_shut_is_pushed_and_what_shall_not_be_inside_is_not_put_there() -> None:
    drawers = task("drawer-tidying")
    trial = drawers.trial(drawers.counts[0], 0)
    name = next(spec.name for spec in trial.scene.objects if spec.is_drawer)
    trial = replace(trial, scene=trial.scene.with_poses(trial.scene.poses, {name: 0.08}))
    thing = next(spec.name for spec in trial.scene.objects if spec.movable)
    goal = Goal((Atom("open", name, holds=False), Atom("inside", thing, name, holds=False)))
    (wanted,) = wanted_of(replace(trial, stages=(goal,)))
    call = wanted.call
    assert (call.skill, call.object) == ("close_drawer", name)
    assert call.parameters[1] == pytest.approx(0.08)


def test_an_unknown_robot_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown robot 'pr2'; known: stretch_re2, floating_hand"):
        robot("pr2")


@pytest.mark.parametrize(("axis", "code"), [(0, Code.REACH_DISTANCE), (2, Code.REACH_HEIGHT)])
def test_a_place_that_no_skill_can_name_is_a_reason(axis: int, code: Code) -> None:
    far = Changed("hierarchical-tabletop", 3)
    trial = far.trial(3, 0)
    poses = trial.scene.poses.copy()
    poses[trial.scene.index(trial.goal.atoms[-1].other), axis] += 60.0
    far.trial = lambda objects, seed: replace(trial, scene=trial.scene.with_poses(poses))  # type: ignore[method-assign]
    rows = [row for name in ROBOTS for row in transfer(far, robot(name), 1, 0) if "goes to" in row.evidence]
    assert {row.robot for row in rows} == set(ROBOTS)
    assert {(row.code, abs(row.available or 0.0), row.unit) for row in rows} == {(code, 2.0, "m")}
    assert all(row.margin is not None and row.margin < -48 for row in rows)
