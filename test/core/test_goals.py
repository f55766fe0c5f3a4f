import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.relations import BINARY, UNARY, RelationState

NAMES = ("a", "b", "c")
binary_atoms = st.tuples(st.sampled_from(BINARY), st.permutations(NAMES), st.booleans()).map(
    lambda parts: Atom(parts[0], parts[1][0], parts[1][1], parts[2])
)
unary_atoms = st.tuples(st.sampled_from(UNARY), st.sampled_from(NAMES), st.booleans()).map(
    lambda parts: Atom(parts[0], parts[1], None, parts[2])
)
atoms = binary_atoms | unary_atoms


def state(seed: int) -> RelationState:
    rng = np.random.default_rng(seed)
    return RelationState(NAMES, rng.random((3, 3, len(BINARY))), rng.random((3, 3)))


@given(atoms, st.integers(0, 2**32))
def test_an_atom_and_its_negation_share_all_probability(atom: Atom, seed: int) -> None:
    opposite = Atom(atom.relation, atom.subject, atom.other, not atom.holds)
    assert atom.probability(state(seed)) + opposite.probability(state(seed)) == pytest.approx(1.0)


@given(st.lists(atoms, min_size=1, max_size=6), st.integers(0, 2**32), st.floats(0, 1))
def test_a_goal_is_satisfied_when_nothing_is_missing(several: list[Atom], seed: int, threshold: float) -> None:
    goal = Goal(tuple(several))
    missing = goal.missing(state(seed), threshold)
    assert goal.satisfied(state(seed), threshold) == (not missing)
    assert all(atom.probability(state(seed)) <= threshold for atom in missing)


def test_the_objects_of_a_goal_come_once_in_order() -> None:
    goal = Goal((Atom("inside", "c", "a"), Atom("left", "a", "b"), Atom("above", "c", "b", holds=False)))
    assert goal.objects == ("c", "a", "b")
    assert str(goal) == "inside(c, a) and left(a, b) and not above(c, b)"


@given(st.lists(atoms, min_size=1, max_size=6))
def test_what_is_written_is_read_back(several: list[Atom]) -> None:
    goal = Goal(tuple(several))
    assert Goal.parse(str(goal)) == goal == Goal.parse([str(atom) for atom in several])


@pytest.mark.parametrize(
    "text", ["", "inside", "inside(a)", "open(a, b)", "inside(a, b", "inside(a,,b)", "near(a, b)", "left(a, a)"]
)
def test_what_is_no_goal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"relation"):
        Goal.parse(text)


def test_errors_name_the_offending_value() -> None:
    with pytest.raises(ValueError, match=r"'near'.*left, right"):
        Atom("near", "a", "b")
    with pytest.raises(ValueError, match=r"left\(a, a\)"):
        Atom("left", "a", "a")
    with pytest.raises(ValueError, match=r"at least one"):
        Goal(())
    with pytest.raises(ValueError, match=r"'mug'"):
        Goal((Atom("left", "mug", "a"),)).satisfied(state(0))
