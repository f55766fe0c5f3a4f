"""Small things are looked at again, enlarged: two that touch are parted, and one stays one."""

import numpy as np
import pytest

from fail2progress.perception.segmentation.fused.closer import CloserRules, looked_closer
from fail2progress.perception.segmentation.geometric.guide import Window
from fail2progress.perception.segmentation.geometric.regions import Numbers
from fail2progress.perception.segmentation.learned.instances import Seen, VoteRules

WINDOW = (slice(100, 260), slice(200, 440))
"""Of the frame, which the network sees at its own size."""


@pytest.fixture
def numbers() -> Numbers:
    """A large thing, a small one in the middle, and one at the border."""
    image = np.zeros((160, 240), np.int64)
    image[90:150, 20:120] = 1
    image[60:70, 140:160] = 2
    image[0:8, 200:208] = 3
    return image


class Eye:
    """Sees the small thing's left and right half at places so far apart, enlarged twice; and notes what it is asked for."""

    def __init__(self, numbers: Numbers, apart: float) -> None:
        self.numbers, self.apart, self.asked = numbers, apart, list[Window]()

    def __call__(self, box: Window) -> Seen:
        self.asked.append(box)
        rows, columns = (slice(own.start - whole.start, own.stop - whole.start) for own, whole in zip(box, WINDOW, strict=True))
        large = np.kron(self.numbers[rows, columns], np.ones((2, 2), np.int64))
        right = (np.arange(large.shape[1]) / 2 + columns.start >= 150) & (large == 2)
        places = np.zeros((3, *large.shape), np.float32)
        places[0] = 50.0 * large
        places[1] = self.apart * right
        thing = (large > 0).astype(np.float32)
        return Seen(thing, 1 - thing, places, np.zeros_like(thing), thing)


def test_a_small_thing_that_is_two_is_parted_where_they_touch(numbers: Numbers) -> None:
    eye = Eye(numbers, 4.0)
    found = looked_closer(numbers, WINDOW, eye, VoteRules(), CloserRules())
    left, right = (int(found.numbers[65, column]) for column in (142, 158))
    assert left != right and found.two == {(min(left, right), max(left, right))}
    assert (found.numbers[60:70, 140:150] == left).all() and (found.numbers[60:70, 150:160] == right).all()
    assert ((found.numbers == 1) == (numbers == 1)).all() and ((found.numbers == 3) == (numbers == 3)).all()
    # What is large is not looked at again, and no window reaches out of what the network saw.
    assert len(eye.asked) == 2
    assert all(w.start <= own.start and own.stop <= w.stop for box in eye.asked for own, w in zip(box, WINDOW, strict=True))


def test_parts_that_point_near_each_other_stay_one(numbers: Numbers) -> None:
    found = looked_closer(numbers, WINDOW, Eye(numbers, 1.2), VoteRules(), CloserRules())
    assert (found.numbers == numbers).all() and not found.two


def test_no_more_windows_than_asked_for(numbers: Numbers) -> None:
    eye = Eye(numbers, 4.0)
    assert (looked_closer(numbers, WINDOW, eye, VoteRules(), CloserRules(windows=0)).numbers == numbers).all()
    assert not eye.asked
