import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import STRETCH_RE2, infeasible

SCENE = Scene(
    (
        ObjectSpec("table", "table", (0.5, 0.5, 0.04)),
        ObjectSpec("cup", "cup", (0.08, 0.08, 0.07)),
        ObjectSpec("crate", "open_box", (0.2, 0.2, 0.1)),
        ObjectSpec("plank", "cuboid", (0.4, 0.05, 0.02)),
        ObjectSpec("drawer", "drawer", (0.3, 0.3, 0.1)),
    ),
    np.stack([pose(0.6, 0, 0.5), pose(0.6, 0, 0.56), pose(0.6, 0.2, 0.57), pose(0.6, -0.2, 0.53), pose(1.0, 0, 0.5)]),
)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (SkillCall("pick_place", "cup", (0.1, 0.1, 0.1, 0)), None),
        (SkillCall("pick_place", "plank", (0.1, 0.1, 0.1, 0)), None),
        (SkillCall("pick_place", "table", (0, 0, 0, 0)), "table cannot be moved"),
        (SkillCall("push", "drawer", (0, 0.1)), "drawer cannot be moved"),
        (SkillCall("push", "crate", (0, 0.1)), None),
        (SkillCall("pick_place", "crate", (0, 0, 0, 0)), "crate is 0.200 m wide, the gripper opens 0.16 m"),
        (SkillCall("pick_place", "cup", (2, 0, 0, 0)), r"\[2.6, 0.0, 0.56\] is out of reach"),
        (SkillCall("pick_place", "cup", (0, 0, 1, 0)), "out of reach"),
        (SkillCall("pick_place", "cup", (0, 0, -0.5, 0)), "out of reach"),
        (SkillCall("open_drawer", "cup", (0, 0.1)), "cup is not a drawer"),
        (SkillCall("close_drawer", "table", (0, 0.1)), "table is not a drawer"),
        (SkillCall("open_drawer", "drawer", (0, 0.1)), None),
    ],
)
def test_the_reason_is_given(call: SkillCall, reason: str | None) -> None:
    found = infeasible(SCENE, call)
    if reason is None:
        assert found is None
    else:
        assert found is not None
        with pytest.raises(ValueError, match=reason):
            raise ValueError(found)


@pytest.mark.parametrize(
    ("kind", "size", "turn", "wide"),
    [
        ("cuboid", (0.2, 0.2, 0.04), ("y", 90), None),
        ("cuboid", (0.04, 0.2, 0.2), ("y", 90), "0.200 m wide"),
        ("cuboid", (0.2, 0.04, 0.2), ("ZX", (30, 90)), "0.200 m wide"),
        ("cuboid", (0.2, 0.2, 0.04), ("ZY", (45, 90)), None),
        ("cuboid", (0.15, 0.3, 0.3), ("ZYX", (20, 0, 30)), None),
        ("capsule", (0.18, 0.18, 0.3), ("x", 90), "0.180 m wide"),
        ("capsule", (0.15, 0.15, 0.3), ("ZXZ", (45, 90, 45)), None),
        ("capsule", (0.3, 0.3, 0.1), ("ZX", (20, 90)), None),
    ],
)
def test_what_counts_is_how_wide_a_thing_is_as_it_lies(
    kind: str, size: tuple[float, float, float], turn: tuple[str, float], wide: str | None
) -> None:
    """A plate on its edge is thin between the fingers, a board that has fallen over is not."""
    quaternion = Rotation.from_euler(*turn, degrees=True).as_quat(scalar_first=True)
    scene = Scene((ObjectSpec("it", kind, size),), np.array([[0.6, 0.0, 0.5, *quaternion]]))
    reason = infeasible(scene, SkillCall("pick_place", "it", (0, 0, 0, 0)))
    assert reason is None if wide is None else wide in str(reason)


def test_an_unknown_object_is_an_error_not_a_reason() -> None:
    with pytest.raises(ValueError, match=r"'mug'"):
        infeasible(SCENE, SkillCall("push", "mug", (0, 0.1)))


def test_the_workspace_is_a_box_with_room_in_it() -> None:
    assert (np.array(STRETCH_RE2.low) < STRETCH_RE2.high).all()
