"""Records of the loop, messages to the core's types and back: steps, verdicts, failure events, reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fail2progress_msgs.msg import FailureEvent as FailureEventMsg
from fail2progress_msgs.msg import FailureReport as FailureReportMsg
from fail2progress_msgs.msg import FailureSignal as FailureSignalMsg
from fail2progress_msgs.msg import FailureSignals as FailureSignalsMsg
from fail2progress_msgs.msg import Mismatch as MismatchMsg
from fail2progress_msgs.msg import Step as StepMsg
from pydantic import ValidationError

from fail2progress.agent.monitor import SkillExecution
from fail2progress.core.relations import BINARY, UNARY
from fail2progress.failures.assets.schema import FailureSignals
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch
from fail2progress.failures.report import FailureReport, FailureSignal
from fail2progress.ros.conversions.values import (
    MOST_SEGMENTS,
    SCHEMA,
    Refused,
    call_msg,
    call_of,
    check_schema,
    check_texts,
    cloud_of,
    goal_msg,
    goal_of,
    header,
    planned_msg,
    planned_of,
    relations_msg,
    relations_of,
    segments_msg,
    uuid_msg,
    uuid_text,
)

MOST_RECORDS = 4096
LAST_STEP = 2**31 - 1
PHASES = (StepMsg.STARTED, StepMsg.FINISHED, StepMsg.FAILED, StepMsg.OVER)


def step_msg(attempt: SkillExecution, episode: str, phase: int, stamp: int, code: int = 0, text: str = "") -> StepMsg:
    """One attempt, in a phase of it."""
    return StepMsg(
        header=header(stamp, attempt.before.frame),
        schema_version=SCHEMA,
        phase=phase,
        episode=uuid_msg(episode),
        step=attempt.step,
        task=attempt.task,
        objects=attempt.objects,
        seed=attempt.seed,
        goal=goal_msg(attempt.goal),
        plan=[call_msg(call) for call in attempt.plan],
        place=0 if attempt.place is None else attempt.place + 1,
        planned=planned_msg(attempt.planned),
        model=attempt.model,
        before=segments_msg(attempt.before),
        relations_before=relations_msg(attempt.relations_before),
        error_code=code,
        error_msg=text,
    )


def phase_of(message: StepMsg) -> int:
    """Where a step is; Refused for another schema or a phase that is not known here."""
    check_schema(message)
    if message.phase not in PHASES:
        raise Refused("phase", f"a step in phase {message.phase}; known: {', '.join(map(str, PHASES))}")
    return int(message.phase)


def attempt_of(message: StepMsg) -> SkillExecution:
    """To the core's type; all parts must speak of the same segments."""
    check_schema(message)
    if len(message.plan) > MOST_RECORDS:
        raise Refused("count", f"a plan of {len(message.plan)} skills")
    if message.step > LAST_STEP:
        raise Refused("value", f"step {message.step} of an episode")
    if message.place > len(message.plan):
        raise Refused("value", f"skill {message.place} of a plan of {len(message.plan)}")
    check_texts(message.task, message.model)
    before, planned = cloud_of(message.before), planned_of(message.planned)
    relations = relations_of(message.relations_before)
    if not before.names == planned.expected.names == relations.names:
        raise Refused("name", "the parts of a step speak of different segments")
    goal = goal_of(message.goal)
    unknown = [name for name in (planned.call.object, *goal.objects) if name not in before.names]
    if unknown:
        raise Refused("name", f"a step speaks of {unknown[0]!r}, which was not seen")
    plan = tuple(call_of(call) for call in message.plan)
    of = (message.task, message.objects, message.seed, message.step, goal)
    place = message.place - 1 if message.place else None
    return SkillExecution(*of, plan, planned, message.model, before, relations, place=place)


def mismatch_msg(mismatch: Mismatch) -> MismatchMsg:
    """From the core's type."""
    return MismatchMsg(**mismatch.model_dump())


def mismatch_of(message: MismatchMsg) -> Mismatch:
    """To the core's type; probabilities must lie in [0, 1]."""
    check_texts(message.relation, message.subject, message.other)
    try:
        return Mismatch(
            relation=message.relation,
            subject=message.subject,
            other=message.other,
            expected=message.expected,
            observed=message.observed,
        )
    except ValidationError as error:
        raise Refused("value", "a mismatch with a probability outside [0, 1]") from error


def mismatches_of(messages: Sequence[MismatchMsg]) -> tuple[Mismatch, ...]:
    """The same of all of a message, which may not be too many."""
    if len(messages) > MOST_RECORDS:
        raise Refused("count", f"more than {MOST_RECORDS} mismatches")
    return tuple(map(mismatch_of, messages))


def event_msg(event: FailureEvent) -> FailureEventMsg:
    """From the core's type."""
    head = event.header
    return FailureEventMsg(
        header=header(event.after.stamp, head.frame),
        schema_version=SCHEMA,
        id=uuid_msg(head.id),
        time=head.time,
        task=head.task,
        objects=head.objects,
        seed=head.seed,
        step=head.step,
        goal=list(head.goal),
        call=call_msg(head.call),
        plan=[call_msg(call) for call in head.plan],
        model=head.model,
        mismatches=[mismatch_msg(m) for m in head.mismatches],
        before=segments_msg(event.before),
        after=segments_msg(event.after),
        relations_before=relations_msg(event.relations_before),
        expected=relations_msg(event.expected),
        observed=relations_msg(event.observed),
    )


