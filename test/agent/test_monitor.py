"""What the monitor makes of a step: an event with all that is seen afterwards, also with what was not known before."""

from dataclasses import replace

import numpy as np

from fail2progress.agent.monitor import SkillExecution, judge
from fail2progress.core.goals import Atom, Goal
from fail2progress.core.memory import matched_first
from fail2progress.core.observation import Observation
from fail2progress.failures.event import from_bytes
from fail2progress.failures.monitor import MonitorRule
from fail2progress.planning.planned import PlannedSkill
from support import samples


def test_what_is_new_afterwards_is_in_the_event_without_points_before() -> None:
    failure = samples.failure()
    known = [name for name in failure.before.names if name != "cup_2"]
    rows = [failure.before.index(name) for name in known]
    before = replace(
        failure.before,
        names=tuple(known),
        categories=tuple(failure.before.categories[row] for row in rows),
        points=failure.before.points[rows],
        visibility=failure.before.visibility[rows],
    )
    states = [state.of(before.names) for state in (failure.relations_before, failure.expected)]
    call = failure.header.call.call()
    planned = PlannedSkill(call, states[1], np.zeros((len(known), 3)))
    attempt = SkillExecution(
        "task", 3, 0, 0, Goal((Atom("above", "cup_1", "table_b"),)), (call,), planned, "0" * 64, before, states[0]
    )
    order = np.random.default_rng(0).permutation(len(failure.after))
    shuffled = replace(
        failure.after,
        names=tuple(failure.after.names[row] for row in order),
        categories=tuple(failure.after.categories[row] for row in order),
        points=failure.after.points[order],
        visibility=failure.after.visibility[order],
    )
    seen = matched_first(Observation(shuffled, failure.observed.of(shuffled.names), "learned"), before)
    assert seen.cloud.names == (*before.names, "cup_2") and seen.cloud.seen.sum() == failure.after.seen.sum()
    event = judge(attempt, seen, MonitorRule()).event
    assert event is not None and event.header.names == seen.cloud.names
    assert not event.before.seen[-1] and event.after.seen[-1]
    assert event.before.visibility[-1] == 0.0 == event.expected.value("above", "cup_2", "table_a")
    again = from_bytes(event.header, event.to_bytes())
    np.testing.assert_array_equal(again.after.points, seen.cloud.points)
