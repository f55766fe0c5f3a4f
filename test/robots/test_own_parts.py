"""A robot's own parts are left out of its camera's images, by its URDF and where its joints are."""

from pathlib import Path

import numpy as np
import pytest

from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from fail2progress.robots.own_parts import OwnParts, own_parts
from fail2progress.robots.stretch.urdf import UrdfError
from support.sliding_bar import photograph, urdf


@pytest.mark.parametrize("slid", [0.2, 0.42])
def test_an_arm_over_the_table_is_no_thing(tmp_path: Path, slid: float) -> None:
    parts, frame = own_parts(urdf(tmp_path)), photograph(slid)
    assert len(GeometricSegmenter().segment(frame).segments) > 1
    bare = parts.left_out(frame, parts.places({"slide": slid}))
    assert 5_000 < (frame.depth > 0).sum() - (bare.depth > 0).sum() < 40_000
    (thing,) = GeometricSegmenter().segment(bare).segments
    assert thing.size[2] == pytest.approx(0.08, abs=0.01)


def test_where_its_joints_are_matters(tmp_path: Path) -> None:
    parts, frame = own_parts(urdf(tmp_path)), photograph(0.42)
    away = parts.left_out(frame, parts.places({"slide": 0.0}))
    assert len(GeometricSegmenter().segment(away).segments) > 1


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UrdfError, match="no link 'camera_color_optical_frame'"):
        own_parts(urdf(tmp_path, camera="eye")).places({})
    with pytest.raises(UrdfError, match="none of its joints is among lift"):
        own_parts(urdf(tmp_path)).places({"lift": 0.3})
    path = tmp_path / "robot.urdf"
    path.write_text('<robot><link name="a"><visual><geometry><mesh filename="./a.stl"/></geometry></visual></link></robot>')
    with pytest.raises(UrdfError, match=r"no mesh ./a.stl"):
        own_parts(path)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ('<cylinder length="1"/>', "has a cylinder without a radius"),
        ('<cylinder radius="x" length="1"/>', "radius='x' is not a number"),
        ('<sphere radius="nan"/>', "radius='nan' is not a number"),
        ('<sphere radius="-1"/>', "radius='-1' is less than nothing"),
        ("<box/>", "has a box without a size"),
        ('<box size="1 1"/>', "size='1 1' is not three numbers"),
        ("", "has a shape that is no box, cylinder, sphere or mesh"),
    ],
)
def test_shapes_that_make_no_sense_are_named_with_file_and_link(shape: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "robot.urdf"
    path.write_text(f'<robot><link name="a"><visual><geometry>{shape}</geometry></visual></link></robot>')
    with pytest.raises(UrdfError, match=rf"robot\.urdf: link 'a':? {says}"):
        own_parts(path)


def stretch() -> OwnParts:
    folder = Path(pytest.importorskip("stretch_urdf").__file__).parent / "RE2V0"
    return own_parts(folder / "stretch_description_RE2V0_tool_stretch_gripper.urdf")


def test_a_stretch_has_its_arm_before_its_head_when_the_head_looks_at_it() -> None:
    parts = stretch()
    positions = {"joint_lift": 0.7, "joint_arm_l0": 0.1, "joint_head_pan": -np.pi / 2, "joint_head_tilt": -0.7}
    places = parts.places(positions)
    assert len(parts.parts) > 15 and {"link_arm_l0", "link_gripper", "link_head"} <= set(places)
    x, y, z = places["link_gripper"][:3, 3]
    assert 0.2 < z < 1.5 and np.hypot(x, y) < z, "the camera sees it"
