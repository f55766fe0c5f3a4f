"""What people see in RViz and Foxglove: clouds and markers of segments, relations, plans and failures, in the planning frame."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np
from geometry_msgs.msg import Point
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import BINARY, RelationState
from fail2progress.core.scene import Array
from fail2progress.failures.event import FailureEvent
from fail2progress.planning.planned import PlannedSkill
from fail2progress.ros.conversions.values import header

Rgba = tuple[float, float, float, float]
WHITE: Rgba = (1.0, 1.0, 1.0, 1.0)
GREY: Rgba = (0.6, 0.6, 0.6, 1.0)
RED: Rgba = (0.9, 0.1, 0.1, 0.9)
EXPECTED: Rgba = (0.2, 0.7, 0.2, 0.35)
"""A ghost: where something was expected."""
PLANNED: Rgba = (0.2, 0.5, 1.0, 0.3)
LINES: dict[str, Rgba] = {"contact": (1.0, 0.8, 0.1, 0.9), "inside": (0.2, 0.6, 1.0, 0.9), "above": (0.3, 0.9, 0.4, 0.9)}
"""Relations that are drawn as lines; directions would be one between any two."""
TEXT = 0.03
"""Metres."""
_GOLDEN = 0.618033988749895


def colours(names: Iterable[str]) -> NDArray[np.uint8]:
    """(N, 3) a colour for every name, far from its neighbours'; the same name in the same place has the same one."""
    hues = np.array([(number * _GOLDEN) % 1.0 for number, _ in enumerate(names)])
    phase = (hues[:, None] * 6 + np.array([0.0, 4.0, 2.0])) % 6
    return np.asarray(255 * np.clip(np.abs(phase - 3) - 1, 0.15, 1), np.uint8)


def cloud_msg(cloud: SegmentedCloud) -> PointCloud2:
    """All points that were ever seen, each segment in its colour. The fields are x, y, z (m) and rgb, as PCL packs it."""
    seen = cloud.seen
    points = cloud.points[seen].reshape(-1, 3)
    paint = np.repeat(colours(cloud.names)[seen], cloud.points.shape[1], axis=0).astype(np.uint32)
    packed = np.empty(len(points), [("xyz", "<f4", 3), ("rgb", "<u4")])
    packed["xyz"], packed["rgb"] = points, paint[:, 0] << 16 | paint[:, 1] << 8 | paint[:, 2]
    data = array("B")
    data.frombytes(packed.tobytes())
    names = ("x", "y", "z", "rgb")
    return PointCloud2(
        header=header(cloud.stamp, cloud.frame),
        height=1,
        width=len(points),
        fields=[PointField(name=n, offset=4 * k, datatype=PointField.FLOAT32, count=1) for k, n in enumerate(names)],
        point_step=16,
        row_step=16 * len(points),
        data=data,
        is_dense=True,
    )


