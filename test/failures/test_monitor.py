import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.relations import BINARY, SUPPORT, UNARY, RelationState
from fail2progress.failures.monitor import Conduct, MonitorRule, mismatches, relied_on
from fail2progress.skills.base import SkillCall

NAMES = ("table", "cup", "pill", "bystander")
GOAL = Goal((Atom("inside", "pill", "cup"), Atom("left", "cup", "pill"), Atom("above", "cup", "table")))
probability = st.floats(0, 1)


def state(**values: float) -> RelationState:
    """Everything at 0.5 but the named atoms, written relation__subject__other."""
    binary = np.full((4, 4, len(BINARY)), 0.5)
    for key, value in values.items():
        relation, subject, other = key.split("__")
        binary[NAMES.index(subject), NAMES.index(other), BINARY.index(relation)] = value
    return RelationState(NAMES, binary, np.zeros((4, 3)))


@given(probability, probability)
def test_only_beliefs_on_opposite_sides_with_room_between_count(expected: float, observed: float) -> None:
    found = mismatches(state(inside__pill__cup=expected), state(inside__pill__cup=observed), GOAL)
    apart = (expected > 0.7 and observed < 0.3) or (expected < 0.3 and observed > 0.7)
    assert bool(found) == apart
    for mismatch in found:
        assert (mismatch.expected, mismatch.observed) == (expected, observed)


@pytest.mark.parametrize(
    ("atom", "counts"),
    [
        ("inside__pill__cup", True),
        ("above__pill__table", True),
        ("below__table__pill", True),
        ("inside__cup__pill", True),
        ("left__cup__pill", True),
        ("left__pill__cup", False),
        ("contact__pill__cup", False),
        ("boundary__cup__table", False),
        ("inside__bystander__cup", False),
        ("above__bystander__table", False),
    ],
)
def test_only_relations_that_the_plan_relies_on_count(atom: str, counts: bool) -> None:
    found = mismatches(state(**{atom: 0.95}), state(**{atom: 0.02}), GOAL)
    assert ["__".join((m.relation, m.subject, m.other)) for m in found] == ([atom] if counts else [])


def test_the_rule_is_data() -> None:
    expected = state(contact__pill__cup=0.6, inside__pill__cup=0.9)
    observed = state(contact__pill__cup=0.4, inside__pill__cup=0.1)
    rule = MonitorRule(high=0.55, low=0.45, relations=("contact",))
    goal = Goal((Atom("above", "cup", "pill"),))
    assert [m.relation for m in mismatches(expected, observed, goal, rule)] == ["contact"]


def test_what_is_as_expected_is_no_failure() -> None:
    rng = np.random.default_rng(0)
    some = RelationState(NAMES, rng.random((4, 4, len(BINARY))), rng.random((4, 3)))
    assert mismatches(some, some, GOAL) == ()


def test_atoms_relied_on_come_once_in_a_fixed_order() -> None:
    atoms = list(relied_on(state(), GOAL, MonitorRule()))
    assert len(atoms) == len(set(atoms)) == 6 * len(SUPPORT) + 1
    assert atoms == list(relied_on(state(), GOAL, MonitorRule()))


def test_which_of_two_movable_things_lies_higher_is_not_relied_on() -> None:
    free = np.zeros((4, 3))
    free[1:, UNARY.index("movable")] = 1.0
    atoms = list(relied_on(RelationState(NAMES, state().binary, free), GOAL, MonitorRule()))
    assert ("above", "pill", "cup") not in atoms
    assert ("above", "cup", "table") in atoms
    assert ("inside", "cup", "pill") in atoms


DRAWERS = ("table", "drawer", "cup", "pill")


def seen(*atoms: Atom) -> RelationState:
    """These hold and nothing else; all but the table and the drawer are movable."""
    binary, unary = np.zeros((4, 4, len(BINARY))), np.zeros((4, 3))
    unary[2:, 0] = unary[1, 1] = 1.0
    for atom in atoms:
        if atom.other is None:
            unary[DRAWERS.index(atom.subject), UNARY.index(atom.relation)] = 1.0
        else:
            binary[DRAWERS.index(atom.subject), DRAWERS.index(atom.other), BINARY.index(atom.relation)] = 1.0
    return RelationState(DRAWERS, binary, unary)


NOTHING = Goal((Atom("left", "cup", "pill"),))


def test_what_a_skill_was_meant_to_change_is_relied_on() -> None:
    """An opened drawer, and contact with what something is put on, though the goal asks for neither."""
    opening = Conduct(SkillCall("open_drawer", "drawer", (np.pi, 0.1)), seen())
    (failed,) = mismatches(seen(Atom("open", "drawer")), seen(), NOTHING, conduct=opening)
    assert (failed.relation, failed.subject, failed.other) == ("open", "drawer", "")
    assert str(failed) == "open(drawer) did not hold (expected 1.00, observed 0.00)"
    placing = Conduct(SkillCall("pick_place", "cup", (0.1, 0.0, 0.0, 0.0), "table"), seen())
    expected = seen(Atom("above", "cup", "table"), Atom("contact", "cup", "table"))
    found = mismatches(expected, seen(Atom("above", "cup", "table")), NOTHING, conduct=placing)
    assert [(m.relation, m.subject, m.other) for m in found] == [("contact", "cup", "table")]


