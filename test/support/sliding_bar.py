"""A robot of one bar that slides over a table, with the URDF that says so, seen by its camera."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.learning.segmentation.meshes import box
from support.tabletop_frames import frame_of

EYE, TARGET = np.array([0.0, -0.6, 0.5]), np.array([0.0, 0.0, 0.03])
TABLE = (box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105))
FLOOR = (box(8, 8, 0.05).shifted(0, 0, -0.75), (120, 120, 125))


def axes() -> np.ndarray:
    """(3, 3) from the camera's optical frame to the base."""
    forward = (TARGET - EYE) / np.linalg.norm(TARGET - EYE)
    right = np.cross(forward, (0.0, 0.0, 1.0)) / np.linalg.norm(np.cross(forward, (0.0, 0.0, 1.0)))
    return np.column_stack([right, np.cross(forward, right), forward])


def urdf(folder: Path, camera: str = "camera_color_optical_frame") -> Path:
    """A bar of 40 cm that a joint moves along x, 6 cm over a table, and a camera that looks at it."""
    turn = Rotation.from_matrix(axes()).as_euler("xyz")
    path = folder / "robot.urdf"
    path.write_text(f"""<robot name="bar">
      <link name="base"/><link name="{camera}"/>
      <link name="arm"><collision><origin xyz="0 0 0.02"/><geometry><box size="0.4 0.05 0.04"/></geometry></collision></link>
      <joint name="fixed" type="fixed"><parent link="base"/><child link="{camera}"/>
        <origin xyz="{" ".join(map(str, EYE))}" rpy="{" ".join(map(str, turn))}"/></joint>
      <joint name="slide" type="prismatic"><parent link="base"/><child link="arm"/>
        <origin xyz="-0.4 0.05 0.06"/><axis xyz="1 0 0"/><limit lower="0" upper="0.5"/></joint>
    </robot>""")
    return path


def photograph(slid: float) -> RgbdFrame:
    """The bar where its joint is at so many metres, over a table, and a box beside it."""
    arm = box(0.4, 0.05, 0.04).shifted(-0.4 + slid, 0.05, 0.06)
    thing = box(0.07, 0.06, 0.08).shifted(0.1, -0.1, 0.0)
    return frame_of([TABLE, FLOOR, (arm, (40, 40, 45)), (thing, (180, 50, 45))], EYE, TARGET)
