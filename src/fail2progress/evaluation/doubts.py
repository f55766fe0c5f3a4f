"""What speaks against the goals of a trial before it is begun: what nothing moves, opens, or brings so far."""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot

import numpy as np

from fail2progress.core.goals import Atom
from fail2progress.core.relations import DEFAULT, KINDS, ground_truth
from fail2progress.core.scene import Scene
from fail2progress.evaluation.transfer import beyond
from fail2progress.tasks.base import Trial


def doubts(trial: Trial) -> tuple[str, ...]:
    """A sentence for each atom that no skill makes true from where things stand, and each place out of all skills' bounds."""
    n = len(trial.scene.objects)
    truth = ground_truth(trial.scene, np.zeros((n, n), bool))
    wanted = dict.fromkeys(atom for stage in trial.stages for atom in stage.atoms if atom.probability(truth) <= 0.5)
    found = [f"{atom}: {reason}" for atom in wanted for reason in _reasons(trial.scene, atom)]
    return tuple(dict.fromkeys([*found, *beyond(trial)]))


def _reasons(scene: Scene, atom: Atom) -> Iterator[str]:
    things = [scene.objects[scene.index(name)] for name in atom.names]
    fixed = [not (thing.movable or thing.is_drawer) for thing in things]
    first = things[0]
    if atom.relation in KINDS:
        yield f"no skill changes what {first.name} is"
    elif atom.relation == "open" and not first.is_drawer:
        yield f"{first.name} is a {first.category}, only drawers open"
    elif all(fixed) and len(things) == 2 and atom.relation != "contact":  # which is not told by places alone
        yield f"neither {first.name} nor {things[1].name} can be moved"
    elif atom.relation == "boundary" and atom.holds and hypot(*things[1].size[:2]) <= DEFAULT.boundary_surface:
        wide = f"only what is wider than {DEFAULT.boundary_surface:g} m both ways has an edge to stand at"
        yield f"{things[1].name} is a {things[1].category} of {things[1].size[0]:.2f} by {things[1].size[1]:.2f} m, {wide}"
    elif fixed[0] and atom.holds and atom.relation in ("inside", "above"):
        yield f"{first.name} is a {first.category}, which nothing moves"
