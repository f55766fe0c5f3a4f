"""Other runs in the same domain: own messages carry their run; standard ones are not taken while it is unknown whose they are."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.serialization import serialize_message

from fail2progress.failures.store import FailureStore
from fail2progress.ros.bags.writer import BagWriter
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.launch.claim import RUN
from fail2progress.ros.nodes import player
from support import messages as m
from support import traffic
from support.rigs import Rig, rig, wait_for


def of(run: str, message: Any) -> Any:
    message.run = run
    return message


def test_an_own_message_of_another_run_or_of_none_is_refused_and_named(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN, "ours")
    ros()
    with rig("monitor", monkeypatch) as made:
        made.activate()
        for number, run in enumerate(("ours", "theirs", "")):
            assert made.send("steps", of(run, traffic.step(number)))
        assert {step for _, step in made.node.open} == {0} and made.node.refused["steps/foreign"] == 2
        said = made.diagnosis()
        assert said.hardware_id == "ours" and said.level == DiagnosticStatus.OK
        assert "this is run ours: set ROS_DOMAIN_ID" in next(v.value for v in said.values if v.key == "refused steps/foreign")


def test_standard_messages_are_refused_while_another_run_is_there(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN, "ours")
    ros()
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        assert made.send("tf_static", traffic.transforms()) and not made.node.refused
        heard_by = made.node.count_subscribers("diagnostics")
        other = rclpy.create_node("segmentation", use_global_arguments=False)
        executor = SingleThreadedExecutor()
        executor.add_node(other)
        outlet = other.create_publisher(DiagnosticArray, "diagnostics", 10)
        status = DiagnosticStatus(name="fail2progress: segmentation", hardware_id="ours")

        def said(run: str) -> bool:
            status.hardware_id = run
            outlet.publish(DiagnosticArray(status=[status]))
            return bool(made.node.others.foreign)

        assert wait_for(lambda: made.node.count_subscribers("diagnostics") > heard_by)
        for _ in range(20):
            assert not said("ours"), "what is left of this run before a restart is not foreign"
        assert wait_for(lambda: said("theirs"))
        assert made.send("tf_static", traffic.transforms()) and made.node.refused["tf_static/foreign"] == 1
        assert made.send("steps", of("ours", traffic.step(1))) and not made.node.refused["steps/foreign"]
        assert made.diagnosis().level == DiagnosticStatus.ERROR
        executor.remove_node(other)
        other.destroy_node()
        assert wait_for(lambda: not made.node.others.foreign)
        assert made.send("tf_static", traffic.transforms()) and made.node.refused["tf_static/foreign"] == 1


def recording(folder: Path) -> Path:
    """A step of an earlier run, and what was seen before and after it."""
    writer = BagWriter(folder)
    for name in ("segments", "steps"):
        writer.add_topic(f"/{name}", f"fail2progress_msgs/msg/{'Segments' if name == 'segments' else 'Step'}")
    seen = (convert.segments_msg(m.scene_cloud(stamp=stamp)) for stamp in (1.0, 1.8))
    for time, (name, message) in enumerate((("segments", next(seen)), ("steps", traffic.step(7)), ("segments", next(seen)))):
        writer.write(f"/{name}", serialize_message(of("an earlier run", message)), 10**9 * (time + 1))
    writer.close()
    return folder


def test_two_stacks_and_a_replay_in_one_domain_do_not_mix(
    ros: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each judges what its own run does and keeps it in its own store, though all speak on the same topics."""
    ros(bag=str(recording(tmp_path / "bag")))
    monkeypatch.setattr(player, "LEARNING", 0.1)
    with ExitStack() as stack:

        def begin(run: str, name: str) -> Rig:
            monkeypatch.setenv(RUN, run)
            made = stack.enter_context(rig(name, monkeypatch))
            made.node.set_parameters([Parameter("state_dir", value=str(tmp_path / run))])
            made.activate()
            return made

        one, two = begin("one", "monitor"), begin("two", "monitor")
        replay, _, plays = begin("replay", "monitor"), begin("replay", "relations"), begin("replay", "player")
        verdicts = one.collect("verdicts")
        for number, made, run in ((1, one, "one"), (2, two, "two")):
            assert made.send("steps", of(run, traffic.step(number)))
            assert made.send("relations", of(run, traffic.relations(number)))
        assert wait_for(lambda: plays.node.done is not None, 120.0) and plays.node.done == 0
        assert wait_for(lambda: {(v.run, v.step) for v in verdicts} == {("one", 1), ("two", 2), ("replay", 7)})
        assert all(made.node.refused["steps/foreign"] for made in (one, two, replay))
        failed = {verdict.run for verdict in verdicts if verdict.failure}
        for run in ("one", "two", "replay"):
            kept = [head.step for head in FailureStore(tmp_path / run / "failures.sqlite").headers()]
            assert kept == [verdict.step for verdict in verdicts if verdict.run == run and run in failed]
