"""The real robot's node: what is cancelled holds up nothing after it, and a low battery is told."""

import threading
from collections.abc import Callable, Iterator

import pytest
from action_msgs.msg import GoalStatus
from diagnostic_msgs.msg import DiagnosticStatus
from fail2progress_msgs.action import AimCamera
from fail2progress_msgs.msg import ErrorCode

from fail2progress.robots.stretch.real.transport import TransportError
from fail2progress.ros.actions import Dispatcher
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
