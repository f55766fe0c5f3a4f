"""What the robot's own files say, and what follows from it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.scene import rotations
from fail2progress.robots.stretch.description import AXES, BASE
from fail2progress.robots.stretch.kinematics import TOOLS, Kinematics
from fail2progress.robots.stretch.real.calibration import Calibration, Offsets, kinematics_of, read_calibration, read_offsets
from fail2progress.robots.stretch.real.robot import StretchRobot
from fail2progress.robots.stretch.real.transport import TransportError
from fail2progress.robots.stretch.urdf import read_urdf
from fail2progress.skills.phases import Phase
from support.driving import cloud
from support.fake_stretch import FakeStretch

WRIST = "0.0830000000000654 -0.0307500000000129"
OFFSETS = """
pan_angle_offset: 0.02
pan_looked_left_offset: 0.01
tilt_angle_offset: -0.03
tilt_looking_up_offset: 0.015
tilt_angle_backlash_transition: -0.4
arm_retracted_offset: -0.004
"""


def public(tool: str) -> str:
    found = importlib.util.find_spec("stretch_urdf")
    assert found is not None and found.origin is not None
    return (Path(found.origin).parent / "RE2V0" / f"stretch_description_RE2V0_{tool}.urdf").read_text()


def fleet(folder: Path, urdf: str = "", offsets: str = "") -> dict[str, str]:
    """A robot's folder as stretch_body has it."""
    own = folder / "stretch-re2-0000" / "exported_urdf"
    own.mkdir(parents=True)
    for name, text in (("stretch.urdf", urdf), ("controller_calibration_head.yaml", offsets)):
        if text:
            (own / name).write_text(text)
    return {"HELLO_FLEET_PATH": str(folder), "HELLO_FLEET_ID": "stretch-re2-0000"}


def robot(calibration: Calibration, tool: str = "tool_stretch_gripper") -> tuple[StretchRobot, FakeStretch]:
    body = FakeStretch(tool=tool)
    made = StretchRobot(body, lambda: cloud("cup"), body.clock, calibration=calibration)
    made.alive()
    body.clock.always(made.alive)
    body.clock.sleep(0.1)
    return made, body


def test_without_files_the_nominal_description_holds(tmp_path: Path) -> None:
    assert read_calibration({}) == read_calibration(fleet(tmp_path)) == Calibration()
    assert kinematics_of(FakeStretch(tool="tool_stretch_gripper"), Calibration()).wrist == Kinematics().wrist


@pytest.mark.parametrize("tool", list(TOOLS))
def test_lengths_come_from_the_robot_s_urdf(tool: str, tmp_path: Path) -> None:
    moved = public(tool).replace(f"{WRIST} 0", f"{WRIST} 0.012")
    calibration = read_calibration(fleet(tmp_path, moved, OFFSETS))
    nominal, own = (kinematics_of(FakeStretch(tool=tool), one) for one in (Calibration(), calibration))
    assert own.wrist[1] - nominal.wrist[1] == pytest.approx(-0.012, abs=1e-3)
    assert own.tool.reach == pytest.approx(nominal.tool.reach, abs=1e-3)
    assert calibration.offsets == Offsets(0.02, 0.01, -0.03, 0.015, -0.4, -0.004)


def test_ranges_are_those_that_stretch_body_has_calibrated() -> None:
    body = FakeStretch()
    body.arm.soft_motion_limits["current"] = [0.01, 0.48]
    body.head.motors["head_tilt"].soft_motion_limits["current"] = [-1.2, 0.9]
    axes = kinematics_of(body, Calibration()).axes
    assert (axes["arm"].low, axes["arm"].high) == (0.01, 0.48)
    assert (axes["tilt"].low, axes["tilt"].high) == (-1.2, AXES["tilt"].high) and axes["lift"] == AXES["lift"]


