"""Recorder and player in this process, and how every node takes trouble with what it says itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from fail2progress_msgs.msg import Step
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from fail2progress.core.observation import SECOND
from fail2progress.ros import graph as table
from fail2progress.ros.bags.pictures import decoded
from fail2progress.ros.bags.reader import read
from fail2progress.ros.bags.writer import BagWriter
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.conversions.images import pixels_of
from support import traffic
from support.rigs import Rig, rig, wait_for


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def recorder_bag(made: Rig) -> Path:
    return Path(made.node.facts["bag"])


def test_the_recorder_never_takes_a_bag_that_exists(ros: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where an earlier one was removed."""
    (state / "bags" / "bag_0003").mkdir(parents=True)
    (state / "bags" / "bag_notes").mkdir()
    ros()
    with rig("recorder", monkeypatch) as made:
        made.activate()
        assert recorder_bag(made).name == "bag_0004"


IMAGES = (*table.CAMERA[:2], table.LABELS[0])
PACKED = (f"{IMAGES[0]}/compressed", *(f"{name}/compressedDepth" for name in IMAGES[1:]))


def send_images(made: Rig, seconds: float) -> None:
    for topic in IMAGES:
        message = traffic.VALID[topic]()
        message.header.stamp = convert.time_of(round(seconds * SECOND))
        assert made.send(topic, message)


def test_the_recorder_keeps_all_but_images_of_a_robot_that_stands_still(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(image_rate=1.0)
    with rig("recorder", monkeypatch) as made:
        made.activate()
        for number in range(10):
            assert made.send("steps", traffic.step(number, Step.STARTED))
            send_images(made, 100.0 + number / 5)
        kept = list(read(recorder_bag(made)))
        found = [item.topic for item in kept]
        assert found.count("/steps") == 10
        assert [found.count(f"/{topic}") for topic in PACKED] == [2, 2, 2]
        for topic, name in zip(IMAGES, PACKED, strict=True):
            data = next(item.data for item in kept if item.topic == f"/{name}")
            back, sent = pixels_of(deserialize_message(decoded(data), Image)), pixels_of(traffic.VALID[topic]())
            assert np.array_equal(back, sent) or (topic == IMAGES[0] and back.shape == sent.shape)


def test_the_recorder_keeps_the_images_that_a_step_is_judged_by(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(image_rate=1.0)
    with rig("recorder", monkeypatch) as made:
        made.activate()
        step, verdict = traffic.step(1), traffic.VALID["verdicts"]()
        end = convert.stamp_of(step.header.stamp) / SECOND
        for what in (-0.2, 0.2, step, 0.4, 0.6, verdict, 0.8):
            if isinstance(what, float):
                send_images(made, end + what)
            else:
                assert made.send("steps" if what is step else "verdicts", what)
        found = [item.topic for item in read(recorder_bag(made))]
        assert [found.count(f"/{topic}") for topic in PACKED] == [4, 4, 4]


def test_a_disk_that_is_full_does_not_end_the_recorder(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("recorder", monkeypatch) as made:
        made.activate()

        def full(self: Any, topic: str, data: bytes, time: int) -> None:
            raise OSError(28, "No space left on device")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BagWriter, "write", full)
            assert made.send("steps", traffic.step(1))
        assert made.node.refused["steps/error"] == 1
        assert made.send("steps", traffic.step(2)) and not made.died
        assert len([item for item in read(recorder_bag(made)) if item.topic == "/steps"]) == 1


@pytest.mark.parametrize("damage", ["no bag", "garbage", "nothing to replay", "another type"])
def test_a_bag_that_cannot_be_played_ends_the_player(
    damage: str, ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bag = tmp_path / "bag"
    if damage != "no bag":
        writer = BagWriter(bag)
        kind = "std_msgs/msg/Header" if damage == "another type" else "fail2progress_msgs/msg/Segments"
        writer.add_topic("/robot/segments", kind)
        if damage == "another type":
            writer.write("/robot/segments", bytes(16), 5)
        writer.close()
    if damage == "garbage":
        (bag / "bag_0.mcap").write_bytes(b"garbage" * 50)
    ros(bag=str(bag))
    monkeypatch.setattr("fail2progress.ros.nodes.player.PlayerNode._await_listeners", lambda node: None)
    with rig("player", monkeypatch) as made:
        configured = made.node.trigger_configure().name
        if damage == "no bag":
            assert configured != "SUCCESS"
            return
        made.node.trigger_activate()
        assert wait_for(lambda: made.node.done is not None)
        assert made.node.done == 2
    assert "fail2progress: " in capfd.readouterr().out


def test_a_flood_of_what_cannot_be_sent_is_counted(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The middleware may refuse to publish when its queues are full; in a timer, that would end the node."""
    ros()
    with rig("recorder", monkeypatch) as made:

        class Full:
            def publish(self, message: DiagnosticArray) -> None:
                raise RuntimeError("cannot publish data")

        outlet, made.node._diagnostics = made.node._diagnostics, Full()
        assert wait_for(lambda: made.node.refused["unsent"] >= 1)
        made.node._diagnostics = outlet
        made.diagnosis()
        assert not made.died


def test_what_is_logged_of_a_refusal_has_an_end(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("recorder", monkeypatch) as made:
        logged: list[str] = []

        class Log:
            warning = staticmethod(logged.append)

        monkeypatch.setattr(made.node, "get_logger", Log)
        for _ in range(100):
            made.node.count("kind", "x" * 10**6)
        assert len(logged) == 2 and max(map(len, logged)) < 1000
