"""Which steps are proposed for what is missing, from what definitions say."""

from dataclasses import replace

import pytest
import torch

from fail2progress.core.goals import Goal
from fail2progress.core.relations import BINARY, UNARY
from fail2progress.models.base import LatentState, RelationLogits
from fail2progress.planning.relevance import Scene, relevant_steps, unmet
from fail2progress.planning.steps import atom_rows
from fail2progress.skills.samplers import Segments, Step

NAMES = ("table_a", "table_b", "cup", "cube", "crate", "cabinet", "drawer")
CATEGORIES = ("table", "table", "cup", "cuboid", "open_box", "cabinet", "drawer")
TABLE_A, TABLE_B, CUP, CUBE, CRATE, CABINET, DRAWER = range(7)
SEGMENTS = Segments(NAMES, CATEGORIES)
WIDTHS = (0.6, 0.6, 0.08, 0.04, 0.30, 0.25, 0.20)


def scene(goal: str, *holding: tuple[str, int, int | None]) -> Scene:
    """Everything movable stands above table_a; besides, what is named holds."""
    binary, unary = torch.full((1, 7, 7, len(BINARY)), -5.0), torch.full((1, 7, len(UNARY)), -5.0)
    for row in (CUP, CUBE, CRATE, CABINET):
        binary[0, row, TABLE_A, BINARY.index("above")] = 5.0
    for relation, subject, other in holding:
        if other is None:
            unary[0, subject, UNARY.index(relation)] = 5.0
        else:
            binary[0, subject, other, BINARY.index(relation)] = 5.0
    box = torch.stack([torch.tensor([[0.0, 0.0, 0.45], [width, width, 0.5]]) for width in WIDTHS]).unsqueeze(0)
    zeros = torch.zeros(1, 7, 2)
    state = LatentState(zeros, box, torch.arange(7).view(1, 7), torch.ones(1, 7, dtype=torch.bool), zeros)
    return Scene.of(state, RelationLogits(binary, unary), SEGMENTS, Goal.parse(goal))


def steps(goal: str, *holding: tuple[str, int, int | None]) -> list[Step]:
    """For the first atom of a goal."""
    asked = scene(goal, *holding)
    return relevant_steps([atom_rows(asked.goal.atoms[0], NAMES)], asked)


def test_things_are_put_on_what_is_known_to_carry_them_and_nowhere_else() -> None:
    """Beside a thing that the goal wants touched, on the table; above one, on that; without any table, nowhere."""
    pushes = [Step("push", CUP, CUBE), Step("push", CUBE, CUP)]
    for wish, on in (("contact(cup, crate)", TABLE_A), ("above(cup, crate)", CRATE), ("contact(cup, table_b)", TABLE_B)):
        places = [Step("pick_place", CUP, on), Step("pick_place", CUBE, TABLE_A)]
        assert steps(f"left(cup, cube) and {wish}") == [*places, *pushes]
    asked = scene("left(cup, cube)")
    bare = replace(asked, segments=Segments(NAMES, ("cuboid", "cuboid", *CATEGORIES[2:])))
    assert relevant_steps([atom_rows(asked.goal.atoms[0], NAMES)], bare) == pushes


@pytest.mark.parametrize(
    ("goal", "holding", "expected"),
    [
        ("open(drawer)", (), [Step("open_drawer", DRAWER)]),
        ("not open(drawer)", (("open", DRAWER, None),), [Step("close_drawer", DRAWER)]),
        ("open(cup)", (), []),
        ("movable(table_a)", (), []),
        ("inside(cube, cup)", (), [Step("pick_place", CUBE, CUP)]),
        ("below(cup, cube)", (), [Step("pick_place", CUBE, CUP)]),
        ("inside(cube, drawer)", (("open", DRAWER, None),), [Step("pick_place", CUBE, DRAWER)]),
        ("not above(cube, table_a)", (), [Step("pick_place", CUBE, TABLE_B)]),
        ("not inside(cube, cup)", (("inside", CUBE, CUP),), [Step("pick_place", CUBE, t) for t in (TABLE_A, TABLE_B)]),
    ],
)
def test_definitions_say_what_could_help(
    goal: str, holding: tuple[tuple[str, int, int | None], ...], expected: list[Step]
) -> None:
    assert steps(goal, *holding) == expected


def test_a_drawer_is_opened_before_something_is_put_in_or_taken_out() -> None:
    assert steps("inside(cube, drawer)") == [Step("open_drawer", DRAWER)]
    assert steps("inside(cube, cup)", ("inside", CUBE, DRAWER)) == [Step("open_drawer", DRAWER)]


def test_what_is_too_wide_for_the_fingers_is_pushed() -> None:
    assert steps("left(crate, cup)") == [
        Step("pick_place", CUP, TABLE_A),
        Step("push", CRATE, CUP),
        Step("push", CUP, CRATE),
    ]


@pytest.mark.parametrize(
    ("holding", "rests"),
    [
        ((("contact", CUBE, CUP), ("above", CUBE, CUP)), True),
        ((("contact", CUBE, CUP), ("above", CUBE, CUP), ("inside", CUBE, CUP)), False),
        ((("above", CUBE, CUP),), False),
        ((("contact", CUBE, CUP),), False),
        ((("contact", CUP, CUBE), ("above", CUP, CUBE)), False),
    ],
)
def test_what_rests_on_an_object_comes_away_first(holding: tuple[tuple[str, int, int], ...], rests: bool) -> None:
    """Unless it lies in it: then it is carried along."""
    away = [Step("pick_place", CUBE, TABLE_A), Step("pick_place", CUBE, TABLE_B)]
    assert steps("above(cup, table_b)", *holding) == (away if rests else [Step("pick_place", CUP, TABLE_B)])


def test_preconditions_that_are_not_met_are_named() -> None:
    asked = scene("inside(cube, drawer)", ("contact", CUP, CUBE), ("above", CUP, CUBE))
    assert unmet(Step("pick_place", CUBE, DRAWER), asked) == [("above", CUP, CUBE, False), ("open", DRAWER, None, True)]
    assert unmet(Step("push", CUBE, CUP), asked) == []
    assert unmet(Step("push", CUBE), scene("left(cube, cup)", ("inside", CUBE, CUP))) == [("inside", CUBE, CUP, False)]


def test_what_was_not_seen_is_not_believed_to_rest_anywhere() -> None:
    asked = scene("above(cup, table_b)", ("contact", CUBE, CUP), ("above", CUBE, CUP))
    asked.state.mask[0, CUBE] = False
    hidden = Scene.of(asked.state, RelationLogits(torch.full((1, 7, 7, 9), 5.0), torch.zeros(1, 7, 3)), SEGMENTS, asked.goal)
    missing = unmet(Step("pick_place", CUP, TABLE_B), hidden)
    assert all(CUBE not in (subject, other) for _, subject, other, _ in missing)
