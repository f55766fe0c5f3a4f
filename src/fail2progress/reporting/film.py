"""A failure and what was learnt from it as a moving picture: what is expected as a ghost, what happens as solid objects."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fail2progress.core.camera import Camera
from fail2progress.core.scene import Array, Scene
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.sentences import observation
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.reporting.pictures import colours_of
from fail2progress.reporting.render import VIEW, render, render_with_ghost
from fail2progress.reporting.render import Image as Pixels
from fail2progress.reporting.story_picture import AS_EXPECTED
from fail2progress.simulation.reconstruction import rebuild
from fail2progress.skills.registry import SKILLS

CAMERA = replace(VIEW, eye=(-0.22, 0.0, 1.62), target=(0.57, 0.0, 0.47), width=600, height=330, focal=560.0)
_STRIP = 44
"""Pixels of the caption below a scene."""
_MOVING_MS, _STILL_MS = 90, 2200
_LIFT = 0.14
"""Metres by which what is carried is lifted half way."""
_MOVED = 0.02
_INK, _GOOD, _BAD = (36, 41, 47), (26, 127, 55), (179, 38, 30)
_THOUGHT = np.array([226.0, 234.0, 250.0])
"""What is only expected is shown paler, towards this colour."""
_PALE = 0.42
_METHOD = Image.Quantize.MAXCOVERAGE
"""Keeps the colours of small things."""


@dataclass(frozen=True)
class Shot:
    """What is shown under one caption: (N, 3) metres by which the objects move in it, and where they were expected to end."""

    caption: str
    colour: tuple[int, int, int]
    shifts: Array
    expected: Array | None = None
    """Drawn translucent where things end elsewhere; None: the shot itself is what is expected."""
    moves: bool = True


def film(
    event: FailureEvent,
    before: SkillEffectModel,
    after: SkillEffectModel,
    learnt: str,
    camera: Camera = CAMERA,
    steps: int = 10,
) -> bytes:
    """The moving picture, a GIF that repeats.

    Args:
        event: the failure.
        before: the model that expected otherwise.
        after: the model that learnt from it.
        learnt: what is said of the learning, in one line.
        camera: from where it is seen, and how large it is.
        steps: pictures of each motion.
    """
    start = rebuild(event.before, event.relations_before).scene
    shown = [
        frame for shot in _shots(event, start, before, after, learnt) for frame in _frames(start, event, shot, camera, steps)
    ]
    pictures = [Image.fromarray(pixels) for pixels, _ in shown]
    palette = Image.fromarray(np.concatenate([pixels[::2, ::2] for pixels, _ in shown[::6]])).quantize(256, _METHOD)
    drawn = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    buffer = io.BytesIO()
    lengths = [length for _, length in shown]
    drawn[0].save(buffer, "GIF", save_all=True, append_images=drawn[1:], duration=lengths, loop=0, optimize=False)
    return buffer.getvalue()


def _shots(event: FailureEvent, start: Scene, before: SkillEffectModel, after: SkillEffectModel, learnt: str) -> Sequence[Shot]:
    wrong, right = (_expected(model, event, start) for model in (before, after))
    end = rebuild(event.after, event.observed).scene
    seen = np.array([end.position(name) - start.position(name) if name in end.names else np.zeros(3) for name in start.names])
    said = observation(event) if event.header.mismatches else "something ended elsewhere than expected."
    return (
        Shot(f"The robot is to carry out: {_skill(event)}", _INK, np.zeros_like(seen), np.zeros_like(seen), moves=False),
        Shot("1  What the model expects", _INK, wrong),
        Shot(f"2  What happens: {said}", _BAD, seen, wrong),
        Shot(f"3  {learnt}", _INK, seen, wrong, moves=False),
        Shot("4  What the new model expects", _INK, right),
        compared(seen, right),
    )


def compared(seen: Array, expected: Array) -> Shot:
    """What happened beside what the new model expects, and whether it is the same: (N, 3) metres each."""
    off = float(np.linalg.norm(expected - seen, axis=1).max())
    if off > AS_EXPECTED:
        return Shot(f"5  What happens still ends {1000 * off:.0f} mm from what it expected", _BAD, seen, expected)
    return Shot(f"5  What happens is what it expected, within {1000 * off:.0f} mm", _GOOD, seen, expected)


def _skill(event: FailureEvent) -> str:
    call = event.header.call
    return f"{call.skill.replace('_', ' ')} {call.object}" + (f" to {call.target}" if call.target else "")


def _expected(model: SkillEffectModel, event: FailureEvent, start: Scene) -> Array:
    """(N, 3) metres by which a model expects the objects of the rebuilt scene to move."""
    call = event.header.call.call()
    _, shifts, _ = predict_effect(model, encode_observation(model, event.before), call)
    rows = {name: shifts[row] for row, name in enumerate(event.before.names)}
    return np.array([rows.get(name, np.zeros(3)) for name in start.names])


def _frames(start: Scene, event: FailureEvent, shot: Shot, camera: Camera, steps: int) -> Iterator[tuple[Pixels, int]]:
    """Pictures with how long (ms) each is shown."""
    lift = _LIFT if event.header.call.skill in SKILLS and SKILLS[event.header.call.skill].carries else 0.0
    palette = colours_of(start)
    for share in np.linspace(0.0, 1.0, steps) if shot.moves else np.ones(1):
        scene = _at(start, shot.shifts, share, lift)
        if shot.expected is None:
            pixels = render(scene, palette, camera)
            pixels = np.asarray((1 - _PALE) * pixels + _PALE * _THOUGHT, np.uint8)
        else:
            elsewhere = np.linalg.norm(shot.expected - shot.shifts, axis=1) > _MOVED
            missed = [name for name, off in zip(start.names, elsewhere, strict=True) if off]
            pixels = render_with_ghost(scene, _at(start, shot.expected, 1.0, lift), missed, palette, camera)
        yield _captioned(pixels, shot), _STILL_MS if share == 1.0 else _MOVING_MS


def _at(start: Scene, shifts: Array, share: float, lift: float) -> Scene:
    """The scene with a share of the way behind it; what is lifted goes in an arc."""
    poses = start.poses.copy()
    poses[:, :3] += share * shifts
    poses[np.linalg.norm(shifts, axis=1) > _MOVED, 2] += lift * np.sin(np.pi * share)
    return start.with_poses(poses)


def _captioned(pixels: Pixels, shot: Shot) -> Pixels:
    high, wide = pixels.shape[:2]
    page = Image.new("RGB", (wide, high + _STRIP), "white")
    page.paste(Image.fromarray(pixels), (0, 0))
    drawing, size = ImageDraw.Draw(page), 17
    while drawing.textlength(shot.caption, ImageFont.load_default(size)) > wide - 16 and size > 9:
        size -= 1
    font = ImageFont.load_default(size)
    drawing.text((8, high + _STRIP / 2), shot.caption, fill=shot.colour, font=font, anchor="lm")
    return np.asarray(page)
