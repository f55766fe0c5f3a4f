import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageSequence

from fail2progress.core.scene import Scene
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.reporting.film import CAMERA, compared, film
from fail2progress.reporting.pictures import colours_of
from fail2progress.reporting.render import render, render_with_ghost
from support import samples

SMALL = replace(CAMERA, width=150, height=82, focal=140.0)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return samples.loaded_cup_job().scene


def moved(scene: Scene, name: str) -> Scene:
    poses = scene.poses.copy()
    poses[scene.index(name), 1] -= 0.3
    return scene.with_poses(poses)


def test_a_ghost_is_seen_where_it_would_be_and_nowhere_else(scene: Scene) -> None:
    palette = colours_of(scene)
    plain = render(scene, palette, SMALL, 1)
    assert np.array_equal(render_with_ghost(scene, moved(scene, "cup_1"), (), palette, SMALL, 1), plain)
    ghost = render_with_ghost(scene, moved(scene, "cup_1"), ("cup_1",), palette, SMALL, 1)
    changed = (ghost != plain).any(axis=2)
    assert 0 < changed.mean() < 0.1
    assert np.array_equal(ghost[~changed], plain[~changed])


def test_a_film_shows_what_was_expected_what_happened_and_what_was_learnt() -> None:
    event = samples.failure()
    model = load_checkpoint(weights.path(weights.RELATIONAL)).model
    content = film(event, model, model, "It learns from 3 scenes", SMALL, steps=2)
    picture = Image.open(io.BytesIO(content))
    frames = [np.asarray(frame.convert("RGB"), float) for frame in ImageSequence.Iterator(picture)]
    assert picture.format == "GIF" and picture.info.get("loop") == 0 and 6 <= len(frames) <= 10
    scenes = [frame[: SMALL.height] for frame in frames]
    assert np.abs(scenes[0] - scenes[1]).mean() > 5, "what is only expected is paler"
    assert len(content) < 200_000


def test_what_happens_is_what_was_expected_only_where_it_is_near() -> None:
    seen = np.zeros((2, 3))
    near, far = compared(seen, seen + np.array([0.012, 0.0, 0.0])), compared(seen, np.array([[0.0, 0.0, 0.0], [0.0, 0.08, 0.0]]))
    assert near.caption == "5  What happens is what it expected, within 12 mm"
    assert far.caption == "5  What happens still ends 80 mm from what it expected"
    assert near.colour[1] > near.colour[0] and far.colour[0] > far.colour[1]  # green, red
