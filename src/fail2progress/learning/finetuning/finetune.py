"""Fine-tuning on D+: 200 epochs over 20 samples (paper A.11.2), with as many replayed pre-training samples in each epoch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fail2progress.core.names import unknown
from fail2progress.learning.finetuning.symmetry import copies
from fail2progress.learning.pretraining.pretrain import shape_codes
from fail2progress.models.base import Action, SkillEffectModel, expected_motion
from fail2progress.models.training.losses import LossWeights, Views, action, detected
from fail2progress.models.training.training import TrainingOptions, train
from fail2progress.models.training.transitions import Batch, Transitions, concatenate
from fail2progress.skills.vocabulary import current

RUNGS = ("relations", "networks", "all", "neighbours")
LADDER = "ladder"
"""One rung after the other, chosen by the acceptance test (learner.py)."""


@dataclass(frozen=True)
class FinetuneOptions:
    """D+ alone forgets (F1 .986 to .843, docs/decisions/0014); `replay` samples of pre-training data go into every epoch."""

    epochs: int = 200
    batch: int = 10
    learning_rate: float = 1e-4
    replay: int = 20
    lessons: int = 40
    """Executions of all earlier lessons together in every epoch, an equal share of each."""
    adjusts: str = LADDER
    """"ladder": a learner tries one after the other, as follows. "relations": the few weights that say what a detected relation
    means for motion, in models that have them (decision 0002).
    "networks": the small networks as well. "all": all weights but the encoder and the next. "neighbours": what things do when a
    neighbour goes, in models that have a network for it.

    If everything moves, 1.6 million weights learn 20 samples by heart before the few that carry the cause have grown.
    """
    mirror: bool = True
    """Whether an epoch has some executions of D+ as a mirror shows them (symmetry.py)."""
    distillation: float = 5.0
    """Weight of agreeing with the old model on the replayed executions, where all weights are adjusted, or lessons rehearsed."""
    held: bool = False
    """Whether fewer weights agree with it as well."""
    adapter_rate: float = 0.05
    network_rate: float = 3e-3
    neighbour_rate: float = 1e-2

    def __post_init__(self) -> None:
        known = (*RUNGS, LADDER)
        if self.adjusts not in known:
            raise ValueError(unknown("weights to adjust", self.adjusts, known))

    def agrees(self, lessons: bool) -> bool:
        """Whether a model is held to what the old one says of what is replayed; `lessons`: whether earlier ones are among it."""
        replayed = self.replay > 0 or (lessons and self.lessons > 0)
        return (self.adjusts == "all" or lessons or self.held) and self.distillation > 0 and replayed


def finetune(
    model: SkillEffectModel,
    targeted: Transitions,
    replay: Transitions,
    options: FinetuneOptions,
    seed: int,
    report: Callable[[int, int], None] = lambda done, total: None,
    teacher: SkillEffectModel | None = None,
    lessons: Sequence[Transitions] = (),
    codes: Tensor | None = None,
) -> SkillEffectModel:
    """A fine-tuned copy; the model itself is left as it is. The encoder is not adjusted, so shape codes are computed once.

    `report` hears the samples done and their total. `teacher` is the model to agree with on what is replayed, if it is another.
    `lessons` are the data of earlier ones, rehearsed as well (docs/decisions/0050). `codes`: the shape codes of all these in this
    order, if they are at hand, those of mirrored copies after those of D+.
    """
    tuned = copy.deepcopy(model)
    own = copies(targeted, options.mirror)
    source = concatenate([*own, replay, *lessons])
    codes = shape_codes(tuned, source) if codes is None else codes
    parameters = adjusted(tuned, options.adjusts)
    _only(tuned, parameters)
    training = TrainingOptions(
        epochs=options.epochs,
        batch=options.batch,
        learning_rate=options.learning_rate,
        adapter_rate=options.adapter_rate,
        network_rate=options.network_rate,
        neighbour_rate=options.neighbour_rate,
        cosine=options.adjusts == "all",
        warmup=0.0,
        weights=LossWeights(detection=float(_detecting(tuned, parameters))),
        fused=True,
    )
    shares = [_share(options.lessons, len(lessons))] * len(lessons)
    skills = _rehearsed_skills(tuned, targeted, parameters)
    rehearsed = tuple(_rows_of(skills, (replay, *lessons), len(own) * len(targeted)))
    epoch = Epochs(len(targeted), rehearsed, (options.replay, *shares), len(own))
    distils = options.agrees(bool(lessons))
    further = Distillation(teacher or model, tuned, len(own) * len(targeted), options.distillation) if distils else None
    generator = torch.Generator().manual_seed(seed)
    with _other_skills_held(tuned, targeted):
        for step in train(tuned, source, parameters, training, generator, codes, epoch, further=further):
            report(step.samples, step.total)
    _only(tuned, list(tuned.parameters()))
    return tuned.eval()


@dataclass(frozen=True)
class Distillation:
    """How far the new model is from the old one on replayed executions, those numbered from `first` on.

    Labels of a few hundred executions are learnt by heart; what the old model believes of them also says how sure it was.
    """

    teacher: SkillEffectModel
    student: SkillEffectModel
    first: int
    weight: float

    def __call__(self, views: Views, batch: Batch, chosen: Tensor) -> Tensor:
        """Scalar: cross-entropy of relations against the old probabilities, and squared and absolute shift (m) from the old."""
        rows = (chosen >= self.first).nonzero().flatten()
        if not len(rows):
            return torch.zeros(())
        now = views.now.take(rows)
        with torch.no_grad():
            old = self.teacher.embed(now.code, now.box, now.ids, now.mask)
            call = action(batch)
            effect = self.teacher.predict(old, Action(call.skill[rows], call.object[rows], call.parameters[rows]))
            held = (effect.detected or self.teacher.detect(old)).binary
        pairs = now.mask.unsqueeze(1) & now.mask.unsqueeze(2)
        off = _surprise(views.effect.relations.binary[rows], effect.relations.binary, pairs)
        off = off + _surprise(detected(self.student, views).binary[rows], held, pairs)
        motion = expected_motion(views.now, views.effect)[rows]
        apart = (motion - expected_motion(old, effect))[now.mask]
        shift = 300.0 * apart.square().mean() + 20.0 * apart.abs().mean()
        return self.weight * (off + shift)


def _surprise(new: Tensor, old: Tensor, pairs: Tensor) -> Tensor:
    """Mean cross-entropy of logits (B, N, N, 9) against the old ones' probabilities, over pairs (B, N, N)."""
    off = functional.binary_cross_entropy_with_logits(new, torch.sigmoid(old), reduction="none")
    return off.mean(dim=-1)[pairs].sum() / pairs.sum().clamp(min=1)


