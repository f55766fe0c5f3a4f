"""One failure in one picture: the scene before, what the model expected, what happened, and what it expects after learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fail2progress.core.scene import Array, Scene
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.sentences import observation
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.reporting.pictures import colours_of, png
from fail2progress.reporting.render import VIEW, Image, render
from fail2progress.simulation.reconstruction import rebuild

_PANEL = replace(VIEW, width=480, height=330, focal=400.0)
AS_EXPECTED = 0.05
"""Metres within which something ended where it was expected."""
_GOOD, _BAD, _INK = "#2c7a3f", "#b3261e", "#24292f"


@dataclass(frozen=True)
class Panel:
    """A scene with its caption; `right` says whether it agrees with what happened, None where that is not the question."""

    title: str
    scene: Scene
    caption: str = ""
    right: bool | None = None

    @cached_property
    def image(self) -> Image:
        """What is seen of the scene; rendered once, though a panel stands in several pictures."""
        return render(self.scene, colours_of(self.scene), _PANEL)


def story_panels(event: FailureEvent, before: Array, after_learning: SkillEffectModel) -> tuple[Panel, ...]:
    """Four panels for a failure.

    Args:
        event: the failure.
        before: (N, 3) m, displacements that the model expected when it failed, in the order of the event's segments.
        after_learning: the model that learnt from it.
    """
    start = rebuild(event.before, event.relations_before).scene
    end = rebuild(event.after, event.observed).scene
    _, later, _ = predict_effect(after_learning, encode_observation(after_learning, event.before), event.header.call.call())
    call = event.header.call
    went = _displacements(start, end)
    panels = [Panel("1  before the skill", start, f"{call.skill.replace('_', ' ')} {call.object}")]
    for title, shifts in (("2  what the model expected", before), ("4  what it expects after learning", later)):
        scene = _moved(start, event, shifts)
        wrong = _wrong(start, scene, went)
        text = f"{wrong} expected in the wrong place" if wrong else "as it happened"
        panels.append(Panel(title, scene, text, not wrong))
    panels.insert(2, Panel("3  what happened", end, observation(event) if event.header.mismatches else ""))
    return tuple(panels)


def story_picture(panels: Sequence[Panel]) -> bytes:
    """The panels side by side, as a PNG."""
    figure = Figure(figsize=(3.3 * len(panels), 2.95))
    for panel, axes in zip(panels, np.atleast_1d(figure.subplots(1, len(panels))), strict=True):
        _draw(axes, panel)
    figure.subplots_adjust(left=0.005, right=0.995, top=0.9, bottom=0.1, wspace=0.02)
    return png(figure, dpi=120)


def _draw(axes: Axes, panel: Panel) -> None:
    axes.imshow(panel.image)
    axes.set_axis_off()
    axes.set_title(panel.title, fontsize=11, loc="left", color=_INK)
    colour = _INK if panel.right is None else _GOOD if panel.right else _BAD
    axes.text(0.0, -0.03, panel.caption, transform=axes.transAxes, fontsize=9.5, color=colour, va="top")


def _moved(scene: Scene, event: FailureEvent, shifts: Array) -> Scene:
    """A rebuilt scene with its objects shifted as the segments of the event were expected to be."""
    poses = scene.poses.copy()
    for row, name in enumerate(event.before.names):
        if name in scene.names:
            poses[scene.index(name), :3] += shifts[row]
    return scene.with_poses(poses)


def _displacements(start: Scene, end: Scene) -> dict[str, Array]:
    """How far (m) everything moved that is in both scenes."""
    return {name: end.position(name) - start.position(name) for name in start.names if name in end.names}


def _wrong(start: Scene, expected: Scene, went: dict[str, Array]) -> str:
    """Names of what was expected elsewhere than where it went."""
    off = [n for n in went if np.linalg.norm(expected.position(n) - start.position(n) - went[n]) > AS_EXPECTED]
    return ", ".join(off)
