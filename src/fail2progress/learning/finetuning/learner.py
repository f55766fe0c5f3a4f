"""From a failure to a better model: targeted data, fine-tuning, the gate (paper section 5)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.acceptance import AcceptanceResult, judge, score
from fail2progress.learning.finetuning.finetune import FinetuneOptions, finetune
from fail2progress.learning.finetuning.rehearsal import RehearsalSet
from fail2progress.learning.finetuning.targeted import Targeted, TargetOptions, target
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.training.parallel import one_thread
from fail2progress.models.training.transitions import concatenate
from fail2progress.simulation.base import Simulator


@dataclass(frozen=True)
class FineTuningResult:
    """What was learnt: the tuned model, whether it may go live, the data it learnt from, and the seconds of each stage."""

    model: SkillEffectModel
    verdict: AcceptanceResult
    targeted: tuple[Targeted, ...]
    seconds: dict[str, float]

    def to_dict(self) -> dict[str, object]:
        """For reports and --json."""
        last = self.targeted[-1]
        return {
            "gate": {
                "passed": self.verdict.passed,
                "reason": self.verdict.reason,
                "before": asdict(self.verdict.before),
                "after": asdict(self.verdict.after),
            },
            "seconds": self.seconds,
            "dataset": {
                "samples": sum(len(t.outcomes) for t in self.targeted),
                "tried": sum(t.tried for t in self.targeted),
                "stable": sum(t.stable for t in self.targeted),
                "relations_kept": last.kept,
                "relations_kept_of_all": last.kept_of_all,
                "action_spread_m": last.spread,
            },
        }


@dataclass(frozen=True)
class Learner:
    """Learns from one failure, or from several met one after the other: their data sets are trained on together."""

    simulator: Simulator
    rehearsal: RehearsalSet
    targeting: TargetOptions = field(default_factory=TargetOptions)
    finetuning: FinetuneOptions = field(default_factory=FinetuneOptions)

    def learn(
        self,
        events: list[FailureEvent],
        model: SkillEffectModel,
        seed: int,
        report: Callable[[str, float], None] = lambda s, p: None,
    ) -> FineTuningResult:
        """Generate, fine-tune, judge. `report` hears the stage and its share done. NothingToVaryError where there is nothing."""
        with one_thread():
            return self._learn(events, model, seed, report)

    def _learn(
        self, events: list[FailureEvent], model: SkillEffectModel, seed: int, report: Callable[[str, float], None]
    ) -> FineTuningResult:
        targeted = tuple(
            target(event, model, self.simulator, self.targeting, seed + i, lambda stage: report(stage, 0.0))
            for i, event in enumerate(events)
        )
        seconds = {key: sum(t.seconds[key] for t in targeted) for key in targeted[0].seconds}
        start = time.perf_counter()
        data = concatenate([from_outcomes(t.outcomes) for t in targeted])
        tuned = finetune(
            model,
            data,
            self.rehearsal.replay,
            self.finetuning,
            seed,
            lambda done, total: report("fine-tuning", done / total),
        )
        seconds["fine-tuning"] = time.perf_counter() - start
        start = time.perf_counter()
        report("gate", 0.0)
        check = concatenate([from_outcomes(t.spare or t.outcomes) for t in targeted])
        before, after = (score(m, check, self.rehearsal.held_out) for m in (model, tuned))
        seconds["gate"] = time.perf_counter() - start
        return FineTuningResult(tuned, judge(before, after), targeted, seconds)
