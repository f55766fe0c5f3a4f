"""Trials on perceived segments: goals in the robot's names, and what it believed in the simulator's."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.agent.loop import AgentConfig, Episode
from fail2progress.agent.monitor import StepResult
from fail2progress.core.camera import Camera
from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.evaluation.embodiment import STRETCH, Embodiment, asked_of, in_true_names
from fail2progress.evaluation.trials import carry_out, judge, run_trial
from fail2progress.failures.monitor import Conduct
from fail2progress.models.base import SkillEffectModel
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.perception.segmentation.label_image import LabelledSegmenter
from fail2progress.perception.segmentation.registry import GEOMETRIC
from fail2progress.planning.planned import PlannedSkill
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.robots.sighted import SightedRobot
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.registry import task

DIGEST = "d" * 64
TRIAL = task("hierarchical-tabletop").trial(3, 0)
AWAY = Camera(eye=(0.0, 0.0, 1.3), target=(-2.0, 0.0, 1.3))


def test_a_goal_is_reached_on_perceived_segments_and_judged_in_the_simulators_names(
    oracle: Callable[..., SkillEffectModel],
) -> None:
    result, _, episode, robot = run_trial(
        oracle(), DIGEST, TRIAL, AgentConfig(replan=False), embodiment=Embodiment(segmenter=GEOMETRIC)
    )
    assert result.success and TRIAL.goal.satisfied(robot.truth) and result.failed_step == ""
    assert result.skills == len(robot.outcomes) > 2
    for step, outcome in zip(episode.taken, robot.outcomes, strict=True):
        assert step.observed.names == step.planned.expected.names == TRIAL.scene.names
        assert step.planned.call.object == outcome.call.object and step.planned.displacement.shape == (len(TRIAL.scene), 3)
        row = TRIAL.scene.index(outcome.call.object)
        assert np.linalg.norm(step.planned.displacement[row] - outcome.displacements[row]) < 0.03
    true, false, missed = result.seen
    assert true > 20 and false + missed < 0.4 * true
    plan = episode.plans[0]
    assert not set(plan.skills[0].expected.names) & {"cup_1", "capsule_1"}, "plans stay as they were made"


def test_what_the_goal_names_and_nobody_sees_is_the_outcome(oracle: Callable[..., SkillEffectModel]) -> None:
    result, events, episode, robot = run_trial(oracle(), DIGEST, TRIAL, camera=AWAY, embodiment=Embodiment(segmenter=GEOMETRIC))
    assert result.outcome == f"not seen: {', '.join(dict.fromkeys(n for stage in TRIAL.stages for n in stage.objects))}"
    assert not result.success and events == [] and episode.plans == () and robot.outcomes == []


def test_a_stretch_is_told_labels_where_its_segmenter_needs_them(oracle: Callable[..., SkillEffectModel]) -> None:
    robot, known = Embodiment(STRETCH).before(TRIAL, MujocoSimulator(), Camera())
    assert robot is known and isinstance(robot, SimulatedStretch)
    episode = carry_out(TRIAL, known, oracle(), DIGEST, lambda event: None, AgentConfig(replan=False))
    assert judge(TRIAL, episode, robot).success
    _, sighted = Embodiment(STRETCH, GEOMETRIC).before(TRIAL, MujocoSimulator(), Camera())
    assert isinstance(sighted, SightedRobot)
    (stage, *_), missing = asked_of(sighted, TRIAL.stages)
    assert missing == () and set(stage.objects) <= set(sighted.owners) and len(stage.atoms) == len(TRIAL.stages[0].atoms)


class Halves(LabelledSegmenter):
    """Sees everything that can be moved as two things side by side."""

    needs_labels = False

    def __init__(self, hand: SimulatedRobot) -> None:
        object.__setattr__(self, "hand", hand)

    def segment(self, frame: RgbdFrame) -> Perceived:
        found = super().segment(self.hand.frame())  # type: ignore[attr-defined]
        return replace(found, segments=tuple(half for part in found.segments for half in halves(part)))


def halves(part: Segment) -> list[Segment]:
    left = part.points[:, 1] > np.median(part.points[:, 1])
    sides = [(f"{part.id}_{n}", mask) for n, mask in enumerate((left, ~left)) if mask.any()]
    return [replace(part, id=name, points=part.points[mask], pixels=part.pixels[mask]) for name, mask in sides]


def test_a_skill_on_the_second_segment_of_a_thing_is_one_on_the_thing(oracle: Callable[..., SkillEffectModel]) -> None:
    hand = SimulatedRobot(MujocoSimulator(), TRIAL.scene)
    robot = SightedRobot(hand, Halves(hand))
    seen = robot.observe()
    (second,) = (name for name in seen.names if robot.shown.get(name) == "cup_1" and name not in robot.owners)
    (table,) = (name for name, thing in robot.owners.items() if thing == "table_b")
    call = SkillCall("pick_place", second, (0.05, -0.75, 0.02, 0.0), table)
    state = RelationState(seen.names, np.zeros((len(seen), len(seen), len(BINARY))), np.zeros((len(seen), len(UNARY))))
    rest = (replace(call, target="nothing"), replace(call, object="nothing"))
    robot.execute(call)
    planned = PlannedSkill(call, state, np.zeros((len(seen), 3)))
    episode = Episode("done", (), (StepResult(planned, state, (), None, Conduct(call, state, rest)),))
    (step,) = in_true_names(episode, robot).taken
    assert step.planned.call == replace(call, object="cup_1", target="table_b") == hand.outcomes[0].call
    assert step.conduct is not None and step.conduct.call == step.planned.call
    assert step.conduct.rest == (replace(call, object="cup_1", target=None),), "of what is nothing nothing is left"
    assert judge(TRIAL, replace(episode, taken=(step,)), hand).skills == 1


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="unknown robot 'arm'"):
        Embodiment("arm").check()
    with pytest.raises(ValueError, match="unknown segmenter 'eyes'"):
        Embodiment(segmenter="eyes").check()
    with pytest.raises(ValueError, match="acts in mujoco, not in isaacgym"):
        Embodiment(STRETCH).check("isaacgym")
