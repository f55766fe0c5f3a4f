"""The published measures on masks whose measures are known."""

import numpy as np
import pytest

from fail2progress.evaluation.segment_measures import boundary, mean, measure

TRUTH = np.zeros((48, 64), np.int64)
TRUTH[10:30, 5:25], TRUTH[10:30, 35:55] = 4, 9


def test_the_truth_itself_is_perfect_whatever_its_numbers() -> None:
    found = np.where(TRUTH == 4, 2, np.where(TRUTH == 9, 1, 0))
    made = measure(found, TRUTH)
    assert made.overlap == pytest.approx((1, 1, 1)) and made.boundary == pytest.approx((1, 1, 1))
    assert made.segmented == 1.0 and made.things == 2
    assert made.as_json()["overlap_F"] == 100.0


def test_half_a_thing_and_a_false_one_cost_recall_and_precision() -> None:
    found = np.zeros_like(TRUTH)
    found[10:30, 5:15], found[35:45, 5:25] = 1, 2
    made = measure(found, TRUTH)
    # 200 of 400 pixels found are right; 200 of 800 true ones are found. F of the half thing is 2/3.
    assert made.overlap == pytest.approx((0.5, 0.25, 1 / 3)) and made.segmented == 0.0


def test_two_things_joined_match_one_of_them() -> None:
    made = measure((TRUTH > 0).astype(np.int64), TRUTH)
    assert made.overlap[:2] == pytest.approx((0.5, 0.5)) and made.boundary[1] == pytest.approx(0.5, abs=0.05)


def test_a_boundary_may_be_a_pixel_off() -> None:
    made = measure(np.roll(np.where(TRUTH == 4, 1, np.where(TRUTH == 9, 2, 0)), 1, axis=1), TRUTH)
    assert made.boundary[2] > 0.99 and made.overlap[2] == pytest.approx(0.95)
    far = measure(np.roll(np.where(TRUTH == 4, 1, np.where(TRUTH == 9, 2, 0)), 4, axis=1), TRUTH)
    assert far.boundary[2] < 0.8


def test_nothing_found_or_nothing_there() -> None:
    none = np.zeros_like(TRUTH)
    assert measure(none, TRUTH).overlap == (0.0,) * 3 and measure(TRUTH, none).overlap == (0.0,) * 3
    assert measure(none, none).segmented == 1.0
    assert mean([measure(none, TRUTH), measure(none, none)]).segmented == 0.5 and mean([]).things == 0


def test_the_boundary_of_a_square_goes_once_around_it() -> None:
    assert 4 * 20 - 4 <= boundary(TRUTH == 4).sum() <= 4 * 20 + 4
