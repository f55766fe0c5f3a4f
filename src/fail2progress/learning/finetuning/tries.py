"""Fine-tunings that were judged, and which of them is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from fail2progress.failures.surprise import CLOSE
from fail2progress.learning.finetuning.acceptance import AIM, AcceptanceResult, Rule, beside
from fail2progress.learning.finetuning.chance import KNOWN
from fail2progress.learning.finetuning.finetune import RUNGS
from fail2progress.learning.finetuning.targeted import Targeted
from fail2progress.models.base import SkillEffectModel

_FORGETTING = 100.0
"""What held-out F1 lost beyond the aim counts against F1 won on the failure: a third of the aim outweighs nearly all else."""
_WORTH = 0.01
"""Merit by which more weights must be better. Held-back executions are of the failure's own things, and a hundredth of F1 on
thirty of them does not tell which weights say the same of others; the fewest do (docs/decisions/0077)."""


@dataclass(frozen=True)
class Try:
    """One fine-tuning and its judgement; `share` of the way from the old model (blending), held so `firm` to it (ladder.py)."""

    adjusts: str
    freedom: float
    samples: int
    verdict: AcceptanceResult
    model: SkillEffectModel
    targeted: tuple[Targeted, ...]
    share: float = 1.0
    firm: int = 0

    @property
    def rung(self) -> int:
        """How many weights are adjusted, as a number of the ladder's rung."""
        return RUNGS.index(self.adjusts)

    @property
    def label(self) -> str:
        """What was adjusted and how far, for people."""
        parts = [self.adjusts]
        parts += [("networks agreeing, too", "agreeing twice as much")[self.firm - 1]] * (self.firm > 0)
        parts += [f"{self.share:.0%} of the way"] * (self.share != 1.0)
        return ", ".join(parts)

    @property
    def merit(self) -> float:
        """By which those that passed are compared: the failure mended, less what was forgotten beyond the aim.

        Errors below KNOWN are alike: against 8 mm before, one millimetre outweighed all else (docs/decisions/0070). Below CLOSE
        they still count: where relations come out alike, a row 16 mm off was taken for one 8 mm off (0086). What most things do
        says little of whether a model knows when they do otherwise, as to fall or not to: so the error of those farthest off
        counts, too (0077), and so does that of what stays: bystanders that are foreseen to come along are learnt for no good
        (0101).
        """
        after, before = self.verdict.after, self.verdict.before
        moved = (after.motion, before.motion), (after.failure_error, before.failure_error), (after.far, before.far)
        pairs = *moved, (after.still, before.still)
        left = sum(min(max(now, KNOWN) / max(then, CLOSE), 1.0) for now, then in pairs)
        value = after.failure_f1 + 0.5 * after.right - 0.1 * left
        value -= _FORGETTING * max(self.verdict.lost - AIM, 0.0)
        return float(np.nan_to_num(value, nan=-9.0)) + 10.0 * self.verdict.passed

    @property
    def enough(self) -> bool:
        """Whether nothing else need be tried."""
        after = self.verdict.after
        right = after.failure_f1 >= 0.97 and after.right >= 0.95
        mended = right and after.motion <= 0.02 and max(after.far, after.still) <= CLOSE and after.failure_error <= KNOWN
        return self.verdict.passed and mended and self.verdict.lost <= AIM

    def to_dict(self) -> dict[str, object]:
        """For reports."""
        return {
            "adjusts": self.label,
            "freedom_m": self.freedom,
            "samples": self.samples,
            "passed": self.verdict.passed,
            "reason": self.verdict.reason,
            "after": asdict(self.verdict.after),
        }


def compared(tries: Sequence[Try], rule: Rule) -> list[Try]:
    """The same, each judged beside the others, which learnt from the same data: the best of them says what these teach."""
    reach = max(np.nan_to_num(one.verdict.after.failure_f1) for one in tries)
    return [replace(one, verdict=beside(one.verdict, float(reach), rule)) for one in tries]


def best_of(tries: Sequence[Try]) -> Try:
    """The best of what was tried; of what is about as good, that which adjusts the fewest weights."""
    best = tries[0]
    for one in tries[1:]:
        if one.merit > best.merit + _WORTH * (one.rung > best.rung):
            best = one
    return best
