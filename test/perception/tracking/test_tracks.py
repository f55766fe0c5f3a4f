"""Whether a thing's place can be seen through: things that are taken away, however flat, and noise that takes nothing away."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.objects import Shape
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.perception.tracking.states import State
from fail2progress.perception.tracking.tracker import Tracker
from support.hand_made_views import EYE, box, view


def noisy(perceived: Perceived, seed: int) -> Perceived:
    """With the noise of a depth camera: 2 mm at 1 m, growing with the square of the distance."""
    rng = np.random.default_rng(seed)

    def shaken(part: Segment) -> Segment:
        away = part.points - EYE[:3, 3]
        ranges = np.linalg.norm(away, axis=1, keepdims=True)
        err = 0.002 * ranges**2 * rng.standard_normal(ranges.shape)
        return replace(part, points=(part.points + away / ranges * err).astype(np.float32))

    parts = [tuple(map(shaken, some)) for some in (perceived.segments, perceived.surfaces)]
    return replace(perceived, segments=parts[0], surfaces=parts[1])


def flat_box(height: float) -> Segment:
    """A box whose upper side alone is seen."""
    seen = box("flat", (0.6, 0.0, 0.5), (0.1, 0.15, height))
    points = seen.points.copy()
    points[:, 2] = 0.5 + height
    return replace(seen, points=points)


def low_bowl() -> Segment:
    """Of which a low wall and a floor that is nearly on the table are seen."""
    wall = replace(box("bowl", (0.6, 0.0, 0.5), (0.14, 0.14, 0.03), Shape.OPEN_BOX), cavity=0.02)
    points = wall.points.copy()
    points[::2] = box("floor", (0.6, 0.0, 0.5), (0.12, 0.12, 0.004)).points[::2]
    return replace(wall, points=points)


THINGS = [*map(flat_box, (0.008, 0.012, 0.016, 0.025)), low_bowl(), box("cube", (0.6, 0.0, 0.5))]


@pytest.mark.parametrize("thing", THINGS, ids=[f"{thing.id} {thing.size[2]}" for thing in THINGS])
def test_what_is_taken_away_is_gone_however_flat_it_was(thing: Segment) -> None:
    for noise in range(5):
        tracker = Tracker()
        tracker.update(noisy(view(thing), noise))
        for frame in range(5):
            found = tracker.update(noisy(view(), 100 * noise + frame))
        assert not found.segments, f"seen through: {noise}"


@pytest.mark.parametrize("thing", [*THINGS, flat_box(0.002)], ids=[f"{t.id} {t.size[2]}" for t in (*THINGS, flat_box(0.002))])
def test_what_a_frame_takes_for_the_table_is_not_gone_by_noise(thing: Segment) -> None:
    """It lies there still, and its readings are counted among those of the table."""
    tracker, bare = Tracker(), view()
    tracker.update(noisy(view(thing), 0))
    around = bare.surfaces[0].points
    half = thing.size[:2] / 2 + 0.002
    free = (np.abs(around[:, :2] - thing.pose[:2]) > half).any(axis=1)
    points = np.concatenate([around[free], *[thing.points] * 4])
    table = replace(bare.surfaces[0], points=points, pixels=np.arange(len(points)))
    for frame in range(1, 40):
        found = tracker.update(noisy(replace(bare, surfaces=(table,)), frame))
        assert [part.id for part in found.segments] == [thing.id] and tracker.tracks[thing.id].state is State.HIDDEN


def test_what_moved_a_little_unseen_with_its_camera_is_not_gone() -> None:
    """A camera's pose is known to some millimetres."""
    tracker, thing = Tracker(), flat_box(0.016)
    tracker.update(view(thing))
    for off in (-0.004, 0.004):
        lower = replace(view(thing), segments=())
        points = np.concatenate([lower.surfaces[0].points[::40], thing.points]) + np.float32([0.0, 0.0, off])
        table = replace(lower.surfaces[0], points=points, pixels=np.arange(len(points)))
        for _ in range(5):
            assert [part.id for part in tracker.update(replace(lower, surfaces=(table,))).segments] == ["flat"]
