"""Can a robot carry a task out, and if not, why: typed rows in place of strings.

After "Capturing failure as a first-class artifact" ("Transfer report failures"). For each trial the calls that its goal atoms ask
for are tried against the robot: does it have the skill, can it hold the object, can it come there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from fail2progress.core.names import unknown
from fail2progress.core.scene import Scene
from fail2progress.evaluation.goal_calls import Wanted, beyond_skills, wanted_of
from fail2progress.failures.assets.case import Case
from fail2progress.failures.assets.contact import Contact
from fail2progress.failures.assets.grasp import GraspStability, loaded
from fail2progress.failures.assets.joint import Joint
from fail2progress.failures.assets.reach import hand_points
from fail2progress.failures.assets.refine import assess
from fail2progress.robots.stretch.body import StretchBody, plan
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import STRETCH_RE2, Limits
from fail2progress.skills.phases import Ends, OutOfReachError, ProgramError
from fail2progress.skills.registry import skill
from fail2progress.tasks.base import Task, Trial

SCHEMA_VERSION: Literal[1] = 1


class Code(str, Enum):
    """Why a robot cannot do something."""

    REACH_HEIGHT = "REACH_HEIGHT"
    REACH_DISTANCE = "REACH_DISTANCE"
    BASE_BLOCKED = "BASE_BLOCKED"
    GRIPPER_WIDTH = "GRIPPER_WIDTH"
    PAYLOAD = "PAYLOAD"
    JOINT_LIMIT = "JOINT_LIMIT"
    SKILL_MISSING = "SKILL_MISSING"
    SEMANTICS_MISSING = "SEMANTICS_MISSING"
    GRASP_UNSTABLE = "GRASP_UNSTABLE"
    ASSET_INVALID = "ASSET_INVALID"


_CODES = {
    Ends.HEIGHT: Code.REACH_HEIGHT,
    Ends.DISTANCE: Code.REACH_DISTANCE,
    Ends.BASE: Code.BASE_BLOCKED,
    Ends.WIDTH: Code.GRIPPER_WIDTH,
    Ends.HEAD: Code.JOINT_LIMIT,
}
"""By what the robot's own kinematics say."""


class TransferFailure(BaseModel):
    """One reason, for one skill and object of one trial. Numbers are in `unit`; null where the reason is no number."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1] = SCHEMA_VERSION
    task: str
    robot: str
    seed: int
    objects: int
    skill: str
    object: str
    code: Code
    required: float | None = None
    available: float | None = None
    unit: str = ""
    margin: float | None = None
    """Negative by how much what is available falls short of what is required, on whichever side of it."""
    evidence: str


@dataclass(frozen=True)
class Profile:
    """What is asked of a robot: the name of its programs, its limits, its payload (kg), and a check by its own kinematics."""

    name: str
    limits: Limits
    payload: float | None = None
    programs: str | None = None
    """Key of a skill's programs; None for a robot that physics carries along, which has every skill."""
    check: Callable[[Scene, SkillCall], None] | None = None
    """Raises OutOfReachError or ProgramError."""
    opening: float | None = None
    """Metres that its gripper opens; None: as its limits say, which are the planner's."""


def _stretch(scene: Scene, call: SkillCall) -> None:
    plan(scene, call, StretchBody())


ROBOTS = {
    "stretch_re2": Profile("stretch_re2", STRETCH_RE2, 1.5, "stretch", _stretch, StretchBody().opening),
    "floating_hand": Profile("floating_hand", STRETCH_RE2),
}
"""Payload of the Stretch RE2: 1.5 kg with its arm extended, by its data sheet."""


def robot(name: str) -> Profile:
    """Look a robot up by name; ValueError names the ones that exist."""
    if name not in ROBOTS:
        raise ValueError(unknown("robot", name, ROBOTS))
    return ROBOTS[name]


def transfer(task: Task, profile: Profile, trials: int, seed: int) -> tuple[TransferFailure, ...]:
    """Every reason why the robot could not reach the goals of some trials of each count; none where it can."""
    rows = []
    for objects in task.counts:
        for i in range(trials):
            trial = task.trial(objects, seed + i)
            rows += list(_of_trial(trial, profile))
    return tuple(rows)


def _of_trial(trial: Trial, profile: Profile) -> Iterator[TransferFailure]:
    for skill_name, name, (code, required, available, unit, evidence) in _all_reasons(trial, profile):
        yield TransferFailure(
            task=trial.task,
            robot=profile.name,
            seed=trial.seed,
            objects=trial.objects,
            skill=skill_name,
            object=name,
            code=code,
            required=required,
            available=available,
            unit=unit,
            margin=None if required is None or available is None else -abs(available - required),
            evidence=evidence,
        )


