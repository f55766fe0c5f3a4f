"""Training of the segmenter's network on rendered scenes; it goes on from where it was ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.learning.segmentation.examples import example
from fail2progress.learning.segmentation.scenes import Shard, read
from fail2progress.models.training.training import restore
from fail2progress.perception.segmentation.learned.network import Predicted, SegmentNet


@dataclass(frozen=True)
class Options:
    """steps: batches in all; batch: images in one; rate: of AdamW at its highest; seed: of weights and examples."""

    steps: int = 6000
    batch: int = 6
    rate: float = 2e-3
    seed: int = 0
    open_shards: int = 3
    """Files that examples are drawn from at a time."""
    each: int = 100
    """Batches drawn from them."""
    half: bool = True
    """Whether convolutions compute in bfloat16, which newer processors do faster."""


@dataclass(frozen=True)
class State:
    """Where training stands."""

    step: int
    loss: float
    parts: dict[str, float]


Keep = Callable[[int, torch.optim.Optimizer], None]


def train(
    net: SegmentNet, optimiser: torch.optim.Optimizer, files: Callable[[], list[Path]], options: Options, start: int, keep: Keep
) -> Iterator[State]:
    """From a step on; `files` names the shards that there are by now. Kept, and told, each time that other files are opened."""
    net.train()
    for step in range(start, options.steps, options.each):
        rng = np.random.default_rng((options.seed, step))
        paths = files()
        chosen = rng.permutation(len(paths))[: options.open_shards]
        shards = [read(paths[i]) for i in chosen]
        last = min(step + options.each, options.steps)
        losses = [
            _step(net, optimiser, _batch(shards, options.batch, rng), _rate(i, options), options.half) for i in range(step, last)
        ]
        parts = {name: float(np.mean([loss[name] for loss in losses])) for name in losses[0]}
        keep(last, optimiser)
        yield State(last, sum(parts.values()), parts)


def restored(net: SegmentNet, options: Options, adam: dict[str, Tensor]) -> torch.optim.Optimizer:
    """The optimiser with its state, as `adam_state` gives it; empty for a new one."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=1e-3)
    if adam:
        restore(optimiser, adam)
    return optimiser


def _batch(shards: list[Shard], size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Images are turned alike within a batch, upright half of the time."""
    turns = int(rng.integers(4)) if rng.random() < 0.5 else 0
    pairs = []
    for _ in range(size):
        shard = shards[int(rng.integers(len(shards)))]
        pairs.append(example(shard.view(int(rng.integers(len(shard)))), turns, rng))
    return torch.stack([pair[0] for pair in pairs]), torch.stack([pair[1] for pair in pairs])


def _rate(step: int, options: Options) -> float:
    """Rises over the first 200 steps, then falls along a cosine."""
    return options.rate * min((step + 1) / 200, 0.5 + 0.5 * float(np.cos(np.pi * step / options.steps)) + 0.01)


def _step(
    net: SegmentNet, optimiser: torch.optim.Optimizer, batch: tuple[Tensor, Tensor], rate: float, half: bool
) -> dict[str, float]:
    for group in optimiser.param_groups:
        group["lr"] = rate
    inputs, wanted = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        made = net(inputs.to(memory_format=torch.channels_last))
    parts = losses(made, wanted)
    optimiser.zero_grad(set_to_none=True)
    torch.stack(list(parts.values())).sum().backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimiser.step()
    return {name: float(part.detach()) for name, part in parts.items()}


def losses(made: Predicted, wanted: Tensor) -> dict[str, Tensor]:
    """Each part of the loss; wanted: (n, 6, h, w), see `example`."""
    kinds, counts = wanted[:, 0].long(), wanted[:, 5]
    weight = torch.tensor([1.0, 1.0, 1.5])
    apart = (made.offsets - wanted[:, 1:3]).abs().sum(dim=1)
    middle = (made.middles.sigmoid() - wanted[:, 3]).square() * (1 + 10 * wanted[:, 3])
    border = functional.binary_cross_entropy_with_logits(made.borders, wanted[:, 4], reduction="none")
    return {
        "classes": functional.cross_entropy(made.classes, kinds, weight=weight),
        "offsets": (apart * counts).sum() / counts.sum().clamp(min=1),
        "middles": 10 * middle.mean(),
        "borders": 0.5 * (border * (kinds == 2)).sum() / (kinds == 2).sum().clamp(min=1),
    }
