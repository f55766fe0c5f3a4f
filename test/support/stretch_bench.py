"""The real robot's node on an imitated robot whose time runs by itself, through either transport, with a client and a camera."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from fail2progress_msgs.action import ExecuteSkill
from fail2progress_msgs.msg import Heartbeat
from std_srvs.srv import Trigger

from fail2progress.robots.stretch.real.motion import Rules
from fail2progress.robots.stretch.real.robot import StretchRobot
from fail2progress.robots.stretch.real.transport import TransportError
from fail2progress.ros.actions import Dispatcher
from fail2progress.ros.conversions.points import points_msg
from fail2progress.ros.conversions.values import call_msg, segments_msg
from fail2progress.ros.nodes import stretch
from fail2progress.skills.base import SkillCall
from support.driver_node import DriverNode
from support.driving import cloud
from support.fake_stretch import FakeStretch
from support.live_clock import LiveClock
from support.rigs import Rig, rig, wait_for

PUSH = SkillCall("push", "cup", (0.7, 0.1))
BODY, DRIVER = "stretch_body", "stretch_driver"


class Bench:
    """The node on its imitated robot, with a client that beats and a camera that sees a cup on a table."""

    def __init__(self, made: Rig, body: FakeStretch, clock: LiveClock) -> None:
        self.rig, self.node, self.body, self.clock = made, made.node, body, clock
        self.client = Dispatcher(made.peer, ExecuteSkill, "execute_skill")
        self.phases: list[str] = []
        self.beating = True
        self.seeing = True
        self.obstacles = np.empty((0, 3), np.float32)
        self.driver: DriverNode | None = None
        self._over = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._beat, self._see)]
        made.outlet("heartbeat"), made.outlet("segments"), made.outlet("obstacles")
        made.activate()
        assert self.client.found(60.0)
        for thread in self._threads:
            thread.start()

    def _beat(self) -> None:
        while not self._over.wait(0.01):
            if self.beating:
                self.rig.outlet("heartbeat").publish(Heartbeat())

    def _see(self) -> None:
        seen = cloud("cup", "table")
        while not self._over.wait(0.05):
            if self.seeing:
                stamp = time.time_ns()
                self.rig.outlet("obstacles").publish(points_msg(self.obstacles, "planning", stamp))
                self.rig.outlet("segments").publish(segments_msg(replace(seen, stamp=stamp)))

    def send(self, call: SkillCall = PUSH, unattended: bool = False) -> Any:
        goal = ExecuteSkill.Goal(call=call_msg(call), unattended=unattended)
        future = self.client.send(goal, lambda m: self.phases.append(m.feedback.phase))
        assert wait_for(future.done)
        assert future.result().accepted
        return future.result()

    def result(self, handle: Any) -> Any:
        future = handle.get_result_async()
        assert wait_for(future.done, 240.0)
        return future.result()

    def underway(self) -> Any:
        """A skill, once it moves."""
        handle = self.send()
        assert wait_for(lambda: self.body.moving)
        return handle

    def facts(self) -> dict[str, str]:
        """Of the newest diagnostics."""
        return {item.key: item.value for status in self.rig.statuses[-1].status for item in status.values}

    def ask(self, name: str) -> Any:
        return self.rig.call(Trigger, name, Trigger.Request())

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.client.close()


@contextmanager
def bench(
    ros: Callable[..., None], monkeypatch: pytest.MonkeyPatch, pace: float = 1.0, timeout: float = 1.0, by: str = BODY
) -> Iterator[Bench]:
    """Heartbeats come by the computer's time, the driver counts by the robot's, at `pace`; a busy computer is late with both."""
    namespace = "f2p" if by == DRIVER else ""
    ros(namespace, client_timeout=timeout)
    with ExitStack() as stack:
        clock = LiveClock(pace)
        body = FakeStretch(clock)
        clock.start()
        stack.callback(clock.end)
        monkeypatch.setattr(stretch, "connect", partial(_connect, body, by))
        monkeypatch.setattr(stretch, "StretchRobot", partial(_robot, clock, by))
        driver = DriverNode(body) if by == DRIVER else None
        if driver is not None:
            stack.callback(driver.close)
        made = stack.enter_context(rig("stretch", monkeypatch, namespace))
        found = Bench(made, body, clock)
        found.driver = driver
        yield found
        found.close()
    assert body.stopped_devices == (by == BODY)
    assert not made.died, made.died


PATIENT = {"stale": 10.0, "stale_servo": 10.0, "stall": 10.0, "settle": 10.0, "halt": 3.0}
"""Rules for states that come by DDS: a busy computer is late with them, and the robot's time goes on meanwhile."""


def _robot(clock: LiveClock, by: str, *arguments: Any, rules: Rules, **options: Any) -> StretchRobot:
    return StretchRobot(*arguments, clock=clock, rules=replace(rules, **PATIENT) if by == DRIVER else rules, **options)


def _connect(body: FakeStretch, by: str) -> FakeStretch:
    """stretch_body's robot, which a running driver holds."""
    if by == DRIVER:
        raise TransportError("the Stretch did not start: process 7 holds it")
    return body
