"""Patterns of goal atoms: `cup_*` stands for every cup of a group in turn.

inside(capsule_*, cup_*) is one atom for each capsule, the cups taken round and round; left(cup_*, cup_*+1) is one for each cup
and the next one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from fail2progress.core.goals import Atom, parts

_MEMBER = re.compile(r"(?P<group>\w+?)_\*(?P<next>\+1)?")


def expand(pattern: str, counts: Mapping[str, int]) -> tuple[Atom, ...]:
    """The atoms of a pattern, given how many members each group has. ValueError names what is neither a group nor a relation."""
    members = list(_MEMBER.finditer(pattern))
    for member in members:
        if member["group"] not in counts:
            raise ValueError(f"{member.group()}: {member['group']!r} is no group; groups: {', '.join(counts) or 'none'}")
    if not members:
        return (Atom.parse(pattern),)
    texts = (_text(pattern, i, counts) for i in range(counts[members[0]["group"]]))
    return tuple(Atom.parse(text) for text in texts if text is not None)


def spelled(goal: str, names: Sequence[str]) -> str:
    """A goal whose patterns stand for objects of these names: pill_1, pill_2 are the group `pill`. ValueError: see expand, and
    for a pattern that stands for none of them."""
    if "_*" not in goal:
        return goal
    counts = Counter(name.rpartition("_")[0] for name in names if name.rpartition("_")[2].isdecimal())
    atoms = [(part.strip(), expand(part, counts)) for part in parts(goal)]
    if nothing := next((part for part, found in atoms if not found), None):
        raise ValueError(f"{nothing}: stands for nothing of what there is: {', '.join(names)}")
    return " and ".join(str(atom) for _, found in atoms for atom in found)


def _text(pattern: str, index: int, counts: Mapping[str, int]) -> str | None:
    """The pattern for one member, or None where it has no next one."""
    if any(member["next"] and index + 1 >= counts[member["group"]] for member in _MEMBER.finditer(pattern)):
        return None

    def name(member: re.Match[str]) -> str:
        group, number = member["group"], index + 1 if member["next"] else index
        return f"{group}_{number % counts[group] + 1}" if counts[group] else member.group()

    return _MEMBER.sub(name, pattern)
