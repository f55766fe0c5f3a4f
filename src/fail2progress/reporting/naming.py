"""Names of things in matplotlib's axes: as `core.labels` places them, with a line to the thing where one stands away from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from fail2progress.core.labels import leader, placed
from fail2progress.core.scene import Array
from fail2progress.reporting.render import Colour
from fail2progress.reporting.saving import as_they_stand

_HALO = 2.2
"""Points of white around letters and lines."""
_DARK = 0.6
"""A name's share of its thing's colour."""


@dataclass(frozen=True)
class Named:
    """A thing with its name: its box (2, 2) in the coordinates of the axes, and whether the name is wanted above it or below."""

    name: str
    box: Array
    colour: Colour
    above: bool = False


def write_names(axes: Axes, things: Sequence[Named], size: float) -> None:
    """Names in letters of so many points, over all that is drawn. The figure's layout must not change any more; texts that are
    there already are left free."""
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    as_they_stand(figure)
    figure.draw_without_rendering()
    taken = [_extent(text) for text in axes.texts if text.get_text()]
    texts = [_text(axes, thing, size) for thing in things]
    boxes = [_in_pixels(axes, thing.box) for thing in things]
    sizes = np.array([np.diff(_extent(text), axis=0)[0] for text in texts]).reshape(-1, 2) + _HALO * figure.dpi / 72
    reach = [sizes[row, 1] / 2 + 0.25 * size * figure.dpi / 72 for row in range(len(things))]
    wanted = np.array(
        [
            (box[:, 0].mean(), box[1, 1] + far if thing.above else box[0, 1] - far)
            for thing, box, far in zip(things, boxes, reach, strict=True)
        ]
    ).reshape(-1, 2)
    middles = placed(sizes, wanted, np.array(axes.bbox.get_points()), boxes, taken)
    back = axes.transData.inverted()
    for row, (thing, text, middle) in enumerate(zip(things, texts, middles, strict=True)):
        across, up = back.transform(middle)
        text.set_position((across, up))
        line = leader(np.array([middle - sizes[row] / 2, middle + sizes[row] / 2]), row, boxes)
        if line is not None:
            _line(axes, back.transform(line), thing.colour)


def _text(axes: Axes, thing: Named, size: float) -> Text:
    halo = [withStroke(linewidth=_HALO, foreground="white")]
    text = axes.text(0.0, 0.0, thing.name, fontsize=size, color=_dark(thing.colour), ha="center", va="center", parse_math=False)
    text.set(fontweight="bold", path_effects=halo, zorder=90, in_layout=False)
    return text


def _line(axes: Axes, ends: Array, colour: Colour) -> None:
    halo = [withStroke(linewidth=0.7 * _HALO, foreground="white")]
    axes.plot(*ends.T, color=_dark(colour), linewidth=0.9, path_effects=halo, zorder=89, scalex=False, scaley=False)


def _dark(colour: Colour) -> tuple[float, ...]:
    return tuple(_DARK * part for part in colour)


def _extent(text: Text) -> Array:
    """The box around a text, in pixels."""
    return np.array(text.get_window_extent().get_points())


def _in_pixels(axes: Axes, box: Array) -> Array:
    """A box of the axes' coordinates in pixels, whichever way these grow."""
    return np.sort(axes.transData.transform(box), axis=0)
