"""The training loop, for pre-training and fine-tuning alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from fail2progress.models.base import Considered, LatentState, SkillEffectModel
from fail2progress.models.pointconv.encoder import native_precision
from fail2progress.models.training.adam import Adam
from fail2progress.models.training.losses import LossWeights, Views, action, losses, sides
from fail2progress.models.training.parallel import Share
from fail2progress.models.training.side_by_side import beforehand
from fail2progress.models.training.transitions import Batch, Transitions, thinned_for


@dataclass(frozen=True)
class TrainingOptions:
    """Pre-training defaults. The paper trains with Adam at 1e-4; 1e-3 with cosine decay gets as far in a tenth of the time."""

    epochs: int = 10
    batch: int = 64
    learning_rate: float = 1e-3
    warmup: float = 0.03
    """Share of the steps over which the learning rate rises."""
    cosine: bool = True
    shift: tuple[float, float, float] = (0.12, 0.15, 0.06)
    """Whole scenes are moved by up to so many metres along x, y, z: relations do not depend on where the room is."""
    clip: float = 1.0
    adapter_rate: float = 1e-2
    """Learning rate of adapters that are single weights (`SkillEffectModel.adapters`): they have a long way to go."""
    network_rate: float = 3e-3
    """Learning rate of adapters that are small networks."""
    neighbour_rate: float = 1e-2
    """Learning rate of the one that says what things do when a neighbour goes (docs/decisions/0098)."""
    weights: LossWeights = field(default_factory=LossWeights)
    fused: bool = False
    """Whether Adam takes each step in one piece: a fifth of the time, other last digits."""
    thinned: float = 0.0
    """Share of the epochs, the first ones, that encode half of a cloud's points; they take two thirds of the time."""
    mixed: bool = False
    """Whether the networks multiply in bfloat16, as the encoder does, where this CPU does so in hardware; losses and weights stay
    float32. For training in which the encoder takes part: what it makes of the rest is trained further on its codes."""


FurtherLoss = Callable[[Views, Batch, Tensor], Tensor]
"""From both sides of a batch, the batch and the (B,) numbers of its executions to a scalar."""


@dataclass(frozen=True)
class Start:
    """Where interrupted training goes on: the epochs done, and Adam's state after them as `adam_state` gives it."""

    epochs: int = 0
    adam: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """Progress: how many samples have been trained on so far, of how many, and the latest losses."""

    samples: int
    total: int
    losses: dict[str, float]


def train(
    model: SkillEffectModel,
    source: Transitions,
    parameters: list[torch.nn.Parameter],
    options: TrainingOptions,
    generator: torch.Generator,
    codes: Tensor | None = None,
    epoch_executions: Callable[[torch.Generator], Tensor] | None = None,
    checkpoint: Callable[[int, torch.optim.Optimizer], None] | None = None,
    share: Share = Share(),  # noqa: B008 (frozen)
    start: Start = Start(),
    further: FurtherLoss | None = None,
) -> Iterator[Step]:
    """Adjust the parameters; yields after every step.

    `codes` are shape codes computed beforehand (the encoder is then left alone). `epoch_executions` draws the executions of an
    epoch (default: all, shuffled). `checkpoint` is called after each epoch with the number done. Where several processes `share`
    the work, their generators must start alike. Every epoch has a generator of its own, seeded from the one given: training that
    goes on from a `start` draws what it would have drawn without the interruption. `further` is added to the losses.
    """
    draw = epoch_executions or (lambda g: torch.randperm(len(source), generator=g))
    optimiser = Adam(_groups(model, parameters, options), fused=options.fused)
    restore(optimiser, start.adam)
    seeds = [int(torch.randint(2**62, (), generator=generator)) for _ in range(options.epochs)]
    per_epoch = len(draw(torch.Generator().manual_seed(0)))
    steps_per_epoch = math.ceil(per_epoch / options.batch)
    steps, skipped = options.epochs * steps_per_epoch, start.epochs * steps_per_epoch
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step + skipped, steps, options))
    rough = math.floor(options.thinned * options.epochs) if codes is None else 0
    thin = thinned_for(model, source) if start.epochs < rough else source
    model.train()
    half = options.mixed and native_precision() == torch.bfloat16
    prepare = _Prepare(model, codes, half, codes is not None and _settled(model, parameters))
    done = start.epochs * per_epoch

    def drawn() -> Iterator[Prepared]:
        for epoch in range(start.epochs, options.epochs):
            own = torch.Generator().manual_seed(seeds[epoch])
            splits = draw(own).split(options.batch)
            for number, chosen in enumerate(splits, 1):
                mine, used = share.of(chosen), thin if epoch < rough else source
                batch = used.batch(mine, own)
                shift = (torch.rand(len(mine), 3, generator=own) * 2 - 1) * torch.tensor(options.shift)
                yield prepare(used, mine, batch, shift, len(chosen), epoch + 1 if number == len(splits) else None)

    for ready in beforehand(drawn()) if prepare.settled else drawn():
        parts = _step(model, ready, options, half, optimiser, parameters, share, further)
        schedule.step()
        done += ready.samples
        yield Step(done, options.epochs * per_epoch, parts)
        if checkpoint is not None and ready.ends is not None:
            checkpoint(ready.ends, optimiser)
    model.eval()


