"""From a failure to a better model: targeted data, a ladder of fine-tunings, the acceptance test (paper section 5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace

import torch

from fail2progress.core.gaps import Gap, merged
from fail2progress.core.scene import Scene
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.exports import gaps_of
from fail2progress.failures.hindsight import known_afterwards
from fail2progress.learning.finetuning.acceptance import AIM, AcceptanceResult, Rule, judge, score
from fail2progress.learning.finetuning.blending import SHARES, blended
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.kind import held_back
from fail2progress.learning.finetuning.ladder import Ladder, Rung, rungs
from fail2progress.learning.finetuning.rehearsal import RehearsalSet
from fail2progress.learning.finetuning.repetitions import Repetitions, repeat
from fail2progress.learning.finetuning.symmetry import copies
from fail2progress.learning.finetuning.targeted import Rebuild, Report, Targeted, TargetOptions, rebuilt, target
from fail2progress.learning.finetuning.tries import Try, best_of, compared
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.learning.pretraining.pretrain import Codes
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.training.parallel import one_thread
from fail2progress.models.training.transitions import concatenate
from fail2progress.simulation.base import Simulator
from fail2progress.stein.physics import NOMINAL, PhysicsPrior
from fail2progress.stein.states import NothingToVaryError

ATTEMPTS = ((1.0, 1.0), (0.3, 1.5), (2.5, 1.5))
"""What to try while no model has passed: parts of the members' freedom, and of the number of samples."""

_NEARLY = 4.0
"""A model that mends the failure and forgets more than the aim, up to so many times of it, is tried in milder forms, too: trained
again, held more to what the old one says (docs/decisions/0114, 0118), then some of the way from that to this (0062)."""


@dataclass(frozen=True)
class FineTuningResult:
    """What was learnt: the tuned model, whether it may go live, the data it learnt from, and the seconds of each stage."""

    model: SkillEffectModel
    verdict: AcceptanceResult
    targeted: tuple[Targeted, ...]
    seconds: dict[str, float]
    tries: tuple[Try, ...] = ()
    gaps: tuple[Gap, ...] = ()
    """What was assumed or left out when the failures' scenes were rebuilt."""
    hurried: bool = False
    """Whether the time was over before all attempts had begun."""

    def lesson(self) -> RehearsalSet:
        """What was learnt from, to be rehearsed in later lessons, and the executions that it was judged on: those that were held
        back, or where no scene was spare some that were learnt from."""
        learnt = [from_outcomes(t.learnt) for t in self.targeted]
        kept = [from_outcomes([outcome for outcome, _ in t.judged]) for t in self.targeted]
        return RehearsalSet(concatenate(learnt), concatenate(kept))

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
                "besides": sum(len(t.besides) for t in self.targeted),
                "tried": sum(t.tried for t in self.targeted),
                "stable": sum(t.stable for t in self.targeted),
                "recovered": sum(t.recovered for t in self.targeted),
                "relations_kept": last.kept,
                "relations_kept_of_all": last.kept_of_all,
                "relations_kept_as_drawn": last.relations_kept.drawn,
                "relations_kept_as_believed": last.relations_kept.believed,
                "relations_kept_robot_frame": last.relations_kept.robot,
                "action_spread_m": last.spread,
                "place_spread_m": last.spreads.places,
                "within_spread_m": last.spreads.within,
                "measure": asdict(last.felt) if last.felt else None,
            },
            "tries": [one.to_dict() for one in self.tries],
        }


Progress = Callable[[str, float], None]
Judge = Callable[..., AcceptanceResult]
"""Of a rung, its model, how much of the way it went and how firmly it was held: whether it may go live."""


