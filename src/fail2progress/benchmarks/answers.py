"""A log's records as tables: answers of the models by slice and seed, and failures with clusters and structures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fail2progress.benchmarks.events import Recorded
from fail2progress.benchmarks.manifest import EVALUEE
from fail2progress.benchmarks.metrics import Codes, numbered
from fail2progress.core.scene import Array

REFERENCE = "reference"
LEARNER = "learner"


@dataclass(frozen=True)
class FailureTable:
    """n failures: items (n), features (n, D), clusters and structures (n,), and the clusters' names."""

    items: tuple[str, ...]
    features: Array
    clusters: Codes
    structures: Codes
    names: dict[int, str]

    def __len__(self) -> int:
        return len(self.clusters)


@dataclass(frozen=True)
class Answers:
    """Everything that a log recorded."""

    found: Recorded

    @property
    def members(self) -> list[dict[str, Any]]:
        """Level, training seed, role and digest of every model, in the order of the answers."""
        return list(self.found.config["members"])

    @cached_property
    def levels(self) -> list[str]:
        """Capability levels of the evaluees."""
        return list(dict.fromkeys(str(m["level"]) for m in self.members if m["role"] == EVALUEE))

    @cached_property
    def _by_slice(self) -> dict[tuple[str, int], list[dict[str, Any]]]:
        rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for record in self.found.records("eval_record"):
            if record.get("by") != LEARNER:
                rows.setdefault((record["slice"], record["seed"]), []).append(record)
        return rows

    @cached_property
    def _failures(self) -> dict[tuple[str, int], FailureTable]:
        rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for record in self.found.records("failure_record"):
            rows.setdefault((record["slice"], record["seed"]), []).append(record)
        return {key: _table(records) for key, records in rows.items()}

    def seeds(self, name: str) -> list[int]:
        """Seeds of a slice."""
        return sorted(seed for one, seed in self._by_slice if one == name)

    def slices(self) -> list[str]:
        """Names of the slices that were scored, in the order of the log."""
        return list(dict.fromkeys(name for name, _ in self._by_slice))

    def records(self, name: str, seed: int) -> list[dict[str, Any]]:
        """Raw records of a slice and seed."""
        return self._by_slice[name, seed]

    def failures(self, name: str, seed: int) -> FailureTable | None:
        """Failures of a slice and seed."""
        return self._failures.get((name, seed))

    def ids(self, name: str, seed: int) -> list[str]:
        """The items of a slice and seed."""
        return [str(record["item"]) for record in self.records(name, seed)]

    def learner(self) -> list[dict[str, Any]]:
        """Answers of the model that learns from round to round."""
        return [record for record in self.found.records("eval_record") if record.get("by") == LEARNER]

    def correct(self, name: str, seed: int) -> Array:
        """(n, M) 1 where a model was right."""
        return np.array([[float(c) for c in record["correct"]] for record in self.records(name, seed)])

    def of_evaluees(self, name: str, seed: int) -> Array:
        """(n, E) 1 where an evaluee was right, each training seed by itself."""
        return self.correct(name, seed)[:, [i for i, m in enumerate(self.members) if m["role"] == EVALUEE]]

    def failed(self, name: str, seed: int) -> int:
        """How many items some evaluee got wrong: too few of them are in no clusters, and in no table of failures."""
        return int((self.of_evaluees(name, seed) < 1).any(axis=1).sum())

    def graded(self, name: str, seed: int) -> Array:
        """(n, M) mean log-likelihoods."""
        return np.array([record["graded"] for record in self.records(name, seed)])

    def by_level(self, name: str, seed: int) -> Array:
        """(n, L) answers of the evaluees of every level, averaged over its training seeds."""
        return self._mean(self.correct(name, seed))

    def _mean(self, values: Array) -> Array:
        columns = [self._columns(level) for level in self.levels]
        return np.stack([values[:, each].mean(axis=1) for each in columns], axis=1)

    def _columns(self, level: str) -> list[int]:
        return [i for i, m in enumerate(self.members) if m["role"] == EVALUEE and m["level"] == level]

    def reference(self) -> Array | None:
        """(L,) accuracies on the pool that nothing is induced from, None where there is none."""
        seeds = self.seeds(REFERENCE)
        return self.by_level(REFERENCE, seeds[0]).mean(axis=0) if seeds else None


def _table(records: Sequence[dict[str, Any]]) -> FailureTable:
    return FailureTable(
        tuple(str(record["item"]) for record in records),
        np.array([record["features"] for record in records], float),
        np.array([record["cluster"] for record in records], np.int64),
        numbered([record["structure"] for record in records]),
        {int(record["cluster"]): str(record["name"]) for record in records},
    )
