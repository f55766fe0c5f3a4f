"""Pre-training in two phases: encoder and all else together, then everything but the encoder on shape codes computed once.

The second phase costs a tenth of the first for a sample, so it can run for longer; and configurations that share an encoder
(plain and relational) are trained alike in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from fail2progress.core.files import write_whole
from fail2progress.core.provenance import code_version
from fail2progress.learning.pretraining.prepare import load
from fail2progress.learning.pretraining.shards import Shard, digest
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.errors import NothingToTrainError
from fail2progress.models.tensor_files import write_tensors
from fail2progress.models.training.parallel import Share
from fail2progress.models.training.training import Start, Step, TrainingOptions, train
from fail2progress.models.training.transitions import COMPUTED, Transitions, encoded
from fail2progress.skills.vocabulary import current

_PREPARES = ("core", "learning/pretraining", "models/training/transitions.py")
"""What decides how shards become a training set."""
HELD_OUT = 2000
"""Executions at the end of a data set that are never trained on."""
THINNED = 0.75
"""Share of the epochs of the first phase, the first ones, in which half of a cloud's points are encoded (docs/decisions/0074)."""


def prepared(shards: Sequence[Shard], cache: Path) -> Transitions:
    """The shards as one training set; kept in a file that later calls and other processes map.

    It is made again where the shards are others, skills have other numbers, or the code that makes it is another.
    """
    digests = [digest(shard.path / "shard.json") for shard in shards]
    source = json.dumps({"skills": current().names, "shards": digests, "code": code_version(_PREPARES)})
    stamp = cache.with_suffix(".source")
    if cache.exists() and stamp.exists() and stamp.read_text() == source:
        with suppress(SafetensorError):  # damaged: made again
            return Transitions(**load_file(cache))  # type: ignore[arg-type]
    transitions = load(shards)
    stamp.unlink(missing_ok=True)  # it says of the file beside it what that is, and that is another one from now on
    write_tensors(cache, {key: value for key, value in vars(transitions).items() if key not in COMPUTED})
    write_whole(stamp, source)
    return transitions


def split(transitions: Transitions) -> tuple[Tensor, Tensor]:
    """Executions to train on and held-out ones: the last HELD_OUT, or a tenth of a small set."""
    count = len(transitions)
    held = min(HELD_OUT, count // 10)
    return torch.arange(count - held), torch.arange(count - held, count)


def shareable(executions: Tensor, batch: int, world: int) -> Tensor:
    """As many of them as leave none of so many processes without a share of the last batch."""
    return executions[: len(executions) - len(executions) % batch % world]


@torch.no_grad()
def shape_codes(model: SkillEffectModel, transitions: Transitions, chunk: int = 2048) -> Tensor:
    """(U, C) codes of all clouds of a set, which may have them already."""
    known = transitions.codes.get(model.encoder_digest()) if transitions.codes else None
    if known is not None:
        return known
    model.eval()
    rows = torch.arange(len(transitions.points)).split(chunk)
    return torch.cat([encoded(model, transitions, r) for r in rows])


@dataclass
class Codes:
    """Shape codes of sets, each computed once: for models that share an encoder, as all those do that are tuned from one."""

    model: SkillEffectModel
    _known: dict[int, tuple[Transitions, Tensor]] = field(default_factory=dict)

    def __call__(self, source: Transitions) -> Tensor:
        """(U, C) codes of a set, which is kept so that its identity stays its own."""
        if id(source) not in self._known:
            self._known[id(source)] = source, shape_codes(self.model, source)
        return self._known[id(source)][1]


def pretrained(model: SkillEffectModel, encoder: bool) -> list[torch.nn.Parameter]:
    """What a phase adjusts, with the `encoder` or without. NothingToTrainError where the model has no such weights."""
    parameters = model.pretrained_parameters()
    if not encoder:
        tuned = {id(parameter) for parameter in model.finetuned_parameters()}
        parameters = [parameter for parameter in parameters if id(parameter) in tuned]
    if not parameters:
        raise NothingToTrainError(model.name, "pretrained_parameters")
    return parameters


def pretrain(
    model: SkillEffectModel,
    transitions: Transitions,
    options: TrainingOptions,
    generator: torch.Generator,
    codes: Tensor | None = None,
    share: Share = Share(),  # noqa: B008 (frozen)
    checkpoint: Callable[[int, torch.optim.Optimizer], None] | None = None,
    start: Start = Start(),  # noqa: B008 (frozen)
) -> Iterator[Step]:
    """One phase: with `codes` the encoder is left alone, without it is trained as well. See `train` for the rest.

    NothingToTrainError: see `pretrained`.
    """
    chosen = shareable(split(transitions)[0], options.batch, share.world)
    parameters = pretrained(model, codes is None)

    def epoch(g: torch.Generator) -> Tensor:
        return chosen[torch.randperm(len(chosen), generator=g)]

    yield from train(model, transitions, parameters, options, generator, codes, epoch, checkpoint, share, start)
