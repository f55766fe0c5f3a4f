from itertools import islice

import numpy as np
import pytest

from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.families.base import Family, FamilyError, called, tilt, way
from fail2progress.tasks.families.registry import FAMILIES
from fail2progress.tasks.items import parse, to_json

NAMES = (
    "loaded-carried",
    "loaded-pushed",
    "nested-carried",
    "row-pushed",
    "shelf-row-pushed",
    "stack-carried",
    "drawer-opened",
    "drawer-closed",
    "tall-toppled",
    "over-edge",
)


def test_the_families_are_there() -> None:
    assert FAMILIES.names()[: len(NAMES)] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_items_show_the_effect_that_defines_their_family(name: str, simulator: MujocoSimulator) -> None:
    family = FAMILIES.get(name)
    found = list(islice(family.outcomes(simulator, seed=3), 4))
    again = [item for item, _ in islice(family.outcomes(simulator, seed=3), 4)]
    assert [to_json(item) for item in again] == [to_json(item) for item, _ in found]
    assert len({item.id for item, _ in found} | {item.id for item, _ in islice(family.outcomes(simulator, seed=4), 4)}) == 8
    for item, outcome in found:
        assert outcome.stable and outcome.call.skill in family.skills
        repeated = simulator.execute(parse(to_json(item)).job)
        assert np.array_equal(repeated.after.scene.poses, outcome.after.scene.poses) and family.shows(repeated)
        assert (way(outcome, *called(outcome.before.scene, "other_")) < 0.005).all()
        assert outcome.before.cloud.seen[outcome.before.scene.index(outcome.call.object)]


def test_contents_rows_and_stacks_move_with_what_is_moved(simulator: MujocoSimulator) -> None:
    for name, prefix in (
        ("loaded-carried", "in_"),
        ("row-pushed", "row_"),
        ("stack-carried", "stack_"),
        ("drawer-closed", "in_"),
    ):
        for _, outcome in islice(FAMILIES.get(name).outcomes(simulator, seed=5), 3):
            assert (way(outcome, *called(outcome.before.scene, prefix)) > 0.02).all()


def test_tall_blocks_lie_and_things_over_the_edge_fall(simulator: MujocoSimulator) -> None:
    for _, outcome in islice(FAMILIES.get("tall-toppled").outcomes(simulator, seed=5), 3):
        assert tilt(outcome, "tall") > 1.2
    for _, outcome in islice(FAMILIES.get("over-edge").outcomes(simulator, seed=5), 3):
        table = outcome.after.scene.bounds()[outcome.after.scene.index(outcome.call.target or ""), 0, 2]
        assert outcome.after.scene.position("box")[2] < table


def test_a_family_whose_effect_never_happens_ends(simulator: MujocoSimulator) -> None:
    row = FAMILIES.get("row-pushed")
    never = Family("never", "", row.skills, row.build, lambda outcome: False)
    with pytest.raises(FamilyError, match="never: 8 draws in a row did not show its effect"):
        next(never.outcomes(simulator, 0, tries=1))
