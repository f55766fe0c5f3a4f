"""What a URDF says is checked when it is read: numbers, axes, and that its joints make a tree."""

from pathlib import Path

import numpy as np
import pytest

from fail2progress.robots.stretch.urdf import Urdf, UrdfError, read_urdf


def joint(name: str, parent: str, child: str, kind: str = "revolute", more: str = "") -> str:
    return f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>{more}</joint>'


def written(folder: Path, *joints: str) -> Urdf:
    (folder / "a.urdf").write_text(f'<robot name="r">{"".join(joints)}</robot>')
    return read_urdf(folder / "a.urdf")


@pytest.mark.parametrize(
    ("joints", "says"),
    [
        (["<joint"], "not a URDF"),
        (['<joint name="j" type="fixed"/>'], "j' has no parent"),
        ([joint("j", "a", "b", "hinge")], "joint 'j' has the type 'hinge'; known: revolute"),
        ([joint("j", "a", "b", more='<origin xyz="nan 0 0"/>')], "joint 'j': xyz='nan 0 0' is not three numbers"),
        ([joint("j", "a", "b", more='<origin rpy="0 0"/>')], "joint 'j': rpy='0 0' is not three numbers"),
        ([joint("j", "a", "b", more='<axis xyz="0 0 0"/>')], "joint 'j' moves along an axis of no length"),
        ([joint("j", "a", "b"), joint("k", "b", "a")], "round in a circle at 'b'"),
        ([joint("j", "a", "a")], "round in a circle at 'a'"),
        ([joint("j", "a", "c"), joint("k", "b", "c")], "two parents of 'c'"),
        ([joint("j", "a", "b"), joint("j", "b", "c")], "two joints called 'j'"),
        ([joint("j", "a", "b", more='<mimic joint="k"/>')], "mimics 'k', which there is none of"),
        ([joint("j", "a", "b", more='<mimic joint="k"/>'), joint("k", "a", "c", more='<mimic joint="j"/>')], "circle at 'j'"),
        ([joint("j", "a", "b", more='<mimic joint="j" offset="inf"/>')], "'inf' is no number"),
        (['<link name="a"><inertial><mass value="nan"/></inertial></link>'], "'nan' is no number"),
    ],
)
def test_what_is_no_tree_of_joints_is_refused_by_name(joints: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(UrdfError, match=rf"a\.urdf: not a URDF \(.*{says}" if joints != ["<joint"] else says):
        written(tmp_path, *joints)
    with pytest.raises(UrdfError, match=r"b\.urdf: No such file"):
        read_urdf(tmp_path / "b.urdf")


def test_an_axis_is_a_direction_whatever_its_length(tmp_path: Path) -> None:
    moves = joint("j", "a", "b", more='<axis xyz="0 0 2"/>'), joint("k", "b", "c", "prismatic", '<axis xyz="0 -3 0"/>')
    found = written(tmp_path, *moves, joint("l", "c", "d", "fixed", '<axis xyz="0 0 0"/>')).local_transforms({"j": 0.5, "k": 0.2})
    np.testing.assert_allclose(found["b"][:2, 0], [np.cos(0.5), np.sin(0.5)])
    np.testing.assert_allclose(found["c"][:3, 3], [0, -0.2, 0], atol=1e-12)
    np.testing.assert_allclose(found["d"], np.eye(4))


def test_a_joint_that_mimics_another_goes_with_it_unless_it_is_said_where_it_is(tmp_path: Path) -> None:
    left, right = (
        joint(side, "hand", side, "prismatic", f'<axis xyz="0 {y} 0"/>{more}')
        for side, y, more in (("left", 1, ""), ("right", -1, '<mimic joint="left" multiplier="2" offset="0.01"/>'))
    )
    found = written(tmp_path, left, right)
    assert found.local_transforms({"left": 0.04})["right"][1, 3] == pytest.approx(-0.09)
    assert found.local_transforms({"left": 0.04, "right": 0.02})["right"][1, 3] == pytest.approx(-0.02)
    assert found.at_zero("right", "hand")[1, 3] == pytest.approx(-0.01)
