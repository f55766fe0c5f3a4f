"""Segments and relations drawn over the image that they were found in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from fail2progress.core.labels import leader, placed
from fail2progress.core.objects import Shape
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation.base import Perceived, Segment

HUES = np.array([[230, 60, 60], [60, 120, 240], [250, 180, 30], [60, 190, 90], [160, 90, 220], [240, 120, 180], [40, 200, 210]])
_SHOWN = ("inside", "on")
_TINT = 0.2
"""Share of a thing's hue in its own colour, which is to be seen still: words tell it."""
_LETTERS, _ACROSS = 11, 640
"""Pixels of letters in an image so wide or less; in a wider one, which is shown smaller, they are larger."""
_GAP = "  "
"""Between words: rims of letters fill one space."""
_LINE = 1.2
"""Height of a line, in letters."""


def draw(colour: NDArray[np.uint8], perceived: Perceived, relations: Sequence[tuple[str, str, str, float]]) -> Image.Image:
    """The colour image with objects tinted, boxed and named by id and looks, surfaces outlined and named, and what lies in or on
    what."""
    tinted = colour.astype(np.float32)
    flat = tinted.reshape(-1, 3)
    for surface in perceived.surfaces:
        flat[_rim(surface.pixels, colour.shape[:2])] = (255, 255, 255)
    for i, segment in enumerate(perceived.segments):
        flat[segment.mask] = (1 - _TINT) * flat[segment.mask] + _TINT * HUES[i % len(HUES)]
        flat[_rim(segment.mask, colour.shape[:2])] = HUES[i % len(HUES)]
    image = Image.fromarray(tinted.astype(np.uint8))
    tables = [surface for surface in perceived.surfaces if surface.shape is Shape.TABLE]
    furniture = [surface for surface in perceived.surfaces if surface.shape is not Shape.TABLE]
    said = [_GAP.join((subject, name, other, f"{odds:.2f}")) for name, subject, other, odds in relations if name in _SHOWN]
    ids = {table.id for table in tables}
    said = [line for line in said if not ids & set(line.split())]
    _write_all(image, [*furniture, *perceived.segments], tables, said)
    return image


def _write_all(image: Image.Image, boxed: Sequence[Segment], tables: Sequence[Segment], said: Sequence[str]) -> None:
    """Boxes with their names above them, names of tables on the largest patch of each, and lines at the upper left, none of which
    covers another."""
    pen, size = ImageDraw.Draw(image), max(_LETTERS, round(_LETTERS * image.width / _ACROSS))
    font = ImageFont.load_default(size)
    line = size * _LINE
    taken = [_box(6, 6 + line * row, pen.textlength(text, font), line) for row, text in enumerate(said)]
    things, words, wanted = [], [], []
    for segment in boxed:
        box = segment.box_px(image.width)
        if box is None:
            continue
        pen.rectangle(box, outline=(255, 255, 255), width=max(1, size // _LETTERS))
        things.append(np.array(box, float).reshape(2, 2))
        words.append(_GAP.join(filter(None, (segment.id, segment.colour, segment.shape.value))))
        wanted.append((box[0] + pen.textlength(words[-1], font) / 2, box[1] - line / 2))
    for table in tables:
        patch = _largest_patch(table.mask, image.size)
        if patch is not None:
            words.append(table.id)
            wanted.append(patch)
    sizes = np.array([(pen.textlength(text, font) + 2, line) for text in words]).reshape(-1, 2)
    middles = placed(sizes, np.array(wanted).reshape(-1, 2), _box(0, 0, *image.size), things, taken)
    for row, (middle, name) in enumerate(zip(middles, sizes, strict=True)):
        ends = leader(np.array([middle - name / 2, middle + name / 2]), row, things) if row < len(things) else None
        if ends is not None:
            pen.line([*map(tuple, ends)], fill=(255, 255, 255), width=max(1, size // _LETTERS))
    for text, (across, down) in (*zip(said, (box.mean(axis=0) for box in taken), strict=True), *zip(words, middles, strict=True)):
        pen.text((across, down), text, (255, 255, 255), font, "mm", stroke_width=max(1, size // _LETTERS), stroke_fill=(0, 0, 0))


def _largest_patch(pixels: NDArray[np.int64], size: tuple[int, int]) -> tuple[float, float] | None:
    """Column and row of the place in the largest connected part of what (width, height) shows that is farthest from its rim; None
    where it shows nothing. Large images are looked at by every nth pixel."""
    width, height = size
    mask = np.zeros((height, width), bool)
    mask.ravel()[pixels] = True
    step = max(1, width // _ACROSS)
    parts, count = ndimage.label(mask[::step, ::step], np.ones((3, 3)))
    if not count:
        return None
    largest = np.pad(parts == 1 + np.bincount(parts.ravel())[1:].argmax(), 1)
    row, column = np.unravel_index(ndimage.distance_transform_edt(largest).argmax(), largest.shape)
    return float(step * (column - 1)), float(step * (row - 1))


def _box(left: float, top: float, width: float, height: float) -> Array:
    return np.array([[left, top], [left + width, top + height]])


def _rim(pixels: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Pixels on the border of others."""
    mask = np.zeros(shape, bool)
    mask.ravel()[pixels] = True
    return np.flatnonzero(mask & ~ndimage.binary_erosion(mask))
