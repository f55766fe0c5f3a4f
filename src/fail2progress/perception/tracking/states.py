"""What is known of where a thing is, and how what a frame shows of its place changes that."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where a thing is thought to be."""

    SEEN = "seen"
    """The last frame showed it."""
    HIDDEN = "hidden"
    """The last frame did not; it is thought to be where it was last, or where something took it."""
    MISSED = "missed"
    """Its place was seen to be empty; it is still reported, as segments come and go."""
    GONE = "gone"
    """Its place was seen to be empty for too long. It has no place, and only its looks are kept, until it is sighted again."""


class Evidence(Enum):
    """What a frame says of a thing."""

    SIGHTED = "sighted"
    """A segment shows it."""
    INSIDE = "inside"
    """It lies in something, and so cannot be seen to be gone."""
    FILLED = "filled"
    """Something is seen where it must be, as far away as it is."""
    BARE = "bare"
    """Its place is in the picture and nothing nearer hides it, but no segment is behind it: floor, or what has no readings. It
    may still be there, for what has no readings is no segment either; but what looks like it elsewhere may be it."""
    NOTHING = "nothing"
    """Something nearer hides its place, or that is out of the picture."""
    EMPTY = "empty"
    """Something farther away is seen where it must be."""
    NEVER_CAME = "never came"
    """So it is where a skill was to take it: that it is not there is what the skill is judged by."""


def after(state: State, missed: int, evidence: Evidence, patience: int) -> tuple[State, int]:
    """What is known of a thing next, and in how many frames its place was seen to be empty; more than `patience` are too many.

    What is gone stays so until it is sighted, and a frame that says nothing changes nothing.
    """
    if evidence is Evidence.SIGHTED:
        return State.SEEN, 0
    if state is State.GONE or evidence is Evidence.NEVER_CAME:
        return State.GONE, 0
    if evidence is Evidence.EMPTY:
        return (State.MISSED, missed + 1) if missed < patience else (State.GONE, 0)
    if evidence in (Evidence.BARE, Evidence.NOTHING):
        return (State.HIDDEN if state is State.SEEN else state), missed
    return State.HIDDEN, 0
