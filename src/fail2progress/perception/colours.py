"""The word that people have for the colour of a thing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.descriptions import COLOURS as WORDS

_BLACK, _GREY, _WHITE, _RED, _ORANGE, _PURPLE, _PINK, _BROWN = (
    WORDS.index(word) for word in ("black", "grey", "white", "red", "orange", "purple", "pink", "brown")
)
_HUES = np.array([12.0, 42.0, 70.0, 160.0, 195.0, 255.0, 290.0, 345.0])
"""Degrees at which red, orange, yellow, green, cyan, blue, purple and pink end; from there on it is red."""
_DARK, _BRIGHT = 55.0, 180.0
"""Values of the brightest channel, below which all is black, and above which what has no colour is white."""
_PLAIN, _PLAIN_BRIGHT = 0.18, 0.3
"""Saturation below which there is no colour; of bright things, which take on the tint of light and camera."""


def colour_word(pixels: NDArray[np.uint8]) -> str:
    """The commonest of WORDS over (n, 3) red, green, blue; n >= 1."""
    return WORDS[int(np.bincount(_numbers(pixels.astype(np.float32)), minlength=len(WORDS)).argmax())]


def _numbers(pixels: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n,) rows of WORDS."""
    r, g, b = np.ascontiguousarray(pixels.T)
    most, least = np.maximum(np.maximum(r, g), b), np.minimum(np.minimum(r, g), b)
    spread = np.maximum(most - least, 1e-6)
    saturation = spread / np.maximum(most, 1.0)
    hue = np.select([most == r, most == g], [(g - b) / spread % 6, (b - r) / spread + 2], (r - g) / spread + 4) * 60
    found = _RED + np.searchsorted(_HUES, hue) % len(_HUES)
    warm = (found == _RED) | (found == _ORANGE)
    found = np.where(warm & (most < 150) & ((found == _ORANGE) | (saturation < 0.55)), _BROWN, found)
    found = np.where((found == _RED) & (most > 200) & (saturation < 0.5), _PINK, found)
    plain = np.select([most < _DARK, most > _BRIGHT], [_BLACK, _WHITE], _GREY)
    least_colour = np.where(most > _BRIGHT, _PLAIN_BRIGHT, _PLAIN)
    return np.where((saturation < least_colour) | (most < _DARK), plain, found).astype(np.int64)