class Board:
    """Markers by namespace; each call gives the whole picture anew, as RViz keeps what is not deleted."""

    def __init__(self) -> None:
        self.frame, self.stamp = "planning", 0
        self._markers: dict[str, list[Marker]] = {}

    def array(self) -> MarkerArray:
        """Everything, after the deletion of what there was."""
        clear = Marker(header=header(self.stamp, self.frame), action=Marker.DELETEALL)
        return MarkerArray(markers=[clear, *(marker for markers in self._markers.values() for marker in markers)])

    def segments(self, cloud: SegmentedCloud) -> None:
        """Names above what they belong to; grey where it is out of view."""
        self.frame, self.stamp = cloud.frame, cloud.stamp
        bounds = cloud.bounds()
        self._markers["segments"] = [
            self._text("segments", row, name, _top(bounds[row]), WHITE if cloud.visibility[row] > 0 else GREY)
            for row, name in enumerate(cloud.names)
            if cloud.seen[row]
        ]

    def relations(self, cloud: SegmentedCloud, state: RelationState) -> None:
        """A line between two things for each relation that holds."""
        centres, lines = cloud.bounds().mean(axis=1), []
        for number, (name, colour) in enumerate(LINES.items()):
            pairs = np.argwhere(state.binary[..., BINARY.index(name)] > 0.5)
            ends = [centres[row] for pair in pairs if cloud.seen[pair].all() for row in pair]
            if ends:
                line = self._marker("relations", number, Marker.LINE_LIST, (0.004, 0.0, 0.0), colour)
                line.points = [Point(x=x, y=y, z=z) for x, y, z in np.array(ends, float).tolist()]
                lines.append(line)
        self._markers["relations"] = lines

    def plan(self, cloud: SegmentedCloud, skills: Iterable[PlannedSkill]) -> None:
        """Ghosts where the things moved are expected after each skill, with its number."""
        bounds, shift = cloud.bounds(), np.zeros((len(cloud), 3))
        made: list[Marker] = []
        for number, planned in enumerate(skills):
            if planned.expected.names != cloud.names or planned.call.object not in cloud.names:
                break  # a plan of what was seen before
            shift = shift + planned.displacement
            row = cloud.index(planned.call.object)
            if cloud.seen[row]:
                there = bounds[row] + shift[row]
                made.append(self._box("plan", 2 * number, there, PLANNED))
                made.append(self._text("plan", 2 * number + 1, f"{number + 1}. {planned.call}", _top(there), PLANNED))
        self._markers["plan"] = made

    def failure(self, event: FailureEvent, displacement: Array | None) -> None:
        """What failed in red where it was seen, a ghost where it was expected, and the relations that broke."""
        row, said = event.before.index(event.header.call.object), "; ".join(map(str, event.header.mismatches[:3]))
        made: list[Marker] = []
        if event.after.seen[row]:
            bounds = event.after.bounds()[row]
            made += [self._box("failure", 0, bounds, RED), self._text("failure", 1, said, _top(bounds, 3 * TEXT), RED)]
        if displacement is not None and event.before.seen[row]:
            made.append(self._box("failure", 2, event.before.bounds()[row] + displacement[row], EXPECTED))
        self._markers["failure"] = made

    def learning(self, text: str) -> None:
        """What has been learnt, over the workspace."""
        self._markers["learning"] = [self._text("learning", 0, text, np.array([0.6, 0.0, 1.4]), WHITE)]

    def clear(self, *namespaces: str) -> None:
        """Take markers away."""
        for name in namespaces:
            self._markers.pop(name, None)

    def _marker(self, namespace: str, number: int, kind: int, scale: tuple[float, float, float], colour: Rgba) -> Marker:
        marker = Marker(header=header(self.stamp, self.frame), ns=namespace, id=number, type=kind, action=Marker.ADD)
        marker.scale.x, marker.scale.y, marker.scale.z = scale
        marker.color = ColorRGBA(**dict(zip("rgba", colour, strict=True)))
        marker.pose.orientation.w = 1.0
        return marker

    def _text(self, namespace: str, number: int, text: str, at: Array, colour: Rgba) -> Marker:
        marker = self._marker(namespace, number, Marker.TEXT_VIEW_FACING, (0.0, 0.0, TEXT), (*colour[:3], 1.0))
        marker.text = text
        _place(marker, at)
        return marker

    def _box(self, namespace: str, number: int, bounds: Array, colour: Rgba) -> Marker:
        x, y, z = np.maximum(bounds[1] - bounds[0], 1e-3).tolist()
        marker = self._marker(namespace, number, Marker.CUBE, (x, y, z), colour)
        _place(marker, bounds.mean(axis=0))
        return marker


def _place(marker: Marker, at: Array) -> None:
    marker.pose.position.x, marker.pose.position.y, marker.pose.position.z = map(float, at)


def _top(bounds: Array, height: float = TEXT) -> Array:
    """So high (m) above the middle of a box (2, 3)."""
    return np.array([*bounds.mean(axis=0)[:2], bounds[1, 2] + height])
