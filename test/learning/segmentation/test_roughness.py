"""What windows of rendered scenes are made to have of real ones: where, how much, and that all else stays."""

import pytest
import torch
from torch import Tensor

from fail2progress.learning.segmentation.roughness import misplaced, mixed, nooks_darkened, rescaled, smoothed

N, H, W = 60, 32, 48


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(4)


def step() -> Tensor:
    """A near thing to the left, the surface behind it to the right, and columns without readings at both sides."""
    depth = torch.full((N, H, W), 1.0)
    depth[:, :, : W // 2] = 0.8
    depth[:, :, :2] = depth[:, :, -2:] = 0.0
    return depth


def test_steps_of_depth_are_smoothed_in_some_images_and_nowhere_else(generator: torch.Generator) -> None:
    made, depth = smoothed(step(), generator), step()
    changed = (made != depth).flatten(1).any(dim=1)
    assert 0.15 < changed.float().mean() < 0.6
    away = torch.arange(W).sub(W // 2 - 0.5).abs() > 8
    inner = away & (torch.arange(W) > 9) & (torch.arange(W) < W - 10)
    assert torch.allclose(made[:, :, inner], depth[:, :, inner])
    known = made[made > 0]
    assert known.min() >= 0.8 - 1e-5 and known.max() <= 1.0 + 1e-5


def test_no_more_than_the_rim_of_what_was_not_read_is_filled(generator: torch.Generator) -> None:
    depth = step()
    depth[:, 8:24, 30:44] = 0.0
    made = smoothed(depth, generator)
    assert (made[:, 12:20, 34:40] == 0).all()


def test_depth_lies_beside_its_colours_by_a_few_pixels_in_some_images(generator: torch.Generator) -> None:
    made, depth = misplaced(step(), generator), step()
    changed = (made != depth).flatten(1).any(dim=1)
    assert 0.3 < changed.float().mean() < 0.7
    assert set(made.unique().tolist()) <= set(depth.unique().tolist())
    columns = torch.nonzero((made != depth)[:, :, 12:-12].any(dim=1))[:, 1] + 12
    assert ((columns - W // 2).abs() <= 11).all()


def test_nooks_are_darker_and_what_stands_out_is_not(generator: torch.Generator) -> None:
    colour = torch.full((N, H, W, 3), 200, dtype=torch.uint8)
    made = nooks_darkened(colour, step(), generator)
    assert (made[:, :, 5 : W // 2 - 1] == 200).all()
    beside = made[:, :, W // 2].float().mean()
    assert beside < 190 and made.min() >= 200 * 0.29


def test_colours_of_some_images_are_mixed_with_those_of_another(generator: torch.Generator) -> None:
    colour = torch.zeros((N, H, W, 3), dtype=torch.uint8)
    colour[::2] = 100
    made = mixed(colour, generator)
    changed = (made != colour).flatten(1).any(dim=1)
    assert 0.1 < changed.float().mean() < 0.45
    assert ((made[changed] > 0) & (made[changed] < 100)).all()


def test_some_scenes_are_larger_as_a_whole(generator: torch.Generator) -> None:
    ratio = (rescaled(step(), generator) / step())[:, :, 2:-2].flatten(1)
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio))
    larger = ratio[:, 0] > 1
    assert 0.1 < larger.float().mean() < 0.45 and ratio.min() >= 1 and ratio.max() <= 2.5
