import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fail2progress.models.pointconv.neighbours import BANDWIDTHS, Neighbours, neighbours


def clouds(segments: int, seed: int = 0, points: int = 128, size: float = 0.1) -> Tensor:
    return size * torch.randn(segments, points, 3, generator=torch.Generator().manual_seed(seed))


def same(one: Neighbours, other: Neighbours) -> bool:
    pairs = [(one.first, other.first), (one.centres, other.centres), (one.second, other.second)]
    return all(torch.equal(a, b) for a, b in pairs)


def test_shapes_and_types() -> None:
    found = neighbours(clouds(3), density=True)
    assert len(found) == 3
    indices = (found.first, found.centres, found.second)
    assert [tuple(part.shape) for part in indices] == [(3, 128, 8), (3, 16), (3, 16, 16)]
    assert {part.dtype for part in indices} == {torch.uint8}
    assert found.inverse_density is not None
    assert found.inverse_density.shape == (3, 3, 128)
    assert neighbours(clouds(2), centres=64).second.shape == (2, 64, 16)
    assert neighbours(clouds(2)).inverse_density is None


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), points=st.sampled_from([16, 100, 128, 256]), size=st.floats(0.005, 1.0))
def test_nearest_are_those_of_plain_distances(seed: int, points: int, size: float) -> None:
    cloud = clouds(2, seed, points, size)
    found = neighbours(cloud)
    distance = torch.cdist(cloud.double(), cloud.double())
    expected = distance.sort(dim=2).values
    torch.testing.assert_close(distance.gather(2, found.first.long()), expected[:, :, :8], rtol=1e-3, atol=1e-4 * size)
    of_centres = found.centres.long().unsqueeze(2)
    reached = distance.gather(1, of_centres.expand(-1, -1, points)).gather(2, found.second.long())
    torch.testing.assert_close(reached, expected.gather(1, of_centres.expand(-1, -1, 16)), rtol=1e-3, atol=1e-4 * size)


def test_each_point_is_its_own_first_neighbour_even_among_duplicates() -> None:
    cloud = clouds(2)[:, torch.arange(128) // 32]
    found = neighbours(cloud)
    assert torch.equal(found.first[:, :, 0].long(), torch.arange(128).expand(2, -1))
    assert torch.equal(found.second[:, :, 0], found.centres)


def test_centres_spread_from_the_point_farthest_from_the_mean() -> None:
    cloud = clouds(1, seed=4)
    chosen = neighbours(cloud).centres[0].long()
    assert chosen[0] == (cloud[0] - cloud[0].mean(0)).norm(dim=1).argmax()
    for step in range(1, len(chosen)):
        gap = torch.cdist(cloud[0], cloud[0, chosen[:step]]).amin(dim=1)
        assert gap[chosen[step]] == pytest.approx(gap.max().item(), rel=1e-3)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_order_of_the_points_only_renames_them(seed: int) -> None:
    cloud = clouds(1, seed)
    order = torch.randperm(128, generator=torch.Generator().manual_seed(seed))
    found, moved = neighbours(cloud), neighbours(cloud[:, order])
    assert torch.equal(order[moved.centres[0].long()], found.centres[0].long())


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), shift=st.floats(-1.0, 1.0), angle=st.floats(-3.1, 3.1))
def test_rigid_motion_keeps_almost_all_neighbours(seed: int, shift: float, angle: float) -> None:
    cloud = clouds(1, seed)
    turn = torch.linalg.matrix_exp(angle * torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    found, moved = neighbours(cloud), neighbours(cloud @ turn.T + shift)
    assert torch.equal(found.centres, moved.centres)
    assert (found.first.sort(dim=2).values == moved.first.sort(dim=2).values).float().mean() > 0.98


@pytest.mark.parametrize("cloud", [torch.zeros(2, 128, 3), torch.ones(1, 128, 3), clouds(2)[:, torch.arange(128) % 3]])
def test_degenerate_clouds_give_valid_indices(cloud: Tensor) -> None:
    found = neighbours(cloud, density=True)
    assert max(int(found.first.max()), int(found.centres.max()), int(found.second.max())) < 128
    assert found.inverse_density is not None
    assert bool(found.inverse_density.isfinite().all())


def test_inverse_density_is_that_of_gaussian_kernels() -> None:
    cloud = clouds(1, seed=2).double()
    found = neighbours(cloud, density=True).inverse_density
    assert found is not None
    for row, width in enumerate(BANDWIDTHS):
        inverse = 1 / torch.exp(-(torch.cdist(cloud[0], cloud[0]) ** 2) / (2 * width**2)).mean(dim=1)
        torch.testing.assert_close(found[0, row].double(), inverse / inverse.max(), rtol=2e-3, atol=0.0)


@pytest.mark.parametrize("density", [False, True])
def test_take_and_concatenate_undo_each_other(density: bool) -> None:
    whole = neighbours(clouds(70), density=density)
    parts = Neighbours.concatenate([whole.take(slice(0, 5)), whole.take(torch.arange(5, 70))])
    assert same(parts, whole)
    assert same(whole.take(torch.tensor([69, 3])), neighbours(clouds(70)[[69, 3]]))
    assert same(whole.take(torch.arange(70) < 2), whole.take(slice(0, 2)))
    if whole.inverse_density is not None:
        assert parts.inverse_density is not None
        assert torch.equal(parts.inverse_density, whole.inverse_density)


def test_concatenating_unlike_parts_or_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Neighbours.concatenate([])
    with pytest.raises(ValueError, match="densities"):
        Neighbours.concatenate([neighbours(clouds(1)), neighbours(clouds(1), density=True)])


def test_no_segments_are_allowed() -> None:
    assert neighbours(torch.zeros(0, 128, 3)).first.shape == (0, 128, 8)


@pytest.mark.parametrize(
    ("cloud", "centres"),
    [
        (torch.zeros(128, 3), 16),
        (torch.zeros(1, 15, 3), 15),
        (torch.zeros(1, 257, 3), 16),
        (torch.zeros(1, 128, 2), 16),
        (torch.zeros(1, 32, 3), 33),
        (torch.zeros(1, 32, 3), 0),
        (torch.full((1, 128, 3), torch.nan), 16),
    ],
)
def test_bad_points_are_errors(cloud: Tensor, centres: int) -> None:
    with pytest.raises(ValueError, match=r"points|centres"):
        neighbours(cloud, centres)


def test_of_some_points_each_has_its_nearest_among_all_and_centres_have_theirs_among_the_kept() -> None:
    cloud = clouds(3)
    whole, some = neighbours(cloud, density=True), neighbours(cloud, density=True, kept=64)
    assert torch.equal(some.first, whole.first[:, :64])
    assert some.second.shape == (3, 16, 8) and int(some.centres.max()) < 64
    distances = torch.cdist(cloud[:, :64], cloud[:, :64])
    for own, centres, chosen in zip(distances, some.centres.long(), some.second.long(), strict=True):
        reach = own[centres].sort(dim=1).values[:, 7]
        torch.testing.assert_close(own[centres].gather(1, chosen).amax(dim=1), reach, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("kept", [8, 129])
def test_a_number_of_points_that_cannot_be_kept_is_refused(kept: int) -> None:
    with pytest.raises(ValueError, match=str(kept)):
        neighbours(clouds(1), kept=kept)
