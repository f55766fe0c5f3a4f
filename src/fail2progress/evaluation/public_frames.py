"""Lists of frames that others have published, with boxes drawn by eye: what is where, so that the files can be had again.

The images stay where they are; a list holds their repository, commit, paths and digests, the camera, and what is in view.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from fail2progress.core.files import write_whole
from fail2progress.core.names import unknown
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.frames.files import read_frame
from fail2progress.perception.segmentation.base import PerceptionError

SOURCE = "https://raw.githubusercontent.com/{repository}/{commit}/{path}"
"""Where the files are, as a URL with places for what a list says."""
_MOST = 64 * 2**20
"""Bytes of a file."""
_SECONDS = 60.0
"""To wait for a file's next bytes."""


def _within(path: str) -> str:
    if ".." in path.split("/"):
        raise ValueError(f"path {path!r} leads out of its repository")
    return path


_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Path = Annotated[str, Field(pattern=r"^[^/]", max_length=1000), AfterValidator(_within)]


class UnreachableError(PerceptionError):
    """The host of the files does not answer: no other file of it can be had either."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class File(_Strict):
    """path: in the repository, with `/`; sha256: of its bytes."""

    path: _Path
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Camera(_Strict):
    """Pixels, and metres of one step of depth; guessed: whether they are the values usual for the camera's kind."""

    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    fx: Annotated[float, Field(gt=0)]
    fy: Annotated[float, Field(gt=0)]
    cx: float
    cy: float
    depth_unit_m: Annotated[float, Field(gt=0)]
    guessed: bool = False


class Thing(_Strict):
    """box: left, top, right, bottom of what is visible, in pixels of the colour image."""

    name: _Name
    box: tuple[float, float, float, float]

    @model_validator(mode="after")
    def _in_order(self) -> Thing:
        if not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise ValueError(f"box {list(self.box)} is not left, top, right, bottom")
        return self


class PublicFrame(_Strict):
    """One frame: where its files are, and what a person sees in it. inside, on: pairs of names, the one that lies there first;
    ignore: boxes in which it cannot be said what is a thing."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    color: File
    depth: File
    camera: Camera
    support: Literal["table", "tote", "shelf", "floor"]
    things: tuple[Thing, ...]
    inside: tuple[tuple[_Name, _Name], ...] = ()
    on: tuple[tuple[_Name, _Name], ...] = ()
    ignore: tuple[tuple[float, float, float, float], ...] = ()
    sensor: str = "unknown"
    licence: str = "none given"
    note: str = ""

    @model_validator(mode="after")
    def _named(self) -> PublicFrame:
        names = [thing.name for thing in self.things]
        if len(set(names)) < len(names):
            raise ValueError(f"frame {self.name}: two things have one name")
        stranger = {name for pair in (*self.inside, *self.on) for name in pair} - set(names)
        if stranger:
            raise ValueError(f"frame {self.name}: {sorted(stranger)[0]!r} is in a relation and is no thing of it")
        return self


class FrameList(_Strict):
    """about: how the frames were chosen, and what has been done with them since."""

    about: str
    frames: Annotated[tuple[PublicFrame, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _named(self) -> FrameList:
        names = [frame.name for frame in self.frames]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two frames are called {twice!r}; files are kept by these names")
        return self


def lists() -> list[str]:
    """Names of the lists that come with the package."""
    folder = resources.files("fail2progress.evaluation") / "frame_lists"
    return sorted(item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json"))


def read_list(name: str) -> FrameList:
    """A list of the package by its name, or a file. PerceptionError says what is wrong with it."""
    if name in lists():
        text = (resources.files("fail2progress.evaluation") / "frame_lists" / f"{name}.json").read_text("utf-8")
    elif Path(name).is_file():
        text = Path(name).read_text("utf-8", errors="replace")
    else:
        raise PerceptionError(unknown("list of frames", name, lists()) + "; or name a file (.json)")
    try:
        return FrameList.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise PerceptionError(f"{name}: {where + ': ' if where else ''}{first['msg']}") from error


def fetched(frame: PublicFrame, folder: Path, source: str = SOURCE) -> RgbdFrame:
    """The frame, from files kept in a folder; what is not there is read from its source first.

    source: a URL with {repository}, {commit} and {path}, or a folder in which a repository's files lie under owner/name.
    PerceptionError where a file cannot be had or is another one.
    """
    place = folder / frame.name
    paths = [_kept(frame, file, place, source) for file in (frame.color, frame.depth)]
    camera = place / "camera.json"
    write_whole(camera, json.dumps(frame.camera.model_dump(exclude={"guessed"})))
    return read_frame(paths[0], paths[1], camera)


def _kept(frame: PublicFrame, file: File, place: Path, source: str) -> Path:
    """A file of a frame in its folder, as the list says that it is."""
    path = place / f"{'color' if file is frame.color else 'depth'}{Path(file.path).suffix}"
    if not (path.is_file() and _digest(path.read_bytes()) == file.sha256):
        content, where = _read(frame, file, source)
        if _digest(content) != file.sha256:
            raise PerceptionError(f"{where} is not the file of the list: its SHA-256 is another one")
        write_whole(path, content)
    return path


def _read(frame: PublicFrame, file: File, source: str) -> tuple[bytes, str]:
    """Bytes from a source, and its name."""
    if "{path}" not in source:
        path = Path(source) / frame.repository / file.path
        try:
            return path.read_bytes(), str(path)
        except OSError as error:
            raise PerceptionError(f"{path}: {error.strerror}") from error
    values = {"repository": frame.repository, "commit": frame.commit, "path": urllib.parse.quote(file.path)}
    url = source
    for name, value in values.items():
        url = url.replace(f"{{{name}}}", value)
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            content: bytes = answer.read(_MOST + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:  # URLError is an OSError; the others: not a URL, or cut off
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        away = url.startswith("http") and isinstance(error, OSError) and not isinstance(error, urllib.error.HTTPError)
        kind = UnreachableError if away else PerceptionError
        raise kind(f"{url}: {reason}; --source names another place for the files") from error
    if len(content) > _MOST:
        raise PerceptionError(f"{url} has more than {_MOST // 2**20} MiB")
    return content, url


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
