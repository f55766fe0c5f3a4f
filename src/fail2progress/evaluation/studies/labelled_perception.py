"""How well segments fit the true masks of a public data set, by the measures that are published for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.provenance import provenance
from fail2progress.evaluation.labelled_frames import labelled, layout
from fail2progress.evaluation.segment_measures import Measures, mean, measure
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segmenter

Progress = Callable[[str], None]


def study(folder: Path, kind: str | None, segmenter: Segmenter, most: int | None, say: Progress) -> dict[str, object]:
    """The report over the first so many frames of a folder in one of the known layouts; kind: which, or None to find out.

    Frames that are refused count as ones in which nothing was found. PerceptionError where no frame can be read.
    """
    kind = kind or layout(folder)
    measures: list[Measures] = []
    seconds: list[float] = []
    refused = 0
    for number, item in enumerate(labelled(folder, kind)):
        if most is not None and number >= most:
            break
        try:
            found = segmenter.segment(item.frame)
            seconds.append(found.seconds["total"])
            numbers = numbered(found)
        except PerceptionError:
            refused += 1
            numbers = np.zeros(item.things.shape, np.int64)
        measures.append(measure(numbers, item.things))
        say(f"frame {number + 1}: {item.name}, F {100 * measures[-1].overlap[2]:.1f}")
    if not measures:
        raise PerceptionError(f"{folder}: no frame of the layout {kind} was found there")
    total = mean(measures)
    return {
        "dataset": kind,
        "frames": len(measures),
        "things": total.things,
        "frames_refused": refused,
        **total.as_json(),
        "median_seconds": float(np.median(seconds)) if seconds else None,
        "segmenter": segmenter.name,
        "provenance": provenance(folder=folder.name, frames=len(measures)),
    }


def numbered(found: Perceived) -> NDArray[np.int64]:
    """(H, W) numbers of segments, 0 for none; of two that share a pixel, the smaller has it, which lies in the larger."""
    numbers = np.zeros(found.width * found.height, np.int64)
    for number, segment in sorted(enumerate(found.segments), key=lambda pair: -len(pair[1].mask)):
        numbers[segment.mask] = number + 1
    return numbers.reshape(found.height, found.width)
