"""Training of the segmenter's network on rendered scenes, on a CPU or a GPU; it goes on from where it was ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fail2progress.learning.segmentation.examples import Examples, batch
from fail2progress.learning.segmentation.losses import losses, things
from fail2progress.learning.segmentation.quality import Score, score
from fail2progress.learning.segmentation.roughness import ROUGH
from fail2progress.learning.segmentation.scenes import read
from fail2progress.models.training.training import restore
from fail2progress.perception.segmentation.learned.network import Predicted, SegmentNet

_WARM = 300
"""Steps over which the rate rises."""
_WORTH = 20
"""Times that training goes on for as long as a score of held-out examples took, before the next one."""
_DECAY = 0.998
"""Of the mean over past weights, a step."""


@dataclass(frozen=True)
class Options:
    """steps: batches in all; batch: images in one; rate: of AdamW at its highest; seed: of weights and examples."""

    steps: int = 6000
    batch: int = 8
    rate: float = 2e-3
    seed: int = 0
    minutes: float | None = None
    """After which training ends, if that is sooner; the rate has fallen by then."""
    open_files: int = 20
    """Files of examples that are kept in memory."""
    each: int = 100
    """Batches between looks at which files there are by now."""
    looks: float = 120.0
    """Seconds between one score of held-out examples and the next, at least; and as many times longer than a score takes as
    `_WORTH` says."""
    half: bool = True
    """Whether convolutions compute in bfloat16, which newer processors do faster."""
    rough: float = ROUGH
    """Share of windows that are rough, as what real cameras deliver; none for a network that looks at depth whose noise is each
    pixel's own."""
    compiled: bool = False
    """Whether the network and its losses are compiled first (torch.compile): minutes at first, faster steps on a GPU."""


@dataclass(frozen=True)
class State:
    """Where training stands."""

    step: int
    loss: float
    parts: dict[str, float]
    score: Score | None = None
    """On held-out examples, where it was time to look."""


class Learner(nn.Module):
    """A network, and the mean of its weights over the last steps, which is what is kept at the end."""

    def __init__(self, net: SegmentNet) -> None:
        super().__init__()
        self.net = net
        self.mean = SegmentNet(net.channels, net.blocks)
        self.mean.load_state_dict(net.state_dict())
        self.mean.requires_grad_(False)

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take the newest weights into the mean."""
        decay = min(_DECAY, (1 + step) / (20 + step))
        pairs = [(a, b) for a, b in zip(self.mean.state_dict().values(), self.net.state_dict().values(), strict=True)]
        whole = [pair for pair in pairs if pair[0].is_floating_point()]
        torch._foreach_lerp_([a for a, _ in whole], [b for _, b in whole], 1 - decay)


class Memory:
    """Examples on a device: those of so many files, of which the oldest make room for others."""

    def __init__(self, device: torch.device, most: int) -> None:
        self._device, self._most = device, most
        self._held: dict[Path, tuple[Examples, NDArray[np.uint8]]] = {}

    def look(self, paths: list[Path], rng: np.random.Generator) -> None:
        """Read files that are there and not yet held: all that there is room for, or else one."""
        new = [path for path in paths if path not in self._held and path.is_file()]
        room = max(self._most - len(self._held), 1)
        for index in rng.permutation(len(new))[:room]:
            if len(self._held) >= self._most:
                del self._held[next(iter(self._held))]
            found = read(new[index])
            self._held[new[index]] = found.to(self._device), found.labels.flatten(1).amax(dim=1).numpy()

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Examples, int]:
        """So many of them, by chance, and the highest label that they have."""
        held = list(self._held.values())
        chosen = [(held[int(i)], int(rng.integers(len(held[int(i)][0])))) for i in rng.integers(len(held), size=count)]
        rows = [part.row(number) for (part, _), number in chosen]
        most = max(int(labels[number]) for (_, labels), number in chosen)
        return Examples(*(torch.stack(parts) for parts in zip(*rows, strict=True))), most


Keep = Callable[[int, torch.optim.Optimizer], None]


def train(
    learner: Learner,
    optimiser: torch.optim.Optimizer,
    files: list[Path],
    options: Options,
    start: int,
    keep: Keep,
    held_out: Examples | None = None,
) -> Iterator[State]:
    """From a step on, on the device of the learner; files may come to be there later. Kept, and told, each so many steps; scored
    on held-out examples now and then."""
    device = next(learner.parameters()).device
    learner.train()
    memory = Memory(device, options.open_files)
    run = _Step(learner, optimiser, options)
    generator = torch.Generator(device)
    begin = time.monotonic()
    looked, took = -np.inf, 0.0
    for step in range(start, options.steps, options.each):
        rng = np.random.default_rng((options.seed, step))
        generator.manual_seed(options.seed * 1_000_003 + step)
        memory.look(files, rng)
        last = min(step + options.each, options.steps)
        spent = (time.monotonic() - begin) / 60 / options.minutes if options.minutes else 0.0
        rates = [_rate(i, options, spent) for i in range(step, last)]
        told = [
            run.take(i, rate, *memory.draw(options.batch, rng), generator, rng)
            for i, rate in zip(range(step, last), rates, strict=True)
        ]
        parts = {name: float(torch.stack([one[name] for one in told]).mean()) for name in told[0]}
        keep(last, optimiser)
        found, now = None, time.monotonic()
        if held_out is not None and (now - looked > max(options.looks, _WORTH * took) or spent >= 1.0):
            found = score(learner.mean, held_out)
            looked = time.monotonic()
            took = looked - now
        yield State(last, sum(parts.values()), parts, found)
        if spent >= 1.0:
            return


def optimiser_for(net: SegmentNet, options: Options, adam: dict[str, Tensor]) -> torch.optim.Optimizer:
    """With its state, as `adam_state` gives it; empty for a new one."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=1e-2)
    if adam:
        restore(optimiser, adam)
    return optimiser


def _rate(step: int, options: Options, spent: float) -> float:
    """Rises at first, then falls along a cosine, over the steps or the time, of which a share is spent."""
    done = min(max(step / options.steps, spent), 1.0)
    return options.rate * min((step + 1) / _WARM, 0.5 + 0.5 * float(np.cos(np.pi * done)) + 0.005)


class _Step:
    """One step of training, of the network as it is or compiled."""

    def __init__(self, learner: Learner, optimiser: torch.optim.Optimizer, options: Options) -> None:
        self._learner, self._optimiser, self._half, self._rough = learner, optimiser, options.half, options.rough
        self._net: Callable[[Tensor], Predicted] = torch.compile(learner.net, dynamic=False) if options.compiled else learner.net
        self._compared = torch.compile(things, dynamic=True) if options.compiled else things

    def take(
        self, step: int, rate: float, rows: Examples, most: int, generator: torch.Generator, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """The parts of the loss; most: the highest label of the rows."""
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        inputs, labels = batch(rows, generator, self._rough)
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self._half):
            made = self._net(inputs.to(memory_format=torch.channels_last))
        parts = losses(made, labels, (int(rng.integers(2)), int(rng.integers(2))), most, self._compared)
        self._optimiser.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(self._learner.net.parameters(), 5.0)
        self._optimiser.step()
        self._learner.follow(step)
        return {name: part.detach() for name, part in parts.items()}
