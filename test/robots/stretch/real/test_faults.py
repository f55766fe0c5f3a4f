"""What goes wrong on a robot, in every phase of a skill: it stands still at once, says what to do, and goes on afterwards."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from fail2progress.robots.stretch.real.motion import Rules
from fail2progress.robots.stretch.real.robot import StretchRobot
from fail2progress.robots.stretch.real.states import State, StretchError, Trouble
from fail2progress.skills.base import SkillCall
from support.driving import driver, move, robot, trouble
from support.fake_stretch import FakeStretch

STOP_WITHIN = 0.2
CALL = SkillCall("pick_place", "cup", (0.0, -0.3, 0.0, 0.0))


@dataclass(frozen=True)
class Fault:
    """Something that happens, how it is mended, what the robot calls it, and what it tells people to do."""

    trouble: Trouble
    says: str
    happens: Callable[[StretchRobot, FakeStretch], object]
    mend: Callable[[StretchRobot, FakeStretch], object] = lambda made, body: None
    unseen: bool = False
    """Nobody can see whether it stands still, so that it gets the run-stop, which somebody has to release."""


def setting(name: str, value: object, back: object) -> dict[str, Callable[[StretchRobot, FakeStretch], object]]:
    return {"happens": lambda made, body: setattr(body, name, value), "mend": lambda made, body: setattr(body, name, back)}


def of_axis(joint: str, name: str, value: object, back: object) -> dict[str, Callable[[StretchRobot, FakeStretch], object]]:
    return {
        "happens": lambda made, body: setattr(body.axes[joint], name, value),
        "mend": lambda made, body: setattr(body.axes[joint], name, back),
    }


def of_chain(name: str) -> dict[str, Callable[[StretchRobot, FakeStretch], object]]:
    return {
        "happens": lambda made, body: setattr(getattr(body, name), "unread", True),
        "mend": lambda made, body: setattr(getattr(body, name), "unread", False),
    }


def touch(joint: str) -> dict[str, Callable[[StretchRobot, FakeStretch], object]]:
    """The firmware stops a joint at its contact threshold."""

    def happens(made: StretchRobot, body: FakeStretch) -> None:
        body.axes[joint].contacts += 1
        body.axes[joint].hold()

    return {"happens": happens}


STOP = Fault(Trouble.STOPPED, "resume", lambda made, body: made.stop())
RUN_STOP = Fault(Trouble.RUN_STOP, "release it", lambda made, body: body.press(), lambda made, body: body.release())
STALE = Fault(Trouble.NO_STATUS, "check power and USB", **setting("frozen", True, False), unseen=True)
SLOW = Fault(Trouble.NO_STATUS, "end other programs", **setting("slow", 12.0, 1.0), unseen=True)
UNHOMED = Fault(Trouble.NOT_HOMED, "stretch_robot_home.py", **setting("homed", False, True))
SILENT = Fault(Trouble.CLIENT_LOST, "heartbeat", lambda made, body: setattr(body, "client", False),
               lambda made, body: (setattr(body, "client", True), made.alive()))  # fmt: skip
ARM_STALLS = Fault(Trouble.STALLED, "arm .* free it", **of_axis("arm", "stalled", True, False))
LIFT_STALLS = Fault(Trouble.STALLED, "lift .* free it", **of_axis("lift", "stalled", True, False))
BASE_STALLS = Fault(Trouble.STALLED, "translate .* free it", **of_axis("translate", "stalled", True, False))
YAW_STALLS = Fault(Trouble.STALLED, "wrist_yaw .* free it", **of_axis("wrist_yaw", "stalled", True, False))
HEAD_STALLS = Fault(Trouble.STALLED, "head_pan .* free it", **of_axis("head_pan", "stalled", True, False))
ARM_TOUCHES = Fault(Trouble.CONTACT, "arm .* clear its way", **touch("arm"))
LIFT_TOUCHES = Fault(Trouble.CONTACT, "lift .* clear its way", **touch("lift"))
WRIST_UNREAD = Fault(Trouble.NO_STATUS, "wrist_.* check power and USB", **of_chain("end_of_arm"), unseen=True)
HEAD_UNREAD = Fault(Trouble.NO_STATUS, "head_.* check power and USB", **of_chain("head"), unseen=True)
EVERYWHERE = ["recover", "drive", "reach", "lower", "grasp", "raise", "carry", "place", "release", "home", "look"]
FAULTS = {
    **{f"{name} in {phase}": (fault, phase) for phase in EVERYWHERE for name, fault in (("stop", STOP), ("run-stop", RUN_STOP))},
    **{f"stale in {phase}": (STALE, phase) for phase in ("drive", "reach", "raise", "carry", "look")},
    **{f"slow threads in {phase}": (SLOW, phase) for phase in ("drive", "raise", "carry")},
    **{f"homing lost in {phase}": (UNHOMED, phase) for phase in ("drive", "raise", "carry")},
    **{f"silent client in {phase}": (SILENT, phase) for phase in ("drive", "reach", "carry", "home")},
    **{f"stalled arm in {phase}": (ARM_STALLS, phase) for phase in ("reach", "home")},
    **{f"stalled lift in {phase}": (LIFT_STALLS, phase) for phase in ("lower", "raise")},
    "stalled base in drive": (BASE_STALLS, "drive"),
    "stalled base in carry": (BASE_STALLS, "carry"),
    "stalled wrist in reach": (YAW_STALLS, "reach"),
    "stalled head in look": (HEAD_STALLS, "look"),
    "contact of the arm in reach": (ARM_TOUCHES, "reach"),
    "contact of the lift in raise": (LIFT_TOUCHES, "raise"),
    "unread wrist in reach": (WRIST_UNREAD, "reach"),
    "unread wrist in home": (WRIST_UNREAD, "home"),
    "unread head in look": (HEAD_UNREAD, "look"),
}


def bench() -> tuple[StretchRobot, FakeStretch]:
    made, body = robot("cup", "table")
    body.clock._every.clear()
    body.client = True  # type: ignore[attr-defined]
    body.clock.always(lambda: made.alive() if body.client else None)  # type: ignore[attr-defined]
    return made, body


@pytest.mark.parametrize("name", FAULTS)
def test_it_stands_still_says_what_to_do_and_goes_on(name: str) -> None:
    fault, phase = FAULTS[name]
    made, body = bench()
    happened, noticed, moved = [], [], [0.0]

    def watch() -> None:
        if body.moving:
            moved[0] = body.clock.now()
        if made.phase == phase and not happened and (body.moving or phase in ("grasp", "release")):
            happened.append(body.clock.now())
            fault.happens(made, body)
        if happened and not noticed and made.state is not State.MOVING:
            noticed.append(body.clock.now())

    body.clock.always(watch)
    with pytest.raises(StretchError, match=fault.says) as caught:
        made.execute(CALL)
    assert caught.value.trouble is fault.trouble
    assert moved[0] - noticed[0] <= STOP_WITHIN and not body.moving
    if fault.unseen:
        assert made.state is State.FAULTED and body.run_stopped and "nothing new was read of" in made.reason
        body.release()
    else:
        assert body.run_stopped is (fault is RUN_STOP)
    fault.mend(made, body)
    body.clock.sleep(0.5)
    if made.state is not State.IDLE:
        made.resume()
    made.execute(CALL)
    assert made.state is State.IDLE


@pytest.mark.parametrize("phase", ["reach", "carry", "look"])
def test_a_run_stop_leaves_servos_limp_until_it_is_released(phase: str) -> None:
    made, body = bench()
    body.clock.always(lambda: body.press() if made.phase == phase and body.moving and not body.run_stopped else None)
    with pytest.raises(StretchError, match="run-stop"):
        made.execute(CALL)
    assert body.limp and made.state is State.RUN_STOPPED
    stops = [servo.quick_stops for chain in (body.head, body.end_of_arm) for servo in chain.motors.values()]
    made.stop()
    assert body.limp and stops == [s.quick_stops for c in (body.head, body.end_of_arm) for s in c.motors.values()]


def test_a_cable_that_comes_back_within_the_halt_is_no_reason_for_the_button() -> None:
    made, body = driver()
    body.clock.after(0.4, lambda: setattr(body, "broken", True))
    body.clock.after(0.6, lambda: setattr(body, "broken", False))
    assert trouble(made, {"lift": 1.0}).trouble is Trouble.TRANSPORT
    assert made.state is State.FAULTED and not body.moving and not body.run_stopped and "button" not in made.reason
    made.resume()
    move(made, {"lift": 0.8})


def test_time_in_which_the_driver_was_held_up_is_no_silence_of_the_client() -> None:
    made, body = driver(heartbeat=False)
    made.rules = Rules(client_timeout=0.1)
    body.clock.always(lambda: made.alive() if not held else None)
    held: list[bool] = []
    inner = body.get_status

    def held_up() -> dict[str, object]:
        if body.clock.now() > 100.6 and not held:
            held.append(True)
            body.clock.sleep(0.3)
            held.clear()
            held_once.append(True)
        return inner()

    held_once: list[bool] = []
    body.get_status = lambda: inner() if held_once else held_up()  # type: ignore[method-assign]
    made.alive()
    move(made, {"lift": 0.8})
    assert held_once and made.state is State.IDLE


def test_who_needs_no_heartbeat_says_so() -> None:
    made, body = driver(heartbeat=False)
    made.rules = Rules(client_timeout=float("inf"))
    move(made, {"lift": 0.8})
    assert body.axes["lift"].position == pytest.approx(0.8, abs=0.005)


def test_a_motion_that_ended_while_the_driver_was_held_up_has_arrived() -> None:
    made, body = driver()
    inner, looks = body.get_status, [0]

    def held_up() -> dict[str, object]:
        looks[0] += 1
        if looks[0] == 8:
            body.clock.sleep(10.0)
        return inner()

    body.get_status = held_up  # type: ignore[method-assign]
    move(made, {"lift": 0.7})
    assert looks[0] > 8 and made.state is State.IDLE and body.axes["lift"].position == pytest.approx(0.7, abs=0.005)


def test_a_heartbeat_that_is_on_its_way_while_the_driver_is_held_up_is_waited_for() -> None:
    made, body = driver(heartbeat=False)
    made.rules = Rules(client_timeout=0.1)
    made.alive()
    body.clock.sleep(5.0)
    body.clock.after(0.01, lambda: body.clock.always(made.alive))
    move(made, {"lift": 0.7})
    assert made.state is State.IDLE
