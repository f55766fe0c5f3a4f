"""Fine-tuning on D+: 200 epochs over 20 samples (paper A.11.2), with as many replayed pre-training samples in each epoch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fail2progress.learning.pretraining.pretrain import shape_codes
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.training.training import TrainingOptions, train
from fail2progress.models.training.transitions import Transitions, concatenate

RUNGS = ("relations", "networks", "all")


@dataclass(frozen=True)
class FinetuneOptions:
    """D+ alone forgets (F1 .986 to .843, docs/decisions/0014); `replay` samples of pre-training data go into every epoch."""

    epochs: int = 200
    batch: int = 10
    learning_rate: float = 1e-4
    replay: int = 20
    adjusts: str = "relations"
    """"relations": the few weights that say what a detected relation means for motion, in models that have them (decision 0002).
    "networks": all adapters. "all": all weights but the encoder.

    If everything moves, 1.6 million weights learn 20 samples by heart before the few that carry the cause have grown.
    """
    adapter_rate: float = 0.05
    network_rate: float = 3e-3

    def __post_init__(self) -> None:
        if self.adjusts not in RUNGS:
            raise ValueError(f"unknown weights to adjust {self.adjusts!r}; known: {', '.join(RUNGS)}")


def finetune(
    model: SkillEffectModel,
    targeted: Transitions,
    replay: Transitions,
    options: FinetuneOptions,
    seed: int,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> SkillEffectModel:
    """A fine-tuned copy; the model itself is left as it is. The encoder is not adjusted, so shape codes are computed once.

    `report` hears the samples done and their total.
    """
    tuned = copy.deepcopy(model)
    source = concatenate([targeted, replay])
    codes = shape_codes(tuned, source)
    parameters = adjusted(tuned, options.adjusts)
    _only(tuned, parameters)
    training = TrainingOptions(
        epochs=options.epochs,
        batch=options.batch,
        learning_rate=options.learning_rate,
        adapter_rate=options.adapter_rate,
        network_rate=options.network_rate,
        cosine=False,
        warmup=0.0,
    )
    epoch = _Epochs(len(targeted), len(replay), options.replay)
    for step in train(tuned, source, parameters, training, torch.Generator().manual_seed(seed), codes, epoch):
        report(step.samples, step.total)
    _only(tuned, list(tuned.parameters()))
    return tuned.eval()


def adjusted(model: SkillEffectModel, adjusts: str) -> list[torch.nn.Parameter]:
    """The parameters of a rung; of a model without weights for relations, everything that fine-tuning may adjust."""
    adapters = model.adapters()
    if adjusts == "all" or "relations" not in adapters:
        return model.finetuned_parameters()
    return adapters["relations"] if adjusts == "relations" else model.adapter_parameters()


@dataclass(frozen=True)
class _Epochs:
    """Draws an epoch: all of D+, and some of the replayed executions that follow it."""

    targeted: int
    available: int
    replay: int

    def __call__(self, generator: torch.Generator) -> Tensor:
        old = torch.randperm(self.available, generator=generator)[: self.replay] + self.targeted
        both = torch.cat([torch.arange(self.targeted), old])
        return both[torch.randperm(len(both), generator=generator)]


def _only(model: SkillEffectModel, parameters: list[torch.nn.Parameter]) -> None:
    """Let gradients flow to these parameters and no others."""
    model.requires_grad_(False)
    for parameter in parameters:
        parameter.requires_grad_(True)
