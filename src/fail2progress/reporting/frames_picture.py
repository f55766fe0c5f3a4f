"""A sheet of public frames: segments tinted, boxes of what was found in white and of what was not in red."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fail2progress.evaluation.studies.public_frames import Shown
from fail2progress.perception.picture import HUES
from fail2progress.reporting.saving import unsigned

_COLUMNS = 5


def sheet(frames: Sequence[Shown]) -> bytes:
    """PNG, five frames in a row."""
    rows = max(-(-len(frames) // _COLUMNS), 1)
    figure = Figure(figsize=(3.6 * _COLUMNS, 2.95 * rows), layout="constrained")
    places = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for ax in places:
        ax.axis("off")
    for ax, frame in zip(places, frames, strict=False):
        image = frame.colour.astype(float)
        for number in np.unique(frame.numbers[frame.numbers > 0]):
            own = frame.numbers == number
            image[own] = 0.5 * image[own] + 0.5 * HUES[number % len(HUES)]
        ax.imshow(image.astype(np.uint8))
        for (left, top, right, bottom), found in frame.boxes:
            colour = "white" if found else "red"
            ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=1.2))
        ax.set_title(f"{frame.name}: {sum(found for _, found in frame.boxes)} of {len(frame.boxes)}", fontsize=8)
    return unsigned(figure, 80)
