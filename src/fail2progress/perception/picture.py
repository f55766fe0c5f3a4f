"""Segments and relations drawn over the image that they were found in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from fail2progress.core.objects import Shape
from fail2progress.perception.segmentation.base import Perceived

HUES = np.array([[230, 60, 60], [60, 120, 240], [250, 180, 30], [60, 190, 90], [160, 90, 220], [240, 120, 180], [40, 200, 210]])
_SHOWN = ("inside", "on")
_TINT = 0.2
"""Share of a thing's hue in its own colour, which is to be seen still: words tell it."""


def draw(colour: NDArray[np.uint8], perceived: Perceived, relations: Sequence[tuple[str, str, str, float]]) -> Image.Image:
    """The colour image with objects tinted, boxed and named by id and looks, surfaces outlined, and what lies in or on what."""
    tinted = colour.astype(np.float32)
    flat = tinted.reshape(-1, 3)
    for surface in perceived.surfaces:
        flat[_rim(surface.pixels, colour.shape[:2])] = (255, 255, 255)
    for i, segment in enumerate(perceived.segments):
        flat[segment.mask] = (1 - _TINT) * flat[segment.mask] + _TINT * HUES[i % len(HUES)]
        flat[_rim(segment.mask, colour.shape[:2])] = HUES[i % len(HUES)]
    image = Image.fromarray(tinted.astype(np.uint8))
    pen = ImageDraw.Draw(image)
    furniture = [surface for surface in perceived.surfaces if surface.shape is not Shape.TABLE]
    for segment in (*furniture, *perceived.segments):
        box = segment.box_px(perceived.width)
        if box is None:
            continue
        pen.rectangle(box, outline=(255, 255, 255))
        _write(pen, (box[0] + 2, box[1] + 1), f"{segment.id} {segment.colour} {segment.shape.value}".replace("  ", " "))
    said = [f"{subject} {name} {other}  {odds:.2f}" for name, subject, other, odds in relations if name in _SHOWN]
    tables = {surface.id for surface in perceived.surfaces if surface.shape is Shape.TABLE}
    said = [line for line in said if not tables & set(line.split())]
    for row, line in enumerate(said):
        _write(pen, (6, 6 + 13 * row), line)
    return image


def _rim(pixels: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Pixels on the border of others."""
    mask = np.zeros(shape, bool)
    mask.ravel()[pixels] = True
    return np.flatnonzero(mask & ~ndimage.binary_erosion(mask))


def _write(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str) -> None:
    for shift in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        pen.text((at[0] + shift[0], at[1] + shift[1]), text, fill=(0, 0, 0))
    pen.text(at, text, fill=(255, 255, 255))
