import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.objects import CATEGORIES, DEFAULT_CATEGORY, ObjectSpec, Shape, category, kind_of

names = st.sampled_from(sorted(CATEGORIES))
extents = st.tuples(*[st.floats(0.04, 1)] * 3)


@given(names, extents)
def test_the_parts_of_an_object_fill_its_box_exactly(name: str, size: tuple[float, float, float]) -> None:
    parts = ObjectSpec("thing", name, size).primitives()
    low = np.min([np.subtract(part.centre, part.half) for part in parts], axis=0)
    high = np.max([np.add(part.centre, part.half) for part in parts], axis=0)
    np.testing.assert_allclose(high, np.array(size) / 2)
    np.testing.assert_allclose(low, -np.array(size) / 2)
    assert all(extent > 0 for part in parts for extent in part.half)


def solid_at(spec: ObjectSpec, point: tuple[float, float, float]) -> bool:
    return any((np.abs(np.subtract(point, part.centre)) <= part.half).all() for part in spec.primitives())


def test_an_open_box_is_open_at_the_top_and_nowhere_else() -> None:
    cup = ObjectSpec("cup", "cup", (0.08, 0.08, 0.07))
    assert not solid_at(cup, (0, 0, 0)) and not solid_at(cup, (0, 0, 0.0349))
    assert solid_at(cup, (0, 0, -0.034))
    assert all(solid_at(cup, (x, y, 0)) for x, y in ((0.039, 0), (-0.039, 0), (0, 0.039), (0, -0.039)))


def test_a_shelf_is_open_towards_the_robot() -> None:
    shelf = ObjectSpec("shelf", "shelf", (0.3, 0.4, 0.5))
    assert not solid_at(shelf, (-0.149, 0, 0)) and solid_at(shelf, (0.149, 0, 0))
    assert all(solid_at(shelf, at) for at in ((0, 0.199, 0), (0, -0.199, 0), (0, 0, 0.249), (0, 0, -0.249)))


def test_capsules_are_upright_cylinders() -> None:
    (part,) = ObjectSpec("pill", "capsule", (0.03, 0.03, 0.02)).primitives()
    assert part.cylinder and CATEGORIES["capsule"].shape is Shape.CYLINDER


def test_what_can_be_moved_and_what_slides() -> None:
    movable = {name for name in CATEGORIES if ObjectSpec("x", name, (1, 1, 1)).movable}
    assert movable == {"cuboid", "capsule", "cup", "open_box"}
    assert [name for name in CATEGORIES if ObjectSpec("x", name, (1, 1, 1)).is_drawer] == ["drawer"]


def test_unknown_categories_are_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'mug'.*capsule.*table"):
        category("mug")
    with pytest.raises(ValueError, match=r"'mug'"):
        ObjectSpec("a", "mug", (1, 1, 1))


def test_what_segmenters_have_words_of_their_own_for_is_a_solid_thing_that_can_be_moved() -> None:
    assert kind_of("cup") is CATEGORIES["cup"]
    taken = kind_of("bottle")
    assert taken is CATEGORIES[DEFAULT_CATEGORY] and taken.movable and not taken.container


def test_nothing_is_called_as_what_all_things_stand_in_or_as_a_robot_s_body() -> None:
    with pytest.raises(ValueError, match="no object can be called 'world'"):
        ObjectSpec("world", "cuboid", (0.1, 0.1, 0.1))
    with pytest.raises(ValueError, match="no object can be called '/hand'"):
        ObjectSpec("/hand", "cuboid", (0.1, 0.1, 0.1))


@given(st.sampled_from([0.0, -0.1, math.nan, -math.inf]), st.integers(0, 2))
def test_sizes_that_are_none_are_named(wrong: float, axis: int) -> None:
    size = [0.1, 0.1, 0.1]
    size[axis] = wrong
    with pytest.raises(ValueError, match=rf"'a'.*{wrong}"):
        ObjectSpec("a", "cuboid", (size[0], size[1], size[2]))
