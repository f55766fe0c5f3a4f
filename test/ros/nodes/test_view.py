"""What RViz, Foxglove and rerun are shown: a subscriber asks for it as they do."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from fail2progress_msgs.msg import Step
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import PointCloud2
from visualization_msgs.msg import Marker, MarkerArray

from fail2progress.core.observation import SECOND
from fail2progress.ros import graph as table
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.conversions.images import depth_image, image_msg
from fail2progress.ros.conversions.particles import particles_msg, starts_of
from fail2progress.ros.conversions.records import event_msg
from fail2progress.ros.time_line import TimeLine
from fail2progress.simulation.base import Outcome
from fail2progress.skills.base import call_moving
from fail2progress.tasks.registry import task
from support import messages as m
from support import traffic
from support.rigs import Rig, rig, wait_for

ROOT = Path(__file__).resolve().parents[3]
RVIZ = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.VOLATILE)
"""As its displays ask for topics unless they are told otherwise."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def hear(made: Rig, kind: type, name: str) -> list[Any]:
    said: list[Any] = []
    made.peer.create_subscription(kind, name, said.append, RVIZ)
    assert wait_for(lambda: made.node._outlets[name].get_subscription_count() > 0)
    return said


def namespaces(said: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for marker in said[-1].markers if said else []:
        found.setdefault(marker.ns, []).append(marker)
    return found


def test_segments_plan_and_failure_are_seen_as_rviz_asks_for_them(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros()
    with rig("view", monkeypatch) as made:
        made.activate()
        clouds, arrays = hear(made, PointCloud2, "view/cloud"), hear(made, MarkerArray, "view/markers")
        scene = m.scene_cloud(stamp=2.0)
        assert made.send("segments", convert.segments_msg(scene)) and wait_for(lambda: clouds)
        points = np.frombuffer(clouds[0].data, [("xyz", "<f4", 3), ("rgb", "<u4")])
        assert np.array_equal(points["xyz"], scene.points.reshape(-1, 3)) and len(set(points["rgb"])) == len(scene)
        assert convert.stamp_of(clouds[0].header.stamp) == scene.stamp and clouds[0].header.frame_id == scene.frame
        assert made.send("segments", convert.segments_msg(scene)) and len(clouds) == 1, "the same is shown once"
        assert wait_for(lambda: {mark.text for mark in namespaces(arrays).get("segments", [])} == set(m.SEEN))
        assert arrays[-1].markers[0].action == Marker.DELETEALL
        assert made.send("relations", traffic.VALID["relations"]())
        assert made.send("plan", traffic.VALID["plan"]()) and wait_for(lambda: namespaces(arrays).get("plan"))
        assert made.send("steps", traffic.step(0, Step.STARTED)) and made.send("failures", event_msg(m.scene_event()))
        assert wait_for(lambda: namespaces(arrays).get("failure"))
        shown = namespaces(arrays)["failure"]
        text = next(mark.text for mark in shown if mark.type == Marker.TEXT_VIEW_FACING)
        assert str(m.scene_event().header.mismatches[0]) in text
        assert {mark.type for mark in shown} == {Marker.CUBE, Marker.TEXT_VIEW_FACING}
        assert made.send("model_updates", traffic.VALID["model_updates"]())
        assert wait_for(lambda: any("v0002" in mark.text for mark in namespaces(arrays).get("learning", [])))
        assert made.send("steps", traffic.step(1, Step.STARTED))
        assert wait_for(lambda: "failure" not in namespaces(arrays)), "the next skill begins: the failure is over"


def test_everything_of_the_stack_is_published_reliably(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others ask for images, joints and transforms reliably, or take the newest: both are served."""
    ros(robot="hand")
    with rig("sim_stretch", monkeypatch) as made:
        for name, outlet in made.node._outlets.items():
            assert outlet.qos_profile.reliability == ReliabilityPolicy.RELIABLE, name


def test_a_time_line_is_written_beside_the_bags(
    ros: Any, state: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rerun")
    from urllib.request import urlopen

    ros(view="page")
    with rig("view", monkeypatch) as made:
        made.activate()
        assert made.send("segments", convert.segments_msg(m.scene_cloud()))
        for name in table.CAMERA[:2]:
            assert made.send(name, traffic.VALID[name]())
        assert made.send("steps", traffic.step(0, Step.STARTED)) and made.send("failures", event_msg(m.scene_event()))
        said = capfd.readouterr().out
        address = next(word for word in said.split() if word.startswith("http"))
        with urlopen(address.partition("?")[0], timeout=60) as page:
            assert b"<html" in page.read().lower()
        assert not made.node.refused
        made.node.let_go()
    file = state / "bags" / "run.rrd"
    assert file.read_bytes()[:4] in (b"RRF2", b"RRIO") and file.stat().st_size > 5000


def test_depth_in_metres_is_on_the_time_line_as_depth_in_millimetres_is(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings of other robots have the one or the other."""
    pytest.importorskip("rerun")
    ros(view="file")
    shown, image = list[Any](), TimeLine.image

    def noted(line: TimeLine, path: str, stamp: int, pixels: Any) -> None:
        shown.append(pixels)
        image(line, path, stamp, pixels)

    monkeypatch.setattr(TimeLine, "image", noted)
    pixels = np.full(traffic.SIZE, 0.8, np.float32)
    pixels[0] = np.nan
    with rig("view", monkeypatch) as made:
        made.activate()
        for number, of in enumerate((image_msg(pixels, "32FC1", 0), image_msg(depth_image(pixels), "16UC1", 0))):
            of.header.stamp = convert.time_of((1 + number) * SECOND)
            assert made.send(table.CAMERA[1], of)
        assert not made.node.refused
    assert len(shown) == 2 and np.array_equal(*shown)
    assert set(shown[0][1:].ravel()) == {800} and not shown[0][0].any()


def test_the_configurations_show_what_is_published() -> None:
    shown = yaml.safe_load((ROOT / "config" / "view.rviz").read_text())["Visualization Manager"]
    topics = {item["Topic"]["Value"] for item in shown["Displays"] if "Topic" in item}
    layout = json.loads((ROOT / "config" / "foxglove.json").read_text())
    panels = layout["configById"]
    named = {
        *panels["3D!stack"]["topics"],
        panels["Image!colour"]["imageMode"]["imageTopic"],
        panels["DiagnosticSummary!nodes"]["topicToRender"],
    }
    assert topics | {name.lstrip("/") for name in named} <= set(table.TOPICS)
    assert shown["Global Options"]["Fixed Frame"] == panels["3D!stack"]["followTf"] == "planning"

    def leaves(of: Any) -> set[str]:
        return {of} if isinstance(of, str) else leaves(of["first"]) | leaves(of["second"])

    assert leaves(layout["layout"]) == set(panels)


def test_what_is_seen_is_told_as_detections_of_the_standard_type(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    vision_msgs = pytest.importorskip("vision_msgs.msg")
    ros()
    with rig("view", monkeypatch) as made:
        made.activate()
        said = hear(made, vision_msgs.Detection3DArray, "view/detections")
        scene = m.scene_cloud(stamp=2.0)
        assert made.send("segments", convert.segments_msg(scene)) and wait_for(lambda: said)
        assert [found.id for found in said[0].detections] == list(scene.names) and said[0].header.frame_id == scene.frame
        for row, found in enumerate(said[0].detections):
            low, high = scene.bounds()[row]
            middle, size = found.bbox.center.position, found.bbox.size
            np.testing.assert_allclose([middle.x, middle.y, middle.z], (low + high) / 2, atol=1e-6)
            np.testing.assert_allclose([size.x, size.y, size.z], high - low, atol=1e-6)
            (what,) = found.results
            assert what.hypothesis.class_id == scene.categories[row]


def test_without_the_standard_type_of_detections_the_rest_goes_on(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vision_msgs.msg", None)
    ros()
    with rig("view", monkeypatch) as made:
        made.activate()
        clouds = hear(made, PointCloud2, "view/cloud")
        assert not made.node.offers("view/detections")
        assert made.send("segments", convert.segments_msg(m.scene_cloud(stamp=2.0))) and wait_for(lambda: clouds)
        assert not made.node.refused


def test_the_scenes_that_were_learnt_from_are_seen(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = task("hierarchical-tabletop").trial(3, 0).scene
    shifted = replace(scene, poses=scene.poses + np.array([0.0, 0.1, 0, 0, 0, 0, 0]))
    call = call_moving("cup_1", np.array([0.0, 0.1, 0.0]))
    outcome = Outcome(call, SimpleNamespace(scene=scene), SimpleNamespace(scene=shifted), {}, True)  # type: ignore[arg-type]
    message = particles_msg([outcome] * 3, "cup_1", 5)
    assert [marker.ns for marker in message.markers] == ["", "before", "ways"] and len(message.markers[2].points) == 6
    np.testing.assert_allclose(starts_of(message), [scene.position("cup_1")] * 3)
    assert len(starts_of(particles_msg([outcome], "nobody", 5))) == 0
    ros()
    with rig("view", monkeypatch) as made:
        made.activate()
        assert made.send("view/particles", message) and made.node.facts["scenes learnt from"] == "3"
        message.markers[1].points[0].x = float("nan")
        assert made.send("view/particles", message) and made.node.refused["view/particles/value"] == 1