def event_of(message: FailureEventMsg) -> FailureEvent:
    """To the core's type; all parts must speak of the same segments."""
    check_schema(message)
    if not uuid_text(message.id):
        raise Refused("name", "a failure without an id")
    before, after = cloud_of(message.before), cloud_of(message.after)
    states = [relations_of(state) for state in (message.relations_before, message.expected, message.observed)]
    if any(names != before.names for names in (after.names, *(state.names for state in states))):
        raise Refused("name", "the parts of a failure speak of different segments")
    _check_event(message)
    head = Header(
        id=uuid_text(message.id),
        time=message.time,
        task=message.task,
        objects=message.objects,
        seed=message.seed,
        step=message.step,
        goal=tuple(message.goal),
        call=Call.of(call_of(message.call)),
        plan=tuple(Call.of(call_of(call)) for call in message.plan),
        model=message.model,
        mismatches=tuple(map(mismatch_of, message.mismatches)),
        names=before.names,
        categories=before.categories,
        frame=before.frame,
        stamps=(before.stamp, after.stamp),
    )
    return FailureEvent(
        header=head, before=before, after=after, relations_before=states[0], expected=states[1], observed=states[2]
    )


def _check_event(message: FailureEventMsg) -> None:
    """Refused for too many parts, overlong texts, unknown relations, and an invalid time of detection."""
    if max(len(message.mismatches), len(message.plan), len(message.goal)) > MOST_RECORDS:
        raise Refused("count", f"a failure with more than {MOST_RECORDS} mismatches, skills or goals")
    check_texts(message.task, message.model, message.time, *message.goal)
    unknown = [m.relation for m in message.mismatches if m.relation not in (BINARY if m.other else UNARY)]
    if unknown:
        raise Refused("name", f"unknown relation {unknown[0]!r}; known: {', '.join((*BINARY, *UNARY))}")
    if message.call.object not in message.before.names:
        raise Refused("name", f"a failure speaks of {message.call.object!r}, which was not seen")
    try:
        datetime.fromisoformat(message.time)
    except ValueError as error:
        raise Refused("value", f"a failure at {message.time!r}, which is no ISO 8601 time") from error


def report_msg(report: FailureReport, stamp: int) -> FailureReportMsg:
    """From the core's type."""
    return FailureReportMsg(
        header=header(stamp, ""),
        schema_version=SCHEMA,
        failure=uuid_msg(report.failure),
        category=report.category.value,
        confidence=report.confidence,
        repetitions=report.repetitions,
        differences=[mismatch_msg(m) for m in report.differences],
        rebuilt=list(report.rebuilt),
        signals=[FailureSignalMsg(schema_version=SCHEMA, **signal.model_dump()) for signal in report.signals],
        reason=report.reason,
        initial_signals=[_signals_msg(signals) for signals in report.initial_signals],
        final_signals=[_signals_msg(signals) for signals in report.final_signals],
    )


def _signals_msg(signals: FailureSignals) -> FailureSignalsMsg:
    """From the core's type; the version is that of the message."""
    return FailureSignalsMsg(**signals.model_dump() | {"schema_version": SCHEMA})


def _signal_of(message: FailureSignalMsg) -> FailureSignal:
    """To the core's type; ValidationError for values that are not numbers."""
    check_schema(message)
    check_texts(message.name, message.parameter, message.evidence)
    return FailureSignal(**{field: getattr(message, field) for field in FailureSignal.model_fields})


def _signals_of(message: FailureSignalsMsg) -> FailureSignals:
    """To the core's type; ValidationError for values that are not numbers."""
    check_schema(message)
    check_texts(message.asset)
    return FailureSignals(
        **{field: getattr(message, field) for field in FailureSignals.model_fields if field != "schema_version"}
    )


def report_of(message: FailureReportMsg) -> FailureReport:
    """To the core's type; Refused for unknown classes."""
    check_schema(message)
    assets = max(len(message.rebuilt), len(message.initial_signals), len(message.final_signals))
    if max(len(message.differences), len(message.signals)) > MOST_RECORDS or assets > MOST_SEGMENTS:
        raise Refused("count", "a report with too many differences, signals or objects")
    check_texts(message.category, message.reason, *message.rebuilt)
    if not uuid_text(message.failure):
        raise Refused("name", "a report on a failure without an id")
    try:
        return FailureReport(
            failure=uuid_text(message.failure),
            category=message.category,
            confidence=message.confidence,
            repetitions=message.repetitions,
            differences=tuple(map(mismatch_of, message.differences)),
            rebuilt=tuple(message.rebuilt),
            signals=tuple(map(_signal_of, message.signals)),
            reason=message.reason,
            initial_signals=tuple(map(_signals_of, message.initial_signals)),
            final_signals=tuple(map(_signals_of, message.final_signals)),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused("value", f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def metrics_of(gate: Mapping[str, Any]) -> dict[str, float]:
    """What an acceptance test measured, each figure by a name; of one figure for each of several lessons, numbered from 1.

    A figure that was not measured is null in the note and has no entry.
    """
    found: dict[str, float] = {}
    for when in ("before", "after"):
        for name, value in gate.get(when, {}).items():
            if isinstance(value, Sequence):
                found |= {f"{when} {name} {number}": float(one) for number, one in enumerate(value, 1)}
            elif value is not None:
                found[f"{when} {name}"] = float(value)
    return found
