"""Rounds of induction: fail, induce, fail again; and with `learn`, the model learns some of them before the next round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fail2progress.benchmarks.answers import LEARNER
from fail2progress.benchmarks.build import Carried
from fail2progress.benchmarks.clusters import CLUSTERERS, Failure, Labels, Space, centroids, failures, nearest
from fail2progress.benchmarks.convergence import ANCHORS, NULL, round_name
from fail2progress.benchmarks.events import RunLog
from fail2progress.benchmarks.harness import STATIC, Harness, record_failures
from fail2progress.benchmarks.harness import eval_record as answer_of
from fail2progress.benchmarks.induction import GENERATORS, Induction
from fail2progress.benchmarks.items import seeded
from fail2progress.benchmarks.manifest import SCOUT
from fail2progress.benchmarks.panel import Member, Panel
from fail2progress.evaluation.item_failures import NoFailureError, failure_of
from fail2progress.failures.event import FailureEvent
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.learner import Learner
from fail2progress.learning.finetuning.rehearsal import RehearsalSet, load_rehearsal
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.models import weights as shipped
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import digest_of, load_checkpoint
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Simulator
from fail2progress.stein.states import NothingToVaryError

ACCUMULATE, LEARN = "accumulate", "learn"
SEED = 0
LESSONS = 3
"""Failures that are learnt in a round, of different clusters, one after the other."""


@dataclass
class Iteration:
    """Rounds over one harness. The static pool gives the first round, the space of features and the frozen anchors."""

    harness: Harness
    held_back: Sequence[Carried] = ()
    """What the learner is judged on after every round; rounds of fresh static draws go on with it."""
    weights: Path | None = None
    """Of the learner, before its first lesson."""
    targeting: TargetOptions = field(default_factory=TargetOptions)
    finetuning: FinetuneOptions = field(default_factory=FinetuneOptions)
    learner: SkillEffectModel | None = field(default=None, init=False)
    _lessons: list[RehearsalSet] = field(default_factory=list, init=False)
    _learnt: list[FailureEvent] = field(default_factory=list, init=False)

    def run(self, mode: str, log: RunLog) -> None:
        """All rounds of a mode."""
        rules, pool = self.harness.rules, list(self.harness.pools[STATIC])
        order = seeded(rules.seed, "rounds").permutation(len(pool))
        shuffled = [pool[row] for row in order]
        half = shuffled[: len(shuffled) // 2]
        given = self.harness.induce(half, SEED)
        anchors = given.found[: rules.anchors]
        fresh = shuffled[len(shuffled) // 2 :]
        start = self._first(mode, fresh)
        self._rounds(mode, start, [*fresh[rules.budget :], *self.held_back], anchors, given.space, log)

    def _first(self, mode: str, fresh: Sequence[Carried]) -> list[Carried]:
        if mode == LEARN:
            assert self.weights is not None
            self.learner = load_checkpoint(self.weights).model
        return list(fresh[: self.harness.rules.budget])

    def _rounds(
        self, mode: str, items: list[Carried], spare: Sequence[Carried], anchors: Sequence[Failure], space: Space, log: RunLog
    ) -> None:
        known: list[Failure] = []
        for number in range(self.harness.rules.rounds + 1):
            self.harness.tell(f"{mode}: round {number}")
            now = self._failures(mode, number, items)
            known = [*known, *now] if self._accumulates(mode) else now
            if mode == LEARN:
                self._judge(number, log)
            given = self._cluster(known, space, number) if len(known) > self.harness.rules.k else None
            if given is None or (given.labels < 0).all():
                self.harness.tell(f"{mode}: round {number}: no clusters among {len(known)} failures; the rounds end here")
                self._record(mode, number, items, None, anchors, log)
                return
            self._record(mode, number, items, given, anchors, log)
            if number < self.harness.rules.rounds:
                if mode == LEARN:
                    self._learn(given, number, log)
                items = self._next(mode, number, given, spare)

    def _accumulates(self, mode: str) -> bool:
        """Fresh static draws are treated as the mode that they are compared with."""
        return (self.harness.rules.update if mode == NULL else mode) == ACCUMULATE

    def _failures(self, mode: str, number: int, items: Sequence[Carried]) -> list[Failure]:
        """Of the scouts; of the learner alone where it learns."""
        rng, panel = seeded(self.harness.rules.seed, mode, number, "failures"), self._panel(mode)
        responses = panel.respond([item.execution for item in items], SCOUT)
        return failures(items, responses, panel.of(SCOUT), rng)

    def _panel(self, mode: str) -> Panel:
        """The scouts' panel, or one whose only scout is the learner."""
        panel = self.harness.panel
        if mode != LEARN or self.learner is None:
            return panel
        scout = _Learnt("learner", 0, SCOUT, Path("learner"), digest_of(self.learner), self.learner)
        return Panel((scout, *(m for m in panel.members if m.role != SCOUT and m.digest != scout.digest)))

    def _cluster(self, known: Sequence[Failure], space: Space, number: int) -> Induction:
        rules = self.harness.rules
        labels = CLUSTERERS.get(rules.clusterer)(space.place(known), rules.k, SEED + number)
        ids = {failure.item.id for failure in known} | {item.id for pool in self.harness.pools.values() for item in pool}
        parts = self.harness.panel, self.harness.store, ids, self.harness.rejected, rules.seed
        return Induction(tuple(known), labels, space, *parts)

    def _next(self, mode: str, number: int, given: Induction, spare: Sequence[Carried]) -> list[Carried]:
        rules = self.harness.rules
        if mode == NULL:
            start = number * rules.budget
            return list(spare[start : start + rules.budget])
        return GENERATORS.get(rules.clustered)(given, rules.budget, seeded(rules.seed, mode, number))

    def _record(
        self, mode: str, number: int, items: Sequence[Carried], given: Induction | None, anchors: Sequence[Failure], log: RunLog
    ) -> None:
        """The round's answers, its failures in clusters, and the anchors by the nearest centroid."""
        name = round_name(mode, number)
        responses = self.harness.answered(items)
        for item, response in zip(items, responses, strict=True):
            log.write("rounds", "eval_record", answer_of(name, SEED, item, response))
        if given is None:
            return
        record_failures(log, name, SEED, given.found, given.features, given.labels)
        placed = given.space.place(anchors)
        labels = nearest(placed, centroids(given.features, given.labels))
        record_failures(log, f"{name}/{ANCHORS}", SEED, anchors, placed, labels)

    def _judge(self, number: int, log: RunLog) -> None:
        """The learner on what it never learns from."""
        panel = self._panel(LEARN)
        answers = panel.respond([item.execution for item in self.held_back], SCOUT)
        for item, response in zip(self.held_back, answers, strict=True):
            said = {"by": LEARNER, "round": number, "item": item.id, "structure": item.item.structure}
            log.write("learn", "eval_record", {**said, "correct": int(response.correct[0])})

    def _learn(self, given: Induction, number: int, log: RunLog) -> None:
        """One failure of each of some clusters, one after the other; each is kept if the acceptance test passes it.

        Earlier lessons are rehearsed, and the acceptance test asks for them and for the failures that they were learnt from.
        """
        with simulators.make(self.harness.store.simulator) as simulator:
            base = load_rehearsal(shipped.path(shipped.KEEPSAKE))
            learner = Learner(simulator, base, self.targeting, self.finetuning, patience=0.0)
            for turn, rows in enumerate(self._clusters(given, number)):
                found = self._event(given, rows, simulator)
                if found is None:
                    continue
                item, event = found
                reason = self._lesson(learner.remembering(self._lessons, self._learnt), event, 10 * number + turn)
                self.harness.tell(f"learn: round {number}: {reason or 'accepted'}")
                about = {"round": number, "item": item.id, "structure": item.item.structure}
                log.write("learn", "lesson_record", {**about, "passed": reason is None, "reason": reason})

    def _lesson(self, learner: Learner, event: FailureEvent, seed: int) -> str | None:
        """Learn from a failure; why the lesson is not kept, None where it is."""
        assert self.learner is not None
        try:
            lesson = learner.learn([event], self.learner, seed)
        except NothingToVaryError as error:
            return str(error)
        if not lesson.verdict.passed:
            return lesson.verdict.reason or "refused"
        self.learner = lesson.model
        self._lessons.append(lesson.lesson())
        self._learnt.append(event)
        return None

    def _clusters(self, given: Induction, number: int) -> list[Labels]:
        """Rows of the failures of some clusters, shuffled. Clusters are drawn, large ones more often: all have their turn."""
        rng = seeded(self.harness.rules.seed, LEARN, number, "events")
        sizes = np.bincount(given.labels[given.labels >= 0])
        if not len(sizes):
            return []
        some = rng.choice(len(sizes), min(LESSONS, len(sizes)), replace=False, p=sizes / sizes.sum())
        return [rng.permutation(np.flatnonzero(given.labels == label)) for label in some]

    def _event(self, given: Induction, rows: Labels, simulator: Simulator) -> tuple[Carried, FailureEvent] | None:
        """The first of some failures that the camera sees, if the learner still makes it."""
        assert self.learner is not None
        for row in rows[:5]:
            carried = given.found[row].item
            job = carried.item.item.job
            try:
                return carried, failure_of(simulator.execute(job), carried.id, job.seed, self.learner, digest_of(self.learner))
            except NoFailureError:
                continue
        return None


@dataclass(frozen=True)
class _Learnt(Member):
    """A member whose weights are in memory."""

    held: SkillEffectModel | None = None

    @property
    def model(self) -> SkillEffectModel:
        """See Member."""
        assert self.held is not None
        return self.held
