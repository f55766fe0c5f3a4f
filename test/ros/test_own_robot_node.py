"""A robot's node of one's own, which is no class of the package, in the place of `stretch`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fail2progress_msgs.action import ExecuteSkill
from fail2progress_msgs.msg import ErrorCode

from fail2progress.ros.conversions.values import call_msg, cloud_of
from fail2progress.skills.base import SkillCall
from support.rigs import rig, wait_for

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "own_robot_node.py"


def test_it_is_seen_through_and_carries_skills_out(
    ros: Any, ros_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ros(segmenter="label-image")
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        segments = made.collect("segments")
        process = subprocess.Popen([sys.executable, EXAMPLE], env={**os.environ, **ros_variables})
        try:
            assert wait_for(lambda: segments, 90.0)
            before = cloud_of(segments[-1])
            assert {"mug", "pill"} <= set(before.names)
            goals = [SkillCall("push", "mug", (0.1, 0.0)), SkillCall("pick_place", "pill", (0.0, -0.1, 0.02, 0.0))]
            refused, done = (
                made.pursue(ExecuteSkill, "execute_skill", ExecuteSkill.Goal(call=call_msg(call))).result for call in goals
            )
            assert refused.error_code == ErrorCode.ROBOT_REFUSED and refused.error_msg == "this arm cannot push"
            assert done.error_code == ErrorCode.OK

            def moved() -> float:
                after = cloud_of(segments[-1])
                return float((after.bounds() - before.bounds())[after.index("pill"), :, 1].mean())

            assert wait_for(lambda: moved() < -0.07)
        finally:
            process.terminate()
            process.wait(30)