def adjusted(model: SkillEffectModel, adjusts: str) -> list[torch.nn.Parameter]:
    """The parameters of a rung, or of the first; of a model without weights for relations, all that fine-tuning may adjust."""
    adapters = model.adapters()
    apart = {id(one) for one in adapters.get("neighbours", [])}
    if adjusts == "all" or "relations" not in adapters:
        return [one for one in model.finetuned_parameters() if id(one) not in apart]
    if adjusts == "networks":
        return [*adapters["relations"], *adapters["networks"]]
    return adapters.get(adjusts, adapters["relations"])


def _by_skill(model: SkillEffectModel) -> list[torch.nn.Parameter]:
    """The parameters that have a row for every skill, see SkillEffectModel.adapters."""
    return model.adapters().get("relations", [])


def _rehearsed_skills(model: SkillEffectModel, targeted: Transitions, parameters: list[torch.nn.Parameter]) -> Tensor:
    """(K,) the skills whose executions bear on the parameters, by the current vocabulary: those of D+ where the parameters have a
    row for each, else all."""
    by_skill = {id(one) for one in _by_skill(model)}
    return targeted.skill.unique() if {id(one) for one in parameters} <= by_skill else torch.arange(len(current().skills))


def _rows_of(skills: Tensor, sets: Sequence[Transitions], first: int) -> Iterator[Tensor]:
    """Of each of the sets, whose executions are numbered on from `first`, the rows (R,) of those of the skills (K,)."""
    for known in sets:
        yield torch.isin(known.skill, skills).nonzero().flatten() + first
        first += len(known)


@contextmanager
def _other_skills_held(model: SkillEffectModel, targeted: Transitions) -> Iterator[None]:
    """Within it no weights change that speak of other skills alone than those of D+ (docs/decisions/0130).

    What is replayed of these would change them: it holds nothing of what they were learnt for but a few executions.
    """
    own = model.own_skills(Action(targeted.skill, targeted.object, targeted.parameters)).unique()
    takes_part = torch.zeros(len(model.vocabulary.skills)).index_fill(0, own, 1.0)
    rows = [one for one in _by_skill(model) if one.requires_grad]
    hooks = [one.register_hook(lambda slope: slope * takes_part.view(-1, *[1] * (slope.dim() - 1))) for one in rows]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _detecting(model: SkillEffectModel, parameters: list[torch.nn.Parameter]) -> bool:
    """Whether one of the parameters has a part in detecting: adapters have none."""
    return not {id(one) for one in parameters} <= {id(one) for one in model.adapter_parameters()}


def _share(together: int, lessons: int) -> int:
    """Executions of one lesson in an epoch, rounded up: each counts alike, however many there are."""
    return -(-together // lessons) if lessons else 0


@dataclass(frozen=True)
class Epochs:
    """Draws an epoch: all of D+, and some of each of the sets that follow it: what was pre-trained on, then lessons."""

    targeted: int
    sets: tuple[Tensor, ...]
    """The rows (R,) of each that may be drawn."""
    counts: tuple[int, ...]
    """How many of each to draw."""
    copies: int = 1
    """How often D+ is there: of every execution one copy is drawn."""

    def __call__(self, generator: torch.Generator) -> Tensor:
        """Rows in random order."""
        which = torch.randint(self.copies, (self.targeted,), generator=generator) if self.copies > 1 else 0
        parts = [torch.arange(self.targeted) + self.targeted * which]
        for rows, count in zip(self.sets, self.counts, strict=True):
            parts.append(rows[torch.randperm(len(rows), generator=generator)[:count]])
        drawn = torch.cat(parts)
        return drawn[torch.randperm(len(drawn), generator=generator)]


def _only(model: SkillEffectModel, parameters: list[torch.nn.Parameter]) -> None:
    """Let gradients flow to these parameters and no others."""
    model.requires_grad_(False)
    for parameter in parameters:
        parameter.requires_grad_(True)
