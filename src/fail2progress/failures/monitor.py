"""Failure detection: expected relations against observed ones (paper section 4), by a rule that is data.

"Any relation differs" flags a fifth to a quarter of good executions (docs/decisions/0005). What counts here is what the plan
relies on, and only where the two beliefs are on opposite sides with room between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fail2progress.core.goals import Goal
from fail2progress.core.relations import BINARY, BY_DEGREES, KINDS, SUPPORT, UNARY, RelationState
from fail2progress.failures.event import Mismatch
from fail2progress.skills.base import SkillCall
from fail2progress.skills.definition import Lifted
from fail2progress.skills.registry import skill

_HEIGHT = ("above", "below")
Key = tuple[str, str, str | None]
"""An atom: relation, subject and, for a binary one, the other object."""


@dataclass(frozen=True)
class Astray:
    """Metres, at least 0, between where things were expected to end and where they were seen to, where that is farthest."""

    own: float = 0.0
    """Of the skill's object."""
    others: float = 0.0
    """Of what else was seen to move."""

    def __post_init__(self) -> None:
        if not (self.own >= 0.0 and self.others >= 0.0):
            raise ValueError(f"distances must be at least 0 m, got {self.own:g} and {self.others:g}")

    @property
    def farthest(self) -> float:
        """Of all that is judged."""
        return max(self.own, self.others)

    def beyond(self, limits: Astray) -> bool:
        """Whether either is farther than its limit."""
        return self.own > limits.own or self.others > limits.others


@dataclass(frozen=True)
class MonitorRule:
    """A mismatch matters if one belief is above `high`, the other below `low`, on a relation that the plan relies on."""

    high: float = 0.7
    low: float = 0.3
    relations: tuple[str, ...] = SUPPORT
    """Relations that count for every pair of objects concerned; others only where the goal or a skill speaks of them."""
    motion: tuple[tuple[str, Astray], ...] = ()
    """By skill, how far what it moves may end from where it was expected before that is a surprise; none for other skills."""

    def surprises(self, skill_name: str, away: Astray) -> bool:
        """Whether something ended farther from where it was expected than the skill's executions usually show."""
        limits = dict(self.motion).get(skill_name)
        return limits is not None and away.beyond(limits)

    def differ(self, relation: str, expected: float, observed: float) -> bool:
        """Whether two beliefs are on opposite sides with room between them.

        Directions, and whether a thing lies at an edge, need that of the default rule at least: thresholds are calibrated
        without goals, and plans put things where these are in doubt.
        """
        high, low = self.high, self.low
        if relation in BY_DEGREES:
            high, low = max(high, MonitorRule.high), min(low, MonitorRule.low)
        return max(expected, observed) > high and min(expected, observed) < low


@dataclass(frozen=True)
class Conduct:
    """The skill that was carried out, what held before it, and what the plan has left."""

    call: SkillCall
    before: RelationState
    rest: tuple[SkillCall, ...] = ()


def mismatches(
    expected: RelationState,
    observed: RelationState,
    goal: Goal,
    rule: MonitorRule = MonitorRule(),
    conduct: Conduct | None = None,
) -> tuple[Mismatch, ...]:
    """The mismatches that matter, in a fixed order."""
    found = []
    for relation, subject, other in relied_on(expected, goal, rule, conduct):
        before, after = expected.value(relation, subject, other), observed.value(relation, subject, other)
        if rule.differ(relation, before, after):
            found.append(Mismatch(relation=relation, subject=subject, other=other or "", expected=before, observed=after))
    return tuple(found)


def relied_on(state: RelationState, goal: Goal, rule: MonitorRule, conduct: Conduct | None = None) -> Iterator[Key]:
    """The atoms that a plan for a goal relies on after a skill, of which `state` says what was expected.

    Where everything is kept that the goal or a skill of the plan speaks of; what the goal asks for; what the skill was meant to
    change, by its definition; and what the skills that are left need. Which of two things lies higher only if neither is
    expected to be inside the other, unless the goal asks for it (docs/decisions/0062).
    """
    asked = tuple(_asked(state, goal))
    found = (*_kept(state, goal, rule, conduct), *asked, *_meant(state, conduct), *_needed(conduct))
    yield from (key for key in dict.fromkeys(found) if key in asked or not _height_within(key, state))


def _height_within(key: Key, state: RelationState) -> bool:
    """Whether an atom says which of two things lies higher, one of which is expected to be inside the other."""
    relation, one, other = key
    if relation not in _HEIGHT or other is None:
        return False
    return max(state.value("inside", one, other), state.value("inside", other, one)) > 0.5


def _kept(state: RelationState, goal: Goal, rule: MonitorRule, conduct: Conduct | None) -> Iterator[Key]:
    """Which of two movable things lies higher is nothing to rely on: above and below count against what stays where it is."""
    calls = (conduct.call, *conduct.rest) if conduct is not None else ()
    spoken_of = {*goal.objects, *(call.object for call in calls), *(call.target for call in calls)}
    concerned = [name for name in state.names if name in spoken_of]
    fixed = {name for name in concerned if state.value("movable", name) < 0.5}
    for subject in concerned:
        for other in concerned:
            for relation in BINARY:
                counts = relation in rule.relations and (relation == "inside" or subject in fixed or other in fixed)
                if subject != other and counts:
                    yield relation, subject, other


def _asked(state: RelationState, goal: Goal) -> Iterator[Key]:
    """The atoms of the goal between things that are there."""
    for atom in goal.atoms:
        if set(atom.names) <= set(state.names):
            yield atom.relation, atom.subject, atom.other


def _meant(state: RelationState, conduct: Conduct | None) -> Iterator[Key]:
    """What the skill can achieve for its object and target, where the model expected that it would change.

    Not what is incidental: whether a thing comes to lie at an edge, or in what it is put into touches the walls or another
    content, is relied on where the goal asks for it or a skill needs it (docs/decisions/0128).
    """
    if conduct is None:
        return
    for achieved in skill(conduct.call.skill).achieves:
        key = _bound(achieved.atom, conduct.call)
        if key is None or _incidental(key, state):
            continue
        if (conduct.before.value(*key) > 0.5) != (state.value(*key) > 0.5):
            yield key


def _incidental(key: Key, state: RelationState) -> bool:
    """Whether an atom comes about with what a skill is meant to do, though nobody may have wanted it: by what `state` expects."""
    relation, subject, other = key
    return relation in BY_DEGREES or (relation == "contact" and other is not None and state.value("inside", subject, other) > 0.5)


def _needed(conduct: Conduct | None) -> Iterator[Key]:
    """What the skills that are left need of their own object and target, but for what these are."""
    for call in conduct.rest if conduct is not None else ():
        for condition in skill(call.skill).preconditions:
            if condition.atom.relation in KINDS:
                continue
            keys = [_bound(lifted, call) for lifted in (condition.atom, *condition.when)]
            if conduct is not None and keys[0] is not None and all(_believed(key, conduct.before) for key in keys[1:]):
                yield keys[0]


def _believed(key: Key | None, state: RelationState) -> bool:
    return key is not None and state.value(*key) > 0.5


def _bound(atom: Lifted, call: SkillCall) -> Key | None:
    """An atom between the call's own object and target; None where it speaks of a third thing, or the call has no target."""
    roles = {"object": call.object, "target": call.target}
    names = [roles.get(role) for role in (atom.subject, atom.other) if role is not None]
    if None in names or len(set(names)) < len(names) or (len(names) == 1) != (atom.relation in UNARY):
        return None
    subject, *others = [str(name) for name in names]
    return atom.relation, subject, others[0] if others else None