@dataclass(frozen=True)
class Prepared:
    """A batch with both sides as latent states, of `samples` executions over all processes that share the work."""

    chosen: Tensor
    batch: Batch
    now: LatentState
    later: LatentState
    considered: Considered | None
    samples: int
    ends: int | None
    """The epochs done with it, where it is the last of one."""


@dataclass(frozen=True)
class _Prepare:
    """Works out of a batch what training does not change: where adapters alone are adjusted, all that is before them."""

    model: SkillEffectModel
    codes: Tensor | None
    half: bool
    settled: bool
    """Whether adapters alone are adjusted."""

    def __call__(
        self, source: Transitions, chosen: Tensor, batch: Batch, shift: Tensor, samples: int, ends: int | None
    ) -> Prepared:
        with torch.set_grad_enabled(not self.settled):
            now, later = sides(self.model, source, batch, shift, self.codes, self.half)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
                known = self.model.considered(now, action(batch)) if self.settled else None
        return Prepared(chosen, batch, now, later, known, samples, ends)


def _settled(model: SkillEffectModel, parameters: list[torch.nn.Parameter]) -> bool:
    """Whether adapters alone are adjusted, of a model that says what comes before them."""
    says = type(model).considered is not SkillEffectModel.considered
    return says and {id(one) for one in parameters} <= {id(one) for one in model.adapter_parameters()}


def _groups(model: SkillEffectModel, parameters: list[torch.nn.Parameter], options: TrainingOptions) -> list[dict[str, Any]]:
    """Parameters with their learning rates: what was pre-trained, then the adapters."""
    rates_of = {"relations": options.adapter_rate, "neighbours": options.neighbour_rate}
    special = {
        id(parameter): rates_of.get(name, options.network_rate) for name, group in model.adapters().items() for parameter in group
    }
    rates = sorted({special.get(id(p), options.learning_rate) for p in parameters})
    return [{"params": [p for p in parameters if special.get(id(p), options.learning_rate) == r], "lr": r} for r in rates]


def adam_state(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's moments and step counts as flat tensors, "3.exp_avg" being parameter 3's."""
    state = optimiser.state_dict()["state"]
    return {f"{index}.{key}": value for index, values in state.items() for key, value in values.items()}


def restore(optimiser: torch.optim.Optimizer, adam: dict[str, Tensor]) -> None:
    """Give Adam the state that `adam_state` gave."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in adam.items():
        index, key = name.split(".")
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _step(
    model: SkillEffectModel,
    ready: Prepared,
    options: TrainingOptions,
    half: bool,
    optimiser: torch.optim.Optimizer,
    parameters: list[torch.nn.Parameter],
    share: Share,
    further: FurtherLoss | None,
) -> dict[str, float]:
    known = () if ready.considered is None else (ready.considered,)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        views = Views(ready.now, ready.later, model.predict(ready.now, action(ready.batch), *known))
    parts = losses(model, views, ready.batch, options.weights)
    if further is not None:
        parts["further"] = further(views, ready.batch, ready.chosen)
    optimiser.zero_grad()
    torch.stack(list(parts.values())).sum().backward()
    share.average(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, options.clip)
    optimiser.step()
    return {name: float(value.detach()) for name, value in parts.items()}


def _rate(step: int, steps: int, options: TrainingOptions) -> float:
    """Share of the learning rate: linear warm-up, then half a cosine."""
    begin = max(int(options.warmup * steps), 1)
    if step < begin:
        return (step + 1) / begin
    progress = (step - begin) / max(steps - begin, 1)
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))) + 1e-3 if options.cosine else 1.0
