import numpy as np
import torch

from fail2progress.core.relations import binary_relations
from fail2progress.models.directions import DIRECTIONS, directions


def scenes(count: int) -> torch.Tensor:
    """(count, 6, 2, 3) boxes of 3 to 40 cm within a metre."""
    generator = torch.Generator().manual_seed(3)
    centre = torch.rand(count, 6, 1, 3, generator=generator, dtype=torch.float64)
    half = 0.015 + 0.19 * torch.rand(count, 6, 1, 3, generator=generator, dtype=torch.float64)
    return torch.cat([centre - half, centre + half], dim=2)


def test_a_direction_is_likely_where_the_rule_says_that_it_holds() -> None:
    box = scenes(200)
    found = directions(box)
    by_rule = binary_relations(box.numpy(), np.zeros((200, 6, 6), bool))[..., DIRECTIONS]
    apart = ~np.eye(6, dtype=bool)
    np.testing.assert_array_equal((found > 0).numpy()[:, apart], by_rule[:, apart])
    assert by_rule[:, apart].reshape(-1, 6).any(axis=0).all()


def test_what_is_far_from_turning_over_is_sure_and_what_is_near_is_not() -> None:
    table, block = [[0.0, 0.0, 0.0], [0.4, 0.4, 0.1]], [[0.18, 0.18, 0.1], [0.22, 0.22, 0.14]]
    aside = [[0.18, 0.41, 0.0], [0.22, 0.45, 0.04]]
    above = DIRECTIONS.index(DIRECTIONS[4])
    found = directions(torch.tensor([[table, block, aside]]))
    assert float(found[0, 1, 0, above]) > 2.0
    assert float(found[0, 2, 0, above]) < -2.0
    assert abs(float(directions(torch.tensor([[table, [[0.18, 0.43, 0.125], [0.22, 0.47, 0.165]]]]))[0, 1, 0, above])) < 2.0