@pytest.mark.parametrize(
    ("urdf", "offsets", "says"),
    [
        ("<robot", "", r"stretch\.urdf: not a URDF.*export it again"),
        ("", "pan_angle_offset: much", r"controller_calibration_head\.yaml: not a calibration.*calibrate again"),
        ("", "tilt_angle_offset: 0.9", r"tilt = 0\.9 is larger than 0\.3"),
        ("", "arm_retracted_offset: .nan", r"arm_retracted = nan is larger than 0\.05"),
    ],
)
def test_files_that_make_no_sense_are_named(urdf: str, offsets: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(TransportError, match=says):
        read_calibration(fleet(tmp_path, urdf, offsets))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ((f"{WRIST} 0", f"{WRIST} 0.2"), r"0\.20 m from where"),
        (("link_wrist_yaw", "hand"), "not the URDF of a Stretch"),
    ],
)
def test_the_urdf_of_another_robot_is_refused(change: tuple[str, str], says: str, tmp_path: Path) -> None:
    calibration = read_calibration(fleet(tmp_path, public("tool_stretch_gripper").replace(*change)))
    with pytest.raises(TransportError, match=says):
        kinematics_of(FakeStretch(tool="tool_stretch_gripper"), calibration)


def test_the_head_goes_where_it_shall_with_its_offsets(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(OFFSETS)
    made, body = robot(Calibration(offsets=read_offsets(tmp_path / "a.yaml")))
    made.point_head(-1.0, -0.8)
    assert body.commands[-2].to == pytest.approx(-1.0 - 0.02) and body.commands[-1].to == pytest.approx(-0.8 + 0.03)
    joints = made.joints()
    assert joints["joint_head_pan"][0] == pytest.approx(-1.0, abs=0.02)
    assert joints["joint_head_tilt"][0] == pytest.approx(-0.8, abs=0.02)
    made.point_head(0.5, -0.1)
    assert body.commands[-2].to == pytest.approx(0.5 - 0.03) and body.commands[-1].to == pytest.approx(-0.1 + 0.015)


def test_an_arm_that_has_moved_in_stands_elsewhere_than_it_reads() -> None:
    made, body = robot(Calibration(offsets=Offsets(arm_retracted=-0.004)))
    assert made.axes()["arm"] == pytest.approx(0.1)
    with made._driver.goal():
        made._driver.move(made._positions(Phase("in", {"arm": 0.05})))
    assert body.commands[-1].to == pytest.approx(0.054)
    assert made.axes()["arm"] == pytest.approx(0.05, abs=0.005)


def test_links_are_those_of_the_robot_s_urdf_the_dex_wrist_s_too(tmp_path: Path) -> None:
    tool = "tool_stretch_dex_wrist"
    calibration = read_calibration(fleet(tmp_path, public(tool)))
    made, body = robot(calibration, tool)
    body.axes["wrist_pitch"].position = -0.7
    body.clock.sleep(0.1)
    found = {child: (parent, at) for parent, child, at in made.transforms()}
    assert {"link_wrist_pitch", "link_wrist_roll", "camera_link"} <= set(found)
    assert "camera_color_optical_frame" not in found and calibration.urdf is not None
    assert set(found) - {"planning", BASE} == set(calibration.urdf.joints) - calibration.urdf.below("camera_link")
    turn = (
        rotations(found["link_wrist_pitch"][1][None, 3:])[0] @ calibration.urdf.local_transforms({})["link_wrist_pitch"][:3, :3].T
    )
    assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) == pytest.approx(np.degrees(0.7), abs=1e-6)


def test_links_of_the_urdf_are_where_the_description_has_them(tmp_path: Path) -> None:
    (tmp_path / "a.urdf").write_text(public("tool_stretch_gripper"))
    made, plain = robot(Calibration(urdf=read_urdf(tmp_path / "a.urdf"))), robot(Calibration())
    own, nominal = ({child: at for _, child, at in one[0].transforms()} for one in (made, plain))
    for link in nominal:
        np.testing.assert_allclose(own[link][:3], nominal[link][:3], atol=1e-3)
        assert abs(own[link][3:] @ nominal[link][3:]) == pytest.approx(1.0, abs=1e-4)
