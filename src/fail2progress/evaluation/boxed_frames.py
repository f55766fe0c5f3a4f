"""Frames of one's own with boxes drawn on them: NAME-color.png, NAME-depth.png and NAME.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from fail2progress.core.choice import first_mistake
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.frames.files import read_frame
from fail2progress.perception.segmentation.base import PerceptionError

_CAMERA = "camera.json"
_FORM = '{"objects": [{"name": "mug", "box_xyxy_px": [120, 80, 190, 170]}], "inside": [], "on": []}'


class Boxed(BaseModel):
    """One thing: its name, and the box around what is seen of it, x0, y0, x1, y1 in pixels of the colour image."""

    model_config = ConfigDict(frozen=True)
    name: str
    box_xyxy_px: tuple[float, float, float, float]

    @model_validator(mode="after")
    def _ordered(self) -> Boxed:
        left, top, right, bottom = self.box_xyxy_px
        if not (left < right and top < bottom):  # not a number is on no side of anything
            raise ValueError(f"the box of {self.name!r} is not x0, y0, x1, y1 with x0 < x1 and y0 < y1")
        return self


class Truth(BaseModel):
    """What a person sees: all things on tables, and the names of those that lie in or on another one."""

    model_config = ConfigDict(frozen=True)
    objects: tuple[Boxed, ...]
    inside: tuple[tuple[str, str], ...] = ()
    on: tuple[tuple[str, str], ...] = ()

    @model_validator(mode="after")
    def _named(self) -> Truth:
        names = [thing.name for thing in self.objects]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two things are called {twice!r}")
        stranger = {name for pair in (*self.inside, *self.on) for name in pair} - set(names)
        if stranger:
            raise ValueError(f"{sorted(stranger)[0]!r} is in a relation and is no thing of the frame")
        return self


@dataclass(frozen=True)
class BoxedFrame:
    """A frame, its name, and what is to be found in it."""

    name: str
    frame: RgbdFrame
    truth: Truth


def read_boxed(folder: Path) -> tuple[BoxedFrame, ...]:
    """All of a folder, by name; the camera is in NAME.json, or in a camera.json for all. PerceptionError names the file that is
    wrong and what it needs."""
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != _CAMERA]
    if not paths:
        raise PerceptionError(
            f"{folder}: no frame NAME.json with boxes there; its form is {_FORM}, with the camera's fx, fy, cx and cy"
        )
    return tuple(_read(path) for path in paths)


def _read(path: Path) -> BoxedFrame:
    try:
        content = json.loads(path.read_bytes())
        truth = Truth.model_validate(content)
    except ValidationError as error:
        raise PerceptionError(f"{path}: {first_mistake(error)}; the form is {_FORM}") from error
    except ValueError as error:
        raise PerceptionError(f"{path} is not JSON: {error}") from error
    images = [path.with_name(f"{path.stem}-{kind}.png") for kind in ("color", "depth")]
    missing = next((image for image in images if not image.is_file()), None)
    if missing is not None:
        raise PerceptionError(f"{path}: there is no {missing.name} beside it")
    shared = path.with_name(_CAMERA)
    alone = not {"camera", "fx", "K", "k"} & set(content) and shared.is_file()
    return BoxedFrame(path.stem, read_frame(images[0], images[1], shared if alone else path), truth)
