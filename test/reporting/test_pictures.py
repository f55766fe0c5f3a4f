import io
import itertools
import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from fail2progress.core.camera import Camera
from fail2progress.reporting import pictures
from fail2progress.reporting.naming import Named, write_names
from fail2progress.reporting.render import VIEW, render
from fail2progress.simulation.base import Job
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.registry import task

SCENE = task("hierarchical-tabletop").trial(3, 1).scene


def size(content: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(content)).size


def test_a_rendered_object_has_its_colour_where_it_stands() -> None:
    palette = pictures.colours_of(SCENE)
    image = render(SCENE, palette).astype(float)
    column, row = VIEW.project(SCENE.position("table_b")).astype(int)
    seen = image[row, column] / 255
    wanted = np.array(palette["table_b"])
    assert np.abs(seen / seen.sum() - wanted / wanted.sum()).max() < 0.03


def test_every_picture_is_a_png_of_some_size() -> None:
    simulator = MujocoSimulator()
    outcome = simulator.execute(Job(SCENE, SkillCall("pick_place", "cup_2", (0.05, 0.02, 0.01, 0.0))))
    cloud = simulator.settle(SCENE, Camera()).cloud
    panel = pictures.ParticleClouds("some", {"cup_1": np.random.default_rng(0).random((5, 2))}, {})
    for content in (
        pictures.scene_picture(SCENE),
        pictures.top_view(outcome.before.scene, outcome.after.scene),
        pictures.scene_grid([outcome] * 3),
        pictures.cloud_picture(cloud),
        pictures.particles_picture([panel], SCENE),
        pictures.bars({"a": 1.0, "b": 2.0}, "s"),
    ):
        width, height = size(content)
        assert width > 200 and height > 60


def test_names_in_letters_that_the_font_lacks_are_drawn_without_a_warning() -> None:
    figure = Figure()
    figure.suptitle("\N{CJK UNIFIED IDEOGRAPH-65B9}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pictures.png(figure).startswith(b"\x89PNG")


def test_a_grid_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError):
        pictures.scene_grid([])


@pytest.mark.parametrize("deep", [0.0, 0.002, 0.05, 0.3])
def test_ticks_of_a_cloud_do_not_cover_each_other(deep: float) -> None:
    low, high = np.array([0.3, -0.6, 0.5]), np.array([0.9, 0.6, 0.501 + deep])
    figure = Figure(figsize=(6.4, 4.4))
    axes = figure.add_axes((0.0, 0.06, 0.94, 0.94), projection="3d", computed_zorder=False)
    pictures._space(axes, np.stack([low, high]))
    figure.draw_without_rendering()
    for axis in (axes.yaxis, axes.zaxis):  # type: ignore[attr-defined]
        boxes = [text.get_window_extent() for text in axis.get_majorticklabels() if text.get_text() and text.get_visible()]
        assert boxes and not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_names_are_as_high_where_a_picture_is_shown_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = list[float]()

    def noted(axes: Axes, things: Sequence[Named], size: float) -> None:
        sizes.append(size)
        write_names(axes, things, size)

    monkeypatch.setattr(pictures, "write_names", noted)
    for across in (None, VIEW.width, VIEW.width // 2):
        pictures.scene_picture(SCENE, across=across)
    assert sizes[0] == sizes[1] == sizes[2] / 2
