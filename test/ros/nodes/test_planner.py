"""What the planner says of a task, and what it hears of lessons."""

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
import rclpy
from fail2progress_msgs.action import ExecuteSkill, ExecuteTask
from fail2progress_msgs.msg import ErrorCode, ModelUpdate, Step, Verdict
from rclpy.action import ActionServer
from rclpy.executors import SingleThreadedExecutor

from fail2progress.core.observation import SECOND
from fail2progress.core.parts import PartError
from fail2progress.robots.base import ExecutionError, RefusedError
from fail2progress.ros import proxies
from fail2progress.ros.conversions.records import mismatch_msg
from fail2progress.ros.conversions.values import relations_msg, time_of, uuid_msg, uuid_text
from fail2progress.ros.proxies import Interrupted, RemoteMonitor, RemoteObserver
from support import messages as m
from support import traffic
from support.rigs import rig, wait_for


def test_a_result_is_of_its_own_task_where_another_one_begins_at_once(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("planner", monkeypatch) as made:
        made.activate()
        node = made.node

        class Busy:
            """Whoever waits for the planner has it as soon as it is free."""

            def __init__(self) -> None:
                self.lock = threading.Lock()
                self.acquire, self.locked = self.lock.acquire, self.lock.locked

            def release(self) -> None:
                node.failures, node.done_steps = [], 0
                self.lock.release()

        def pursue(*_: Any) -> None:
            node.failures, node.done_steps = [m.EPISODE], 2

        node.busy = Busy()
        monkeypatch.setattr(node, "_pursue", pursue)
        result = made.pursue(ExecuteTask, "execute_task", ExecuteTask.Goal()).result
        assert result.error_code == ErrorCode.OK and result.skills == 2
        assert list(map(uuid_text, result.failures)) == [m.EPISODE] and not node.busy.locked()


@pytest.mark.parametrize("began", [False, True], ids=["before its task", "in its task"])
def test_relations_are_taken_after_the_clock_was_set_back(ros: Any, monkeypatch: pytest.MonkeyPatch, began: bool) -> None:
    """Those of before are not, though their stamps are later ones."""
    ros()
    with rig("planner", monkeypatch) as made:
        made.activate()
        clock = [3600 * SECOND]
        monkeypatch.setattr(made.node, "now", lambda: clock[0])

        def see(time: float) -> None:
            message = traffic.VALID["relations"]()
            message.header.stamp, message.moving = time_of(int(time * SECOND)), False
            assert made.send("relations", message)

        if not began:
            see(3599)
            clock[0] = 4 * SECOND
        observer = RemoteObserver(made.node)
        assert observer._newest() is None
        clock[0] = 5 * SECOND
        see(3 if not began else 4)
        assert observer._newest() is None
        see(5)
        assert observer._newest() is not None


@pytest.mark.parametrize(
    ("kind", "said"), [(ModelUpdate.ACCEPTED, "v0002 accepted: because"), (ModelUpdate.REJECTED, "no new model: because")]
)
def test_a_version_that_was_rejected_is_no_new_model(ros: Any, monkeypatch: pytest.MonkeyPatch, kind: int, said: str) -> None:
    ros()
    with rig("planner", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"
        made.node.hear("lesson", m.EPISODE, ModelUpdate(kind=kind, version="v0002", reason="because"))
        assert made.node._lesson(m.EPISODE) == said


def test_a_failure_that_is_announced_and_not_told_ends_the_task(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its message was lost or refused: the rest of the plan is not carried out as if all were well."""
    ros()
    with rig("planner", monkeypatch) as made:
        made.activate()
        monkeypatch.setattr(made.node, "param", lambda name: {"verdict_timeout": 0.3}[name])
        node, event, attempt = made.node, m.scene_event(), m.scene_attempt()
        node.episode, node.asked = m.EPISODE, SimpleNamespace(is_cancel_requested=False)
        told = [mismatch_msg(mismatch) for mismatch in event.header.mismatches]
        said = Verdict(failure=True, event=uuid_msg(event.id), mismatches=told, observed=relations_msg(event.observed))
        node.hear("verdict", (m.EPISODE, attempt.step), said)
        with pytest.raises(Interrupted, match=f"failure {event.id} was announced") as stopped:
            RemoteMonitor(node).check(attempt, None)
        assert stopped.value.code == ErrorCode.PLANNER_NO_OBSERVATION
        node.hear("failure", event.id, event)
        assert RemoteMonitor(node).check(attempt, None).event is event


def test_a_skill_of_a_robot_node_that_is_gone_is_given_up(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of somebody's own, which nobody starts again."""
    ros()
    monkeypatch.setattr(proxies, "GONE", 1.0)
    robot, executor = rclpy.create_node("my_robot"), SingleThreadedExecutor()
    begun, over = threading.Event(), threading.Event()

    def carry_out_for_long(_: Any) -> ExecuteSkill.Result:
        begun.set()
        over.wait(60.0)
        return ExecuteSkill.Result()

    server = ActionServer(robot, ExecuteSkill, "execute_skill", carry_out_for_long)
    executor.add_node(robot)
    threading.Thread(target=executor.spin, daemon=True).start()
    with rig("planner", monkeypatch) as made:
        made.activate()
        made.node.asked = SimpleNamespace(is_cancel_requested=False)
        client, ended = proxies.SkillClient(made.node), list[BaseException]()

        def carry_out() -> None:
            try:
                client.carry_out(m.scene_attempt().planned.call)
            except proxies.Interrupted as error:
                ended.append(error)

        work = threading.Thread(target=carry_out, daemon=True)
        work.start()
        assert wait_for(begun.is_set)
        time.sleep(3.0)
        assert client.client.ready and work.is_alive()
        over.set()
        executor.shutdown(timeout_sec=5.0)
        server.destroy()
        robot.destroy_node()
        work.join(30.0)
    assert not work.is_alive() and "nobody offers execute_skill any more" in str(ended[0])
    assert getattr(ended[0], "code", None) == ErrorCode.ROBOT_LOST


@pytest.mark.parametrize(
    ("code", "error"),
    [(ErrorCode.ROBOT_REFUSED, RefusedError), (ErrorCode.ROBOT_CANNOT, ExecutionError), (ErrorCode.ROBOT_LOST, Interrupted)],
)
def test_what_a_robot_has_not_begun_is_told_from_what_ended_half_way(
    ros: Any, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    """The step has failed in either case, with the robot's code and text."""
    ros()

    def execute(handle: Any) -> ExecuteSkill.Result:
        handle.abort()
        return ExecuteSkill.Result(error_code=code, error_msg="the reason")

    robot, executor = rclpy.create_node("my_robot"), SingleThreadedExecutor()
    server = ActionServer(robot, ExecuteSkill, "execute_skill", execute)
    executor.add_node(robot)
    threading.Thread(target=executor.spin, daemon=True).start()
    try:
        with rig("planner", monkeypatch) as made:
            made.activate()
            node, told = made.node, made.collect("steps")
            node.asked, node.episode, node.attempt = SimpleNamespace(is_cancel_requested=False), m.EPISODE, m.scene_attempt()
            made.node.skills = proxies.SkillClient(node)
            with pytest.raises(error, match="the reason") as caught:
                proxies.RemoteRobot(node, RemoteObserver(node)).execute(node.attempt.planned.call)
            assert type(caught.value) is error and wait_for(lambda: len(told) == 1)
            assert (told[0].phase, told[0].error_code, told[0].error_msg) == (Step.FAILED, code, "the reason")
    finally:
        executor.shutdown(timeout_sec=5.0)
        server.destroy()
        robot.destroy_node()


def test_a_model_that_gives_no_numbers_is_no_bad_goal(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fault is told as its own, and not as one of whoever asked."""
    ros()
    with rig("planner", monkeypatch) as made:
        made.activate()
        for error, code in ((PartError("NaN"), ErrorCode.MODEL_DAMAGED), (ValueError("what?"), ErrorCode.PLANNER_BAD_GOAL)):

            def fail(request: Any, result: Any, error: Exception = error) -> None:
                raise error

            monkeypatch.setattr(made.node, "_pursue", fail)
            made.node.failures, made.node.done_steps, result = [], 0, ExecuteTask.Result()
            made.node._answer(None, result)
            assert (result.error_code, result.error_msg) == (code, str(error))


def test_a_task_begins_and_ends_with_no_step_under_way(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a planner before this one was in the middle of, when it died."""
    ros()
    with rig("planner", monkeypatch) as made:
        made.activate()
        told = made.collect("steps")
        for number in (1, 2):
            assert made.pursue(ExecuteTask, "execute_task", ExecuteTask.Goal()).result.error_code == ErrorCode.PLANNER_BAD_GOAL
            assert wait_for(lambda count=2 * number: len(told) == count)
        assert {step.phase for step in told} == {Step.OVER}
