"""Goals in words and the aim of the camera, over the actions."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from fail2progress_msgs.action import AimCamera, ExecuteSkill, ExecuteTask
from fail2progress_msgs.msg import ErrorCode
from std_srvs.srv import Trigger

from fail2progress.ros.actions import Dispatcher
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.conversions.values import time_of
from fail2progress.skills.base import call_moving
from support import traffic
from support.rigs import Rig, rig, wait_for


@contextmanager
def client(made: Rig, kind: Any, name: str) -> Iterator[Callable[..., Any]]:
    """Sends goals and waits for their ends."""
    dispatcher = Dispatcher(made.peer, kind, name)
    assert dispatcher.found(60.0)

    def send(feedback: Any = None, **fields: Any) -> Any:
        future = dispatcher.send(kind.Goal(**fields), feedback)
        assert wait_for(future.done) and future.result().accepted
        answer = future.result().get_result_async()
        assert wait_for(answer.done, 120.0)
        return answer.result()

    yield send
    dispatcher.close()


@contextmanager
def seeing(made: Rig) -> Iterator[None]:
    """The relations node says again and again what it sees now."""
    over, outlet = threading.Event(), made.outlet("relations")

    def say() -> None:
        while not over.wait(0.05):
            message = traffic.VALID["relations"]()
            message.header.stamp = message.segments.header.stamp = time_of(made.node.now())
            message.moving, message.finished, message.model = False, 0, made.node.live.current.digest
            outlet.publish(message)

    thread = threading.Thread(target=say, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


def test_goals_in_words_are_shown_before_anything_moves(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("planner", monkeypatch) as made:
        made.activate()
        with client(made, ExecuteTask, "execute_task") as send, seeing(made):
            said: list[str] = []
            answer = send(lambda message: said.append(message.feedback.text), goals=["inside(every capsule, the cup)"], show=True)
            assert answer.result.error_code == ErrorCode.OK and answer.status == GoalStatus.STATUS_SUCCEEDED
            assert answer.result.outcome == "would pursue: inside(capsule_1, cup_1)" and answer.result.skills == 0
            assert wait_for(
                lambda: any("sees table_a, cup_1, capsule_1; goal: inside(capsule_1, cup_1)" in text for text in said)
            )
            refused = send(goals=["inside(the drawer, cup_1)"], show=True).result
            assert refused.error_code == ErrorCode.PLANNER_BAD_GOAL and "means nothing that is seen" in refused.error_msg
            refused = send(goals=[], show=True).result
            assert refused.error_code == ErrorCode.PLANNER_BAD_GOAL and "0 stages" in refused.error_msg


def _not_foreseen(*_: Any) -> None:
    raise ZeroDivisionError("not foreseen")


@pytest.mark.parametrize(
    ("node", "kind", "action", "method", "code"),
    [
        ("planner", ExecuteTask, "execute_task", "_pursue", ErrorCode.PLANNER_STOPPED),
        ("sim_stretch", ExecuteSkill, "execute_skill", "perform", ErrorCode.ROBOT_LOST),
        ("sim_stretch", AimCamera, "aim_camera", "aim", ErrorCode.ROBOT_LOST),
    ],
)
def test_what_nobody_foresaw_is_no_success(
    ros: Any, monkeypatch: pytest.MonkeyPatch, node: str, kind: Any, action: str, method: str, code: int
) -> None:
    ros()
    with rig(node, monkeypatch) as made:
        made.activate()
        monkeypatch.setattr(made.node, method, _not_foreseen)
        call = convert.call_msg(call_moving("cup_1", np.array([0.0, -0.05, 0.0])))
        goal = kind.Goal(call=call) if kind is ExecuteSkill else kind.Goal()
        for _ in range(2):  # it takes the next one, too
            answer = made.pursue(kind, action, goal)
            assert answer.status == GoalStatus.STATUS_ABORTED and answer.result.error_code == code
            assert answer.result.error_msg == "ZeroDivisionError: not foreseen"


def test_the_camera_of_the_simulated_robot_is_aimed(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("sim_stretch", monkeypatch) as made:
        made.activate()
        with client(made, AimCamera, "aim_camera") as send:
            before = made.node.robot.joints()
            phases: list[str] = []
            answer = send(lambda message: phases.append(message.feedback.phase), object="cup_1")
            assert answer.result.error_code == ErrorCode.OK, answer.result.error_msg
            after = made.node.robot.joints()
            moved = {name for name in after if abs(after[name][0] - before[name][0]) > 0.01}
            assert moved and moved <= {"joint_head_pan", "joint_head_tilt"}
            frame, point = made.node.robot.frame(), made.node.robot.scene.position("cup_1")
            x, y, z = (np.linalg.inv(frame.pose) @ (*point, 1.0))[:3]
            k = frame.intrinsics
            assert z > 0 and abs(k.fx * x / z) < 0.1 * k.width and abs(k.fy * y / z) < 0.1 * k.height, (
                "in the middle of the image"
            )
            for fields, code in (
                ({"object": "nothing"}, ErrorCode.ROBOT_BAD_CALL),
                ({"point": [100.0, 0.0, 0.0]}, ErrorCode.ROBOT_BAD_CALL),
                ({"point": [0.0, 0.0, 9.0]}, ErrorCode.ROBOT_CANNOT),
            ):
                answer = send(**fields)
                assert answer.result.error_code == code and answer.result.error_msg, fields
                assert answer.status == GoalStatus.STATUS_ABORTED


def test_the_simulated_robot_takes_what_is_seen_by_the_names_of_the_segments(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the simulator's labels the stack has names of its own for things."""
    ros(client_timeout=0.0)
    with rig("sim_stretch", monkeypatch) as made:
        made.activate()
        cloud = made.node.robot.observe()
        names = tuple(f"object_{number}" for number in range(len(cloud)))
        assert made.send("segments", convert.segments_msg(replace(cloud, names=names)))
        cup = names[cloud.names.index("cup_1")]
        call = call_moving(cup, np.array([0.0, -0.05, 0.0]))
        before = made.node.robot.scene.position("cup_1")
        answer = made.pursue(ExecuteSkill, "execute_skill", ExecuteSkill.Goal(call=convert.call_msg(call)))
        assert answer.result.error_code == ErrorCode.OK, answer.result.error_msg
        np.testing.assert_allclose(made.node.robot.scene.position("cup_1") - before, [0.0, -0.05, 0.0], atol=0.02)
        strange = convert.call_msg(replace(call, object="object_99"))
        answer = made.pursue(ExecuteSkill, "execute_skill", ExecuteSkill.Goal(call=strange))
        assert answer.result.error_code == ErrorCode.ROBOT_REFUSED and "object_99 has not been seen" in answer.result.error_msg


