import math
from typing import Any

import pytest

from fail2progress.robots.stretch.real.states import State, StretchError, Trouble
from support.driving import MOVES, driver, move, trouble
from support.fake_stretch import FakeStretch


def test_the_run_stop_before_and_during_motion() -> None:
    made, robot = driver()
    robot.clock.after(0.3, robot.press)
    assert trouble(made, {"arm": 0.5}).trouble is Trouble.RUN_STOP
    assert made.state is State.RUN_STOPPED and not robot.moving
    with pytest.raises(StretchError, match="release it"):
        made.resume()
    robot.release()
    robot.clock.sleep(0.1)
    made.resume()
    robot.press()
    robot.clock.sleep(0.1)
    sent = len(robot.commands)
    assert trouble(made, {"arm": 0.5}).trouble is Trouble.RUN_STOP and len(robot.commands) == sent


def test_what_is_not_homed_does_not_move() -> None:
    made, robot = driver()
    robot.homed = False
    error = trouble(made, {"lift": 0.9})
    assert error.trouble is Trouble.NOT_HOMED and "stretch_robot_home.py" in str(error) and robot.commands == []


def test_with_a_low_battery_nothing_is_begun_and_what_is_under_way_goes_on() -> None:
    made, robot = driver()
    robot.clock.after(0.5, lambda: setattr(robot, "volts", 9.7))
    move(made, {"lift": 0.9})
    sent = len(robot.commands)
    error = trouble(made, {"lift": 0.5})
    assert error.trouble is Trouble.LOW_BATTERY and str(error) == "the battery has 9.7 V, less than 10.5 V: charge it"
    assert len(robot.commands) == sent and made.state is State.IDLE
    for volts in (12.6, None, math.nan):  # charged, or not measured
        robot.volts = volts
        robot.clock.sleep(0.1)
        move(made, {"lift": 0.9 if volts else 0.5})


def test_homing_lost_in_motion_ends_it() -> None:
    made, robot = driver()
    robot.clock.after(0.5, lambda: setattr(robot, "homed", False))
    assert trouble(made, {"lift": 0.9}).trouble is Trouble.NOT_HOMED and not robot.moving


@pytest.mark.parametrize("to", MOVES, ids=lambda to: next(iter(to)))
@pytest.mark.parametrize("when", [0.0, 0.6])
def test_a_stalled_joint_is_noticed_and_named(to: dict[str, float], when: float) -> None:
    made, robot = driver()
    name = next(iter(to))
    robot.clock.after(when, lambda: setattr(robot.axes[name], "stalled", True))
    begin = robot.clock.now()
    error = trouble(made, to)
    assert error.trouble is Trouble.STALLED and name in str(error)
    assert robot.clock.now() - begin < when + 2.5 and made.state is State.FAULTED


def test_a_joint_that_creeps_runs_out_of_time() -> None:
    made, robot = driver()
    lift = robot.axes["lift"]
    robot.clock.always(lambda: setattr(lift, "speed", 0.008))
    error = trouble(made, {"lift": 0.9})
    assert error.trouble is Trouble.TIMED_OUT and "lift took more than" in str(error) and not robot.moving


def test_contact_is_a_fault_unless_it_is_wanted() -> None:
    made, robot = driver()
    robot.axes["lift"].block = 0.5
    error = trouble(made, {"lift": 0.3})
    assert error.trouble is Trouble.CONTACT and "lift" in str(error)
    made.resume()
    robot.axes["lift"].position = 0.6
    robot.clock.sleep(0.1)
    move(made, {"lift": 0.3}, contact=True)
    assert robot.axes["lift"].position == 0.5 and made.state is State.IDLE


@pytest.mark.parametrize("to", [{"lift": 1.0}, {"wrist_yaw": -1.0}], ids=["stepper", "servo"])
def test_a_frozen_status_ends_the_motion(to: dict[str, float]) -> None:
    made, robot = driver()
    robot.clock.after(0.4, lambda: setattr(robot, "frozen", True))
    begin = robot.clock.now()
    error = trouble(made, to)
    assert error.trouble is Trouble.NO_STATUS and "USB" in str(error)
    assert robot.clock.now() - begin < 1.6 and not robot.moving


def test_a_servo_whose_status_froze_before_it_moved_is_held_all_the_same() -> None:
    made, robot = driver()
    robot.frozen = True
    assert trouble(made, {"wrist_yaw": -1.0}).trouble is Trouble.NO_STATUS
    assert not robot.moving and robot.axes["wrist_yaw"].position > 1.0


