import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from fail2progress.models.pointconv.encoder import WIDTH, PointConvEncoder, native_precision
from fail2progress.models.pointconv.neighbours import neighbours


def clouds(segments: int, seed: int = 0, size: float = 0.1) -> Tensor:
    return size * torch.randn(segments, 128, 3, generator=torch.Generator().manual_seed(seed))


def encoder(density: bool = False, chunk: int = 128, precision: torch.dtype = torch.float32) -> PointConvEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return PointConvEncoder(density, chunk=chunk, precision=precision)


def encode(model: PointConvEncoder, points: Tensor, centres: int = 16) -> Tensor:
    with torch.no_grad():
        codes: Tensor = model(points, neighbours(points, centres, model.density))
    return codes


@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("centres", [16, 64])
def test_one_code_per_segment(density: bool, precision: torch.dtype, centres: int) -> None:
    codes = encode(encoder(density, precision=precision), clouds(3), centres)
    assert codes.shape == (3, WIDTH)
    assert codes.dtype == torch.float32
    assert bool(codes.isfinite().all())


def test_no_segments_give_no_codes() -> None:
    assert encode(encoder(), torch.zeros(0, 128, 3)).shape == (0, WIDTH)


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), row=st.integers(0, 8), chunk=st.integers(1, 9))
def test_a_code_does_not_depend_on_what_else_is_in_the_batch(seed: int, row: int, chunk: int) -> None:
    points = clouds(9, seed)
    together = encode(encoder(chunk=chunk), points)
    torch.testing.assert_close(encode(encoder(), points[row : row + 1])[0], together[row], rtol=1e-4, atol=1e-5)


def test_order_of_the_segments_is_that_of_the_codes() -> None:
    points, order = clouds(5), torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(encode(encoder(), points[order]), encode(encoder(), points)[order])


@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_order_of_the_points_does_not_matter(seed: int) -> None:
    points = clouds(2, seed)
    order = torch.randperm(128, generator=torch.Generator().manual_seed(seed))
    there, here = encode(encoder(), points[:, order]), encode(encoder(), points)
    # Of the whole code: single numbers may differ more where farthest points or neighbours are tied but for rounding.
    assert (there - here).norm() < 0.01 * here.norm()


def test_shape_and_size_both_count() -> None:
    points = clouds(1)
    code, larger, flatter = (encode(encoder(), p) for p in (points, 3 * points, points * torch.tensor([1.0, 1.0, 0.2])))
    assert (code - larger).abs().max() > 0.01
    assert (code - flatter).abs().max() > 0.01


@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize("points", [clouds(2), clouds(2, size=1e-4), torch.zeros(2, 128, 3), clouds(2)[:, torch.arange(128) % 3]])
def test_gradients_are_finite_and_reach_all_weights(points: Tensor, density: bool) -> None:
    model = encoder(density)
    points = points.clone().requires_grad_()
    model(points, neighbours(points, density=density)).square().sum().backward()
    gradients = [points.grad, *(parameter.grad for parameter in model.parameters())]
    assert all(gradient is not None and bool(gradient.isfinite().all()) for gradient in gradients)


def test_chunks_leave_gradients_as_they_are() -> None:
    points = clouds(7)
    one, many = encoder(chunk=7), encoder(chunk=2)
    for model in (one, many):
        model(points, neighbours(points)).square().sum().backward()
    for a, b in zip(one.parameters(), many.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-4)


def test_half_precision_is_close_and_leaves_weights_in_single() -> None:
    points = clouds(16)
    model = encoder()
    exact = encode(model, points)
    model.precision = torch.bfloat16
    assert F.cosine_similarity(exact, encode(model, points)).min() > 0.999
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert native_precision() in (torch.bfloat16, torch.float32)


def test_density_changes_the_code() -> None:
    points = clouds(2)
    with_density, without = encoder(density=True), encoder()
    without.load_state_dict(with_density.state_dict(), strict=False)
    assert (encode(with_density, points) - encode(without, points)).abs().max() > 1e-3


def test_sizes_can_be_learned() -> None:
    generator = torch.Generator().manual_seed(1)
    extents = 0.02 * 40 ** torch.rand(64, 3, generator=generator)
    points = (torch.rand(64, 128, 3, generator=generator) - 0.5) * extents.unsqueeze(1)
    found, model = neighbours(points), encoder(precision=native_precision())
    head = torch.nn.Linear(WIDTH, 3)
    optimiser = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=3e-3)
    for _ in range(80):
        loss = F.smooth_l1_loss(head(model(points, found)), extents.log())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (head(model(points, found)) - extents.log()).abs().mean() < 0.25  # of 1.07 when only the mean is known


def test_points_and_neighbours_of_other_shapes_are_errors() -> None:
    points = clouds(3)
    with pytest.raises(ValueError, match="do not match"):
        encoder()(points, neighbours(points[:2]))
    with pytest.raises(ValueError, match="inverse densities"):
        encoder(density=True)(points, neighbours(points))


@pytest.mark.parametrize("density", [False, True])
def test_a_code_from_half_of_the_points_is_nearer_to_its_own_than_to_any_other(density: bool) -> None:
    extents = torch.tensor([[1.0, 1.0, 1.0], [3.0, 3.0, 0.1], [0.1, 3.0, 3.0], [0.1, 0.1, 3.0], [0.1, 0.1, 0.1]])
    points, model = clouds(5) * extents.unsqueeze(1), encoder(density)
    whole = encode(model, points)
    with torch.no_grad():
        half = model(points, neighbours(points, density=density, kept=64))
    assert torch.cdist(half, whole).argmin(dim=1).tolist() == list(range(5))


def test_all_points_kept_are_all_points() -> None:
    points, model = clouds(3), encoder()
    torch.testing.assert_close(model(points, neighbours(points, kept=128)), model(points, neighbours(points)), rtol=0, atol=0)
