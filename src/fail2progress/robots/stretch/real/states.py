"""What a Stretch's driver can be in, how it changes, and its typed errors."""

from __future__ import annotations

from enum import Enum

from fail2progress.robots.base import ExecutionError, RefusedError


class State(str, Enum):
    """State of the driver. Only in IDLE does it take a goal; resume() leads back there from the last three."""

    IDLE = "idle"
    MOVING = "moving"
    STOPPED = "stopped"
    RUN_STOPPED = "run-stopped"
    FAULTED = "faulted"


class Event(str, Enum):
    """What changes the state."""

    START = "start"
    DONE = "done"
    STOP = "stop"
    RUN_STOP = "run-stop"
    FAULT = "fault"
    ABORT = "abort"
    """A goal ends early for a reason that passes by itself: the next one is taken."""
    RESUME = "resume"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.IDLE, Event.START): State.MOVING,
    (State.IDLE, Event.STOP): State.STOPPED,
    (State.IDLE, Event.RUN_STOP): State.RUN_STOPPED,
    (State.IDLE, Event.FAULT): State.FAULTED,
    (State.MOVING, Event.DONE): State.IDLE,
    (State.MOVING, Event.STOP): State.STOPPED,
    (State.MOVING, Event.RUN_STOP): State.RUN_STOPPED,
    (State.MOVING, Event.FAULT): State.FAULTED,
    (State.MOVING, Event.ABORT): State.IDLE,
    (State.STOPPED, Event.RUN_STOP): State.RUN_STOPPED,
    (State.STOPPED, Event.FAULT): State.FAULTED,
    (State.STOPPED, Event.RESUME): State.IDLE,
    (State.RUN_STOPPED, Event.RESUME): State.IDLE,
    (State.FAULTED, Event.RESUME): State.IDLE,
}
"""A pair that is not listed changes nothing: a second stop keeps the first one's state."""


def after(state: State, event: Event) -> State:
    """The state that an event leads to."""
    return TRANSITIONS.get((state, event), state)


class Trouble(str, Enum):
    """Why a Stretch did not carry something out."""

    BUSY = "busy"
    NOT_IDLE = "not idle"
    NOT_HOMED = "not homed"
    RUN_STOP = "run-stop"
    STOPPED = "stopped"
    CLIENT_LOST = "client lost"
    STALLED = "stalled"
    CONTACT = "contact"
    TIMED_OUT = "timed out"
    NO_STATUS = "no status"
    TRANSPORT = "transport"
    LIMIT = "limit"
    UNREACHABLE = "unreachable"
    NOT_SEEN = "not seen"
    BLOCKED = "blocked"
    LOW_BATTERY = "low battery"


EVENT_OF = {
    Trouble.RUN_STOP: Event.RUN_STOP,
    Trouble.STOPPED: Event.STOP,
    Trouble.CLIENT_LOST: Event.ABORT,
    Trouble.TIMED_OUT: Event.ABORT,
    Trouble.NO_STATUS: Event.ABORT,
    Trouble.NOT_SEEN: Event.ABORT,
    Trouble.BLOCKED: Event.ABORT,
}
"""Which event a trouble in motion is; all others are faults, which somebody has to look at before the robot moves again."""


class StretchError(ExecutionError):
    """A Stretch could not carry something out. `trouble` is its kind, the message says what to do."""

    def __init__(self, trouble: Trouble, message: str) -> None:
        super().__init__(message)
        self.trouble = trouble


class StretchRefusedError(StretchError, RefusedError):
    """A Stretch did not begin: what it was asked for has not been seen, or is out of its reach or limits."""
