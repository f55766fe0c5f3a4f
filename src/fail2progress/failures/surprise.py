"""Surprises: what a skill moved ended elsewhere than expected, though no relation that the plan relies on broke.

A pushed row, or a block that topples, breaks nothing that a plan needs, so the task goes on; the model was wrong all the same,
and can learn from it (docs/decisions/0075).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fail2progress.core.memory import matching
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import BINARY, RelationState
from fail2progress.core.scene import Array
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.monitor import Astray
from fail2progress.stein.concerned import seen_moving

CLOSE = 0.025
"""Metres by which an end may be off: as many as a family that was learnt may be off (docs/decisions/0043)."""
_SHARE = 0.3
"""Of the way, by which two motions may differ: what is rebuilt from one side is slid and turned a little otherwise."""
_HOLDING = ("above", "inside")


def astray(
    before: SegmentedCloud, after: SegmentedCloud, expected: Array, moved: str, states: Sequence[RelationState] = ()
) -> Astray:
    """How far from where they were expected things were seen to end; 0 where nothing is known.

    expected: (N, 3) m, the motion expected of the segments of `before`. Judged are the object that the skill moves and all that
    was seen to move, by the middles of their boxes; `after` may name more than `before`, in another order. What is on and in
    nothing by one of `states`, the relations expected and observed, is left out: where a thing ends that falls is chance, and
    whether it falls is a matter of relations.
    """
    last = matching(after, before)
    error = np.nan_to_num(np.linalg.norm(_middles(last) - _middles(before) - expected, axis=1))
    own, others = before.index(moved), set(seen_moving(before, last, moved))
    judged = {row for row in {own, *others} if all(held(before.names[row], state) for state in states)}
    return Astray(*(max((float(error[row]) for row in judged & part), default=0.0) for part in ({own}, others - {own})))


def moving(event: FailureEvent) -> tuple[str, ...]:
    """What was seen to move."""
    rows = seen_moving(event.before, event.after, event.header.call.object)
    return tuple(event.before.names[row] for row in rows)


def same_motion(seen: Array, other: Array) -> bool:
    """Whether a thing moved alike in the world and in its rebuilt scene, (3,) m each: within CLOSE, or a share of the way."""
    return float(np.linalg.norm(other - seen)) <= max(CLOSE, _SHARE * float(np.linalg.norm(seen)))


def held(name: str, state: RelationState) -> bool:
    """Whether a thing is above or inside another one, by probabilities or truth values."""
    if name not in state.names:
        return False
    row = np.asarray(state.binary, float)[state.names.index(name)]
    return bool((row[:, [BINARY.index(relation) for relation in _HOLDING]] > 0.5).any())


def _middles(cloud: SegmentedCloud) -> Array:
    return np.asarray(cloud.bounds().mean(axis=1))
