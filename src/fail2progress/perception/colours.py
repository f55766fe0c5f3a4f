"""The word that people have for the colour of a thing, by what it would look like under white light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fail2progress.core.descriptions import COLOURS as WORDS
from fail2progress.core.quantiles import quantile
from fail2progress.core.scene import Array

_BLACK, _GREY, _WHITE, _RED, _ORANGE, _PURPLE, _PINK, _BROWN = (
    WORDS.index(word) for word in ("black", "grey", "white", "red", "orange", "purple", "pink", "brown")
)
_HUES = np.array([13.0, 39.0, 62.0, 165.0, 187.0, 263.0, 304.0, 350.0])
"""Degrees at which red, orange, yellow, green, cyan, blue, purple and pink end; from there on it is red. As the names of the
colour survey of xkcd (2010) divide hues best; of the few cyans there the range is a choice."""
_DARK, _BRIGHT = 55.0, 180.0
"""Values of the brightest channel, below which all is black, and above which what has no colour is white."""
_PLAIN, _PLAIN_BRIGHT = 0.18, 0.3
"""Saturation below which there is no colour; of bright things, which take on the tint of light and camera."""
_TOLD = 0.2
"""Share of a thing that has a colour by which people call it, though most of it is white, grey or black."""
_STEP = 4
"""Every so many pixels in a row tell the light."""
_DIM, _FULL = 8, 252
"""Values of the brightest channel up to which a pixel says nothing of the light, and from which it says nothing of its tint."""
_TINT = 0.75
"""How much of the tint that is estimated is taken away, as a power: what is there has a colour of its own too."""
_LIT, _LIT_SHARE, _LIT_POWER = 0.8, 0.95, 0.5
"""Luminance towards which what is brighter than such a share of the image is brought, by such a power: a dim image and dark
things in good light look alike."""
_BRIGHTER, _MOST_TINT = 1.6, 1.3
"""Times that an image is made brighter or darker, and a channel stronger, at most."""
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class Light:
    """What linear red, green and blue (3,) are multiplied by, so that they are as under white light of a usual strength."""

    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def white(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, 3) in [0, 255], as under white light."""
        values = _linear(np.arange(256.0))[:, None] * np.array(self.gains)
        table = (255 * _encoded(np.minimum(values, 1.0))).astype(np.float32)
        return np.stack([table[pixels[:, channel], channel] for channel in range(3)], axis=1)


def light_of(colour: NDArray[np.uint8]) -> Light:
    """Of an image (H, W, 3), red, green and blue. Its tint is what edges (van de Weijer et al. 2007) and all pixels have in the
    mean, as far as both agree: the edges of one red thing are red, too. What is brightest is white or nearly so."""
    small = colour[::_STEP, ::_STEP]
    most = small.max(axis=-1)
    seen, told = most > _DIM, (most > _DIM) & (most < _FULL)
    if told.sum() < 2:
        return Light()
    linear = _linear(small.astype(float))
    edges = np.hypot(*(ndimage.gaussian_filter1d(linear, 1.0, axis, order=1) for axis in (0, 1)))
    by_edges, by_all = (_neutral(values) for values in (np.sqrt((edges[told] ** 2).mean(axis=0)), linear[told].mean(axis=0)))
    agreed = np.where(by_edges * by_all > 0, np.sign(by_all) * np.minimum(np.abs(by_edges), np.abs(by_all)), 0.0)
    gains = np.clip(np.exp(_TINT * (agreed - agreed.mean())), 1 / _MOST_TINT, _MOST_TINT)
    bright = max(quantile((linear[seen] * gains) @ _LUMINANCE, _LIT_SHARE), 1e-6)
    red, green, blue = gains * np.clip((_LIT / bright) ** _LIT_POWER, 1 / _BRIGHTER, _BRIGHTER)
    return Light((float(red), float(green), float(blue)))


def _neutral(values: Array) -> Array:
    """Logarithms (3,) of what makes them equal."""
    logs = np.log(values + 1e-6)
    return np.asarray(logs.mean() - logs)


def colour_word(pixels: NDArray[np.uint8], light: Light | None = None) -> str:
    """The one of WORDS for (n, 3) red, green, blue; n >= 1: the commonest colour where a fifth has it, or else the commonest
    of black, grey and white. light: of the image; None for white."""
    counts = np.bincount(_numbers((light or Light()).white(pixels)), minlength=len(WORDS))
    coloured = counts.copy()
    coloured[[_BLACK, _GREY, _WHITE]] = 0
    told = coloured if coloured.max() >= _TOLD * len(pixels) else counts
    return WORDS[int(told.argmax())]


def _linear(values: Array) -> Array:
    """Of sRGB in [0, 255] (IEC 61966-2-1)."""
    share = values / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def _encoded(linear: Array) -> Array:
    """sRGB in [0, 1]."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


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
