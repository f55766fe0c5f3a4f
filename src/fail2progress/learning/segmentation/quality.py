"""How well a network tells things, on scenes that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.examples import STEP, Examples, windows
from fail2progress.learning.segmentation.paints import ROOMS
from fail2progress.learning.segmentation.scenery import FIRST
from fail2progress.learning.segmentation.scenes import scene, sensing
from fail2progress.learning.segmentation.sensors import sensed
from fail2progress.perception.segmentation.learned.features import features
from fail2progress.perception.segmentation.learned.instances import Seen, VoteRules, instances, to_size
from fail2progress.perception.segmentation.learned.model import SegmentModel
from fail2progress.perception.segmentation.learned.network import SegmentNet

_VISIBLE = 60
"""Pixels of a thing that counts."""
_KINDS = ("background", "support", "thing")


def quality(model: SegmentModel, scenes: int, seed: int, rooms: float = ROOMS) -> dict[str, object]:
    """The network's own things and classes on so many scenes of a seed, without any geometry: shares of visible things found
    (IoU >= 0.5), mean IoU of all, things said for each true one, and recall and precision of pixels by class."""
    overlaps: list[float] = []
    said = 0
    pixels = np.zeros((3, 3))
    for number in range(scenes):
        view = scene((seed, number), rooms)
        seen = model.see(view.colour, sensed(view, sensing((seed, number))), view.camera)
        shape = (view.labels.shape[0], view.labels.shape[1])
        numbers = to_size(instances(seen, VoteRules()), shape)
        overlaps += own_overlaps(numbers, view.labels).values()
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


@dataclass(frozen=True)
class Score:
    """Of held-out examples while a network is trained: shares of visible things found (IoU >= 0.5), mean IoU of all, things said
    for each true one."""

    found: float
    mean_iou: float
    said: float


@torch.no_grad()
def score(net: SegmentNet, rows: Examples) -> Score:
    """Of a network, on all of each of some examples."""
    training, device = net.training, next(net.parameters()).device
    net.eval()
    overlaps: list[float] = []
    said = 0
    for number in range(len(rows)):
        whole = torch.tensor([[0.0, 0.0, 1.0]])
        seen = windows(Examples(*(part[None] for part in rows.row(number))), whole).to(device)
        made = net(features(seen.colour, seen.depth.float() * STEP, seen.cameras).to(memory_format=torch.channels_last))
        kinds = made.classes[0].softmax(dim=0).cpu().numpy()
        rest = (part[0].cpu().numpy() for part in (made.places, made.weights, made.seeds))
        numbers = instances(Seen(kinds[2], kinds[1], *rest), VoteRules())
        overlaps += own_overlaps(numbers, seen.labels[0].cpu().numpy()).values()
        said += int(numbers.max())
    net.train(training)
    own = np.array(overlaps or [0.0])
    return Score(float((own >= 0.5).mean()), float(own.mean()), said / len(own))


def own_overlaps(
    numbers: NDArray[np.int64], labels: NDArray[np.integer[Any]], first: int = FIRST, fewest: int = _VISIBLE
) -> dict[int, float]:
    """IoU of every visible thing with the one that is its own, in the best assignment, by label.

    Args:
        numbers: any shape, what was found; 0 is nothing.
        labels: the same shape, what there is.
        first: the first label that is a thing.
        fewest: pixels from which a thing is visible.
    """
    width = int(labels.max(initial=0)) + 1
    common = np.bincount(numbers.ravel() * width + labels.ravel(), minlength=(int(numbers.max(initial=0)) + 1) * width)
    shared: Array = common.reshape(-1, width).astype(float)
    visible = [label for label in range(first, width) if shared[:, label].sum() >= fewest]
    sizes, true = shared.sum(axis=1)[1:], shared.sum(axis=0)[visible]
    both = shared[1:, visible]
    overlap = both / np.maximum(sizes[:, None] + true[None] - both, 1)
    rows, columns = linear_sum_assignment(-overlap)
    result = np.zeros(len(visible))
    result[columns] = overlap[rows, columns]
    return dict(zip(visible, result.tolist(), strict=True))
