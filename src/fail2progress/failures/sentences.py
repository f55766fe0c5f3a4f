"""A failure in plain words, made from its relations: what the model expected, what happened, and why that matters to the goal.

Relations are named from the side of the object that can move: "below(table_b, cup_1)" is told as cup_1 being above table_b.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.relations import MIRRORED, RelationState
from fail2progress.failures.event import FailureEvent, Mismatch
from fail2progress.failures.store import FailureStore, Lesson, that_count
from fail2progress.skills.registry import SKILLS

PHRASES = {
    "left": "to the left of {other}",
    "right": "to the right of {other}",
    "front": "in front of {other}",
    "behind": "behind {other}",
    "above": "above {other}",
    "below": "below {other}",
    "contact": "touching {other}",
    "boundary": "near the edge of {other}",
    "inside": "inside {other}",
    "open": "open",
    "movable": "movable",
    "drawer": "a drawer",
}
"""What follows "is"."""

TELLING = ("inside", "above", "below", "contact", "open", "left", "right", "front", "behind", "boundary", "drawer", "movable")
"""Which broken relation says most, first; the others follow from it more often than not."""


def told(mismatch: Mismatch, state: RelationState) -> Mismatch:
    """The same mismatch from the side of the movable object; of two movable ones, as it is."""
    swappable = mismatch.relation in MIRRORED and mismatch.other
    if not swappable or state.value("movable", mismatch.subject) > 0.5 or state.value("movable", mismatch.other) < 0.5:
        return mismatch
    turned = {"relation": MIRRORED[mismatch.relation], "subject": mismatch.other, "other": mismatch.subject}
    return mismatch.model_copy(update=turned)


def ranked(event: FailureEvent) -> list[Mismatch]:
    """The mismatches from the movable side, each once, the most telling first."""
    turned = [told(mismatch, event.relations_before) for mismatch in event.header.mismatches]
    once = list(dict.fromkeys((m.relation, m.subject, m.other) for m in turned))
    first = {(m.relation, m.subject, m.other): m for m in reversed(turned)}
    return sorted((first[key] for key in once), key=lambda m: TELLING.index(m.relation))


def phrase(relation: str, other: str) -> str:
    """What follows "is": "inside cup_1", "open"."""
    return PHRASES[relation].format(other=other)


def wish(atom: Atom) -> str:
    """What a goal asks for: "capsule_1 inside cup_1", "drawer_1 not open"."""
    return f"{atom.subject} {'' if atom.holds else 'not '}{phrase(atom.relation, atom.other or '')}"


def wishes(goal: Goal) -> str:
    """All that a goal asks for."""
    return _listed(map(wish, goal.atoms))


def expectation(event: FailureEvent) -> str:
    """What the model expected of the skill, in one sentence. The event has a broken relation, here and in the next two."""
    mismatch = ranked(event)[0]
    before = mismatch.value(event.relations_before) > 0.5
    is_so = phrase(mismatch.relation, mismatch.other)
    expected = mismatch.expected > 0.5
    adverb = {(True, True): "still be ", (True, False): "be ", (False, True): "no longer be ", (False, False): "not be "}
    return f"When the robot {doing(event)}, the model expected that {mismatch.subject} would {adverb[expected, before]}{is_so}."


def observation(event: FailureEvent) -> str:
    """What happened instead, in one sentence."""
    mismatch = ranked(event)[0]
    is_so = phrase(mismatch.relation, mismatch.other)
    return f"{mismatch.subject} is {'' if mismatch.observed > 0.5 else 'not '}{is_so}."


def importance(event: FailureEvent) -> str:
    """Why that matters to the goal, in a sentence or two: also what came about by itself costs skills that are planned for it."""
    atoms = [Atom.parse(text) for text in event.header.goal]
    broken = [(atom, mismatch) for atom in atoms for mismatch in ranked(event) if _speaks_of(atom, mismatch)]
    wanted = {wish(atom): atom.holds == (mismatch.observed > 0.5) for atom, mismatch in broken}
    missing, there = ([atom for atom, holds in wanted.items() if holds == so] for so in (False, True))
    said = [f"The goal asks for {_listed(missing)}, which {_verb(missing, 'does not hold', 'do not hold')}."] if missing else []
    if there:
        held = _verb(
            there, "holds; by its model the robot plans skills for it", "hold; by its model the robot plans skills for them"
        )
        said.append(f"The goal asks for {_listed(there)}, which {held} all the same.")
    if said:
        return " ".join(said)
    subjects = list(dict.fromkeys(mismatch.subject for mismatch in ranked(event)))
    return f"The rest of the plan relies on where {_listed(subjects)} {'is' if len(subjects) == 1 else 'are'}."


def learnt(attempts: Sequence[Lesson]) -> Iterator[str]:
    """What came of learning from it: a sentence of each attempt that counts (`that_count`)."""
    for number, (version, reason) in enumerate(that_count(attempts)):
        refused = f"{'Later, no' if number else 'No'} new model was accepted: {reason}."
        yield f"The model {version} learnt from it: {reason}." if version else refused


def learnt_in_short(attempts: Sequence[Lesson]) -> list[str]:
    """The same in a few words each: "v0002: better"."""
    return [f"{version or 'no new model'}: {reason}" for version, reason in that_count(attempts)]


def story(event: FailureEvent, attempts: Sequence[Lesson] = ()) -> tuple[str, ...]:
    """The failure in sentences: expected, happened, why it matters, and what came of attempts to learn from it, oldest first.

    One sentence takes the place of the first three where no relation was expected otherwise.
    """
    return (*_met(event), *learnt(attempts))


def _met(event: FailureEvent) -> tuple[str, ...]:
    if not event.header.mismatches:
        call = event.header.call
        return (f"When the robot {doing(event)}, {call.object} or what moved with it ended elsewhere than the model expected.",)
    return expectation(event), observation(event), importance(event)


def doing(event: FailureEvent) -> str:
    """What the robot did, as a clause: "carried cup_1 to table_b"; by the skill's own verb where it has one."""
    call = event.header.call
    verb = (call.skill in SKILLS and SKILLS[call.skill].past) or f"carried out {call.skill.replace('_', ' ')} on"
    return f"{verb} {call.object}" + (f" to {call.target}" if call.target else "")


def outcome(event: FailureEvent) -> str:
    """What happened, in a few words; where no relation was expected otherwise, that something ended elsewhere."""
    return observation(event).rstrip(".") if event.header.mismatches else "ended elsewhere than expected"


def _speaks_of(atom: Atom, mismatch: Mismatch) -> bool:
    key = (atom.relation, *atom.names)
    names = mismatch.names
    turned = (MIRRORED.get(mismatch.relation, ""), *reversed(names))
    return key in ((mismatch.relation, *names), turned)


def _verb(subjects: list[str], one: str, several: str) -> str:
    return one if len(subjects) == 1 else several


def _listed(texts: Iterable[str]) -> str:
    """ "a, b and c"."""
    parts = list(texts)
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def accounts(store: FailureStore) -> Iterator[str]:
    """Each failure in a line: its class, what happened, whether a model learnt from it was accepted; or why it is not read."""

    def line(identity: str) -> str:
        report = store.report(identity)
        kind = report.category.value.replace("_", " ") if report is not None else "none yet"
        why = f" ({report.reason})" if report is not None and report.reason else ""
        return f"failure {identity}, class: {kind}{why}: {' '.join(story(store.get(identity), store.lessons(identity)))}"

    lines, wrong = store.readable(line)
    yield from (*lines, *map(str, wrong.values()))
