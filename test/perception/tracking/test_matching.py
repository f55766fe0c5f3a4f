"""Which sighting is of which thing: twins, and things that look like what is not seen."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.perception.tracking.tracker import Tracker
from support.hand_made_views import behind_a_screen, box, places, view


def test_colours_tell_twins_apart() -> None:
    image = np.zeros((1, 20_000, 3), np.uint8)
    image[:, :400], image[:, 400:800] = (200, 40, 40), (40, 40, 200)
    red, blue = np.arange(400), np.arange(400, 800)
    a, b = box("a", (0.5, 0.1, 0.5)), box("b", (0.55, 0.16, 0.5))
    tracker = Tracker()
    tracker.update(view(replace(a, pixels=red), replace(b, pixels=blue)), None, image)
    found = tracker.update(view(replace(a, id="x", pixels=blue), replace(b, id="y", pixels=red)), None, image)
    assert places(found)["a"] == pytest.approx((0.55, 0.16, 0.55), abs=0.01)


def test_the_like_of_a_hidden_thing_gets_an_id_of_its_own() -> None:
    tracker = Tracker()
    tracker.update(view(box("a", (0.6, 0.0, 0.5))))
    for _ in range(2):
        found = tracker.update(behind_a_screen(box("x", (0.5, 0.36, 0.5))))
    assert places(found)["a"] == pytest.approx((0.6, 0.0, 0.55), abs=0.01)
    other = next(part.id for part in found.segments if part.pixels.size and part.points[:, 1].min() > 0.3)
    both = places(tracker.update(view(box("y", (0.5, 0.36, 0.5)), box("z", (0.6, 0.0, 0.5)))))
    assert both["a"] == pytest.approx((0.6, 0.0, 0.55), abs=0.01)
    assert both[other] == pytest.approx((0.5, 0.36, 0.55), abs=0.01)


def test_things_of_other_looks_that_change_places_unseen_keep_their_ids() -> None:
    """Each one's place is taken by what came there."""
    image = np.zeros((1, 20_000, 3), np.uint8)
    image[:, :400], image[:, 400:800] = (200, 40, 40), (40, 40, 200)
    one, other = (np.arange(first, first + 400) for first in (0, 400))
    here, there = box("a", (0.5, 0.2, 0.5)), box("b", (0.7, -0.2, 0.5))
    tracker = Tracker()
    tracker.update(view(replace(here, pixels=one), replace(there, pixels=other)), None, image)
    found = tracker.update(view(replace(here, id="x", pixels=other), replace(there, id="y", pixels=one)), None, image)
    assert places(found)["a"][:2] == pytest.approx((0.7, -0.2), abs=0.02) and set(places(found)) == {"a", "b"}
