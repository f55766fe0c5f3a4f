import math
from dataclasses import replace

import numpy as np
import torch

from fail2progress.core.relations import BINARY
from fail2progress.learning.finetuning.targeted import observed
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.prediction import encode_observation
from fail2progress.stein.around import state_space
from fail2progress.stein.bands import Band, bands, ranges
from fail2progress.stein.likelihood import FailureRelations
from fail2progress.stein.planar import Footprints
from fail2progress.stein.solids import Solids
from support import failures


def row_in_a_shelf() -> tuple[Solids, dict[int, int]]:
    """A shelf (row 0) with two blocks 1 mm apart (rows 1 and 2) and one far from them (row 3)."""
    centre = torch.tensor([[0.6, 0.3], [0.55, 0.40], [0.55, 0.451], [0.55, 0.20]])
    half = torch.tensor([[0.12, 0.20], [0.025, 0.025], [0.025, 0.025], [0.025, 0.025]])
    boxes = Footprints(centre, half, torch.zeros(4))
    return Solids(boxes, torch.tensor([[0.4, 0.7]] + [[0.42, 0.47]] * 3)), {1: 0, 2: 0, 3: 0}


def test_what_touches_on_one_support_also_shifts_together_as_far_as_that_goes() -> None:
    solids, parent = row_in_a_shelf()
    (band,) = bands(range(4), (1, 2, 3), parent, solids, [0.015, 0.0, 0.0, 0.0])
    assert band.rows == (1, 2)
    torch.testing.assert_close(torch.tensor(band.low), torch.tensor([-0.03, -0.26]))  # 15 mm of wall
    torch.testing.assert_close(torch.tensor(band.high), torch.tensor([0.13, 0.009]))
    assert bands(range(4), (1, 2, 3), {1: 0}, solids, [0.0] * 4) == ()
    assert bands(range(4), (1,), parent, solids, [0.0] * 4) == ()


def test_what_lies_alone_in_something_with_walls_may_lie_anywhere_on_its_floor() -> None:
    solids, parent = row_in_a_shelf()
    thick = [0.015, 0.0, 0.0, 0.0]
    together = bands(range(4), (1, 2, 3), parent, solids, thick)
    touching, _, alone = ranges((1, 2, 3), together, parent, solids, thick, 0.03)
    assert touching.low == (-0.03, -0.03) and touching.high == (0.03, 0.03)
    torch.testing.assert_close(torch.tensor([alone.low, alone.high]), torch.tensor([[-0.03, -0.06], [0.13, 0.26]]))
    (narrow,) = ranges((3,), together, parent, solids, thick, 0.01)
    torch.testing.assert_close(torch.tensor(narrow.high), torch.tensor(alone.high) / 3)
    (on_a_table,) = ranges((3,), (), {}, solids, thick, 0.02)
    assert on_a_table.high == (0.02, 0.02)


def test_bounds_turn_with_what_things_lie_in() -> None:
    solids, parent = row_in_a_shelf()
    centre = solids.footprints.centre.clone()
    centre[3, 1] = 0.25
    boxes = replace(solids.footprints, centre=centre)
    turned = replace(solids, footprints=replace(boxes, yaw=torch.tensor([math.pi / 2, 0.0, 0.0, 0.0])))
    (found,) = ranges((3,), (), parent, turned, [0.015, 0.0, 0.0, 0.0], 0.03)
    parts = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    ends = boxes.centre[3] + found.shift(parts)
    inside = (ends - boxes.centre[0]).abs() <= torch.tensor([0.20, 0.12]) - 0.015 - 0.025 + 1e-5
    assert bool(inside[0, 1] and inside[1, 1] and inside[2, 0] and inside[3, 0])
    torch.testing.assert_close(ends[0] - ends[1], torch.tensor([0.0, 0.16]), rtol=0, atol=1e-5)


def test_a_band_shifts_its_members_and_nothing_else(model: Points2Plans) -> None:
    event, scene = failures.event("row"), failures.outcome("row").before.scene
    belief = encode_observation(model, event.before)
    space, rows = state_space(belief, observed(event), scene), {name: belief.index(name) for name in belief.names}
    space = replace(space, bands=(Band((rows["row_1"], rows["row_2"]), (-0.1, -0.2), (0.1, 0.2)),))
    particles = space.observed().repeat(2, 1)
    at = 3 * len(space.clusters) + 3 * len(space.varying)
    assert particles.shape[1] == at + 2 == space.chart().dimensions
    particles[:, at:] = torch.tensor([[0.4, -0.25], [0.0, 0.5]])
    shift = space.place(particles).move.shift
    for name, row in rows.items():
        wanted = torch.tensor([[0.04, -0.05], [0.0, 0.1]]) if name in ("row_1", "row_2") else torch.zeros(2, 2)
        torch.testing.assert_close(shift[:, row], wanted, rtol=0, atol=1e-5)


def test_what_the_rebuilt_scene_has_in_a_container_stands_in_it(model: Points2Plans) -> None:
    event, scene = failures.event("nested"), failures.outcome("nested").before.scene
    unsure = replace(event.relations_before, binary=np.zeros_like(event.relations_before.binary))
    belief = encode_observation(model, event.before)
    found = state_space(belief, replace(observed(event), relations=unsure), scene).parent
    assert found == {belief.index("cup"): belief.index("box"), belief.index("capsule"): belief.index("cup")}


def test_what_the_detector_is_not_sure_of_stays_open(model: Points2Plans) -> None:
    event, scene = failures.event("row"), failures.outcome("row").before.scene
    belief = encode_observation(model, event.before)
    space = state_space(belief, observed(event), scene)
    cell = belief.index("row_0"), belief.index("row_1"), BINARY.index("contact")

    def likelihood(believed: float) -> float:
        binary = np.array(event.relations_before.binary, np.float32)
        binary[cell] = believed
        relations = replace(event.relations_before, binary=binary)
        found = FailureRelations(model, belief, space, relations).log_likelihood(space.observed().unsqueeze(0))
        return float(found.detach())

    logit = likelihood(1.0) - likelihood(0.0)
    assert likelihood(0.9) == likelihood(1.0) and likelihood(0.1) == likelihood(0.0)
    assert abs(likelihood(0.4) - likelihood(0.6) + 0.2 * logit) < 1e-3
