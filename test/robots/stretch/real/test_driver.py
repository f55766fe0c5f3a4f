import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.robots.stretch.real.driver import StretchDriver, SystemClock
from fail2progress.robots.stretch.real.joints import JOINTS
from fail2progress.robots.stretch.real.motion import Rules
from fail2progress.robots.stretch.real.states import TRANSITIONS, Event, State, StretchError, Trouble, after
from support import fake_stretch as fake
from support.driving import MOVES, driver, move, trouble

STOP_WITHIN = 0.2


def test_joints_arrive_together_with_the_status_that_says_so() -> None:
    made, robot = driver()
    move(made, {"lift": 0.8, "arm": 0.3, "wrist_yaw": 0.5})
    assert robot.axes["lift"].position == pytest.approx(0.8, abs=JOINTS["lift"].tolerance)
    assert robot.axes["arm"].position == pytest.approx(0.3, abs=JOINTS["arm"].tolerance)
    assert robot.axes["wrist_yaw"].position == pytest.approx(0.5, abs=JOINTS["wrist_yaw"].tolerance)
    assert made.state is State.IDLE and not robot.moving


@pytest.mark.parametrize("turned", [0.0, 3.0, 6.2])
def test_the_base_drives_along_its_heading_and_turns_over_the_wrap_of_its_odometry(turned: float) -> None:
    made, robot = driver()
    robot.theta = turned
    robot.clock.sleep(0.1)
    move(made, {"translate": -0.3})
    assert math.hypot(robot.x, robot.y) == pytest.approx(0.3, abs=0.006)
    with made.goal():
        made.move({"rotate": 0.5})
        made.move({"rotate": -1.0})
    assert robot.axes["rotate"].position == pytest.approx(-0.5, abs=0.03)


@pytest.mark.parametrize("half", [math.pi, -math.pi])
@pytest.mark.parametrize("over", [0.003, -0.003])
def test_the_base_turns_by_half_a_turn_whether_it_ends_short_of_it_or_over(half: float, over: float) -> None:
    made, robot = driver()
    go = robot.axes["rotate"].go
    robot.axes["rotate"].go = lambda goal, *how: go(goal + over, *how)  # type: ignore[method-assign]
    move(made, {"rotate": half})
    assert robot.axes["rotate"].position == pytest.approx(half, abs=0.01)


def test_arm_and_base_together_draw_a_straight_line() -> None:
    made, robot = driver()
    line = []
    robot.clock.always(lambda: line.append((robot.axes["arm"].position - 0.1, robot.axes["translate"].position)))
    move(made, {"arm": 0.4, "translate": 0.15}, together=True)
    off = max(abs(x * 0.5 - y) for x, y in line)
    assert off < 0.003 and robot.axes["translate"].position == pytest.approx(0.15, abs=0.006)


def test_moves_of_nothing_are_not_sent() -> None:
    made, robot = driver()
    move(made, {"lift": 0.6, "translate": 0.0})
    assert robot.commands == []


@pytest.mark.parametrize("to", MOVES, ids=lambda to: next(iter(to)))
@pytest.mark.parametrize("when", [0.01, 0.05, 0.4, 1.0])
def test_stop_ends_motion_within_a_fifth_of_a_second_and_aborts_the_goal(to: dict[str, float], when: float) -> None:
    made, robot = driver()
    still = []

    def stop() -> None:
        begin = robot.clock.now()
        made.stop()
        still.append(robot.clock.now() - begin)
        assert not robot.moving

    robot.clock.after(when, stop)
    begin = robot.clock.now() + when
    last = [begin]
    robot.clock.always(lambda: last.__setitem__(0, robot.clock.now()) if robot.moving else None)
    error = trouble(made, to)
    assert error.trouble is Trouble.STOPPED and "resume()" in str(error)
    assert last[0] - begin <= STOP_WITHIN and not robot.moving
    assert made.state is State.STOPPED and len(robot.commands) == 1


