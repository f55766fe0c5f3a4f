"""The picture of what was perceived: what is written, and where."""

import itertools
from typing import Any

import numpy as np
import pytest
from PIL import ImageDraw

from fail2progress.core.objects import Shape
from fail2progress.perception.picture import draw
from fail2progress.perception.segmentation.base import Perceived, Segment

WIDTH, HEIGHT = 640, 480


def part(name: str, shape: Shape, *boxes: tuple[int, int, int, int], grow: int = 1) -> Segment:
    """A segment of boxes of columns and rows."""
    mask = np.zeros((HEIGHT * grow, WIDTH * grow), bool)
    for left, top, right, bottom in boxes:
        mask[top * grow : bottom * grow, left * grow : right * grow] = True
    pixels = np.flatnonzero(mask)
    return Segment(name, "cuboid", shape, np.zeros((len(pixels), 3), np.float32), pixels, np.zeros(7), np.ones(3), 1.0, "red")


def written(perceived: Perceived, relations: list[Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """The box (2, 2) of every text that is drawn."""
    found, text = dict[str, np.ndarray](), ImageDraw.ImageDraw.text

    def noted(pen: Any, at: Any, words: str, fill: Any, font: Any, anchor: str, **how: Any) -> None:
        found[words] = np.array(pen.textbbox(at, words, font, anchor)).reshape(2, 2)
        text(pen, at, words, fill, font, anchor, **how)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", noted)
    draw(np.full((perceived.height, perceived.width, 3), 90, np.uint8), perceived, relations)
    return found


@pytest.mark.parametrize("grow", [1, 3])
def test_every_table_is_named_on_its_largest_patch(monkeypatch: pytest.MonkeyPatch, grow: int) -> None:
    tables = (
        part("table_1", Shape.TABLE, (20, 20, 60, 60), (300, 200, 600, 460), grow=grow),
        part("table_2", Shape.TABLE, (20, 300, 200, 440), grow=grow),
        part("table_3", Shape.TABLE, grow=grow),
    )
    perceived = Perceived((), tables, np.eye(4), WIDTH * grow, HEIGHT * grow)
    found = written(perceived, [("on", "object_1", "table_1", 0.9)], monkeypatch)
    middles = {name: tuple(box.mean(axis=0) / grow) for name, box in found.items()}
    assert set(middles) == {"table_1", "table_2"}
    assert 300 < middles["table_1"][0] < 600 and 200 < middles["table_1"][1] < 460
    assert 20 < middles["table_2"][0] < 200 and 300 < middles["table_2"][1] < 440
    assert np.diff(found["table_1"], axis=0)[0, 1] == pytest.approx(8 * grow, abs=3 * grow)


def test_names_of_things_that_touch_do_not_cover_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    things = tuple(part(f"object_{i}", Shape.CUBOID, (100 + 20 * i, 5, 120 + 20 * i, 30)) for i in range(5))
    shelf = part("shelf_1", Shape.SHELF, (90, 0, 300, 200))
    perceived = Perceived(things, (shelf,), np.eye(4), WIDTH, HEIGHT)
    found = written(perceived, [("inside", "object_1", "shelf_1", 0.9), ("on", "object_2", "shelf_1", 0.8)], monkeypatch)
    assert len(found) == 8 and "object_1  inside  shelf_1  0.90" in found
    for one, other in itertools.combinations(found.values(), 2):
        assert (np.minimum(one[1], other[1]) <= np.maximum(one[0], other[0])).any()
