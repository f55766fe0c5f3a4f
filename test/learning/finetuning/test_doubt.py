import numpy as np
import pytest

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.relations import BINARY, RelationState
from fail2progress.core.scene import Scene, pose
from fail2progress.learning.finetuning.doubt import doubted, without
from fail2progress.simulation.mujoco.backend import MujocoSimulator

CONTACT, ABOVE = BINARY.index("contact"), BINARY.index("above")


def test_what_no_settled_scene_shows_is_doubted_and_nothing_else(simulator: MujocoSimulator) -> None:
    """Two blocks nearly touch, a third stands apart; the detector takes the third for one that touches as well."""
    sizes = {"table": (0.6, 0.6, 0.4), "one": (0.05, 0.05, 0.05), "near": (0.05, 0.05, 0.05), "far": (0.05, 0.05, 0.05)}
    places = {"table": (0.6, 0.0, 0.2), "one": (0.6, 0.0, 0.425), "near": (0.6, 0.051, 0.425), "far": (0.6, 0.2, 0.425)}
    specs = tuple(ObjectSpec(name, "table" if name == "table" else "cuboid", size) for name, size in sizes.items())
    scene = Scene(specs, np.array([pose(*place) for place in places.values()]))
    names = (*scene.names, "hidden")
    said = np.zeros((5, 5, len(BINARY)))
    for one, other in (("one", "near"), ("one", "far"), ("one", "hidden"), ("one", "table")):
        said[names.index(one), names.index(other), CONTACT] = 0.9
    said[names.index("one"), names.index("table"), ABOVE] = 0.9
    relations = RelationState(names, said, np.zeros((5, 3)))
    unsure = doubted(relations, scene, simulator, 0)
    assert [(names[i], names[j], BINARY[k]) for i, j, k in np.argwhere(unsure)] == [("one", "far", "contact")]
    left = without(relations, unsure)
    assert left.value("contact", "one", "far") == 0.0 and left.value("contact", "one", "near") == 0.9


@pytest.mark.parametrize("seed", range(4))
def test_that_blocks_of_a_row_touch_is_not_doubted_since_nothing_presses_them_together(
    simulator: MujocoSimulator, seed: int
) -> None:
    """Three millimetres apart, as things are rebuilt, which a camera takes for contact: few copies touch."""
    sizes = {"table": (0.6, 0.6, 0.4), "one": (0.05, 0.05, 0.05), "two": (0.05, 0.05, 0.05)}
    places = {"table": (0.6, 0.0, 0.2), "one": (0.6, 0.0, 0.425), "two": (0.6, 0.053, 0.425)}
    specs = tuple(ObjectSpec(name, "table" if name == "table" else "cuboid", size) for name, size in sizes.items())
    scene = Scene(specs, np.array([pose(*place) for place in places.values()]))
    said = np.zeros((3, 3, len(BINARY)))
    said[1, 2, CONTACT] = said[2, 1, CONTACT] = 0.9
    assert not doubted(RelationState(scene.names, said, np.zeros((3, 3))), scene, simulator, seed).any()
