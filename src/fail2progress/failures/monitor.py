"""Failure detection: expected relations against observed ones (paper section 4), by a rule that is data.

"Any relation differs" flags a quarter of good executions (learning/FACTS 3). What counts here is what the plan relies on, and
only where the two beliefs are on opposite sides with room between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fail2progress.core.goals import Goal
from fail2progress.core.relations import BINARY, SUPPORT, RelationState
from fail2progress.failures.event import Mismatch


@dataclass(frozen=True)
class MonitorRule:
    """A mismatch matters if one belief is above `high`, the other below `low`, on a relation that the plan relies on."""

    high: float = 0.7
    low: float = 0.3
    relations: tuple[str, ...] = SUPPORT
    """Relations that count for every pair of objects that the goal speaks of; other relations only where they are goal atoms."""


def mismatches(
    expected: RelationState,
    observed: RelationState,
    goal: Goal,
    rule: MonitorRule = MonitorRule(),
) -> tuple[Mismatch, ...]:
    """The mismatches that matter, in a fixed order."""
    found = []
    for relation, subject, other in relied_on(expected, goal, rule):
        before, after = expected.value(relation, subject, other), observed.value(relation, subject, other)
        if (before > rule.high and after < rule.low) or (before < rule.low and after > rule.high):
            found.append(Mismatch(relation=relation, subject=subject, other=other, expected=before, observed=after))
    return tuple(found)


def relied_on(state: RelationState, goal: Goal, rule: MonitorRule) -> Iterator[tuple[str, str, str]]:
    """The atoms (relation, subject, other) that a plan for a goal relies on.

    Which of two movable things lies higher is nothing to rely on: above and below count against what stays where it is.
    """
    concerned = [name for name in state.names if name in goal.objects]
    fixed = {name for name in concerned if state.value("movable", name) < 0.5}
    wanted = {(atom.relation, atom.subject, atom.other) for atom in goal.atoms}
    for subject in concerned:
        for other in concerned:
            for relation in BINARY:
                counts = relation in rule.relations and (relation == "inside" or subject in fixed or other in fixed)
                if subject != other and (counts or (relation, subject, other) in wanted):
                    yield relation, subject, other
