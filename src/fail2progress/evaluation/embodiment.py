"""Who carries a trial out, what of the scene it is told, and what it has done in the simulator's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from fail2progress.agent.loop import Episode
from fail2progress.agent.monitor import StepResult
from fail2progress.core.camera import Camera
from fail2progress.core.goals import Goal
from fail2progress.core.names import unknown
from fail2progress.core.relations import RelationState
from fail2progress.failures.monitor import Conduct
from fail2progress.perception.segmentation.base import Segmenter
from fail2progress.perception.segmentation.registry import LABEL_IMAGE, segmenter
from fail2progress.planning.planned import PlannedSkill
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.robots.sighted import SightedRobot
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Simulator
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.base import Trial

Simulated = SimulatedRobot | SimulatedStretch
HAND, STRETCH = "hand", "stretch"
ROBOTS = (HAND, STRETCH)


@dataclass(frozen=True)
class Embodiment:
    """`robot`: "hand", which sees through a given camera, or "stretch", which has its own in its head.

    `segmenter`: the choice of one; it is told the simulator's labels if it needs them, otherwise things go by names of their own.
    """

    robot: str = HAND
    segmenter: str = LABEL_IMAGE

    def check(self, simulator: str = simulators.DEFAULT) -> None:
        """ValueError where there is no such robot or segmenter, or it cannot act in a simulator."""
        if self.robot not in ROBOTS:
            raise ValueError(unknown("robot", self.robot, ROBOTS))
        if self.robot == STRETCH and simulator != simulators.DEFAULT:
            raise ValueError(f"the Stretch of trials acts in {simulators.DEFAULT}, not in {simulator}")
        _made(self.segmenter)

    def before(self, trial: Trial, simulator: Simulator, camera: Camera) -> tuple[Simulated, Simulated | SightedRobot]:
        """A robot before a trial's scene, for judging; and the same as the loop knows it."""
        robot: Simulated
        if self.robot == STRETCH:
            robot = SimulatedStretch(trial.scene, seed=trial.seed)
        else:
            robot = SimulatedRobot(simulator, trial.scene, camera, trial.seed)
        chosen = _made(self.segmenter)
        return robot, robot if chosen.needs_labels else SightedRobot(robot, chosen)


@lru_cache(maxsize=1)
def _made(choice: str) -> Segmenter:
    return segmenter(choice)


def asked_of(robot: SightedRobot, stages: tuple[Goal, ...]) -> tuple[tuple[Goal, ...], tuple[str, ...]]:
    """Goals in the names that a robot has for what they speak of, and what of it the robot does not see."""
    names = {name: robot.segment_of(name) for goal in stages for name in goal.objects}
    missing = tuple(name for name, segment in names.items() if segment is None)
    if missing:
        return stages, missing
    known = {name: segment for name, segment in names.items() if segment is not None}
    return tuple(goal.renamed(known) for goal in stages), ()


def in_true_names(episode: Episode, robot: SightedRobot) -> Episode:
    """What a robot expected and saw, of the simulator's things under their names: nothing is expected or seen of what it
    had no segment for, and skills on what is nothing are not spoken of. Plans and failures stay as they were made."""
    names, shown = robot.robot.scene.names, {**robot.shown, **robot.owners}
    return replace(episode, taken=tuple(_truly(step, robot.owners, shown, names) for step in episode.taken))


def _truly(step: StepResult, owners: Mapping[str, str], shown: Mapping[str, str], names: tuple[str, ...]) -> StepResult:
    """States are those of the segments in `owners`; skills may have been meant for any that is `shown` to be a thing."""
    planned, conduct = step.planned, step.conduct
    expected = _renamed(planned.expected, owners)
    told = PlannedSkill(_renamed_call(planned.call, shown), expected, planned.displacement).of(names)
    if conduct is not None:
        rest = tuple(_renamed_call(call, shown) for call in conduct.rest if call.object in shown)
        conduct = Conduct(_renamed_call(conduct.call, shown), _renamed(conduct.before, owners).of(names), rest)
    return replace(step, planned=told, observed=_renamed(step.observed, owners).of(names), conduct=conduct)


def _renamed(state: RelationState, owners: Mapping[str, str]) -> RelationState:
    return replace(state, names=tuple(owners.get(name, f"segment {name}") for name in state.names))


def _renamed_call(call: SkillCall, shown: Mapping[str, str]) -> SkillCall:
    """The same of what segments show, aimed at nothing where its target shows nothing; its object shows something, or the hand
    would have refused."""
    return replace(call, object=shown[call.object], target=shown.get(call.target or ""))
