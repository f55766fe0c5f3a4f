"""Colour images whose file says beside the pixels how they are to be turned (EXIF), as depth beside them cannot say it."""

from __future__ import annotations

import struct
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fail2progress.perception.frames.alignment import fit_of

UPRIGHT = 1
"""Orientation of an image that is stored as it is to be seen."""
_KEY = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By orientation, what brings the image upright."""
_SAME = 0.01
"""Share by which the proportions of two images of one view may differ."""
_TELLS = 1.5
"""Deviations by which edges of depth lie better on colours in one of two ways, from which they tell which one it is: of 64 public
frames turned by half, and mirrored, these tell 41 and 40 and are never wrong."""


def orientation_of(image: Image.Image) -> int:
    """That of a decoded image by its EXIF data, 1 to 8; UPRIGHT where it says none that there is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged data
            found = image.getexif().get(_KEY, UPRIGHT)
    except (SyntaxError, ValueError, KeyError, IndexError, OSError, struct.error):  # damaged: nobody would turn it
        return UPRIGHT
    return found if found in _TURNS else UPRIGHT


def turned_to(
    depth: NDArray[Any], colour: NDArray[np.uint8], orientation: int, names: tuple[str, str]
) -> tuple[NDArray[np.uint8], list[str]]:
    """Colours (H, W, 3) as they lie on depth (h, w) as stored, and a note; names: of the files of colour and depth.

    An image of colour is turned as its file says where it has the proportions of depth then. Where it has them both ways, edges
    tell, or else it is what every viewer shows: depth carries no orientation, so that it is seen as it is stored.
    """
    name, other = names
    turned = np.asarray(Image.fromarray(colour).transpose(_TURNS[orientation]))
    said = f"{name} says that it is to be turned (EXIF orientation {orientation})"
    as_stored, as_said = _alike(colour, depth), _alike(turned, depth)
    if not as_said:
        why = f"is as wide and as high as {other} without that" if as_stored else f"has the proportions of {other} in neither way"
        return colour, [f"{said}, which was not done: it {why}"]
    lead = _lead(colour, turned, depth) if as_stored else -np.inf
    if lead > _TELLS:
        return colour, [f"{said}, which was not done: it lies on {other} as it is stored"]
    unsure = f"; see that {other} is upright, too" if lead > -_TELLS else ""
    return turned, [f"{said}, which was done{unsure}"]


def _alike(colour: NDArray[np.uint8], depth: NDArray[Any]) -> bool:
    """Whether two images have the same proportions."""
    (height, width), (other_height, other_width) = colour.shape[:2], depth.shape
    return bool(abs(width * other_height / (height * other_width) - 1) <= _SAME)


def _lead(stored: NDArray[np.uint8], turned: NDArray[np.uint8], depth: NDArray[Any]) -> float:
    """Deviations by which edges of depth lie better on colours as stored than on turned ones; 0 where they do not tell."""
    readings = np.where(np.isfinite(depth) & (depth > 0), depth, 0).astype(np.float32)
    size = (depth.shape[1], depth.shape[0])
    both = (np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BOX), np.uint8) for one in (stored, turned))
    one, other = (fit_of(colour, readings) for colour in both)
    return 0.0 if one is None or other is None else one.here - other.here
