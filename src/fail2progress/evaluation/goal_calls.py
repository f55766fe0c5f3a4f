"""What the atoms of a goal ask of skills, from where things stand at the start; and which of them no skill makes true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fail2progress.core.goals import Atom
from fail2progress.core.relations import DEFAULT, ground_truth
from fail2progress.core.scene import Scene, yaw_of
from fail2progress.skills.base import SkillCall
from fail2progress.skills.definition import Lifted, Parameter, SkillDefinition
from fail2progress.skills.placement import release_height
from fail2progress.skills.registry import SKILLS, skill
from fail2progress.tasks.base import Trial


@dataclass(frozen=True)
class Wanted:
    """What a goal atom asks for, which is a call where its parameters lie within the skill's bounds."""

    skill: str
    object: str
    parameters: tuple[float, ...]
    target: str | None = None

    @property
    def call(self) -> SkillCall:
        """As a skill takes it. ValueError where it is out of bounds."""
        return SkillCall(self.skill, self.object, self.parameters, self.target)

    @property
    def beyond(self) -> tuple[tuple[Parameter, float], ...]:
        """The parameters out of bounds, with their values."""
        pairs = zip(skill(self.skill).parameters, self.parameters, strict=True)
        return tuple((one, value) for one, value in pairs if not one.low <= value <= one.high)


def wanted_of(trial: Trial) -> Iterator[Wanted]:
    """One for each atom that a single skill makes true."""
    for stage in trial.stages:
        for atom in stage.atoms:
            found = _asked(trial.scene, atom)
            if found is not None:
                yield found


def _asked(scene: Scene, atom: Atom) -> Wanted | None:
    """What would make an atom true, None where that takes more than one skill or nothing is named to move."""
    subject = scene.objects[scene.index(atom.subject)]
    if subject.is_drawer and atom.relation == "open":
        return _pulled(scene, atom)
    if not atom.holds or not subject.movable or atom.other is None or atom.relation not in ("inside", "above"):
        return None
    i, j = scene.index(atom.subject), scene.index(atom.other)
    place = scene.poses[j, :2]
    height = release_height(scene, i, place) + 0.012 + scene.sizes[i, 2] / 2
    dx, dy, dz = (np.array([*place, height]) - scene.poses[i, :3]).tolist()
    return Wanted("pick_place", atom.subject, (dx, dy, dz, 0.0), atom.other)


def _pulled(scene: Scene, atom: Atom) -> Wanted | None:
    """A drawer opened by 0.1 m, or shut by as much as it is open; None for one that is shut and shall be."""
    yaw = yaw_of(scene.poses[scene.index(atom.subject)])
    inwards, outwards = (float(np.mod(angle + np.pi, 2 * np.pi) - np.pi) for angle in (yaw, yaw + np.pi))
    if atom.holds:
        return Wanted("open_drawer", atom.subject, (outwards, 0.1))
    opening = scene.openings.get(atom.subject, 0.0)
    return Wanted("close_drawer", atom.subject, (inwards, opening)) if opening > DEFAULT.drawer_open else None


def beyond_skills(trial: Trial) -> Iterator[Atom]:
    """The atoms that no skill says to make true, and that are not so from the start, as far as boxes and openings tell."""
    untouched = np.zeros((len(trial.scene), len(trial.scene)), bool)
    now = ground_truth(trial.scene, untouched)
    for atom in dict.fromkeys(atom for stage in trial.stages for atom in stage.atoms):
        if not atom.probability(now) and not any(_achieves(skill(name), trial.scene, atom) for name in SKILLS):
            yield atom


def _achieves(definition: SkillDefinition, scene: Scene, atom: Atom) -> bool:
    lifted = (one.atom for one in definition.achieves)
    return any(
        (one.relation, one.holds) == (atom.relation, atom.holds) and _acts_on(definition, scene, _bound(one, atom))
        for one in lifted
    )


def _bound(lifted: Lifted, atom: Atom) -> str | None:
    """What of an atom is the object of the skill, None where that may be anything."""
    names = {lifted.subject: atom.subject} | ({lifted.other: atom.other} if lifted.other is not None else {})
    return names.get("object")


def _acts_on(definition: SkillDefinition, scene: Scene, name: str | None) -> bool:
    if name is None:
        return True
    spec = scene.objects[scene.index(name)]
    return spec.is_drawer if definition.acts_on == "drawer" else spec.movable