def test_a_stop_holds_that_comes_while_an_earlier_resume_is_answered(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """To resume takes until the skill is over and things are put down: long enough to be stopped again."""
    ros()
    with rig("sim_stretch", monkeypatch) as made:
        made.activate()
        resume = made.peer.create_client(Trigger, "resume_the_robot")
        assert resume.wait_for_service(60.0)
        begun, go_on, recovered = threading.Event(), made.node.resume, list[bool]()
        monkeypatch.setattr(made.node.robot, "recover", lambda: recovered.append(True))
        monkeypatch.setattr(made.node, "resume", lambda: begun.set() or go_on())
        with made.node.moving:
            asked = resume.call_async(Trigger.Request())
            assert begun.wait(60.0)
            assert made.call(Trigger, "stop_the_robot", Trigger.Request()).success
        assert wait_for(asked.done) and not asked.result().success and "stopped meanwhile" in asked.result().message
        assert made.node.stopped.is_set() and not recovered
        call = convert.call_msg(call_moving("cup_1", np.array([0.0, -0.05, 0.0])))
        refused = made.pursue(ExecuteSkill, "execute_skill", ExecuteSkill.Goal(call=call, unattended=True)).result
        assert refused.error_code == ErrorCode.ROBOT_STOPPED and "resume" in refused.error_msg
        assert made.call(Trigger, "resume_the_robot", Trigger.Request()).success and recovered == [True]
        assert not made.node.stopped.is_set()
