"""What the task node asks the planner for: goals in the names of what is seen."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fail2progress_msgs.action import ExecuteTask
from fail2progress_msgs.msg import ErrorCode
from rclpy.action import ActionServer

from fail2progress.core.observation import POINTS, SegmentedCloud
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.conversions.values import goal_of
from fail2progress.tasks.registry import task
from fail2progress.tasks.seeds import first_seed
from support.rigs import Rig, rig

TRIAL = task("hierarchical-tabletop").trial(3, first_seed(0))


def seen(names: tuple[str, ...], hidden: tuple[str, ...] = ()) -> SegmentedCloud:
    """The trial's scene under other names: points spread over every thing's box."""
    rng, scene = np.random.default_rng(0), TRIAL.scene
    boxes = scene.bounds()
    points = rng.uniform(boxes[:, None, 0], boxes[:, None, 1], (len(scene), POINTS, 3)).astype(np.float32)
    kept = [i for i, name in enumerate(scene.names) if name not in hidden]
    kinds = tuple(scene.objects[i].category for i in kept)
    return SegmentedCloud(tuple(names[i] for i in kept), kinds, points[kept], np.ones(len(kept), np.float32), "planning")


def asked(made: Rig, cloud: SegmentedCloud) -> list[Any]:
    """The goals that a planner is given while the camera shows a cloud."""
    goals: list[Any] = []

    def execute(handle: Any) -> Any:
        goals.append(handle.request)
        handle.succeed()
        return ExecuteTask.Result(error_code=ErrorCode.OK, outcome="done")

    server = ActionServer(made.peer, ExecuteTask, "execute_task", execute)
    made.activate()
    while made.node.done is None:
        made.send("segments", convert.segments_msg(replace(cloud, stamp=made.node.now())))
        time.sleep(0.05)
    server.destroy()
    return goals


@pytest.mark.parametrize("labelled", [True, False])
def test_the_planner_is_asked_for_what_the_camera_shows(ros: Any, monkeypatch: pytest.MonkeyPatch, labelled: bool) -> None:
    names = TRIAL.scene.names if labelled else tuple(f"object_{i}" for i in range(len(TRIAL.scene)))
    ros(attempts=1, result="")
    with rig("task", monkeypatch) as made:
        (goal,) = asked(made, seen(names))
        assert made.node.done == 0
        stages = tuple(goal_of(stage) for stage in goal.stages)
        assert stages == TRIAL.as_seen(dict(zip(TRIAL.scene.names, names, strict=True))).stages


def test_what_is_not_seen_is_said_and_nobody_is_asked(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = TRIAL.goal.objects[0]
    ros(attempts=1, result="")
    with rig("task", monkeypatch) as made:
        names = tuple(f"object_{i}" for i in range(len(TRIAL.scene)))
        assert asked(made, seen(names, (missing,))) == []
        assert made.node.done == 1 and f"result: not seen: {missing}, 0 skills" in made.node.said
