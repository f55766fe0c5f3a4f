"""How many skills a task takes at least, by its goals: what a budget for planning again is counted from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fail2progress.core.relations import ground_truth
from fail2progress.tasks.base import Trial


def shortest(trial: Trial) -> int:
    """Skills of the shortest plan: in each stage one for every object of which something must be made true.

    What held at the start or was asked for by an earlier stage need not be made true, unless a stage in between asked for its
    opposite: a drawer that was opened must be closed. A bound from below where goals leave out a skill that must be taken on the
    way.
    """
    count = len(trial.scene)
    start = ground_truth(trial.scene, np.zeros((count, count), bool))
    held = {atom for stage in trial.stages for atom in stage.atoms if atom.probability(start) > 0.5}
    skills = 0
    for stage in trial.stages:
        made = set(stage.atoms) - held
        skills += len({atom.subject for atom in made})
        held = (held | made) - {replace(atom, holds=not atom.holds) for atom in made}
    return skills
