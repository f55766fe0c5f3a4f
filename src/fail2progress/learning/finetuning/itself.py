"""What a model says of a failure itself, as observed and in repetitions: of its broken relations, and how far what moved went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fail2progress.core.scene import Array
from fail2progress.learning.finetuning.chance import MOVED
from fail2progress.learning.finetuning.repetitions import Repetitions, hidden, repeated, ways_seen
from fail2progress.models.base import Capability, SkillEffectModel
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.stein.concerned import seen_moving


@dataclass(frozen=True)
class Answers:
    """Of one failure."""

    broken: float
    """Share of its broken relations that are predicted as they were observed, in O_F; 1 where none is asked for."""
    shifted: float | None
    """Share of them that are predicted right in its repetitions; None where none of these asks for any."""
    motion: float
    """Mean error in metres of what moved, in O_F and in the repetitions."""
    observed: float | None
    """The greatest of these in O_F; None where nothing was seen to move."""

    @property
    def right(self) -> float:
        """The lesser of the shares that are asked for."""
        return lesser(self.broken, self.shifted)


def answers(model: SkillEffectModel, one: Repetitions) -> Answers:
    """Ask a model. The motion that relations merely imply is no prediction that could be held against it."""
    event, broken = one.event, one.broken
    predicted, shift, _ = predict_effect(model, encode_observation(model, event.before), event.header.call.call())
    right = [(m.value(predicted) > 0.5) == (m.observed > 0.5) for m in (() if one.on_edge else broken)]
    errors, shifted = list(_observed_errors(one, shift)), list[bool]()
    observed = greatest(errors)
    for outcome in one.outcomes:
        predicted, shift, _ = predict_effect(model, encode_observation(model, outcome.before.cloud), outcome.call)
        true, cloud = outcome.after.relations, outcome.before.cloud
        shifted += [
            (m.value(predicted) > 0.5) == (m.value(true) > 0.5)
            for m in broken
            if set(m.names) <= set(cloud.names) and not hidden(m, cloud)
        ]
        moved = (np.linalg.norm(outcome.displacements, axis=1) > MOVED) & outcome.before.cloud.seen & repeated(event, outcome)
        off = zip(cloud.names, shift - outcome.displacements, moved, strict=True)
        errors += [_beyond(one, name, way) for name, way, asked in off if asked]
    predicts_motion = Capability.DISPLACEMENT in model.capabilities
    motion = (mean(errors, 0.0), observed) if predicts_motion else (0.0, None)
    return Answers(mean(right, 1.0), mean(shifted, 1.0) if shifted else None, *motion)


def lesser(broken: float, shifted: float | None) -> float:
    """Of the two shares, as far as the second is asked for."""
    return broken if shifted is None else min(broken, shifted)


def mean(values: Sequence[float], otherwise: float) -> float:
    """Of some values; `otherwise` where there is none."""
    return float(np.mean(values)) if len(values) else otherwise


def greatest(values: Sequence[float | None]) -> float | None:
    """None where one of them is, or there is none."""
    return max((v for v in values if v is not None), default=None) if None not in values else None


def _observed_errors(one: Repetitions, shift: Array) -> Iterator[float]:
    """Metres between how far things were predicted and seen to move, beyond what is chance."""
    event = one.event
    for row in seen_moving(event.before, event.after, event.header.call.object):
        yield _beyond(one, event.before.names[row], shift[row] - ways_seen(event)[row])


def _beyond(one: Repetitions, name: str, way: Array) -> float:
    """Metres of an error (3,) that are more than what hangs on how a thing bounces, each axis by itself."""
    return float(np.linalg.norm(np.maximum(np.abs(way) - one.luck.get(name, 0.0), 0.0)))
