"""Overlap and boundary measures of instance segmentation, as published for unseen objects (Xie et al. 2020; Dave et al. 2019).

Things found and true things are matched so that their F-measures sum to the most; then all pixels are counted together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from fail2progress.core.scene import Array

BOUNDARY = 0.003
"""Share of the image's diagonal by which boundaries may be apart."""
GOOD = 0.75
"""F-measure from which a thing counts as segmented."""
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Measures:
    """In [0, 1]: precision, recall and F of overlap and of boundaries; share of true things with an F above GOOD."""

    overlap: tuple[float, float, float]
    boundary: tuple[float, float, float]
    segmented: float
    things: int

    def as_json(self) -> dict[str, float]:
        """Under the names and in the per cent of published tables."""
        names = ("P", "R", "F")
        rows = {f"overlap_{n}": v for n, v in zip(names, self.overlap, strict=True)}
        rows |= {f"boundary_{n}": v for n, v in zip(names, self.boundary, strict=True)}
        return {name: round(100 * value, 2) for name, value in {**rows, "segmented_75": self.segmented}.items()}


def measure(found: Numbers, truth: Numbers) -> Measures:
    """Of (H, W) numbers of things, 0 for none. Where there is nothing to be found, or nothing is found, what is missing counts 0;
    where there is neither, all is 1."""
    count, total = int(found.max(initial=0)), len(np.unique(truth[truth > 0]))
    if count == 0 or total == 0:
        same = float(count == total)
        return Measures((same,) * 3, (same,) * 3, same, total)
    truth = np.searchsorted(np.unique(np.append(truth, 0)), truth)
    common = _common(found, truth)
    sizes, own = common.sum(axis=1)[1:], common.sum(axis=0)[1:]
    both = common[1:, 1:]
    scores = 2 * both / np.maximum(sizes[:, None] + own[None], 1)
    rows, columns = linear_sum_assignment(-scores)
    overlap = _three(both[rows, columns].sum(), sizes.sum(), both[rows, columns].sum(), own.sum())
    return Measures(
        overlap, _boundaries(found, truth, rows + 1, columns + 1), float((scores[rows, columns] > GOOD).sum() / total), total
    )


def mean(measures: list[Measures]) -> Measures:
    """Over images, each counting alike, as published."""
    if not measures:
        return Measures((0.0,) * 3, (0.0,) * 3, 0.0, 0)
    overlap, boundary = (np.mean([getattr(m, name) for m in measures], axis=0) for name in ("overlap", "boundary"))
    three = [(float(part[0]), float(part[1]), float(part[2])) for part in (overlap, boundary)]
    return Measures(three[0], three[1], float(np.mean([m.segmented for m in measures])), sum(m.things for m in measures))


def _common(found: Numbers, truth: Numbers) -> Array:
    """(found + 1, truth + 1) pixels that two things share."""
    width = int(truth.max()) + 1
    counts = np.bincount((found * width + truth).ravel(), minlength=(int(found.max()) + 1) * width)
    return counts.reshape(-1, width).astype(float)


def _three(hit: float, found: float, reached: float, total: float) -> tuple[float, float, float]:
    precision, recall = float(hit / max(found, 1)), float(reached / max(total, 1))
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def _boundaries(found: Numbers, truth: Numbers, rows: Numbers, columns: Numbers) -> tuple[float, float, float]:
    reach = int(np.ceil(BOUNDARY * np.hypot(*found.shape)))
    disk = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= reach
    hit = reached = 0.0
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        one, other = boundary(found == i), boundary(truth == j)
        hit += float((one & ndimage.binary_dilation(other, disk)).sum())
        reached += float((other & ndimage.binary_dilation(one, disk)).sum())
    lengths = [sum(int(boundary(image == i).sum()) for i in range(1, int(image.max()) + 1)) for image in (found, truth)]
    return _three(hit, lengths[0], reached, lengths[1])


def boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W) pixels of a mask whose neighbour to the right, below, or both is of another kind."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    here = padded[:-1, :-1]
    return np.asarray((here != padded[:-1, 1:]) | (here != padded[1:, :-1]) | (here != padded[1:, 1:]))
