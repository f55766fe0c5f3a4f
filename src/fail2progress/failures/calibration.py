"""A monitor's thresholds with a promised rate of false alarms: split conformal prediction on executions held out for it.

The score of an execution is how far its beliefs lie on opposite sides, at the atom relied on where they do most. A new execution
that goes as predicted scores above the threshold with a probability of at most alpha, if it is drawn as those were
(Vovk, Gammerman, Shafer 2005; Angelopoulos and Bates 2021, "A gentle introduction to conformal prediction", section 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fail2progress.core.relations import RelationState
from fail2progress.failures.monitor import Astray, Key, MonitorRule
from fail2progress.models import weights

SUFFIX = ".monitor.json"
HIGHEST = 0.5
"""No score is higher: two beliefs that are certain and contradict each other. A rule with this threshold would never alarm."""
_KEENEST = MonitorRule(high=0.5, low=0.5)
"""The rule of the lowest threshold: what it does not alarm at, none does."""


def _limits(value: Any) -> Any:
    """Earlier versions wrote one number for the skill's object and all else."""
    return {"own": value, "others": value} if isinstance(value, (int, float)) else value


class CalibrationError(ValueError):
    """Too few executions for the promise, or a file that is no calibration."""


class Calibration(BaseModel):
    """A threshold, and what it was calibrated on."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1] = 1
    model: str
    """SHA-256 digest of the model that predicted and detected."""
    relations: str = "learned"
    """Name of the detector of what is observed."""
    alpha: float = Field(gt=0.0, lt=1.0)
    """Promised share of false alarms among executions that go as predicted."""
    threshold: float = Field(ge=0.0, lt=HIGHEST)
    executions: int
    """Of which `good` went as predicted: those were calibrated on."""
    good: int
    motion: dict[str, Annotated[Astray, BeforeValidator(_limits)]] = Field(default_factory=dict)
    """By skill, how far what it moves may end from where it was expected before that is a surprise, with the same promise:
    at most `alpha` of the skill's executions that raise no alarm. Skills with too few executions for that are left out."""
    measured: dict[str, Any] = Field(default_factory=dict)
    """False alarms and hits on executions that were not calibrated on."""
    provenance: dict[str, Any] = Field(default_factory=dict)

    @property
    def rule(self) -> MonitorRule:
        """The rule that alarms where a score is above the threshold."""
        return MonitorRule(high=0.5 + self.threshold, low=0.5 - self.threshold, motion=tuple(sorted(self.motion.items())))


def score(expected: RelationState, observed: RelationState, atoms: Iterable[Key]) -> float:
    """Room between the nearer belief and 1/2 where the two are on opposite sides; at most 0 where the rule needs more.

    At most 1/2. A rule alarms where this is above its threshold: an atom on which no rule sees a difference, whatever its
    threshold, counts as agreed upon.
    """
    found = -0.5
    for atom in atoms:
        before, after = expected.value(*atom), observed.value(*atom)
        room = max(min(before - 0.5, 0.5 - after), min(0.5 - before, after - 0.5))
        found = max(found, room if _KEENEST.differ(atom[0], before, after) else min(room, 0.0))
    return found


def conformal_threshold(scores: Sequence[float], alpha: float) -> float:
    """The k-th smallest score of n good executions, k = ceil((n + 1) (1 - alpha)); never below 0, where beliefs agree.

    CalibrationError where n is too small for alpha: k would be above n.
    """
    if not enough(len(scores), alpha):
        least = math.ceil(1 / _as_written(alpha)) - 1
        raise CalibrationError(f"{len(scores)} good executions cannot promise {alpha:g}: at least {least} are needed")
    return max(sorted(scores)[_place(len(scores), alpha) - 1], 0.0)


def enough(count: int, alpha: float) -> bool:
    """Whether so many good executions can promise alpha."""
    return _place(count, alpha) <= count


def _place(count: int, alpha: float) -> int:
    """k, without what floating point adds: 100 * (1 - .41) is a little more than 59, and would be rounded up to 60."""
    return count + 1 - math.floor((count + 1) * _as_written(alpha))


def _as_written(alpha: float) -> Fraction:
    """The decimal number that was meant."""
    return Fraction(repr(float(alpha)))


def read(path: Path) -> Calibration:
    """From a file; CalibrationError where it is none."""
    try:
        return Calibration.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise CalibrationError(f"{path}: no calibration of a monitor: {str(error).splitlines()[0]}") from error


@lru_cache(maxsize=64)
def rule_for(digest: str, relations: str = "learned", kind: str = "", surprises: bool = False) -> MonitorRule:
    """The calibrated rule of a model of the package, by its digest; of another one, that of the base model of its kind.

    With another detector than the learned one: what was calibrated with that, where something was. Without `surprises`, motion
    does not count.
    """
    every = weights.fitted(SUFFIX, read)
    known = relations if any(one.relations == relations for one in every.values()) else "learned"
    found = {name.removesuffix(f".{known}"): one for name, one in every.items() if one.relations == known}
    own = weights.of_model(found, digest, kind) or found.get(weights.DEFAULT)
    rule = own.rule if own is not None else MonitorRule()
    return rule if surprises else replace(rule, motion=())
