"""Why a real robot did not carry a skill out, as its action's result says it."""

from __future__ import annotations

from fail2progress_msgs.msg import ErrorCode

from fail2progress.robots.stretch.real.states import Trouble

TROUBLES = {
    Trouble.BUSY: ErrorCode.ROBOT_BUSY,
    Trouble.NOT_IDLE: ErrorCode.ROBOT_STOPPED,
    Trouble.NOT_HOMED: ErrorCode.ROBOT_STOPPED,
    Trouble.RUN_STOP: ErrorCode.ROBOT_STOPPED,
    Trouble.STOPPED: ErrorCode.ROBOT_STOPPED,
    Trouble.CLIENT_LOST: ErrorCode.ROBOT_LOST,
    Trouble.STALLED: ErrorCode.ROBOT_CANNOT,
    Trouble.CONTACT: ErrorCode.ROBOT_CANNOT,
    Trouble.TIMED_OUT: ErrorCode.ROBOT_CANNOT,
    Trouble.NO_STATUS: ErrorCode.ROBOT_LOST,
    Trouble.TRANSPORT: ErrorCode.ROBOT_LOST,
    Trouble.LIMIT: ErrorCode.ROBOT_BAD_CALL,
    Trouble.UNREACHABLE: ErrorCode.ROBOT_CANNOT,
    Trouble.NOT_SEEN: ErrorCode.ROBOT_CANNOT,
    Trouble.BLOCKED: ErrorCode.ROBOT_CANNOT,
    Trouble.LOW_BATTERY: ErrorCode.ROBOT_STOPPED,
}
"""What a trouble of the real robot is for programs."""
