"""How well a network tells things, on scenes that it was not trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.rendering import View
from fail2progress.learning.segmentation.scenery import FIRST
from fail2progress.learning.segmentation.scenes import scene
from fail2progress.learning.segmentation.sensors import sensed
from fail2progress.perception.segmentation.learned.instances import VoteRules, instances, to_size
from fail2progress.perception.segmentation.learned.model import SegmentModel

_VISIBLE = 60
"""Pixels of a thing that counts."""
_KINDS = ("background", "support", "thing")


def quality(model: SegmentModel, scenes: int, seed: int) -> dict[str, object]:
    """The network's own things and classes on so many scenes of a seed, without any geometry: shares of visible things found
    (IoU >= 0.5), mean IoU of all, things said for each true one, and recall and precision of pixels by class."""
    overlaps: list[float] = []
    said = 0
    pixels = np.zeros((3, 3))
    for number in range(scenes):
        view = scene((seed, number))
        seen = model.see(view.colour, sensed(view, np.random.default_rng((seed, number))), view.camera)
        shape = (view.labels.shape[0], view.labels.shape[1])
        numbers = to_size(instances(seen, VoteRules()), shape)
        overlaps += _own(numbers, view)
        said += int(numbers.max())
        rest = 1 - seen.thing - seen.support
        kinds = to_size(np.stack([rest, seen.support, seen.thing]).argmax(axis=0), shape)
        np.add.at(pixels, (np.minimum(view.labels, FIRST).ravel(), kinds.ravel()), 1)
    own = np.array(overlaps)
    recall, precision = (np.diag(pixels) / np.maximum(pixels.sum(axis=axis), 1) for axis in (1, 0))
    return {
        "scenes": scenes,
        "seed": seed,
        "things": len(own),
        "found": float((own >= 0.5).mean()) if len(own) else 0.0,
        "mean_iou": float(own.mean()) if len(own) else 0.0,
        "things_said_for_each": said / max(len(own), 1),
        "recall": dict(zip(_KINDS, map(float, recall), strict=True)),
        "precision": dict(zip(_KINDS, map(float, precision), strict=True)),
    }


def _own(numbers: NDArray[np.int64], view: View) -> list[float]:
    """IoU of every visible thing with the one that is its own, in the best assignment."""
    width = int(view.labels.max()) + 1
    common = np.bincount(numbers.ravel() * width + view.labels.ravel(), minlength=(int(numbers.max()) + 1) * width)
    shared: Array = common.reshape(-1, width).astype(float)
    visible = [label for label in range(FIRST, width) if shared[:, label].sum() >= _VISIBLE]
    sizes, true = shared.sum(axis=1)[1:], shared.sum(axis=0)[visible]
    both = shared[1:, visible]
    overlap = both / np.maximum(sizes[:, None] + true[None] - both, 1)
    rows, columns = linear_sum_assignment(-overlap)
    result = np.zeros(len(visible))
    result[columns] = overlap[rows, columns]
    return [float(value) for value in result]
