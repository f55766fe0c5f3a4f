"""A sheet of what was not found, and of what is no thing: a row for each kind of fault."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import ndimage

from fail2progress.evaluation.misses import FAULTS, Fault
from fail2progress.perception.picture import HUES
from fail2progress.reporting.saving import unsigned


def sheet(faults: Sequence[Fault]) -> bytes:
    """PNG: segments tinted, the thing or the false segment outlined in white. The empty sheet where there is no fault."""
    kinds = [kind for kind in FAULTS if any(fault.kind == kind for fault in faults)]
    most = max((sum(fault.kind == kind for fault in faults) for kind in kinds), default=1)
    figure = Figure(figsize=(2.1 * most + 0.2, 2.1 * max(len(kinds), 1) + 0.2), layout="constrained")
    for axes, kind in zip(figure.subplots(max(len(kinds), 1), most, squeeze=False), kinds or [""], strict=True):
        own = [fault for fault in faults if fault.kind == kind]
        axes[0].set_title(kind or "no fault", loc="left", fontsize=9)
        for ax, fault in zip(axes, own, strict=False):
            _show(ax, fault)
        for ax in axes[len(own) :]:
            ax.axis("off")
    return unsigned(figure, 80)


def _show(ax: Axes, fault: Fault) -> None:
    image = fault.colour.astype(float)
    for number in np.unique(fault.found[fault.found > 0]):
        own = fault.found == number
        image[own] = 0.55 * image[own] + 0.45 * HUES[number % len(HUES)]
    image[fault.thing ^ ndimage.binary_erosion(fault.thing, iterations=2)] = 255
    ax.imshow(image.astype(np.uint8))
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel(f"{fault.scene}: {fault.how}", fontsize=7, labelpad=1)