def test_after_a_stop_goals_are_refused_until_resume_and_then_carried_out() -> None:
    made, robot = driver()
    made.stop()
    assert trouble(made, {"lift": 0.7}).trouble is Trouble.NOT_IDLE and robot.commands == []
    made.resume()
    move(made, {"lift": 0.7})
    assert robot.axes["lift"].position == pytest.approx(0.7, abs=0.005)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_stop_between_two_moves_of_a_goal_ends_it_even_if_resumed_at_once(resumed: bool) -> None:
    made, robot = driver()
    with pytest.raises(StretchError) as caught, made.goal():
        made.stop()
        if resumed:
            made.resume()
        made.move({"lift": 0.9})
    assert caught.value.trouble is Trouble.STOPPED and robot.commands == []
    assert made.state is (State.IDLE if resumed else State.STOPPED)


def test_a_stop_outlives_a_dropped_push() -> None:
    made, robot = driver()
    robot.clock.after(0.5, lambda: (robot.push_command(), made.stop()))
    assert trouble(made, {"translate": 1.0}).trouble is Trouble.STOPPED
    assert robot.dropped == 1 and not robot.moving


@pytest.mark.parametrize("while_", [0.2, 1.0])
def test_a_stop_ends_at_standstill_though_nothing_new_is_read_for_a_while(while_: float) -> None:
    made, robot = driver()
    after = []

    def lost() -> None:
        robot.frozen = robot.deaf = True
        made.stop()
        after.append(robot.moving)

    def back() -> None:
        robot.frozen = robot.deaf = False

    robot.clock.after(0.005, lost)  # what was read last is of before the motion
    robot.clock.after(while_, back)
    assert trouble(made, {"translate": 1.0}).trouble is Trouble.STOPPED
    assert after == [False] and robot.x > 0.0 and not robot.run_stopped


@pytest.mark.parametrize("look", range(6))
def test_a_stop_that_is_held_up_on_its_way_ends_at_standstill_all_the_same(look: int) -> None:
    """A busy computer holds the whole process for seconds, while the robot goes on; the button is not needed for that."""
    made, robot = driver()
    after, looks, inner = list[bool](), [0], robot.get_status

    def held_up() -> dict[str, object]:
        looks[0] += 1
        if looks[0] == look + 1:
            robot.clock.sleep(5.0)
        return inner()

    def stop() -> None:
        robot.get_status = held_up  # type: ignore[method-assign]
        made.stop()
        after.append(robot.moving)
        robot.get_status = inner  # type: ignore[method-assign]

    robot.clock.after(0.5, stop)
    assert trouble(made, {"translate": 2.0}).trouble is Trouble.STOPPED
    assert after == [False] and len(robot.commands) == 1 and not robot.run_stopped and robot.x < 1.95


def test_a_stop_that_is_held_up_before_its_first_hold_holds() -> None:
    made, robot = driver()
    after, real, times = list[bool](), robot.clock.now, [0]

    def held_up() -> float:
        times[0] += 1
        if times[0] == 2:
            robot.clock.sleep(5.0)
        return real()

    def stop() -> None:
        robot.clock.now = held_up  # type: ignore[method-assign]
        made.stop()
        after.append(robot.moving)
        robot.clock.now = real  # type: ignore[method-assign]

    robot.clock.after(0.5, stop)
    trouble(made, {"translate": 2.0})
    assert after == [False] and not robot.run_stopped and robot.x < 1.95


def test_hold_carries_the_lift_and_leaves_a_closed_gripper_alone() -> None:
    made, robot = driver()
    robot.clock.after(0.5, made.stop)
    trouble(made, {"lift": 0.9})
    assert set(robot.lift.motor.holds) == {1.2} and robot.end_of_arm.motors["stretch_gripper"].quick_stops == 0


