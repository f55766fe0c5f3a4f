"""How the probabilities of two relation detectors become one: weighted sums of their log-odds (docs/decisions/0056).

Two detectors whose errors seldom meet are each right where the other one has learnt nothing; the mean of both is then
undecided. The weights say how far each is to be believed about a relation, as measured on held-out executions.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from scipy.special import expit

from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.core.scene import Array
from fail2progress.models import weights

SUFFIX = ".combination.json"
_SUREST = 4.0
"""Log-odds from which a detector's certainty counts no more."""


class CombinationError(ValueError):
    """A file that is no combination of detectors."""


class Weights(BaseModel):
    """Of one relation: by how much each detector's log-odds count, and what is added."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    learned: float = Field(default=0.5, ge=0.0, allow_inf_nan=False)
    geometric: float = Field(default=0.5, ge=0.0, allow_inf_nan=False)
    bias: float = Field(default=0.0, allow_inf_nan=False)

    def combined(self, learned: Array, geometric: Array) -> Array:
        """Probabilities of any shape."""
        return np.asarray(expit(self.learned * log_odds(learned) + self.geometric * log_odds(geometric) + self.bias))


class Combination(BaseModel):
    """Weights by relation, and what they were fitted on."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1] = 1
    model: str
    """SHA-256 digest of the model that detects."""
    relations: Mapping[str, Weights]
    executions: int = 0
    provenance: dict[str, Any] = Field(default_factory=dict)

    @field_validator("relations")
    @classmethod
    def _complete(cls, value: Mapping[str, Weights]) -> Mapping[str, Weights]:
        if set(value) != {*BINARY, *UNARY}:
            raise ValueError(f"weights of other relations than {', '.join((*BINARY, *UNARY))}: {', '.join(value)}")
        return value

    def combine(self, learned: RelationState, geometric: RelationState) -> RelationState:
        """One belief from both, of the same objects. What both hold impossible, as of what was not seen, stays so."""
        binary = self._each(BINARY, np.asarray(learned.binary, float), np.asarray(geometric.binary, float))
        unary = self._each(UNARY, np.asarray(learned.unary, float), np.asarray(geometric.unary, float))
        return RelationState(learned.names, binary, unary)

    def _each(self, names: tuple[str, ...], one: Array, other: Array) -> Array:
        columns = [self.relations[name].combined(one[..., k], other[..., k]) for k, name in enumerate(names)]
        return np.where((one == 0.0) & (other == 0.0), 0.0, np.stack(columns, axis=-1))


def log_odds(probabilities: Array) -> Array:
    """Log-odds of probabilities, limited on both sides."""
    limit = expit(-_SUREST)
    kept = np.clip(probabilities, limit, 1.0 - limit)
    return np.asarray(np.log(kept / (1.0 - kept)))


def equal(digest: str) -> Combination:
    """Both count the same."""
    return Combination(model=digest, relations={name: Weights() for name in (*BINARY, *UNARY)})


def read(path: Path) -> Combination:
    """From a file; CombinationError where it is none."""
    try:
        return Combination.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise CombinationError(f"{path}: no combination of detectors: {str(error).splitlines()[0]}") from error


@lru_cache(maxsize=64)
def combination_for(digest: str, kind: str = "") -> Combination:
    """That of a model of the package, by its digest; of another one, that of the base model of its kind."""
    return weights.of_model(weights.fitted(SUFFIX, read), digest, kind) or equal(digest)
