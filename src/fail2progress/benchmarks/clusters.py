"""F and M: failures of scouts, their features, and the clusters that are taken for the structure of failing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from fail2progress.benchmarks.build import Carried
from fail2progress.benchmarks.items import Metadata
from fail2progress.benchmarks.scoring import SIGNATURE, Response
from fail2progress.core.registry import Registry
from fail2progress.core.scene import Array

Labels = NDArray[np.int64]
DESIGN = ("depth", "carried", "distractor_count", "operator_count", "travel_m", "clearance_mm", "visibility")
"""Metadata that are features: no structure, no type, nothing of how an item was made."""
VARIANCE = 0.95
DIGITS = 6


@dataclass(frozen=True)
class Failure:
    """An item that a model got wrong; `member` is the model's number in the panel."""

    item: Carried
    member: int
    signature: Array

    @property
    def raw(self) -> Array:
        """Design metadata and error signature."""
        return np.concatenate([design_features(self.item.item.metadata), self.signature])


def design_features(metadata: Metadata) -> Array:
    """(len(DESIGN),) of an item."""
    return np.array([float(getattr(metadata, name)) for name in DESIGN])


def failures(
    items: Sequence[Carried], responses: Sequence[Response], members: Sequence[int], rng: np.random.Generator
) -> list[Failure]:
    """Each item that some of the members got wrong, with one of these, drawn."""
    found = []
    for item, response in zip(items, responses, strict=True):
        wrong = [member for member in members if not response.correct[member]]
        if wrong:
            member = int(rng.choice(wrong))
            found.append(Failure(item, member, response.signature[member]))
    return found


@dataclass(frozen=True)
class Space:
    """Features: standardised and turned to principal components on the failures of the static pool, then left as they are."""

    scaler: StandardScaler
    components: PCA

    @classmethod
    def of(cls, found: Sequence[Failure]) -> Space:
        """From failures of the static pool. ValueError where they are too few."""
        if len(found) < 3:
            raise ValueError(f"{len(found)} failures give no space of features; use more items or weaker scouts")
        raw = np.array([failure.raw for failure in found])
        scaler = StandardScaler().fit(raw)
        return cls(scaler, PCA(n_components=VARIANCE, svd_solver="full").fit(scaler.transform(raw)))

    def place(self, found: Sequence[Failure]) -> Array:
        """(n, D) coordinates, rounded as they are written down."""
        raw = np.array([failure.raw for failure in found])
        return np.asarray(np.round(self.components.transform(self.scaler.transform(raw)), DIGITS))


Clusterer = Callable[[Array, int, int], Labels]
"""(n, D) features, the number of clusters asked for and a seed to (n,) labels; -1: none."""


def kmeans(features: Array, k: int, seed: int) -> Labels:
    """Lloyd's algorithm from ten k-means++ starts."""
    k = min(k, len(np.unique(features, axis=0)))
    return np.asarray(KMeans(k, n_init=10, random_state=seed).fit_predict(features), np.int64)


def hdbscan(features: Array, k: int, seed: int) -> Labels:
    """By density; as many clusters as there are, each at least half of an even share."""
    smallest = max(5, len(features) // (2 * k))
    return np.asarray(HDBSCAN(min_cluster_size=smallest, min_samples=3, copy=True).fit_predict(features), np.int64)


CLUSTERERS: Registry[Clusterer] = Registry("clusterer", "fail2progress.clusterers")
CLUSTERERS.register("kmeans", kmeans)
CLUSTERERS.register("hdbscan", hdbscan)


def centroids(features: Array, labels: Labels) -> Array:
    """(K, D) means of the clusters, by label; (0, D) where there is none."""
    means = [features[labels == label].mean(axis=0) for label in np.unique(labels[labels >= 0])]
    return np.array(means).reshape(-1, features.shape[1])


def nearest(features: Array, centres: Array) -> Labels:
    """(n,) rows of the nearest centroids."""
    return np.asarray(np.linalg.norm(features[:, None] - centres, axis=2).argmin(axis=1), np.int64)


def name_clusters(found: Sequence[Failure], labels: Labels) -> dict[int, str]:
    """A name for people of every cluster: the two questions that tell it best from the others."""
    skills = sorted({failure.item.execution.skill for failure in found})
    heads = [*DESIGN, *SIGNATURE, *(f"skill = {name}" for name in skills)]
    rows = [[*failure.raw, *(failure.item.execution.skill == name for name in skills)] for failure in found]
    values = np.array(rows, float)
    return {int(label): _name(values, labels == label, heads) for label in np.unique(labels)}


def _name(values: Array, mine: NDArray[np.bool_], heads: Sequence[str]) -> str:
    tree = DecisionTreeClassifier(max_depth=2, class_weight="balanced", random_state=0).fit(values, mine).tree_
    leaf = int(np.bincount(_leaves(tree, values)[mine]).argmax())
    return " and ".join(_path(tree, leaf, heads)) or "all"


def _leaves(tree: object, values: Array) -> Labels:
    return np.asarray(tree.apply(values.astype(np.float32)), np.int64)  # type: ignore[attr-defined]


def _path(tree: object, leaf: int, heads: Sequence[str]) -> list[str]:
    """The questions on the way to a leaf, answered."""
    left, right, feature, threshold = (
        getattr(tree, name) for name in ("children_left", "children_right", "feature", "threshold")
    )
    parents = {
        int(child): (node, side) for node in range(len(left)) for side, child in ((0, left[node]), (1, right[node])) if child >= 0
    }
    found = []
    while leaf in parents:
        node, side = parents[leaf]
        found.append(_question(heads[int(feature[node])], float(threshold[node]), side))
        leaf = node
    return found[::-1]


def _question(head: str, threshold: float, side: int) -> str:
    if head.startswith("skill = "):
        return head if side else head.replace("=", "is not")
    value = np.expm1(threshold) if head in SIGNATURE else threshold
    return f"{head} {'>' if side else '<='} {value:.3g}"
