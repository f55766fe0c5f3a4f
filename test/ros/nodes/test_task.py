"""What the task node asks the planner for: goals in the names of what is seen, in a world that was put into its start."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fail2progress_msgs.action import ExecuteTask
from fail2progress_msgs.msg import ErrorCode
from fail2progress_msgs.srv import SetTrial
from rclpy.action import ActionServer

from fail2progress.core.observation import POINTS, SECOND, SegmentedCloud
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.conversions.values import goal_of
from fail2progress.ros.nodes import task as node_of_task
from fail2progress.tasks.base import TaskError
from fail2progress.tasks.registry import task
from fail2progress.tasks.seeds import first_seed
from support.rigs import Rig, rig, wait_for

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


def test_the_world_is_seen_though_the_clock_is_set_back_meanwhile(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(attempts=1, result="")
    with rig("task", monkeypatch) as made:
        real = made.node.now

        def now() -> int:
            """An hour less once the node waits for what is seen."""
            return int(real()) - (3600 * SECOND if made.node.since is not None else 0)

        monkeypatch.setattr(made.node, "now", now)
        assert len(asked(made, seen(TRIAL.scene.names))) == 1 and made.node.done == 0


def test_another_goal_may_have_patterns(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(attempts=1, result="", goal="above(cup_*, table_b)")
    with rig("task", monkeypatch) as made:
        (goal,) = asked(made, seen(TRIAL.scene.names))
        assert [str(goal_of(stage)) for stage in goal.stages] == ["above(cup_1, table_b) and above(cup_2, table_b)"]


def test_what_is_not_seen_is_said_and_nobody_is_asked(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = TRIAL.goal.objects[0]
    ros(attempts=1, result="")
    with rig("task", monkeypatch) as made:
        names = tuple(f"object_{i}" for i in range(len(TRIAL.scene)))
        assert asked(made, seen(names, (missing,))) == []
        assert made.node.done == 1 and f"result: not seen: {missing}, 0 skills" in made.node.said


def test_the_planner_is_asked_only_once_the_world_is_put_and_seen(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A robot that is busy at first is asked again; what has been put is not put a second time."""
    monkeypatch.setattr(node_of_task, "SIGHT", 0.5)
    ros(attempts=4, story=True, result="")
    happened: list[str] = []
    with rig("task", monkeypatch) as made:

        def put(request: Any, response: Any) -> Any:
            response.error_code = ErrorCode.OK if "busy" in happened else ErrorCode.ROBOT_BUSY
            happened.append("put" if "busy" in happened else "busy")
            return response

        def execute(handle: Any) -> Any:
            happened.append("asked")
            handle.abort()
            return ExecuteTask.Result(error_code=ErrorCode.PLANNER_NO_PLAN, error_msg="no plan")

        made.peer.create_service(SetTrial, "set_trial", put)
        server = ActionServer(made.peer, ExecuteTask, "execute_task", execute)
        made.activate()
        assert wait_for(lambda: any("no segments" in said for said in made.node.said))
        assert happened == ["busy", "put"]
        while made.node.done is None:
            made.send("segments", convert.segments_msg(replace(seen(TRIAL.scene.names), stamp=made.node.now())))
            time.sleep(0.05)
        server.destroy()
    assert happened == ["busy", "put", "asked", "put", "asked"], "the second time with planning after every skill"


def test_a_seed_without_a_trial_ends_the_node_with_the_reason(ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(attempts=2, result=str(tmp_path / "result.json"))
    with rig("task", monkeypatch) as made:
        assert made.node.trigger_configure().name == "SUCCESS"

        def none(seed: int) -> Any:
            raise TaskError(f"crowded: nothing fits for seed {seed}")

        monkeypatch.setattr(made.node, "trial", none)
        assert made.node.trigger_activate().name == "SUCCESS"
        assert wait_for(lambda: made.node.done == 1)
    (told,) = json.loads((tmp_path / "result.json").read_text())["rounds"]
    assert told["error_code"] == ErrorCode.PLANNER_BAD_GOAL and "crowded: nothing fits" in told["outcome"]


def test_a_result_that_cannot_be_written_ends_the_node(
    ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    ros(attempts=1, result=str(tmp_path / "file" / "result.json"))
    with rig("task", monkeypatch) as made:
        asked(made, seen(TRIAL.scene.names))
        assert made.node.done == 2
    assert "fail2progress: " in (said := capfd.readouterr().out) and str(tmp_path / "file") in said


def test_a_stack_that_stays_goes_on_with_the_world_as_it_is(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the node is started: the robot's node begins with the trial's start itself where nothing was left."""
    ros(stay=True)
    put: list[Any] = []
    with rig("task", monkeypatch) as made:
        made.peer.create_service(SetTrial, "set_trial", lambda request, response: put.append(request) or response)
        made.activate()
        assert wait_for(lambda: any("waits for goals" in said for said in made.node.said))
        assert put == [] and made.node.done is None
