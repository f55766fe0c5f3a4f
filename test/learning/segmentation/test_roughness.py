"""What windows of rendered scenes are made to have of real ones: where, how much, and that all else stays."""

import pytest
import torch
from torch import Tensor

from fail2progress.learning.segmentation.roughness import (
    ROUGH,
    grainy,
    misplaced,
    mixed,
    nooks_darkened,
    rescaled,
    roughened,
    smoothed,
    sparse,
)

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


def test_readings_are_lost_along_lines_or_in_blotches_of_some_images_and_no_other_changes(generator: torch.Generator) -> None:
    made, depth = sparse(step(), generator), step()
    assert ((made == depth) | (made == 0)).all()
    lost = ((made == 0) & (depth > 0)).flatten(1).float().mean(dim=1)
    assert 0.05 < (lost > 0).float().mean() < 0.4 and lost.max() < 0.85


def test_depth_errs_by_more_than_a_sensor_does_in_some_images(generator: torch.Generator) -> None:
    made, depth = grainy(step(), generator), step()
    assert ((made > 0) == (depth > 0)).all()
    changed = (made != depth).flatten(1).any(dim=1)
    assert 0.03 < changed.float().mean() < 0.35
    assert 0.003 < (made - depth)[changed].abs().max() < 0.08


def test_images_that_are_not_rough_stay_as_they_were(generator: torch.Generator) -> None:
    colour = torch.randint(0, 255, (N, H, W, 3), generator=generator, dtype=torch.uint8)
    shown, made = roughened(colour, step(), generator)
    same = (made == step()).flatten(1).all(dim=1) & (shown == colour).flatten(1).all(dim=1)
    assert 1 - ROUGH - 0.2 < same.float().mean() < 1 - ROUGH + 0.25
    assert shown.dtype == torch.uint8 and torch.isfinite(made).all()


def test_no_window_is_rough_where_none_is_to_be(generator: torch.Generator) -> None:
    colour = torch.randint(0, 255, (N, H, W, 3), generator=generator, dtype=torch.uint8)
    shown, made = roughened(colour, step(), generator, 0.0)
    assert (shown == colour).all() and (made == step()).all()
