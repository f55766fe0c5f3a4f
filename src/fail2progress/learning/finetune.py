"""Fine-tuning on D+: 200 epochs over 20 samples (paper A.11.2), with as many replayed pre-training samples in each epoch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fail2progress.learning.pretrain import shape_codes
from fail2progress.models.skill_effect import SkillEffectModel
from fail2progress.models.training import Step, TrainingOptions, train
from fail2progress.models.transitions import Transitions, concatenate


@dataclass(frozen=True)
class FinetuneOptions:
    """D+ alone forgets (F1 .986 to .843, learning/FACTS 4); `replay` samples of pre-training data go into every epoch."""

    epochs: int = 200
    batch: int = 10
    learning_rate: float = 1e-4
    replay: int = 20


def finetune(
    model: SkillEffectModel,
    targeted: Transitions,
    replay: Transitions,
    options: FinetuneOptions,
    seed: int,
    report: Callable[[Step], None] = lambda step: None,
) -> SkillEffectModel:
    """A fine-tuned copy; the model itself is left as it is. The encoder is not adjusted, so shape codes are computed once."""
    tuned = copy.deepcopy(model)
    source = concatenate([targeted, replay])
    codes: Tensor = shape_codes(tuned, source)
    parameters = tuned.finetuned_parameters()
    for parameter in tuned.parameters():
        parameter.requires_grad_(False)
    for parameter in parameters:
        parameter.requires_grad_(True)

    def epoch(generator: torch.Generator) -> Tensor:
        old = torch.randperm(len(replay), generator=generator)[: options.replay] + len(targeted)
        both = torch.cat([torch.arange(len(targeted)), old])
        return both[torch.randperm(len(both), generator=generator)]

    training = TrainingOptions(
        epochs=options.epochs, batch=options.batch, learning_rate=options.learning_rate, cosine=False, warmup=0.0
    )
    for step in train(tuned, source, parameters, training, torch.Generator().manual_seed(seed), codes, epoch):
        report(step)
    for parameter in tuned.parameters():
        parameter.requires_grad_(True)
    return tuned.eval()
