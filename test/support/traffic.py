"""Valid and hostile messages for every topic of the table."""

from collections.abc import Callable
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from fail2progress_msgs.msg import Heartbeat, LabelNames, ModelState, ModelUpdate, Plan, Relations, Step, Verdict
from geometry_msgs.msg import Point, TransformStamped
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from fail2progress.core.observation import SECOND
from fail2progress.core.rgbd import Intrinsics
from fail2progress.ros import graph as table
from fail2progress.ros.conversions import images
from fail2progress.ros.conversions import records as convert_records
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.conversions.markers import Board, cloud_msg
from fail2progress.ros.conversions.particles import BEFORE
from fail2progress.ros.conversions.points import detections_msg, grid_msg, points_msg, whole_msg
from fail2progress.ros.corrections import adjustments_msg
from support import messages as m

SCHEMA = convert.SCHEMA

SIZE = (12, 16)
CAMERA = Intrinsics(SIZE[1], SIZE[0], 20.0, 20.0, 8.0, 6.0)


def transforms(child: str = images.OPTICAL_FRAME) -> TFMessage:
    """The camera in the planning frame."""
    item = TransformStamped(child_frame_id=child)
    item.header.frame_id = "planning"
    item.transform.rotation.w, item.transform.translation.z = 1.0, 0.5
    return TFMessage(transforms=[item])


def relations(step: int = 0, moving: bool = False, points: int = 32) -> Relations:
    """What the relations node says after a step."""
    return Relations(
        header=convert.header(2 * SECOND, "planning"), schema_version=SCHEMA,
        relations=convert.relations_msg(m.scene_relations()),
        segments=convert.segments_msg(m.scene_cloud(stamp=2.0, points=points)), model="0" * 64,
        episode=convert.uuid_msg(m.EPISODE), finished=step + 1, moving=moving,
    )  # fmt: skip


def step(number: int = 0, phase: int = Step.FINISHED, model: str = "0" * 64) -> Step:
    """A step that has ended."""
    return convert_records.step_msg(m.scene_attempt(number, model, number), m.EPISODE, phase, 3 * SECOND // 2)


def _plan() -> Plan:
    attempt = m.scene_attempt()
    return Plan(schema_version=SCHEMA, goal=convert.goal_msg(attempt.goal), skills=[convert.planned_msg(attempt.planned)])


def _verdict() -> Verdict:
    mismatch = convert_records.mismatch_msg(m.scene_event().header.mismatches[0])
    return Verdict(
        schema_version=SCHEMA, episode=convert.uuid_msg(m.EPISODE), step=1, failure=True, mismatches=[mismatch],
        observed=convert.relations_msg(m.scene_relations()),
    )  # fmt: skip


def _update() -> ModelUpdate:
    return ModelUpdate(
        schema_version=SCHEMA, kind=ModelUpdate.ACCEPTED, version="v0002", digest="1" * 64, path="/nowhere/v0002.safetensors",
        parent="0" * 64, events=[convert.uuid_msg(m.EPISODE)], metrics=["accuracy"], values=[0.5],
    )  # fmt: skip


def image(encoding: str, kind: type, channels: int, stamp: int = SECOND) -> Any:
    """A small image with something in it."""
    shape = (*SIZE, channels) if channels > 1 else SIZE
    pixels = np.random.default_rng(0).integers(0, 2 if encoding == "16UC1" else 255, shape).astype(kind)
    return images.image_msg(pixels, encoding, stamp)


def depth(stamp: int = SECOND) -> Any:
    """A plane a metre away."""
    return images.image_msg(np.full(SIZE, 1000, np.uint16), "16UC1", stamp)


def particles() -> MarkerArray:
    """A scene that was learnt from."""
    dots = Marker(ns=BEFORE, type=Marker.SPHERE_LIST, points=[Point(x=0.5, y=0.1, z=0.5)])
    return MarkerArray(markers=[dots])


VALID: dict[str, Callable[[], Any]] = {
    "camera/color/image_raw": lambda: image("rgb8", np.uint8, 3),
    "camera/aligned_depth_to_color/image_raw": depth,
    "camera/color/camera_info": lambda: images.info_msg(CAMERA, SECOND),
    "camera/labels": lambda: image("16UC1", np.uint16, 1),
    "camera/label_names": lambda: LabelNames(names=["table_a"], categories=["table"]),
    "camera/imu": lambda: images.imu_msg(np.array([0.0, -1.0, 0.0]), SECOND),
    "joint_states": lambda: JointState(name=["lift"], position=[0.5], velocity=[0.0], effort=[1.0]),
    "tf": transforms,
    "tf_static": transforms,
    "segments": lambda: convert.segments_msg(m.scene_cloud()),
    "segments/whole": lambda: whole_msg({}, {}, "planning", SECOND),
    "relations": relations,
    "plan": _plan,
    "steps": step,
    "verdicts": _verdict,
    "failures": lambda: convert_records.event_msg(m.scene_event()),
    "failure_reports": lambda: convert_records.report_msg(m.scene_report(), 3 * SECOND),
    "model_updates": _update,
    "model_states": lambda: ModelState(node="relations", digest="0" * 64, swaps=1),
    "corrections": lambda: adjustments_msg({"pick_place": {"grip": 0.5}}),
    "looks": lambda: convert.look_msg(SECOND, table.AFTER),
    "obstacles": lambda: points_msg(np.zeros((5, 3), np.float32), "planning", SECOND),
    "costmap": lambda: grid_msg(np.array([[-1, 0], [100, 0]], np.int8), 0.125, "planning", SECOND),
    "view/detections": lambda: detections_msg(m.scene_cloud()),
    "view/particles": particles,
    "view/cloud": lambda: cloud_msg(m.scene_cloud()),
    "view/markers": lambda: Board().array(),
    "heartbeat": lambda: Heartbeat(header=convert.header(SECOND, "")),
    "diagnostics": lambda: DiagnosticArray(status=[DiagnosticStatus(name="x", values=[KeyValue(key="a", value="b")])]),
}
assert set(VALID) == set(table.TOPICS)


def hostile(name: str, rng: np.random.Generator) -> Any:
    """A message with one to three fields made hostile."""
    return m.mutate(VALID[name](), rng, times=int(rng.integers(1, 4)))


def garbage(name: str, rng: np.random.Generator) -> bytes:
    """A serialised message that was cut, or whose bits were turned."""
    data = bytearray(serialize_message(VALID[name]()))
    if rng.random() < 0.5:
        return bytes(data[: int(rng.integers(4, len(data)))])
    for _ in range(4):
        data[int(rng.integers(4, len(data)))] = int(rng.integers(256))
    return bytes(data)


def hostile_moment(rng: np.random.Generator, stamp: float) -> list[tuple[str, Any]]:
    """Images of one moment that all arrive in time to be put together, one of them hostile in what is in it."""
    of = [*table.CAMERA, table.LABELS[0]]
    chosen = of[int(rng.integers(len(of)))]
    found = []
    for name in of:
        message = hostile(name, rng) if name == chosen else VALID[name]()
        message.header.stamp = convert.time_of(round(stamp * SECOND))
        found.append((name, message))
    return found
