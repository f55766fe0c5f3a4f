"""What a model says of an execution, scored: right or wrong, how likely, and what kind of error it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fail2progress.benchmarks.execution import Execution
from fail2progress.core.relations import BINARY, Mask
from fail2progress.core.scene import Array
from fail2progress.evaluation.predictions import ALONG, CHECKED, CLOSE, STILL

Said = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Probabilities (N, N, 9) and (N, 3) after the skill, and (N, 3) motion in metres."""
SIGNATURE = (
    *(f"missed_{relation}" for relation in CHECKED),
    *(f"invented_{relation}" for relation in CHECKED),
    "state_wrong",
    "object_mm",
    "along_mm",
    "still_mm",
)
"""Of an error: numbers of relations missed and invented, wrong states, and the largest errors in mm, all as ln(1 + x)."""
_CELLS = np.array([BINARY.index(relation) for relation in CHECKED])
_LEAST = 1e-4


@dataclass(frozen=True)
class Response:
    """M models on one execution. correct: (M,). graded: (M,) mean log-likelihood of the concerned relations.

    signature: (M, len(SIGNATURE)), zero where nothing is wrong.
    """

    correct: Mask
    graded: Array
    signature: Array


def score(execution: Execution, said: Sequence[Said]) -> Response:
    """Right: every concerned relation on its side of one half, and all that moved within 4 cm."""
    rows = np.flatnonzero(execution.concerned)
    cells = np.ix_(rows, rows, _CELLS)
    off = ~np.eye(len(rows), dtype=bool)
    holds, states = execution.binary[cells], execution.unary[rows]
    binary = np.array([one[0][cells] for one in said])
    unary = np.array([one[1][rows] for one in said])
    wrong, astray = (binary > 0.5) != holds, (unary > 0.5) != states
    error = np.linalg.norm(np.array([one[2] for one in said]) - execution.shift, axis=2)
    moved = np.linalg.norm(execution.shift, axis=1)
    far = (error[:, moved > STILL] > CLOSE).any(axis=1)
    likely = np.concatenate(
        [_likelihood(binary, holds)[:, off].reshape(len(said), -1), _likelihood(unary, states).reshape(len(said), -1)], 1
    )
    return Response(
        correct=~(wrong.any(axis=(1, 2, 3)) | astray.any(axis=(1, 2)) | far),
        graded=np.log(np.clip(likely, _LEAST, 1.0)).mean(axis=1),
        signature=_signature(execution, wrong, holds, astray, error, moved),
    )


def _likelihood(probability: NDArray[Any], holds: Mask) -> Array:
    return np.asarray(np.where(holds, probability, 1.0 - probability), float)


def _signature(execution: Execution, wrong: Mask, holds: Mask, astray: Mask, error: Array, moved: Array) -> Array:
    own = np.arange(len(moved)) == execution.object
    groups = (own, ~own & (moved > ALONG), ~own & (moved < STILL))
    largest = [1000 * error[:, group].max(axis=1, initial=0.0) for group in groups]
    missed, invented = (wrong & holds).sum(axis=(1, 2)), (wrong & ~holds).sum(axis=(1, 2))
    parts = [*missed.T, *invented.T, astray.sum(axis=(1, 2)), *largest]
    signature: Array = np.log1p(np.stack([np.asarray(part, float) for part in parts], axis=1))
    return signature