def _all_reasons(trial: Trial, profile: Profile) -> Iterator[tuple[str, str, Reason]]:
    """Skill ("" where it is none's), object and reason: of the scene itself, of what the goal says, of each call."""
    for name, reason in _of_assets(trial.scene):
        yield "", name, reason
    for atom in beyond_skills(trial):
        yield "", atom.subject, (Code.SEMANTICS_MISSING, None, None, "", f"no skill makes {atom} true")
    for wanted in dict.fromkeys(wanted_of(trial)):
        for reason in _of_shift(wanted) if wanted.beyond else _reasons(trial.scene, wanted.call, profile):
            yield wanted.skill, wanted.object, reason


Reason = tuple[Code, float | None, float | None, str, str]


def _of_assets(scene: Scene) -> Iterator[tuple[str, Reason]]:
    """What is wrong with the scene whoever acts in it: things that overlap, float or tip, drawers that jam."""
    for reading in assess(Case(scene), (Joint(), Contact())):
        if reading.fails:
            yield reading.asset, (Code.ASSET_INVALID, 0.0, reading.value, "mm", reading.evidence)


def _of_shift(wanted: Wanted) -> Iterator[Reason]:
    """Why something cannot be brought to where it shall be, whatever the robot."""
    for one, value in wanted.beyond:
        bound = one.low if value < one.low else one.high
        code = Code.REACH_HEIGHT if one.name == "dz" else Code.REACH_DISTANCE
        text = f"{wanted.target} is {value:+.3f} m from {wanted.object} in {one.name}, {wanted.skill} goes to {bound:+g} m"
        yield code, value, bound, one.unit, text


def beyond(trial: Trial) -> Iterator[str]:
    """What lies farther away than any skill brings it, from where things stand at the start."""
    return (text for wanted in wanted_of(trial) for *_, text in _of_shift(wanted))


def _reasons(scene: Scene, call: SkillCall, profile: Profile) -> Iterator[Reason]:
    """Every reason against a call."""
    if profile.programs is not None and profile.programs not in skill(call.skill).programs:
        text = f"{call.skill} has no program for {profile.programs}"
        yield Code.SKILL_MISSING, None, None, "", text
        return
    found = [*_of_object(scene, call, profile), *_of_places(scene, call, profile)]
    yield from found
    if profile.check is not None:
        try:
            profile.check(scene, call)
        except OutOfReachError as error:
            if error.ends is not Ends.WIDTH or not any(code is Code.GRIPPER_WIDTH for code, *_ in found):
                unit = "" if error.needed is None else "rad" if error.ends is Ends.HEAD else "m"
                yield _CODES[error.ends], error.needed, error.limit, unit, str(error)
        except ProgramError as error:
            yield Code.SKILL_MISSING, None, None, "", str(error)


def _of_object(scene: Scene, call: SkillCall, profile: Profile) -> Iterator[Reason]:
    """Width, weight and hold of what is grasped."""
    if not skill(call.skill).carries:
        return
    spec = scene.objects[scene.index(call.object)]
    width, load = min(spec.size[:2]), loaded(scene, scene.index(call.object))
    opening = profile.opening or profile.limits.gripper_opening
    if width > opening and not spec.kind.container:
        yield Code.GRIPPER_WIDTH, width, opening, "m", f"{call.object} is {width:.3f} m wide"
    if profile.payload is not None and load.weight > profile.payload:
        text = f"{call.object} weighs {load.weight:.2f} kg" + (", with what is in or on it" if load.others else "")
        yield Code.PAYLOAD, load.weight, profile.payload, "kg", text
    for reading in GraspStability(limits=profile.limits).readings(Case(scene, call=call)):
        if reading.fails:
            yield Code.GRASP_UNSTABLE, 0.8, 1 - reading.value, "share of grasps", reading.evidence


def _of_places(scene: Scene, call: SkillCall, profile: Profile) -> Iterator[Reason]:
    """Heights and distances of where the hand has to be."""
    low, high = np.array(profile.limits.low), np.array(profile.limits.high)
    for where, point in hand_points(scene, call).items():
        for axis in np.flatnonzero((point < low) | (point > high)).tolist():
            bound = float(low[axis] if point[axis] < low[axis] else high[axis])
            code = Code.REACH_HEIGHT if axis == 2 else Code.REACH_DISTANCE
            text = f"{where} of {call.skill}({call.object}) at {'xyz'[axis]} = {point[axis]:.3f} m"
            yield code, float(point[axis]), bound, "m", text
