"""What is measured of a benchmark: separation of models, their order, and how well clusters of failures follow structures.

All of these are invariant to how clusters and structures are numbered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from fail2progress.core.scene import Array

Codes = NDArray[np.int64]


def separation(accuracies: Sequence[float] | Array) -> float:
    """S: population standard deviation of the models' accuracies."""
    return float(np.std(np.asarray(accuracies, float)))


def corrected_separation(answers: Array) -> float:
    """S_c of (n, L) answers, 0 to 1: S without what the sampling of n items alone makes.

    S_c^2 = max(0, S^2 - (1 - 1/L) mean_l[v_l / n]), v_l the variance of a model's answers; of right and wrong ones v_l / n is
    a_l (1 - a_l) / (n - 1). All models answer the same items, which makes the noise of S smaller than that: S_c errs downwards.
    """
    return float(corrected_separations(answers, np.ones((1, len(answers)), np.int64))[0])


def corrected_separations(answers: Array, counts: Codes) -> Array:
    """(R,) S_c of the items as often as (R, n) counts say; 0 where they are fewer than two."""
    n, models = np.maximum(counts.sum(axis=1, keepdims=True), 1), answers.shape[1]
    mean, square = counts @ answers / n, counts @ answers**2 / n
    variance = (square - mean**2) / np.maximum(n - 1, 1)
    noise = (1 - 1 / models) * variance.mean(axis=1)
    return np.asarray(np.where(n[:, 0] < 2, 0.0, np.sqrt(np.maximum(0.0, mean.var(axis=1) - noise))))


def replicated(tables: Sequence[Array], counts: Sequence[Codes]) -> tuple[Array, Array]:
    """(seeds, R) S and S_c of each seed's answers (n, models), its items as often as its (R, n) counts say."""
    plain = [(count @ table / count.sum(axis=1, keepdims=True)).std(axis=1) for table, count in zip(tables, counts, strict=True)]
    corrected = [corrected_separations(table, count) for table, count in zip(tables, counts, strict=True)]
    return np.array(plain), np.array(corrected)


def order_agreement(accuracies: Array, reference: Array) -> float:
    """Kendall's tau-b between two accuracies of the same models; 0 where one of them has no order."""
    return float(order_agreements(np.asarray(accuracies, float)[None], reference)[0])


def order_agreements(accuracies: Array, reference: Array) -> Array:
    """(R,) Kendall's tau-b of (R, L) accuracies of the same models."""
    first, second = np.triu_indices(len(reference), 1)
    one, other = np.round(accuracies, 12), np.round(reference, 12)
    mine, theirs = np.sign(one[:, first] - one[:, second]), np.sign(other[first] - other[second])
    untied = np.abs(mine).sum(axis=1) * np.abs(theirs).sum()
    return np.asarray((mine @ theirs) / np.sqrt(np.maximum(untied, 1)))


def items_to_order(answers: Array, reference: Array, z: float = 1.96) -> Array:
    """(L - 1,) items needed to tell neighbours of the reference order apart at z standard errors of their paired difference.

    Infinite where the benchmark has them equal or the other way round; NaN where it cannot be told, as the differences have no
    spread: of one item, or of items that all say the same.
    """
    if len(answers) < 2:
        return np.full(len(reference) - 1, np.nan)
    order = np.argsort(reference, kind="stable")
    steps = answers[:, order[1:]] - answers[:, order[:-1]]
    mean, variance = steps.mean(axis=0), steps.var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(variance > 0, np.ceil(z**2 * variance / mean**2), np.nan)
        return np.where(mean > 0, needed, np.inf)


def purity(clusters: Codes, structures: Codes) -> float:
    """Mean over clusters of the share of their commonest structure."""
    return _purity(_table(clusters, structures))


def _purity(table: NDArray[np.int64]) -> float:
    return float((table.max(axis=1) / table.sum(axis=1)).mean())


def corrected_purity(clusters: Codes, structures: Codes, rng: np.random.Generator, permutations: int = 20) -> float:
    """(P - P0) / (1 - P0), P0 the mean purity of permuted labels; 0 where there is one structure only."""
    one, other = numbered(clusters), numbered(structures)
    by_chance = float(np.mean([_purity(_counts(rng.permutation(one), other)) for _ in range(permutations)]))
    return (purity(clusters, structures) - by_chance) / (1 - by_chance) if by_chance < 1 - 1e-12 else 0.0


def mutual_information(clusters: Codes, structures: Codes) -> float:
    """Adjusted mutual information."""
    return float(adjusted_mutual_info_score(structures, clusters))


def same_partition(one: Codes, other: Codes) -> float:
    """Adjusted Rand index."""
    return float(adjusted_rand_score(one, other))


def drift(before: Array, after: Array) -> float:
    """Mean distance between matched centroids (K, D) of two rounds, in mean distances between those of the first.

    Matched by the Hungarian method; with unlike numbers of clusters, those left over have no partner and are left out.
    """
    apart = np.linalg.norm(before[:, None] - after, axis=2)
    rows, columns = linear_sum_assignment(apart)
    scale = spread(before)
    return float(apart[rows, columns].mean() / scale) if scale > 0 else float("nan")


def spread(centres: Array) -> float:
    """Mean distance between different centroids."""
    upper = np.triu_indices(len(centres), 1)
    between = np.linalg.norm(centres[:, None] - centres, axis=2)[upper]
    return float(between.mean()) if len(between) else 0.0


def numbered(labels: Sequence[str] | Codes) -> Codes:
    """Labels as numbers from 0 on."""
    return np.asarray(np.unique(np.asarray(labels), return_inverse=True)[1], np.int64)


def _table(clusters: Codes, structures: Codes) -> NDArray[np.int64]:
    """Counts (K, S); clusters without a member are left out."""
    return _counts(numbered(clusters), numbered(structures))


def _counts(one: Codes, other: Codes) -> NDArray[np.int64]:
    """The same of labels that are numbered."""
    width = int(other.max()) + 1
    return np.bincount(one * width + other, minlength=(int(one.max()) + 1) * width).reshape(-1, width)