def _unread(robot: FakeStretch, device: str) -> None:
    """A device's thread hangs: what was read of it last stays, and the others are read as ever."""
    inner, kept, (of, _, part) = robot.get_status, robot.get_status(), device.partition("/")

    def status() -> dict[str, Any]:
        now = inner()
        return {**now, of: {**now[of], part: kept[of][part]} if part else kept[of]}

    robot.get_status = status  # type: ignore[method-assign]


UNREAD = [("lift", {"lift": 1.0}), ("arm", {"arm": 0.5}), ("base", {"translate": 1.0}), ("base/right_wheel", {"rotate": 2.0}),
          ("end_of_arm", {"wrist_yaw": -1.0}), ("head", {"head_pan": 1.4})]  # fmt: skip


@pytest.mark.parametrize(("device", "to"), UNREAD, ids=[device for device, _ in UNREAD])
@pytest.mark.parametrize("deaf", [False, True])
def test_where_a_device_is_not_read_its_joints_get_the_run_stop(device: str, to: dict[str, float], deaf: bool) -> None:
    """What is read of the others says nothing of it, whether it obeys or not."""
    made, robot = driver()
    answered: list[State] = []

    def lost() -> None:
        _unread(robot, device)
        robot.deaf = deaf
        made.stop()
        answered.append(made.state)

    robot.clock.after(0.005, lost)  # what was read last is of before the motion
    assert trouble(made, to).trouble is Trouble.STOPPED
    assert answered == [State.FAULTED] and "nothing new was read of" in made.reason
    robot.clock.sleep(0.2)
    assert robot.run_stopped and not robot.moving


def test_where_nothing_new_is_read_and_nothing_obeys_a_goal_does_not_end_as_if_the_robot_stood() -> None:
    made, robot = driver()
    robot.clock.after(0.005, lambda: (setattr(robot, "deaf", True), setattr(robot, "frozen", True)))
    assert trouble(made, {"translate": 1.0}).trouble is Trouble.NO_STATUS
    robot.clock.sleep(0.2)
    assert made.state is State.FAULTED and robot.run_stopped and not robot.moving


def test_a_servo_that_was_not_sent_anywhere_may_be_unread() -> None:
    made, robot = driver()
    robot.clock.after(0.3, lambda: setattr(robot.end_of_arm, "unread", True))
    robot.clock.after(0.5, made.stop)
    assert trouble(made, {"lift": 1.0}).trouble is Trouble.STOPPED
    assert made.state is State.STOPPED and not robot.run_stopped and not robot.moving


def test_a_lost_serial_connection_is_a_fault_that_asks_for_the_button() -> None:
    made, robot = driver()
    robot.clock.after(0.4, lambda: setattr(robot, "broken", True))
    assert trouble(made, {"lift": 1.0}).trouble is Trouble.TRANSPORT
    assert made.state is State.FAULTED and "Press the run-stop" in made.reason


def test_a_push_that_fails_is_a_fault() -> None:
    made, robot = driver()

    def fail() -> None:
        raise OSError("write failed")

    robot.push_command = fail
    assert trouble(made, {"lift": 1.0}).trouble is Trouble.TRANSPORT and made.state is State.FAULTED


def test_motors_that_do_not_obey_get_the_run_stop() -> None:
    made, robot = driver()
    robot.clock.after(0.4, lambda: (setattr(robot, "deaf", True), made.stop()))
    trouble(made, {"translate": 1.0})
    robot.clock.sleep(0.1)
    assert robot.run_stopped and not robot.moving and made.state is State.FAULTED and "run-stop" in made.reason


def test_one_goal_at_a_time() -> None:
    made, robot = driver()
    refused = []

    def second() -> None:
        with pytest.raises(StretchError) as caught:
            move(made, {"arm": 0.3})
        refused.append(caught.value.trouble)

    robot.clock.after(0.3, second)
    move(made, {"lift": 0.8})
    assert refused == [Trouble.BUSY] and [command.joint for command in robot.commands] == ["lift"]


def test_an_error_of_the_program_within_a_goal_stops_the_robot() -> None:
    made, robot = driver()
    with pytest.raises(ZeroDivisionError), made.goal():
        robot.clock.after(0.2, lambda: 1 / 0)
        made.move({"lift": 1.0})
    assert made.state is State.FAULTED and not robot.moving


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.01, 1.2])
def test_positions_out_of_range_are_refused_unsent(value: float) -> None:
    made, robot = driver()
    error = trouble(made, {"lift": value})
    assert error.trouble is Trouble.LIMIT and robot.commands == []


def test_the_base_does_one_thing_at_a_time() -> None:
    made, _ = driver()
    with pytest.raises(ValueError, match="two moves"):
        move(made, {"translate": 0.1, "rotate": 0.1})
