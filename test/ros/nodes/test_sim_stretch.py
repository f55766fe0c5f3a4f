"""The simulated robot: labels have the names of their image, motion ends with its activity, and people wait for tasks."""

import threading
import time
from typing import Any

import pytest
from fail2progress_msgs.action import ExecuteSkill
from fail2progress_msgs.msg import ErrorCode, Heartbeat
from fail2progress_msgs.srv import SetTrial
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from fail2progress.ros import graph as table
from fail2progress.ros.actions import Dispatcher
from fail2progress.ros.conversions.values import call_msg, header, stamp_of
from fail2progress.ros.launch.claim import RUN
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.registry import task
from fail2progress.tasks.seeds import first_seed
from support.rigs import Rig, rig, wait_for

LABELS, NAMES = table.LABELS


def test_each_label_image_has_the_names_of_its_own_trial(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(robot="hand")
    with rig("sim_stretch", monkeypatch) as made:
        labels, names = made.collect(LABELS), made.collect(NAMES)
        made.activate()
        for objects in (5, 3):
            trial = task("hierarchical-tabletop").trial(objects, 1)
            request = SetTrial.Request(task=trial.reference, objects=objects, seed=1)
            begin = made.node.now()
            assert made.call(SetTrial, "set_trial", request).error_code == ErrorCode.OK
            end = made.node.now()
            assert wait_for(lambda end=end: sum(stamp_of(image.header.stamp) > end for image in labels) > 2)
            said = {stamp_of(message.header.stamp): tuple(message.names) for message in names}
            after = [stamp_of(image.header.stamp) for image in labels if stamp_of(image.header.stamp) > end]
            assert {said.get(stamp) for stamp in after} == {trial.scene.names}
            before = {said[stamp] for stamp in said if stamp < begin}
            assert 0 not in said and (objects == 5 or trial.scene.names not in before)


class Client:
    """Sends pushes to the node and keeps the times at which its joints were somewhere else than before."""

    def __init__(self, made: Rig) -> None:
        self.made, self.moved = made, 0.0
        self.actions = Dispatcher(made.peer, ExecuteSkill, "execute_skill")
        self._joints: list[float] = []
        made.peer.create_subscription(JointState, "joint_states", self._hear, 10)
        assert self.actions.found(60.0)

    def _hear(self, message: JointState) -> None:
        if list(message.position) != self._joints:
            self.moved = time.monotonic()
        self._joints = list(message.position)

    def send(self, unattended: bool = True, run: str = "", episode: str = "") -> Any:
        """An accepted goal."""
        call = call_msg(SkillCall("push", "cup_2", (1.57, 0.1)))
        future = self.actions.send(ExecuteSkill.Goal(call=call, unattended=unattended, run=run, episode=episode))
        assert wait_for(future.done) and future.result().accepted
        return future.result()

    def underway(self) -> Any:
        """A result that is waited for, of a skill that moves the robot."""
        begun, handle = time.monotonic(), self.send()
        future = handle.get_result_async()
        assert wait_for(lambda: self.moved > begun and self.made.node.moving.locked())
        return future


@pytest.mark.parametrize("cleanup", [False, True])
def test_a_node_that_is_deactivated_ends_motion_and_says_so(ros: Any, monkeypatch: pytest.MonkeyPatch, cleanup: bool) -> None:
    ros(pace=1.0)
    with rig("sim_stretch", monkeypatch) as made:
        made.activate()
        client = Client(made)
        future = client.underway()
        begun = time.monotonic()
        assert made.node.trigger_deactivate().name == "SUCCESS"
        if cleanup:
            assert made.node.trigger_cleanup().name == "SUCCESS"
        assert wait_for(future.done, 5.0), "the client hears how it ended"
        answer = future.result().result
        assert answer.error_code == ErrorCode.ROBOT_STOPPED and "deactivated" in answer.error_msg
        assert wait_for(lambda: not made.node.moving.locked())
        assert client.moved < begun + 1.5, "s; the push takes longer"
        if cleanup:
            return
        assert made.node.trigger_activate().name == "SUCCESS"
        assert made.call(Trigger, "stop_the_robot", Trigger.Request()).success, "nothing holds up what comes after"
        client.actions.close()


def test_between_the_skills_of_a_task_people_wait(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN, "a-run")
    ros(robot="hand", client_timeout=0.0)
    trial = SetTrial.Request(task="hierarchical-tabletop", objects=3, seed=first_seed(0))
    with rig("sim_stretch", monkeypatch) as made:
        made.activate()
        client, over = Client(made), threading.Event()

        def beat() -> None:
            while not over.wait(0.03):
                made.outlet("heartbeat").publish(Heartbeat(episode="an-episode", run="a-run"))

        made.outlet("heartbeat")
        beating = threading.Thread(target=beat, daemon=True)
        beating.start()
        assert wait_for(lambda: made.node.engagement.reason())
        for goal in ({"unattended": True}, {"run": "a-run"}, {"run": "a-run", "episode": "another"}):
            handle = client.send(**goal).get_result_async()
            assert wait_for(handle.done)
            answer = handle.result().result
            assert answer.error_code == ErrorCode.ROBOT_BUSY and "task an-episode is under way" in answer.error_msg
        answer = made.call(SetTrial, "set_trial", trial)
        assert answer.error_code == ErrorCode.ROBOT_BUSY and "stop_the_robot" in answer.error_msg
        other = Heartbeat(header=header(0, "base_link"), run="a-run")
        assert made.send("heartbeat", other), "of somebody else: it says nothing of the task"
        own = client.send(unattended=False, run="a-run", episode="an-episode").get_result_async()
        assert wait_for(own.done) and own.result().result.error_code == ErrorCode.OK, "the planner's own skill"
        over.set()
        beating.join()
        assert made.send("heartbeat", Heartbeat(episode="an-episode", last=True, run="a-run"))
        assert made.call(SetTrial, "set_trial", trial).error_code == ErrorCode.OK
        assert made.send("heartbeat", other)
        alone = client.send().get_result_async()
        assert wait_for(alone.done) and alone.result().result.error_code == ErrorCode.OK, "a frame's name is no task"
        client.actions.close()
