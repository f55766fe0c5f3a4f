"""The real robot's node: what is cancelled holds up nothing after it, and a low battery is told."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from diagnostic_msgs.msg import DiagnosticStatus
from fail2progress_msgs.action import AimCamera
from fail2progress_msgs.msg import ErrorCode

from fail2progress.core.observation import SECOND
from fail2progress.robots.stretch.real.states import State, StretchError
from fail2progress.robots.stretch.real.transport import TransportError
from fail2progress.ros.actions import Dispatcher
from fail2progress.ros.nodes import stretch
from fail2progress.skills.base import SkillCall
from support import stretch_bench as benches
from support.rigs import wait_for
from support.stretch_bench import BODY, DRIVER, Bench


@pytest.fixture
def bench(ros: Callable[..., None], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Bench]:
    with benches.bench(ros, monkeypatch, by=getattr(request, "param", BODY)) as made:
        yield made


def test_after_a_cancelled_aim_of_the_camera_skills_are_taken(bench: Bench) -> None:
    aiming = Dispatcher(bench.rig.peer, AimCamera, "aim_camera")
    assert aiming.found(60.0)
    future = aiming.send(AimCamera.Goal(point=[0.6, -0.8, 0.9]))
    assert wait_for(future.done) and wait_for(lambda: bench.body.moving)
    assert wait_for(future.result().cancel_goal_async().done)
    answer = bench.result(future.result())
    assert (answer.status, answer.result.error_code) == (GoalStatus.STATUS_CANCELED, ErrorCode.ROBOT_STOPPED)
    aiming.close()
    again = bench.underway()
    assert wait_for(again.cancel_goal_async().done)
    bench.result(again)


def test_a_look_around_that_deactivation_ends_holds_up_nothing_after_it(bench: Bench) -> None:
    said: list[Any] = []
    bench.seeing = False  # its first look waits
    asked = threading.Thread(target=lambda: said.append(bench.ask("look_around")))
    asked.start()
    assert wait_for(bench.node.moving.locked) and wait_for(lambda: bench.node.robot.state is State.MOVING)
    begun = time.monotonic()
    assert bench.node.trigger_deactivate().name == "SUCCESS"
    asked.join(60.0)
    assert said and not said[0].success and not bench.body.moving
    assert time.monotonic() - begun < stretch.SIGHT, "s; nobody waits for what is seen any more"
    assert bench.node.trigger_activate().name == "SUCCESS"
    bench.seeing = True
    again = bench.underway()
    assert wait_for(again.cancel_goal_async().done)
    bench.result(again)


@pytest.mark.parametrize("bench", [DRIVER], indirect=True)
def test_homing_during_which_the_node_is_deactivated_holds_up_nothing_after_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, over, home = threading.Event(), threading.Event(), bench.node.driver.home

    def slowly() -> None:
        begun.set()
        assert over.wait(60.0)
        home()

    monkeypatch.setattr(bench.node.driver, "home", slowly)
    bench.body.homed = False
    assert wait_for(lambda: not bench.node.transport.is_homed())
    said: list[Any] = []
    asked = threading.Thread(target=lambda: said.append(bench.ask("home_the_robot")))
    asked.start()
    assert begun.wait(60.0) and bench.node.trigger_deactivate().name == "SUCCESS"
    over.set()
    asked.join(60.0)
    assert said and said[0].success, said
    assert bench.node.trigger_activate().name == "SUCCESS" and wait_for(bench.node.transport.is_homed)
    again = bench.underway()
    assert wait_for(again.cancel_goal_async().done)
    bench.result(again)


def test_a_skill_that_is_cancelled_as_it_ends_holds_up_none_after_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The halt then comes when nothing is under way any more."""
    done, halted, halt = threading.Event(), threading.Event(), bench.node.halt

    def end(_: SkillCall) -> None:
        done.set()
        assert halted.wait(60.0)

    with monkeypatch.context() as patch:
        patch.setattr(bench.node.robot, "execute", end)
        patch.setattr(bench.node, "halt", lambda: halted.set() or halt())
        handle = bench.send()
        assert done.wait(60.0) and wait_for(handle.cancel_goal_async().done)
        assert bench.result(handle).status == GoalStatus.STATUS_CANCELED
    again = bench.underway()
    assert wait_for(again.cancel_goal_async().done)
    bench.result(again)


def test_a_robot_that_cannot_take_goals_after_a_cancelled_one_takes_them_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it says: a connection may be lost just then."""

    def lost() -> None:
        raise TransportError("the driver does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(bench.node, "take_goals", lost)
        handle = bench.underway()
        assert wait_for(handle.cancel_goal_async().done)
        assert bench.result(handle).result.error_code == ErrorCode.ROBOT_LOST
    assert bench.ask("resume_the_robot").success
    again = bench.underway()
    assert wait_for(again.cancel_goal_async().done)
    bench.result(again)


@pytest.mark.parametrize("bench", [BODY, DRIVER], indirect=True)
def test_a_low_battery_is_told_and_no_skill_is_begun_with_it(bench: Bench) -> None:
    assert bench.rig.diagnosis().level == DiagnosticStatus.OK
    assert wait_for(lambda: bench.facts().get("battery") == "12.6 V")
    bench.body.volts = 9.7
    assert wait_for(lambda: bench.facts()["battery"] == "9.7 V")
    status = bench.rig.diagnosis()
    assert (status.level, status.message) == (
        DiagnosticStatus.WARN,
        "active; the battery has 9.7 V, less than 10.5 V: charge it",
    )
    answer = bench.result(bench.send())
    assert answer.result.error_code == ErrorCode.ROBOT_STOPPED and "charge it" in answer.result.error_msg
    assert not bench.body.commands


def test_what_was_seen_before_the_clock_was_set_back_is_not_relied_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stamps are later than the look."""
    monkeypatch.setattr(stretch, "SIGHT", 0.5)
    assert wait_for(lambda: bench.node.seen is not None and bench.node.all_seen is not None)
    bench.seeing = False
    time.sleep(0.2)
    monkeypatch.setattr(bench.node.since, "_now", lambda: time.time_ns() - 3600 * SECOND)
    answer = bench.result(bench.send())
    assert answer.result.error_code == ErrorCode.ROBOT_CANNOT and "segmentation" in answer.result.error_msg
    with pytest.raises(StretchError, match="nothing on obstacles"):
        bench.node.around()


def test_a_look_under_way_ends_though_the_clock_is_set_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead, begin = [3600 * SECOND], bench.node.since.begin
    monkeypatch.setattr(bench.node.since, "_now", lambda: time.time_ns() + ahead[0])

    def begun() -> None:
        begin()
        ahead[0] = 0

    monkeypatch.setattr(bench.node.since, "begin", begun)
    assert "cup" in bench.node.look().names
