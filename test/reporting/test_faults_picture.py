"""A sheet of faults: a row for each kind, however many there are."""

import io

import numpy as np
from PIL import Image

from fail2progress.evaluation.misses import JOINED, UNSEEN, Fault
from fail2progress.reporting.faults_picture import sheet


def opened(faults: list[Fault]) -> Image.Image:
    return Image.open(io.BytesIO(sheet(faults)))


def test_more_kinds_make_more_rows() -> None:
    colour, thing = np.full((50, 60, 3), 90, np.uint8), np.zeros((50, 60), bool)
    thing[10:40, 10:50] = True
    one = [Fault(UNSEEN, 1, "apart", colour, thing.astype(np.int64), thing)] * 3
    both = [*one, Fault(JOINED, 4, "stacked", colour, np.zeros((50, 60), np.int64), thing)]
    assert opened(both).height > 1.5 * opened(one).height and opened(both).width == opened(one).width
    shown = np.asarray(opened(one).convert("RGB")).reshape(-1, 3)
    assert len(np.unique(shown, axis=0)) > 3


def test_a_sheet_without_faults_says_so() -> None:
    assert opened([]).height > 0