@dataclass(frozen=True)
class Learner:
    """Learns from one failure, or from several met one after the other: their data sets are trained on together.

    Weights are adjusted by a ladder, the fewest first, and the best model that passes is taken. While none passes, the ladder is
    climbed to its end, and then other data are tried, as long as another attempt can begin within `patience` seconds: of
    this process's own time, so that what is learnt does not hang on what else the computer does.
    """

    simulator: Simulator
    rehearsal: RehearsalSet
    targeting: TargetOptions = field(default_factory=TargetOptions)
    finetuning: FinetuneOptions = field(default_factory=FinetuneOptions)
    rebuild: Rebuild = rebuilt
    rule: Rule = Rule()  # noqa: RUF009 (frozen)
    patience: float = 45.0
    earlier: tuple[FailureEvent, ...] = ()
    """Failures that were learnt from before."""

    def remembering(self, lessons: Sequence[RehearsalSet], failures: Sequence[FailureEvent] = ()) -> Learner:
        """A learner that rehearses the data of earlier lessons as well, and whose acceptance test asks for these lessons and for
        the failures that they were learnt from, so that they are not forgotten for new ones (docs/decisions/0050)."""
        return replace(self, rehearsal=replace(self.rehearsal, lessons=tuple(lessons)), earlier=tuple(failures))

    def learn(
        self, events: list[FailureEvent], model: SkillEffectModel, seed: int, report: Progress = lambda s, p: None
    ) -> FineTuningResult:
        """Generate, fine-tune, judge. `report` hears the stage and its share done. NothingToVaryError where there is nothing;
        NothingToTrainError, before anything is simulated, where the model has no weights to adjust."""
        rungs(model, self.finetuning.adjusts)
        with one_thread():
            met, earlier = ([known_afterwards(e, model, self.simulator, seed) for e in es] for es in (events, self.earlier))
            return _Learning(replace(self, earlier=tuple(earlier)), met, model, seed, report).result()


