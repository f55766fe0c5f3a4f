"""monitor: what is seen after a step against what was expected. A failure is in the store before anybody hears of it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from fail2progress_msgs.msg import Relations, Step, Verdict

from fail2progress.agent.monitor import SkillExecution, StepResult, judge
from fail2progress.core.memory import matching
from fail2progress.core.observation import SegmentedCloud
from fail2progress.failures.monitor import MonitorRule
from fail2progress.failures.store import FailureStore
from fail2progress.ros.conversions.records import attempt_of, event_msg, mismatch_msg, phase_of
from fail2progress.ros.conversions.values import (
    SCHEMA,
    Refused,
    check_schema,
    cloud_of,
    header,
    relations_msg,
    uuid_msg,
    uuid_text,
)
from fail2progress.ros.model_node import ModelNode

REMEMBERED = 64


class MonitorNode(ModelNode):
    """Judges every finished step once, with the model that planned it. After a restart the steps topic tells what is open."""

    def start(self) -> None:
        """See StackNode."""
        self.held: OrderedDict[tuple[str, int], tuple[SkillExecution, SegmentedCloud]] = OrderedDict()
        """Seen, but planned by a model that is not here (yet), as in a replay whose learner is still at work."""
        self.load()
        self.store = FailureStore(self.state_dir / "failures.sqlite")
        self.rule = MonitorRule()
        self.open: OrderedDict[tuple[str, int], SkillExecution] = OrderedDict()
        self.judged: OrderedDict[tuple[str, int], Verdict] = OrderedDict()
        self.early: OrderedDict[tuple[str, int], Relations] = OrderedDict()
        """What was seen at last after each step: it may come before the news that the step has ended."""
        self.listen("steps", self.step, when_inactive=True)
        self.listen("relations", self.observe)

    def step(self, message: Any) -> None:
        """A finished step waits for what is seen after it."""
        if phase_of(message) != Step.FINISHED:
            return
        key = (uuid_text(message.episode), int(message.step))
        if key not in self.judged:
            self.open[key] = attempt_of(message)
            _limit(self.open)
        if key in self.early:
            self.observe(self.early[key])

    def observe(self, message: Any) -> None:
        """What is seen, at rest, after the last finished step."""
        check_schema(message)
        key = (uuid_text(message.episode), int(message.finished) - 1)
        if message.moving or message.finished == 0:
            return
        after = cloud_of(message.segments)
        self.early[key] = message
        _limit(self.early)
        attempt = self.open.get(key)
        if attempt is None:
            return
        if after.points.shape[1] != attempt.before.points.shape[1]:
            raise Refused("points", f"step {key[1]}: segments have another number of points than before")
        if not set(after.names) & set(attempt.before.names):
            raise Refused("name", f"step {key[1]}: other segments are seen after it than before")
        self._judge(key, attempt, matching(after, attempt.before))
        # Only now: what was refused leaves the step open for what comes next.
        self.open.pop(key, None)

    def _judge(self, key: tuple[str, int], attempt: SkillExecution, after: SegmentedCloud) -> None:
        """With the model that planned the step; held back where that one is not here."""
        model = self.live.by_digest(attempt.model)
        if model is None:
            if key not in self.held:
                self.count("relations/model", f"step {key[1]} was planned by {attempt.model[:12]}, not loaded here: held back")
            self.held[key] = (attempt, after)
            _limit(self.held)
            return
        try:
            taken = judge(attempt, after, model.model, self.rule)
        except ValueError as error:
            raise Refused("points", f"step {key[1]} cannot be judged by what is seen: {error}") from error
        self._tell(key, attempt, taken)

    def update_model(self, message: Any) -> None:
        """See ModelNode; what was held back for want of this model is judged now."""
        super().update_model(message)
        due = [key for key, (attempt, _) in self.held.items() if self.live.by_digest(attempt.model) is not None]
        for key in due:
            attempt, after = self.held.pop(key)
            self._judge(key, attempt, after)

    def _tell(self, key: tuple[str, int], attempt: SkillExecution, taken: StepResult) -> None:
        """Durable first, then the failure, then the verdict that the planner waits for."""
        event = taken.event
        if event is not None:
            self.store.add(event)
            said = "; ".join(map(str, taken.mismatches[:3]))
            self.get_logger().warning(f"failure {event.id}: {attempt.planned.call}: {said}")
            self.tell("failures", event_msg(event))
        verdict = Verdict(
            header=header(self.now(), attempt.before.frame),
            schema_version=SCHEMA,
            episode=uuid_msg(key[0]),
            step=key[1],
            failure=event is not None,
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