@pytest.mark.parametrize(
    ("by_the_way", "beside"),
    [
        (Atom("contact", "pill", "cup"), (Atom("inside", "pill", "cup"),)),
        (Atom("boundary", "pill", "cup"), (Atom("above", "pill", "cup"),)),
    ],
    ids=["lies on another content", "lies at an edge"],
)
def test_what_comes_about_by_the_way_is_relied_on_only_where_it_is_asked_for(by_the_way: Atom, beside: tuple[Atom, ...]) -> None:
    placing = Conduct(SkillCall("pick_place", "pill", (0.1, 0.0, 0.0, 0.0), "cup"), seen())
    expected, observed = seen(by_the_way, *beside), seen(*beside)
    assert mismatches(expected, observed, NOTHING, conduct=placing) == ()
    asked = mismatches(expected, observed, Goal((by_the_way,)), conduct=placing)
    assert [(m.relation, m.subject, m.other) for m in asked] == [(by_the_way.relation, "pill", "cup")]


def test_what_a_thing_is_does_not_break() -> None:
    """A drawer that looks less like one afterwards is one, though the next skill needs one."""
    opened = seen(Atom("open", "drawer"), Atom("drawer", "drawer"))
    rest = (SkillCall("close_drawer", "drawer", (np.pi, 0.1)),)
    conduct = Conduct(SkillCall("pick_place", "pill", (0.1, 0.0, 0.0, 0.0), "drawer"), opened, rest)
    assert mismatches(opened, seen(Atom("open", "drawer")), NOTHING, conduct=conduct) == ()


def test_contact_that_was_not_to_change_is_not_relied_on() -> None:
    before = seen(Atom("contact", "cup", "table"))
    placing = Conduct(SkillCall("pick_place", "cup", (0.1, 0.0, 0.0, 0.0), "table"), before)
    assert mismatches(before, seen(), NOTHING, conduct=placing) == ()


def test_what_the_skills_that_are_left_need_is_relied_on() -> None:
    """A drawer that fell shut matters to whoever is going to put something into it, and to nobody else."""
    opened = seen(Atom("open", "drawer"), Atom("drawer", "drawer"))
    call, rest = (
        SkillCall("pick_place", "pill", (0.1, 0.0, 0.0, 0.0)),
        SkillCall("pick_place", "cup", (0.1, 0.0, 0.0, 0.0), "drawer"),
    )
    found = mismatches(opened, seen(Atom("drawer", "drawer")), NOTHING, conduct=Conduct(call, opened, (rest,)))
    assert [(m.relation, m.subject) for m in found] == [("open", "drawer")]
    assert mismatches(opened, seen(Atom("drawer", "drawer")), NOTHING, conduct=Conduct(call, opened)) == ()


def test_where_things_are_kept_that_the_plan_speaks_of_is_relied_on() -> None:
    rest = SkillCall("pick_place", "pill", (0.1, 0.0, 0.0, 0.0), "cup")
    call = SkillCall("push", "cup", (0.0, 0.1))
    expected = seen(Atom("above", "pill", "table"))
    found = mismatches(expected, seen(), Goal((Atom("left", "cup", "table"),)), conduct=Conduct(call, expected, (rest,)))
    assert [(m.relation, m.subject, m.other) for m in found] == [("above", "pill", "table")]


def test_a_unary_goal_is_relied_on() -> None:
    goal = Goal((Atom("open", "drawer"),))
    assert [m.relation for m in mismatches(seen(Atom("open", "drawer")), seen(), goal)] == ["open"]


def test_which_of_a_thing_and_what_it_lies_in_is_higher_is_not_relied_on_unless_asked_for() -> None:
    inside = state(inside__pill__table=0.9)
    assert not {("above", "pill", "table"), ("below", "table", "pill")} & set(relied_on(inside, GOAL, MonitorRule()))
    assert ("above", "cup", "table") in list(relied_on(inside, GOAL, MonitorRule()))
    wanted = Goal((Atom("above", "pill", "table"),))
    assert ("above", "pill", "table") in list(relied_on(inside, wanted, MonitorRule()))


def test_directions_that_a_goal_asks_for_need_room_whatever_was_calibrated() -> None:
    calibrated = MonitorRule(high=0.5, low=0.5)
    for before, after, counts in ((0.51, 0.44, False), (0.9, 0.1, True)):
        expected, observed = state(left__cup__pill=before), state(left__cup__pill=after)
        assert bool(mismatches(expected, observed, GOAL, calibrated)) == counts
    assert mismatches(state(inside__pill__cup=0.51), state(inside__pill__cup=0.44), GOAL, calibrated)


def test_whether_a_thing_lies_at_an_edge_needs_room_whatever_was_calibrated() -> None:
    """A cup that was put near an edge, expected at .56 and seen at .41, is where it was meant to be."""
    calibrated = MonitorRule(high=0.5, low=0.5)
    for one, other, counts in ((0.56, 0.41, False), (0.64, 0.25, False), (0.02, 0.9, True), (0.9, 0.02, True)):
        assert calibrated.differ("boundary", one, other) == counts
