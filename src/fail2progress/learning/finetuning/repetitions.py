"""A failure carried out again in its rebuilt scene, and what of it a model can be asked for (docs/decisions/0043, 0050, 0055)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.memory import gone, witnessed
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import BINARY, Mask
from fail2progress.core.scene import Array, Scene
from fail2progress.failures.classifier import concerned, stood
from fail2progress.failures.event import FailureEvent, Mismatch
from fail2progress.failures.surprise import CLOSE
from fail2progress.learning.finetuning.chance import bounced, moved, steady
from fail2progress.learning.finetuning.worlds import drawn
from fail2progress.simulation.base import Job, Outcome, Simulator
from fail2progress.stein.physics import NOMINAL, PhysicsPrior

_DOUBT = 0.1
"""Probability from which an observation is in doubt that no repetition repeats (docs/decisions/0062)."""
ELSEWHERE = 0.1
"""Metres from which something ends elsewhere than it was seen to: then a repetition does not repeat it."""
_IN_VIEW = 0.5
"""Share of its outline from which a thing would have been seen: what went out of sight did not end there."""


@dataclass(frozen=True)
class Repetitions:
    """A failure and simulated repetitions of it with shifted starts."""

    event: FailureEvent
    outcomes: tuple[Outcome, ...]
    bounced: Outcome | None = None
    """The first of them where things bounce."""

    @cached_property
    def luck(self) -> dict[str, Array]:
        """(3,) metres by which what moved ends elsewhere where things bounce, of all whose end hangs on it (chance)."""
        if self.bounced is None:
            return {}
        first = self.outcomes[0]
        ways = zip(first.before.scene.names, np.abs(self.bounced.displacements - first.displacements), moved(first), strict=True)
        return {name: way for name, way, went in ways if went and np.linalg.norm(way) > CLOSE}

    @cached_property
    def broken(self) -> tuple[Mismatch, ...]:
        """The failure's broken relations, but for those that nobody can be asked for.

        Of what was not seen before the skill no model says anything (docs/decisions/0055). What the detector only imagined
        afterwards no repetition shows (0043): if some repetition shows others, those count. Where none is shown, those count that
        were observed with certainty: then the failure itself is not repeated. What was seen with doubt and always comes out
        otherwise was seen wrongly, and so was all that no repetition shows although things end there as they were seen to (0065).
        Where most repetitions show some, the others hang on a millimetre and do not count (0050).
        What turns over in most of them if all that moves ends a little aside is chance and does not count (0065); aside by as
        much as where things bounce, if that is more (0104).
        """
        broken = tuple(m for m in self.event.header.mismatches if not hidden(m, self.event.before))
        often = {m: sum(map(self._shows(m), self.outcomes)) for m in broken}
        most = tuple(m for m in broken if 2 * often[m] >= len(self.outcomes) > 0)
        chosen = most or tuple(m for m in broken if often[m]) or (() if self._as_seen() else tuple(filter(_sure, broken)))
        reach = max([CLOSE, *(float(np.linalg.norm(way)) for way in self.luck.values())])
        fixed = [(outcome.after.relations.names, steady(outcome, reach)) for outcome in self.outcomes]
        return tuple(m for m in chosen if 2 * sum(_turns(m, *one) for one in fixed) <= len(fixed) and not self._bounces(m))

    def _bounces(self, broken: Mismatch) -> bool:
        """Whether a relation turns over where things bounce."""
        shows = self._shows(broken)
        return self.bounced is not None and shows(self.bounced) != shows(self.outcomes[0])

    @cached_property
    def on_edge(self) -> bool:
        """Whether all that counts hangs on a millimetre: shown by some repetitions, and by less than half of them.

        Then to predict it as it was observed and as most repetitions show it cannot go together.
        """
        often = [sum(map(self._shows(m), self.outcomes)) for m in self.broken]
        return bool(often) and max(often) > 0 and 2 * max(often) < len(self.outcomes)

    def _as_seen(self) -> bool:
        """Whether in most repetitions all ends where it was seen to: at least one side of its box, as others may be hidden."""
        before, after = self.event.before, self.event.after
        known = witnessed(before, after, self.event.header.call.object)
        sides = (after.bounds() - before.bounds())[known]
        names = [name for name, one in zip(before.names, known, strict=True) if one]

        def near(outcome: Outcome) -> bool:
            scene, ways = outcome.before.scene, outcome.displacements
            off = [np.abs(side - ways[scene.index(name)]) for name, side in zip(names, sides, strict=True) if name in scene.names]
            return all(np.linalg.norm(each.min(axis=0)) <= CLOSE for each in off)

        return 2 * sum(map(near, self.outcomes)) > len(self.outcomes)

    @staticmethod
    def _shows(broken: Mismatch) -> Callable[[Outcome], bool]:
        """Whether a relation comes out as it was observed; of what a scene leaves out nothing can be said against it."""

        def shows(outcome: Outcome) -> bool:
            true = outcome.after.relations
            if not set(broken.names) <= set(true.names):
                return True
            return (broken.value(true) > 0.5) == (broken.observed > 0.5)

        return shows


def _turns(broken: Mismatch, names: Sequence[str], fixed: Mask) -> bool:
    """Whether a relation between two things turns over easily. fixed (N, N, 9): those that do not."""
    if not broken.other or not set(broken.names) <= set(names):
        return False
    return not fixed[names.index(broken.subject), names.index(broken.other), BINARY.index(broken.relation)]


def hidden(broken: Mismatch, cloud: SegmentedCloud) -> bool:
    """Whether a relation speaks of a segment that has no points."""
    return any(name in broken.names for name, seen in zip(cloud.names, cloud.seen, strict=True) if not seen)


def _sure(broken: Mismatch) -> bool:
    """Whether a relation was observed with such certainty that repetitions which all contradict it are wrong."""
    return not _DOUBT <= broken.observed <= 1.0 - _DOUBT


def repeat(
    event: FailureEvent,
    scene: Scene,
    simulator: Simulator,
    seed: int,
    count: int = 6,
    shift: float = 0.004,
    physics: PhysicsPrior = NOMINAL,
) -> Repetitions:
    """Carry the failed skill out again in the rebuilt scene, everything that can be moved shifted by about `shift` metres.

    Those count that were at rest before the skill. Where none was, as something beside tips over by itself, those count in which
    what is concerned stayed where it was put, as when the failure was classified. `physics`: what is believed of the world's, of
    which each repetition draws.
    """
    rng = np.random.default_rng(seed)
    movable = np.array([spec.movable for spec in scene.objects])
    jobs = []
    for number, world in enumerate(drawn(physics, count, seed)):
        poses = scene.poses.copy()
        poses[movable, :2] += shift * rng.standard_normal(2) * (number > 0)
        look = int(rng.integers(2**31))
        jobs.append(Job(scene.with_poses(poses), event.header.call.call(), Camera(), seed=look, disturbances=world))
    tried = list(zip(jobs, simulator.execute_all(jobs), strict=True))
    done = [one for one in tried if one[1].stable] or [one for one in tried if stood(one[0].scene, one[1], concerned(event))]
    aside = bounced([job for job, _ in done[:1]], simulator)
    return Repetitions(event, tuple(outcome for _, outcome in done), aside[0] if aside else None)


def repeated(event: FailureEvent, outcome: Outcome) -> Mask:
    """(N,) whether what was seen before and after the failure moves in a repetition as it was seen to; true of all else.

    A block that stops at the table's edge, and falls over it in the rebuilt scene, says nothing of a model (docs/decisions/0055).
    Nor does one that fell out of sight, and stays on the table in full view there (0096).
    """
    handled, names = event.header.call.object, event.before.names
    both, lost = witnessed(event.before, event.after, handled), gone(event.before, event.after, handled)
    seen = {name: way for name, way, known in zip(names, ways_seen(event), both, strict=True) if known}
    away = {name for name, one in zip(names, lost, strict=True) if one}
    ends = zip(outcome.before.cloud.names, outcome.displacements, outcome.after.cloud.visibility, strict=True)
    return np.array(
        [
            np.linalg.norm(way - seen.get(name, way)) <= ELSEWHERE and not (name in away and shown >= _IN_VIEW)
            for name, way, shown in ends
        ]
    )


def ways_seen(event: FailureEvent) -> Array:
    """(N, 3) metres by which segments were seen to move."""
    return np.asarray((event.after.bounds() - event.before.bounds()).mean(axis=1))
