"""Readings on what lies behind a thing's border, or flying, are not counted to it; thin things and pieces behind a post stay."""

import numpy as np
import pytest

from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.geometric.depth import facets, inverse, rays
from fail2progress.perception.segmentation.geometric.guide import Thing
from fail2progress.perception.segmentation.geometric.regions import Scan
from fail2progress.perception.segmentation.geometric.strays import StrayRules, without_strays

SHAPE = (120, 160)
CAMERA = Intrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)


def scan_of(depth: Array) -> Scan:
    """What is known of a depth image (H, W) in m, as far as strays ask for it."""
    inverted = inverse(depth.astype(np.float32))
    found = facets(inverted, CAMERA, 2)
    u, v = rays(CAMERA)
    none, empty = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, bool)
    points = np.zeros((*SHAPE, 3), np.float32)
    colour = np.zeros((*SHAPE, 3), np.uint8)
    return Scan(points, found.normals, found.planes, found.misfit, none, inverted, colour, u, v, empty, empty, empty, CAMERA.fx)


def left_of(depth: Array, mask: Array) -> tuple[Array, Array]:
    """(H, W) what is left of a thing's readings, and what it covers."""
    thing = Thing(np.flatnonzero(mask & (depth > 0)))
    (found,) = without_strays(scan_of(depth), [thing], depth.astype(np.float32), StrayRules())
    images = np.zeros((2, mask.size), bool)
    images[0, found.pixels] = True
    images[1, found.pixels if found.covered is None else found.covered] = True
    own, covered = images.reshape(2, *SHAPE)
    return own, covered


def behind(*sides: slice, near: float = 0.8) -> tuple[Array, Array]:
    """A wall 1 m away (H, W), before which there is a thing, and where that is."""
    depth, mask = np.full(SHAPE, 1.0), np.zeros(SHAPE, bool)
    mask[sides] = True
    depth[mask] = near
    return depth, mask


def noisy(depth: Array, seed: int = 0) -> Array:
    """With noise of inverse depth as a stereo camera has it."""
    noise = np.random.default_rng(seed).normal(0, 0.002, depth.shape)
    return np.asarray(1 / (1 / depth + noise))


@pytest.mark.parametrize("near", [0.6, 0.8, 0.95])
@pytest.mark.parametrize("noise", [False, True])
def test_an_outline_one_pixel_too_wide_takes_nothing_of_what_is_behind(near: float, noise: bool) -> None:
    depth, true = behind(slice(40, 80), slice(50, 100), near=near)
    wide = np.zeros(SHAPE, bool)
    wide[39:81, 49:101] = True
    own, covered = left_of(noisy(depth) if noise else depth, wide)
    assert not (own & ~true).any() and (own & true).sum() > 0.99 * true.sum() and (covered == wide).all()


def test_readings_that_fly_behind_a_thing_are_none_of_it() -> None:
    depth, mask = behind(slice(40, 80), slice(50, 100))
    flying = np.zeros(SHAPE, bool)
    flying[[45, 60, 79], [99, 50, 70]] = True
    depth[flying] = (0.9, 2.5, 1.3)
    own, _ = left_of(depth, mask)
    assert not (own & flying).any() and own.sum() == mask.sum() - 3


@pytest.mark.parametrize("rise", [0.006, 0.02, 0.2])
@pytest.mark.parametrize("across", [2, 3, 6])
def test_thin_things_stay(rise: float, across: int) -> None:
    depth, mask = behind(slice(60, 60 + across), slice(20, 140), near=1 - rise)
    own, _ = left_of(noisy(depth), mask)
    assert own.sum() > 0.95 * mask.sum()


def test_a_handle_stays_and_what_is_seen_through_it_does_not() -> None:
    depth, body = behind(slice(40, 90), slice(40, 80))
    handle = np.zeros(SHAPE, bool)
    handle[55:75, 80:92] = True
    handle[60:70, 80:88] = False
    depth[handle] = 0.8
    filled = body.copy()
    filled[55:75, 80:92] = True
    own, covered = left_of(noisy(depth), filled)
    assert (own & handle).sum() > 0.95 * handle.sum() and covered[65, 84]
    assert (own & filled & ~handle & ~body).sum() < 0.1 * (filled & ~handle & ~body).sum()


def test_pieces_on_both_sides_of_something_nearer_stay() -> None:
    depth, mask = behind(slice(50, 70), slice(30, 120))
    depth[:, 100:112], mask[:, 100:112] = 0.5, False
    own, _ = left_of(noisy(depth), mask)
    assert own[50:70, 112:120].mean() > 0.95 and own.sum() > 0.95 * mask.sum()


def test_nothing_is_taken_where_most_would_be() -> None:
    depth, mask = behind(slice(60, 64), slice(60, 64))
    mask[58:66, 58:66] = True
    own, covered = left_of(depth, mask)
    assert (own == mask).all() and (covered == mask).all()


def test_a_frame_with_nothing_on_it_stays_empty() -> None:
    assert without_strays(scan_of(np.ones(SHAPE)), [], np.ones(SHAPE, np.float32), StrayRules()) == []
