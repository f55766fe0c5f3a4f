"""Point clouds of standard types, messages to arrays and back; and what is seen as detections, where vision_msgs is there."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from nav_msgs.msg import MapMetaData, OccupancyGrid
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField

from fail2progress.core.observation import SegmentedCloud
from fail2progress.perception.amodal import AmodalBox
from fail2progress.ros.conversions.values import Refused, header

MOST = 200_000
"""Points of a cloud."""


def points_msg(points: NDArray[np.float32], frame: str, stamp: int) -> PointCloud2:
    """(N, 3) points in m, as x, y, z."""
    data = array("B")
    data.frombytes(np.ascontiguousarray(points, np.float32).tobytes())
    fields = [PointField(name=n, offset=4 * k, datatype=PointField.FLOAT32, count=1) for k, n in enumerate("xyz")]
    size = {"height": 1, "width": len(points), "point_step": 12, "row_step": 12 * len(points)}
    return PointCloud2(header=header(stamp, frame), fields=fields, data=data, is_dense=True, **size)


def grid_msg(cells: NDArray[np.int8], cell: float, frame: str, stamp: int) -> OccupancyGrid:
    """(H, W) cells of a side in m around the frame's origin, rows along y, columns along x."""
    data = array("b")
    data.frombytes(np.ascontiguousarray(cells, np.int8).tobytes())
    height, width = cells.shape
    corner = Point(x=-width * cell / 2, y=-height * cell / 2)
    origin = Pose(position=corner, orientation=Quaternion(w=1.0))
    said = header(stamp, frame)
    about = MapMetaData(map_load_time=said.stamp, resolution=cell, width=width, height=height, origin=origin)
    return OccupancyGrid(header=said, info=about, data=data)


def points_of(message: PointCloud2) -> NDArray[np.float32]:
    """(N, 3) finite points in m. Refused where x, y and z are not there as 32-bit numbers, or the bytes do not fit."""
    at = {field.name: int(field.offset) for field in message.fields if field.datatype == PointField.FLOAT32}
    count, step = int(message.width) * int(message.height), int(message.point_step)
    if not {"x", "y", "z"} <= set(at) or any(at[name] + 4 > step for name in "xyz"):
        raise Refused("encoding", f"a cloud of {', '.join(field.name for field in message.fields)[:80]}; x, y, z are needed")
    if count > MOST or len(message.data) < count * step:
        raise Refused("size", f"{len(message.data)} bytes for {count} points of {step} bytes; at most {MOST} points are taken")
    order = ">" if message.is_bigendian else "<"
    kind = np.dtype({"names": list("xyz"), "formats": [f"{order}f4"] * 3, "offsets": [at[n] for n in "xyz"], "itemsize": step})
    rows = np.frombuffer(message.data, kind, count)
    points = np.stack([rows[name].astype(np.float32) for name in "xyz"], axis=-1)
    return np.asarray(points[np.isfinite(points).all(axis=1)])


def whole_msg(boxes: Mapping[str, AmodalBox], categories: Mapping[str, str], frame: str, stamp: int) -> Any:
    """vision_msgs/Detection3DArray: by name, the upright box around all of every thing, what is hidden of it included.

    `id` is the segment's name, the class its category; the covariance of the pose has the variances (m^2) of the box's middle in
    the box's own axes, as its sides follow from what was seen. ImportError without vision_msgs.
    """
    from vision_msgs.msg import BoundingBox3D, Detection3D, Detection3DArray, ObjectHypothesis, ObjectHypothesisWithPose

    found, of = [], header(stamp, frame)
    for name, box in boxes.items():
        x, y, z, *turn = map(float, box.pose)
        middle = Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(**dict(zip("wxyz", turn, strict=True))))
        what = ObjectHypothesisWithPose(hypothesis=ObjectHypothesis(class_id=categories[name], score=1.0))
        what.pose.pose = middle
        for axis in range(3):
            low, high = box.deviation[2 * axis : 2 * axis + 2].tolist()
            what.pose.covariance[7 * axis] = (low * low + high * high) / 4
        size = Vector3(**dict(zip("xyz", box.size.tolist(), strict=True)))
        found.append(Detection3D(header=of, results=[what], bbox=BoundingBox3D(center=middle, size=size), id=name))
    return Detection3DArray(header=of, detections=found)


def detections_msg(cloud: SegmentedCloud) -> Any:
    """vision_msgs/Detection3DArray: a box along the frame's axes for everything that was ever seen.

    `id` is the segment's name, the class its category, the score the share of its outline that is in view. ImportError without
    vision_msgs.
    """
    from vision_msgs.msg import BoundingBox3D, Detection3D, Detection3DArray, ObjectHypothesis, ObjectHypothesisWithPose

    found, of = [], header(cloud.stamp, cloud.frame)
    for row in np.flatnonzero(cloud.seen):
        low, high = cloud.bounds()[row].tolist()
        middle = Point(**{name: (a + b) / 2 for name, a, b in zip("xyz", low, high, strict=True)})
        size = Vector3(**{name: b - a for name, a, b in zip("xyz", low, high, strict=True)})
        pose = Pose(position=middle, orientation=Quaternion(w=1.0))
        what = ObjectHypothesisWithPose(
            hypothesis=ObjectHypothesis(class_id=cloud.categories[row], score=float(cloud.visibility[row]))
        )
        what.pose.pose = pose
        found.append(Detection3D(header=of, results=[what], bbox=BoundingBox3D(center=pose, size=size), id=cloud.names[row]))
    return Detection3DArray(header=of, detections=found)
