"""Goals in words, resolved in what is seen."""

import numpy as np
import pytest

from fail2progress.core.descriptions import described, resolve
from fail2progress.core.observation import Observation, SegmentedCloud
from fail2progress.core.relations import BINARY, UNARY, RelationState

NAMES = ("table_a", "table_b", "cup_1", "cup_2", "capsule_1", "capsule_2", "capsule_3")
COLOURS = ("white", "", "red", "blue", "yellow", "grey", "grey")
KINDS = ("table", "table", "cup", "cup", "capsule", "capsule", "capsule")
CENTRES = (
    (0.6, 0.4, 0.3),
    (0.6, -0.4, 0.3),
    (0.5, 0.4, 0.65),
    (0.8, 0.3, 0.65),
    (0.5, 0.5, 0.62),
    (0.6, -0.5, 0.62),
    (0.4, 0.2, 0.62),
)
SIZES = (
    (0.5, 0.5, 0.6),
    (0.5, 0.5, 0.6),
    (0.08, 0.08, 0.1),
    (0.1, 0.1, 0.1),
    (0.03, 0.03, 0.02),
    (0.03, 0.03, 0.02),
    (0.03, 0.03, 0.03),
)


def observation(unseen: str = "", coloured: bool = True) -> Observation:
    points = np.array(
        [[np.array(c) - np.array(s) / 2, np.array(c) + np.array(s) / 2] for c, s in zip(CENTRES, SIZES, strict=True)]
    )
    if unseen:
        points[NAMES.index(unseen)] = np.nan
    binary = np.zeros((7, 7, len(BINARY)))
    for above, below in ((2, 0), (3, 0), (4, 0), (6, 0), (5, 1)):
        binary[above, below, BINARY.index("above")] = 0.9
    state = RelationState(NAMES, binary, np.zeros((7, len(UNARY))))
    cloud = SegmentedCloud(NAMES, KINDS, points.astype(np.float32), np.ones(7, np.float32), colours=COLOURS if coloured else ())
    return Observation(cloud, state, "test")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("inside(capsule_1, cup_1)", "inside(capsule_1, cup_1)"),
        ("inside(every capsule, cup_1)", "inside(capsule_1, cup_1) and inside(capsule_2, cup_1) and inside(capsule_3, cup_1)"),
        ("inside(all capsules on table_a, the largest cup)", "inside(capsule_1, cup_2) and inside(capsule_3, cup_2)"),
        ("above(the smallest cup, table_b)", "above(cup_1, table_b)"),
        ("not above(the nearest capsule, table_b)", "not above(capsule_3, table_b)"),
        ("above(the leftmost object, table_b)", "above(capsule_1, table_b)"),
        ("above(the farthest cup, table_b) & movable(cup_1)", "above(cup_2, table_b) and movable(cup_1)"),
        ("left(every cup, the tallest cup)", "left(cup_2, cup_1)"),
        ("above(capsule on table_b, table_a)", "above(capsule_2, table_a)"),
        ("inside(the yellow capsule, the red cup)", "inside(capsule_1, cup_1)"),
        ("above(every gray capsule, the white table)", "above(capsule_2, table_a) and above(capsule_3, table_a)"),
        ("above(the largest grey capsule, table_b)", "above(capsule_3, table_b)"),
        ("inside(the yellow can, the red mug)", "inside(capsule_1, cup_1)"),
        ("inside(every grey bottle, the largest bowl)", "inside(capsule_2, cup_2) and inside(capsule_3, cup_2)"),
        ("above(all mugs, table_b)", "above(cup_1, table_b) and above(cup_2, table_b)"),
        ("above(the blue thing on table_a, table_b)", "above(cup_2, table_b)"),
    ],
)
def test_what_is_said_is_what_is_meant(said: str, meant: str) -> None:
    assert str(resolve(said, observation())) == meant


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("inside(capsule, cup_1)", r"'capsule' means 3 things that are seen: capsule_1, .*; say which, or: every capsule"),
        ("inside(every capsule, the cup)", r"'the cup' means 2 things that are seen: cup_1, cup_2"),
        ("inside(capsule_1, the drawer)", r"'the drawer' means nothing that is seen; there are: table_a \(white table\)"),
        ("inside(capsule_1, cpu_1)", r"unknown thing 'cpu_1'; .*Did you mean 'cup_1'"),
        (
            "inside(the red capsule, cup_1)",
            r"'the red capsule' means nothing that is seen; there are: .*capsule_1 \(yellow capsule\)",
        ),
        ("inside(the crimson capsule, cup_1)", r"unknown thing 'crimson capsule'"),
        ("inside(every capsule on the cup, cup_1)", r"'the cup' means cup_1, cup_2; say which one"),
        ("above(every drawer, table_a)", r"nothing that is seen is meant"),
        ("beside(cup_1, cup_2)", r"unknown relation 'beside'"),
        ("cup_1 in cup_2", r"not a relation: 'cup_1 in cup_2'"),
    ],
)
def test_what_means_nothing_or_too_much_is_said_so(said: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        resolve(said, observation())


def test_what_was_never_seen_is_not_meant() -> None:
    assert str(resolve("inside(every capsule, cup_1)", observation("capsule_2"))).count("inside") == 2


def test_without_colours_nothing_has_the_one_that_is_meant() -> None:
    with pytest.raises(ValueError, match=r"'the red cup' means nothing that is seen; there are: table_a \(table\)"):
        resolve("inside(capsule_1, the red cup)", observation(coloured=False))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("inside(capsule_1, cup_1) and above(cup_1, table_b)", False),
        ("inside(capsule_1, the red cup)", True),
        ("not above(every capsule on table_a, the largest white table)", True),
        ("open(the drawer)", True),
    ],
)
def test_goals_in_words_are_told_from_those_by_ids(said: str, words: bool) -> None:
    assert described(said, NAMES) == words


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("inside(capsule_1, cpu_1)", "unknown thing 'cpu_1'"),
        ("in_side(capsule_1, the cup)", "unknown relation 'in_side'"),
        ("inside(the crimson cup on table_a, cup_1)", "unknown thing 'crimson cup'"),
        ("inside(a cup on the shlef, cup_1)", "unknown thing 'shlef'"),
        ("the red cup", "not a relation"),
    ],
)
def test_words_that_nobody_knows_are_refused_before_anything_is_seen(said: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        described(said, NAMES)