@pytest.mark.parametrize("to", MOVES, ids=lambda to: next(iter(to)))
def test_loss_of_the_client_ends_motion_within_a_fifth_of_a_second(to: dict[str, float]) -> None:
    made, robot = driver(heartbeat=False)
    made.rules = Rules(client_timeout=0.1)
    lost = robot.clock.now() + 0.45
    heard = [lost]

    def beat() -> None:
        if robot.clock.now() < lost:
            heard[0] = robot.clock.now()
            made.alive()

    robot.clock.always(beat)
    last = [0.0]
    robot.clock.always(lambda: last.__setitem__(0, robot.clock.now()) if robot.moving else None)
    made.alive()
    error = trouble(made, to)
    assert error.trouble is Trouble.CLIENT_LOST and "alive()" in str(error)
    assert 0 < last[0] - heard[0] <= STOP_WITHIN and made.state is State.IDLE


def test_without_a_client_nothing_starts() -> None:
    made, robot = driver(heartbeat=False)
    assert trouble(made, {"lift": 0.9}).trouble is Trouble.CLIENT_LOST
    assert robot.commands == [] and made.state is State.IDLE


@st.composite
def goals(draw: st.DrawFn) -> dict[str, float]:
    """Positions within a joint's range, seldom a little outside."""
    names = draw(st.sets(st.sampled_from([name for name in JOINTS if name != "rotate"]), min_size=1, max_size=4))
    shares = {name: draw(st.floats(0, 1) | st.floats(0, 1) | st.floats(0, 1) | st.floats(-0.2, 1.2)) for name in sorted(names)}
    return {name: JOINTS[name].low + share * (JOINTS[name].high - JOINTS[name].low) for name, share in shares.items()}


@settings(max_examples=25)
@given(goals(), st.booleans())
def test_commands_never_exceed_limits_whatever_is_asked(to: dict[str, float], together: bool) -> None:
    made, robot = driver()
    try:
        move(made, to, together=together)
    except StretchError as error:
        assert error.trouble is Trouble.LIMIT
    for command in robot.commands:
        joint = JOINTS[command.joint]
        assert joint.low <= command.to <= joint.high
        assert 0 < command.speed <= joint.speed * (1 + 1e-9) and 0 < command.acceleration <= joint.acceleration * (1 + 1e-9)
    for name, axis in robot.axes.items():
        if name in JOINTS:
            assert axis.fastest <= JOINTS[name].speed * JOINTS[name].scale * 1.01 + 1e-9


@given(st.lists(st.sampled_from(list(Event)), max_size=12))
def test_only_resume_leads_back_from_trouble(events: list[Event]) -> None:
    state = State.IDLE
    for event in events:
        following = after(state, event)
        if state in (State.STOPPED, State.RUN_STOPPED, State.FAULTED) and event is not Event.RESUME:
            assert following in (State.STOPPED, State.RUN_STOPPED, State.FAULTED)
        state = following
    assert all(after(state, Event.RESUME) is State.IDLE for state in State if state not in (State.IDLE, State.MOVING))
    assert set(TRANSITIONS.values()) == set(State)


def test_stop_from_another_thread_on_the_real_clock() -> None:
    robot = fake.FakeStretch()
    made = StretchDriver(robot, SystemClock())
    done = threading.Event()

    def turn_the_clock() -> None:
        while not done.wait(0.002):
            made.alive()
            robot.clock.sleep(0.005)

    def stop_in_motion() -> None:
        while not robot.moving:
            done.wait(0.002)
        made.stop()

    threads = [threading.Thread(target=work) for work in (turn_the_clock, stop_in_motion)]
    made.alive()
    for thread in threads:
        thread.start()
    try:
        with pytest.raises(StretchError) as caught:
            move(made, {"translate": 1.5})
    finally:
        threads[1].join()
        done.set()
        threads[0].join()
    assert caught.value.trouble is Trouble.STOPPED and not robot.moving and robot.x < 1.0