@dataclass
class _Learning:
    """One learning under way."""

    learner: Learner
    events: list[FailureEvent]
    model: SkillEffectModel
    seed: int
    report: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    tries: list[Try] = field(default_factory=list)
    scenes: dict[int, tuple[FailureEvent, Scene]] = field(default_factory=dict)
    """What was rebuilt of the failures, once for all attempts, by the observation that it was rebuilt from."""

    def __post_init__(self) -> None:
        self.codes = Codes(self.model)

    def result(self) -> FineTuningResult:
        """Try until one is good enough, or time is over; the best of all."""
        self._end = time.process_time() + self.learner.patience
        hurried, nothing = False, NothingToVaryError("nothing was tried")
        for number, options in enumerate(self._attempts()):
            if number and (self._late or self._passed):
                hurried = not self._passed
                break
            try:
                self._climb(self._targeted(options, number), options)
            except NothingToVaryError as error:
                nothing = error
        if not self.tries:
            raise NothingToVaryError(f"{nothing}; other data may, given more time") if hurried else nothing
        best = best_of(self.tries)
        gaps = merged(gap for event in self.events for gap in gaps_of(event))
        return FineTuningResult(best.model, best.verdict, best.targeted, self.seconds, tuple(self.tries), gaps, hurried)

    def _attempts(self) -> Iterator[TargetOptions]:
        targeting = self.learner.targeting
        for freedom, amount in ATTEMPTS:
            yield replace(targeting, freedom=freedom * targeting.freedom, samples=max(round(amount * targeting.samples), 1))

    def _targeted(self, options: TargetOptions, number: int) -> tuple[Targeted, ...]:
        """D+ of every failure; each has a seed of its own."""
        made = []
        for i, event in enumerate(self.events):
            seed = self.seed + i + 1000 * number
            stage: Report = lambda name: self.report(name, 0.0)  # noqa: E731
            made.append(target(event, self.model, self.learner.simulator, options, seed, stage, self._rebuilt))
            for name, seconds in made[-1].seconds.items():
                self._spent(name, seconds)
        return tuple(made)

    def _climb(self, targeted: tuple[Targeted, ...], options: TargetOptions) -> None:
        """The ladder: adjust more and more weights until a model is good enough or time is over."""
        judged, ladder = self._judge(targeted, options), self._ladder(targeted)
        for rung in rungs(self.model, self.learner.finetuning.adjusts):
            if rung.last and self._passed:
                return
            verdict = judged(rung, self._tuned(ladder, rung))
            self._milder(ladder, rung, judged, verdict)
            if any(one.enough for one in self.tries) or (self._late and self._passed):
                return

    def _milder(self, ladder: Ladder, rung: Rung, judged: Judge, verdict: AcceptanceResult) -> None:
        """What forgets somewhat too much is trained again, held more to the old model; what still does is tried some of the way
        from that model."""
        firm = 0
        for more in ladder.firmer(rung):
            if not _forgets(verdict) or (firm and self._late):
                break
            again = judged(rung, self._tuned(ladder, rung, more), firm=more)
            firm, verdict = (more, again) if again.passed else (firm, verdict)
        for share in SHARES if _forgets(verdict) else ():
            if judged(rung, blended(self.model, ladder.tuned(rung, firm), share), share, firm).lost <= AIM:
                return

    def _ladder(self, targeted: tuple[Targeted, ...]) -> Ladder:
        """The fine-tunings on D+."""
        known, options = self.learner.rehearsal, self.learner.finetuning
        data = concatenate([from_outcomes(t.learnt) for t in targeted])
        sources = *copies(data, options.mirror), known.replay, *(lesson.replay for lesson in known.lessons)
        learnt = torch.cat([self.codes(source) for source in sources])
        told = lambda done, total: self.report("fine-tuning", done / total)  # noqa: E731
        return Ladder(self.model, data, known, options, self.seed, learnt, told)

    def _tuned(self, ladder: Ladder, rung: Rung, firm: int = 0) -> SkillEffectModel:
        start = time.perf_counter()
        tuned = ladder.tuned(rung, firm)
        self._spent("fine-tuning", time.perf_counter() - start)
        return tuned

    def _judge(self, targeted: tuple[Targeted, ...], options: TargetOptions) -> Judge:
        """How what learnt from D+ is judged, and kept among what was tried."""
        start = time.perf_counter()
        pairs = [pair for own in targeted for pair in own.judged]
        check = held_back([outcome for outcome, _ in pairs], [world for _, world in pairs], self.learner.simulator, self.seed)
        worlds = [own.space.physics for own in targeted]
        known, asked = self.learner.rehearsal, (self._repetitions(self.events, worlds), self._repetitions(self.learner.earlier))
        before, first = score(self.model, check, known, *asked, self.codes), len(self.tries)
        self._spent("gate", time.perf_counter() - start)

        def judged(rung: Rung, model: SkillEffectModel, share: float = 1.0, firm: int = 0) -> AcceptanceResult:
            start = time.perf_counter()
            self.report("gate", 0.0)
            verdict = judge(before, score(model, check, known, *asked, self.codes), self.learner.rule)
            self._spent("gate", time.perf_counter() - start)
            self.tries.append(Try(rung.adjusts, options.freedom, options.samples, verdict, model, targeted, share, firm))
            self.tries[first:] = compared(self.tries[first:], self.learner.rule)
            return self.tries[-1].verdict

        return judged

    @property
    def _late(self) -> bool:
        return time.process_time() > self._end

    @property
    def _passed(self) -> bool:
        return any(one.verdict.passed for one in self.tries)

    def _repetitions(self, events: Sequence[FailureEvent], worlds: Sequence[PhysicsPrior] = ()) -> list[Repetitions]:
        """The failures carried out again, each in worlds with the physics that is believed; ordinary ones unless given."""
        simulator, pairs = self.learner.simulator, enumerate(zip(events, worlds or [NOMINAL] * len(events), strict=True))
        return [repeat(event, self._rebuilt(event), simulator, self.seed + i, physics=world) for i, (event, world) in pairs]

    def _rebuilt(self, event: FailureEvent) -> Scene:
        """O_F as a scene. The event is kept so that its observation's identity stays its own."""
        if id(event.before) not in self.scenes:
            self.scenes[id(event.before)] = event, self.learner.rebuild(event)
        return self.scenes[id(event.before)][1]

    def _spent(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


def _forgets(verdict: AcceptanceResult) -> bool:
    """Whether a model that mends the failure forgets somewhat more than is aimed at."""
    return verdict.passed and AIM < verdict.lost <= _NEARLY * AIM
