"""A node of another run with the same name in the same domain: nothing is taken until it has gone."""

from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor

from fail2progress.ros.launch.claim import RUN
from support import traffic
from support.rigs import rig, wait_for


def test_what_is_said_while_another_run_is_there_is_refused(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN, "ours")
    ros()
    with rig("monitor", monkeypatch) as made:
        made.activate()
        assert made.send("steps", traffic.step(0)) and not made.node.refused
        assert made.diagnosis().hardware_id == "ours"
        other = rclpy.create_node("monitor", use_global_arguments=False)
        executor = SingleThreadedExecutor()
        executor.add_node(other)
        outlet = other.create_publisher(DiagnosticArray, "diagnostics", 10)
        status = DiagnosticStatus(name="fail2progress: monitor", hardware_id="ours")

        def said(run: str) -> bool:
            status.hardware_id = run
            outlet.publish(DiagnosticArray(status=[status]))
            return bool(made.node.others.foreign)

        assert wait_for(lambda: made.node.others.suspected)
        for _ in range(20):
            assert not said("ours"), "what is left of this run before a restart is not foreign"
        assert wait_for(lambda: said("theirs"))
        assert made.send("steps", traffic.step(1))
        assert made.node.refused["steps/foreign"] == 1 and 1 not in {step for _, step in made.node.open}
        assert made.diagnosis().level == DiagnosticStatus.ERROR
        executor.remove_node(other)
        other.destroy_node()
        assert wait_for(lambda: not made.node.others.foreign)
        assert made.send("steps", traffic.step(2)) and made.node.refused["steps/foreign"] == 1
