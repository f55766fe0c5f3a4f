"""Kinds of faults: told from segments and truth, counted by how things were put, and the first few kept to look at."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fail2progress.evaluation.misses import JOINED, OF_NO_THING, PARTED, PARTLY, UNSEEN, Faults, of_no_thing, why_missed

THING = np.zeros(200, bool)
THING[:100] = True


def segments(*ranges: tuple[int, int]) -> NDArray[np.int64]:
    """(200,) numbers, from 1, of pixels from one to another; the thing is the first hundred."""
    found = np.zeros(200, np.int64)
    for number, (first, last) in enumerate(ranges, 1):
        found[first:last] = number
    return found


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (segments(), UNSEEN),
        (segments((0, 15)), UNSEEN),
        (segments((0, 200)), JOINED),
        (segments((20, 130)), JOINED),
        (segments((0, 40), (40, 85)), PARTED),
        (segments((0, 40)), PARTLY),
        (segments((0, 45), (70, 170)), PARTLY),
    ],
)
def test_why_a_thing_is_missed(found: NDArray[np.int64], kind: str) -> None:
    assert why_missed(found, THING) == kind


def test_segments_of_no_thing_are_those_with_less_than_half_of_any() -> None:
    assert of_no_thing(segments((0, 50), (80, 110), (90, 140), (150, 200)), THING.astype(np.int64)) == [3, 4]
    assert of_no_thing(segments(), THING.astype(np.int64)) == []


def test_all_are_counted_and_the_first_few_of_each_kind_are_shown_with_what_is_around() -> None:
    faults, thing = Faults(), np.zeros((300, 400), bool)
    thing[100:120, 390:] = True
    for scene in range(9):
        faults.add(UNSEEN, scene, "stacked", np.zeros((300, 400, 3), np.uint8), np.zeros((300, 400), np.int64), thing)
    faults.add(OF_NO_THING, 3, "tote", np.zeros((300, 400, 3), np.uint8), np.zeros((300, 400), np.int64), thing)
    assert faults.as_json() == {UNSEEN: {"stacked": 9}, OF_NO_THING: {"tote": 1}}
    assert [fault.scene for fault in faults.shown] == [0, 1, 2, 3, 4, 5, 3]
    assert faults.shown[0].colour.shape == (99, 50, 3) and faults.shown[0].thing.sum() == 200
