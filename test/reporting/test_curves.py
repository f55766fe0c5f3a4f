import io

import pytest
from PIL import Image

from fail2progress.reporting.curves import Lesson, learning_curves


def lesson(parent: str, version: str) -> Lesson:
    figures = {"failure_f1": 0.6, "held_out_prediction": 0.97}
    return Lesson("5bd92923", parent, version, figures, {**figures, "failure_f1": 0.95})


def test_curves_are_drawn_over_the_versions() -> None:
    one = learning_curves([lesson("v0001", "v0002")], {"v0001": 0.0, "v0002": 1.0})
    two = learning_curves([lesson("v0001", "v0002"), lesson("v0002", "v0003")])
    assert Image.open(io.BytesIO(one)).size[0] > 800 and one != two


def test_without_a_lesson_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="at least one lesson"):
        learning_curves([])
