"""monitor: what is seen after a step against what was expected. A failure is in the store before anybody hears of it."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

from fail2progress_msgs.msg import Relations, Step, Verdict

from fail2progress.agent.monitor import SkillExecution, StepResult, judge
from fail2progress.core.memory import matched_first
from fail2progress.failures.calibration import rule_for
from fail2progress.failures.sentences import story
from fail2progress.failures.store import FailureStore
from fail2progress.models.notes import kind_of_version, kind_of_weights
from fail2progress.ros.catching_up import catch_up
from fail2progress.ros.conversions.observations import observation_of
from fail2progress.ros.conversions.records import attempt_of, event_msg, mismatch_msg, phase_of
from fail2progress.ros.conversions.values import (
    SCHEMA,
    Refused,
    header,
    relations_msg,
    stamp_of,
    uuid_msg,
    uuid_text,
)
from fail2progress.ros.lifecycle import StackNode
from fail2progress.ros.set_back import still

REMEMBERED = 64
AGAIN = 0.5
"""Seconds after which steps that ended before this node began are judged by what was seen already: then the end of their episode
has come, too, if it is over."""


class MonitorNode(StackNode):
    """Judges every finished step once, by the relations that were detected. After a restart the steps tell what is open."""

    def start(self) -> None:
        """See StackNode."""
        self.store = FailureStore(self.state_dir / "failures.sqlite")
        self.open: OrderedDict[tuple[str, int], SkillExecution] = OrderedDict()
        self.judged: OrderedDict[tuple[str, int], Verdict] = OrderedDict()
        self.early: OrderedDict[tuple[str, int], Relations] = OrderedDict()
        """What was seen at last after each step: it may come before the news that the step has ended."""
        self.kinds: dict[str, str] = {}
        """Of the models that planned so far, by their digests."""
        self.began = self.now()
        self.steps = self.listen("steps", self.step, when_inactive=True)
        self.listen("relations", self.observe)
        self.repeat(AGAIN, self._judge_by_what_was_seen)

    def step(self, message: Any) -> None:
        """A finished step waits for what is seen after it.

        One whose episode was over before this node began has been judged; by now somebody else may have moved things.
        """
        self.began = still(self.began, self.now())
        phase, before = phase_of(message), stamp_of(message.header.stamp) < self.began
        if phase == Step.OVER and before:
            self.open.clear()
        if phase != Step.FINISHED:
            return
        key = (uuid_text(message.episode), int(message.step))
        if key not in self.judged:
            self.open[key] = attempt_of(message)
            _limit(self.open)
        if key in self.early and not before:
            self.observe(self.early[key])

    def _judge_by_what_was_seen(self) -> None:
        for key in [key for key in self.open if key in self.early]:
            if self.active:
                self.guarded("relations", self.observe, self.early[key])
                self.early.pop(key, None)  # once: what is refused is told once

    def observe(self, message: Any) -> None:
        """What is seen, at rest, after the last finished step."""
        catch_up(self.steps)
        seen = observation_of(message)
        key = (uuid_text(message.episode), int(message.finished) - 1)
        if message.moving or message.finished == 0:
            return
        self.early[key] = message
        _limit(self.early)
        attempt = self.open.get(key)
        if attempt is None:
            return
        if seen.cloud.points.shape[1] != attempt.before.points.shape[1]:
            raise Refused("points", f"step {key[1]}: segments have another number of points than before")
        if not set(seen.cloud.names) & set(attempt.before.names):
            raise Refused("name", f"step {key[1]}: other segments are seen after it than before")
        detector = seen.source.split(" ")[0]  # by name, or the digest of the model that detects
        rule = rule_for(attempt.model, detector, self._kind(attempt.model), bool(self.param("surprises")))
        self._tell(key, attempt, judge(attempt, matched_first(seen, attempt.before), rule))
        # Only now: what was refused leaves the step open for what comes next.
        self.open.pop(key, None)

    def _kind(self, digest: str) -> str:
        """Of the model that planned, whose digest alone a message has: a version, or what the stack starts from. Read once, as
        what has a digest stays what it is; what nobody knows yet may become known."""
        if digest not in self.kinds:
            named = str(self.param("model"))
            version = kind_of_version(self.state_dir / "models", digest)
            kind = version or (kind_of_weights(Path(named), digest) if named else "")
            if not kind:
                return ""
            self.kinds[digest] = kind
        return self.kinds[digest]

    def _tell(self, key: tuple[str, int], attempt: SkillExecution, taken: StepResult) -> None:
        """Durable first, then the failure, then the verdict that the planner waits for.

        A surprise is an event too, to be learnt from in the background, but no failure: the plan goes on.
        """
        event = taken.event
        if event is not None:
            self.store.add(event)
            said = "; ".join(map(str, taken.mismatches[:3])) or story(event)[0]
            kind = "failure" if taken.mismatches else "surprise"
            self.get_logger().warning(f"{kind} {event.id}: {attempt.planned.call}: {said}")
            self.tell("failures", event_msg(event))
        verdict = Verdict(
            header=header(self.now(), attempt.before.frame),
            schema_version=SCHEMA,
            episode=uuid_msg(key[0]),
            step=key[1],
            failure=bool(taken.mismatches),
            event=uuid_msg(event.id if event is not None else ""),
            mismatches=[mismatch_msg(mismatch) for mismatch in taken.mismatches],
            observed=relations_msg(taken.observed),
            model=attempt.model,
        )
        self.judged[key] = verdict
        _limit(self.judged)
        self.facts["judged"] = str(int(self.facts.get("judged", "0")) + 1)
        self.tell("verdicts", verdict)


def _limit(items: OrderedDict[tuple[str, int], Any]) -> None:
    while len(items) > REMEMBERED:
        items.popitem(last=False)
