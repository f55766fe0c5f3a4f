"""The ladder: which weights are adjusted one after the other, and how firmly they are held to what the old model says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from torch import Tensor

from fail2progress.learning.finetuning.finetune import LADDER as LADDER_NAME
from fail2progress.learning.finetuning.finetune import FinetuneOptions, adjusted, finetune
from fail2progress.learning.finetuning.rehearsal import RehearsalSet
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.errors import NothingToTrainError
from fail2progress.models.training.transitions import Transitions


@dataclass(frozen=True)
class Rung:
    """Which weights to adjust, the part of the epochs that this may take, and the rung whose weights it starts from."""

    adjusts: str
    epochs: float
    after: str | None = None
    last: bool = False
    """Whether it is tried only where nothing has passed."""
    firmer: tuple[int, ...] = ()
    """How much more it can be held to the old model, see Ladder.tuned."""


LADDER = (
    Rung("relations", 0.4),
    Rung("networks", 0.4, firmer=(1, 2)),
    Rung("all", 0.4, after="networks", firmer=(1, 2)),
    Rung("neighbours", 0.4, after="networks", last=True),
)
"""One after the other (docs/decisions/0027, 0043, 0098): all weights need not learn by heart what the adapters can say. The
fewest weights say what nothing else can, as how things fall, and agreeing keeps them from it (0114)."""


def rungs(model: SkillEffectModel, adjusts: str) -> list[Rung]:
    """Those that the model has weights for, or the one that was asked for. NothingToTrainError where it has none for any."""
    chosen, adapters = [Rung(adjusts, 1.0, firmer=(2,) if adjusts == "all" else ())], model.adapters()
    if adjusts == LADDER_NAME and "relations" not in adapters:
        chosen = [replace(chosen[0], adjusts="all", firmer=(2,))]
    elif adjusts == LADDER_NAME:
        chosen = [rung for rung in LADDER if rung.adjusts in (*adapters, "all")]
    ladder = [rung for rung in chosen if adjusted(model, rung.adjusts)]
    if not ladder:
        raise NothingToTrainError(model.name, "finetuned_parameters")
    there = {rung.adjusts for rung in ladder}
    return [rung if rung.after in there else replace(rung, after=None) for rung in ladder]


@dataclass
class Ladder:
    """Fine-tunings of one model on one D+, each made once. codes: shape codes of all that is learnt from, see finetune."""

    model: SkillEffectModel
    data: Transitions
    known: RehearsalSet
    options: FinetuneOptions
    seed: int
    codes: Tensor
    report: Callable[[int, int], None] = lambda done, total: None
    made: dict[tuple[str, int], SkillEffectModel] = field(default_factory=dict)

    def firmer(self, rung: Rung) -> list[int]:
        """How much more a rung can be held to the old model. Where lessons are rehearsed all rungs agree from the first."""
        agrees = self._options(rung, 1).agrees(bool(self.known.lessons))
        return [firm for firm in rung.firmer if agrees and (firm > 1 or not self.known.lessons)]

    def tuned(self, rung: Rung, firm: int = 0) -> SkillEffectModel:
        """The model of a rung. `firm`: 0 where only all weights agree with the old model on what is replayed, 1 where those that
        they start from do as well, 2 where they then agree twice as much (docs/decisions/0118)."""
        if (rung.adjusts, firm) not in self.made:
            below = next((one for one in LADDER if one.adjusts == rung.after), None)
            begin = self.model if below is None else self.tuned(below, min(firm, 0 if self.known.lessons else 1))
            lessons = [lesson.replay for lesson in self.known.lessons]
            more = (self._options(rung, firm), self.seed, self.report)
            self.made[rung.adjusts, firm] = finetune(
                begin, self.data, self.known.replay, *more, teacher=self.model, lessons=lessons, codes=self.codes
            )
        return self.made[rung.adjusts, firm]

    def _options(self, rung: Rung, firm: int) -> FinetuneOptions:
        epochs, weight = max(round(rung.epochs * self.options.epochs), 1), max(firm, 1) * self.options.distillation
        return replace(self.options, adjusts=rung.adjusts, epochs=epochs, distillation=weight, held=firm > 0)
