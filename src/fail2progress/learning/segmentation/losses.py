"""What the segmenter's network is trained for: classes of pixels, and for every thing a place that its pixels alone point to."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.learning.segmentation.scenery import FIRST
from fail2progress.perception.segmentation.learned.network import Predicted

_LEAST = 4
"""Sampled pixels of the smallest thing that counts."""
_FLOOR = 1e-3
"""Of weighted squared distances."""
_CLASS_WEIGHTS = (1.0, 1.0, 1.5)
_USUAL = 600.0
"""Pixels of a thing whose pixels count as much as those of the rest; those of smaller ones count more."""


def belonging(distance: Tensor) -> Tensor:
    """Logit of being of a thing, from the weighted squared distance to its place: 0 at 1, and falling slowly further out."""
    return -2 * (distance + _FLOOR).log()


def losses(
    made: Predicted,
    labels: Tensor,
    phase: tuple[int, int],
    most: int | None = None,
    compared: Callable[[Tensor, Tensor, Tensor, Tensor, int], dict[str, Tensor]] | None = None,
) -> dict[str, Tensor]:
    """Each part of the loss; labels (n, H, W) as in `scenery`, at most `most`, where that is known (no GPU is asked then).
    Things are compared at every second pixel each way, from a phase (row, column) on; compared: `things`, or that compiled."""
    most = int(labels.max()) if most is None else most
    rows, columns = slice(phase[0], None, 2), slice(phase[1], None, 2)
    few = labels[:, rows, columns].flatten(1)
    places = made.places[:, :, rows, columns].flatten(2)
    weights, seeds = made.weights[:, rows, columns].flatten(1), made.seeds[:, rows, columns].flatten(1)
    return {"classes": _classes(made.classes, labels, most), **(compared or things)(places, weights, seeds, few, most)}


def _classes(logits: Tensor, labels: Tensor, most: int) -> Tensor:
    flat = labels.flatten(1)
    sizes = torch.zeros(len(flat), most + 1, device=flat.device).scatter_add_(1, flat, torch.ones_like(flat).float())
    own = sizes.gather(1, flat).view_as(labels)
    importance = torch.where(labels >= FIRST, (_USUAL / own.clamp(min=1)).sqrt().clamp(1, 5), torch.ones_like(own))
    weight = torch.tensor(_CLASS_WEIGHTS, device=labels.device)
    every = functional.cross_entropy(logits, labels.clamp(max=FIRST), weight=weight, reduction="none")
    return (every * importance).mean()


def things(places: Tensor, weights: Tensor, seeds: Tensor, labels: Tensor, most: int) -> dict[str, Tensor]:
    """Parts of the loss by things: places (n, d, p), weights and seeds (n, p), labels (n, p), at most `most`."""
    numbers = torch.arange(FIRST, max(most, FIRST) + 1, device=labels.device)
    own = (labels[:, None] == numbers[None, :, None]).float()
    any_thing = (labels >= FIRST).float()
    size = own.sum(dim=2)
    counts = (size >= _LEAST).float()
    total = counts.sum().clamp(min=1)
    share = own / size.clamp(min=1)[..., None]
    middle = share @ places.transpose(1, 2)
    breadth = (share * weights[:, None]).sum(dim=2)
    square = (places.square().sum(dim=1)[:, None] + middle.square().sum(dim=2)[..., None] - 2 * middle @ places).clamp(min=0)
    logit = belonging(breadth.clamp(-6, 8).exp()[..., None] * square)
    others = any_thing[:, None] - own
    probability = logit.sigmoid()
    wrong = (probability * others).sum(dim=2)
    kept = (functional.softplus(-logit) * own).sum(dim=2) / size.clamp(min=1)
    left = (functional.softplus(logit) * others).sum(dim=2) / (size + wrong.detach()).clamp(min=1)
    shared = (probability * own).sum(dim=2)
    dice = 1 - (2 * shared + 1) / (shared + wrong + size + 1)
    even = ((weights[:, None] - breadth[..., None]).square() * own).sum(dim=2) / size.clamp(min=1)
    wanted = (probability * own).sum(dim=1).detach()
    off = (seeds - wanted).square() * any_thing
    by_thing = (off[:, None] * share).sum(dim=2)
    return {
        "things": ((kept + left + 2 * dice) * counts).sum() / total,
        "breadth": 0.05 * (even * counts).sum() / total,
        "seeds": 2 * (by_thing * counts).sum() / total,
    }
