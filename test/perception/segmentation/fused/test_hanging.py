"""What hangs in over the image's border is no thing on the table, unless the network is sure of it or something comes down."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.learning.segmentation.meshes import Mesh, box
from fail2progress.perception.segmentation.fused.guide import FuseRules
from fail2progress.perception.segmentation.fused.hanging import HangRules
from support.fused_frames import found, seen
from support.tabletop_frames import frame_of

TABLE = (box(1.6, 1.2, 0.03).shifted(0, 0, -0.03), (170, 140, 105))
SMALL = box(0.06, 0.06, 0.09).shifted(-0.2, 0.1, 0)
PLACES = ((0.0, -0.35, 0.8), (0.0, 0.0, 0.0))
"""Of the camera, and of what it looks at: from above, so that the lower border cuts what lies before y = -0.3 or so."""
NOT_AT_ALL = FuseRules(hanging=HangRules(part=1.0))


def shown(*things: Mesh) -> tuple[RgbdFrame, list[Mask]]:
    """A frame of things on the table, and the pixels (H, W) of each."""
    coloured = [(thing, colour) for thing, colour in zip(things, ((180, 50, 45), (50, 80, 170)), strict=False)]
    frame, bare = frame_of([TABLE, *coloured], *PLACES), frame_of([TABLE], *PLACES, noise=0.0)
    masks = []
    for thing, colour in coloured:
        alone = frame_of([TABLE, (thing, colour)], *PLACES, noise=0.0)
        tint = np.argmax(frame.colour, axis=-1) == np.argmax(colour)
        masks.append((np.abs(alone.depth - bare.depth) > 0.003) & tint)
    assert all(mask.sum() > 500 for mask in masks)
    return frame, masks


ARM = box(0.08, 0.5, 0.06).shifted(0.0, -0.35, 0.1)
SHORT = box(0.08, 0.3, 0.06).shifted(0.0, -0.35, 0.1)
HIGH = ARM.shifted(0.0, 0.0, 0.25)
"""As high as it reaches in, which what stands may be, too."""
STANDING = box(0.08, 0.5, 0.24).shifted(0.3, -0.35, 0.0)
"""Beside the camera: of what is right below it no side is seen."""
LYING = box(0.08, 0.5, 0.06).shifted(0.0, -0.35, 0.0)
FREE = box(0.08, 0.2, 0.06).shifted(0.0, 0.0, 0.1)
"""A part in the air that no border cuts."""


@pytest.mark.parametrize(
    ("thing", "likely", "left"),
    [
        (ARM, 0.9, 1),
        (ARM, 0.6, 1),
        (ARM, 0.97, 2),
        (SHORT, 0.9, 2),
        (HIGH, 0.9, 2),
        (HIGH, 0.6, 1),
        (STANDING, 0.9, 2),
        (LYING, 0.9, 2),
        (FREE, 0.9, 2),
    ],
    ids=["arm", "doubted", "sure", "short", "high", "high and doubted", "standing", "lying", "free"],
)
def test_what_hangs_in_over_the_border_is_no_thing_but_what_comes_down_to_the_table_is(
    thing: Mesh, likely: float, left: int
) -> None:
    frame, masks = shown(thing, SMALL)
    told, given = seen(tuple(masks), (0.0, 9.0)), [np.flatnonzero(mask) for mask in masks]
    told.thing[masks[0][::2, ::2]] = likely
    assert len(found(frame, told, given, fusing=NOT_AT_ALL)) == 2
    assert len(found(frame, told, given)) == left


def test_a_part_of_an_arm_goes_with_the_arm_and_what_stands_below_it_stays() -> None:
    frame, (arm, small) = shown(ARM, SMALL)
    rows = np.arange(len(arm))[:, None]
    end = arm & (rows < np.quantile(np.nonzero(arm)[0], 0.4))
    told = seen((end, small), (0.0, 9.0))
    told.thing[end[::2, ::2]] = 0.9
    (one,) = found(frame, told, [np.flatnonzero(small)])
    assert len(one) == pytest.approx(small.sum(), rel=0.1)


def test_an_outline_of_which_little_is_seen_tells_nothing() -> None:
    frame, (arm, small) = shown(ARM, SMALL)
    told, given = seen((arm, small), (0.0, 9.0)), [np.flatnonzero(arm), np.flatnonzero(small)]
    told.thing[arm[::2, ::2]] = 0.9
    near = np.zeros_like(arm)
    for down in range(-12, 13, 4):
        for right in range(-12, 13, 4):
            near |= np.roll(arm, (down, right), (0, 1))
    hidden = replace(frame, depth=np.where(near & ~arm, 0.0, frame.depth))
    assert len(found(hidden, told, given)) == 2
    assert len(found(frame, told, given)) == 1
