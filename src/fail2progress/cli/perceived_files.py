"""The files that `perceive` is given: what they are, before anything that takes seconds is loaded, and where results go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fail2progress.cli.common import UserError, checked, require
from fail2progress.cli.outputs import check_output

if TYPE_CHECKING:
    from fail2progress.perception.frames.folders import Pair

_FORMATS = (".png", ".jpg", ".jpeg")
_BAGS, _OLD = (".mcap", ".db3", ".zstd"), ".bag"
Folders = tuple[Path | None, Path | None]
"""For pictures, and for pages."""


def asked(color: Path, depth: Path | None, camera: Path | None, files: Folders) -> list[Pair]:
    """The pair that was named, or those of a folder; UserError where there is none, which comes before anything that takes
    seconds to be loaded."""
    from fail2progress.perception.frames.folders import Pair, pairs

    if depth is None:
        require(color.is_dir(), f"{color} needs a depth image after it, or be a folder of frames")
        with checked():
            return pairs(color, camera)
    for option, forms, file in zip(("--picture", "--page"), (_FORMATS, (".html",)), files, strict=True):
        if file is not None:
            _check_file(file, forms, option)
    if camera is None:
        raise UserError("which camera? name its file with --camera, as in --camera camera.json")
    for path in (depth, camera):
        require(path.exists(), f"there is no {path}")
    return [Pair(color.stem, color, depth, camera)]


def is_recording(path: Path) -> bool:
    """Whether a path is a recording rather than a folder of frames, beside which a bag of ROS 1 may lie."""
    if path.is_file():
        return path.suffix in (*_BAGS, _OLD)
    inner = list(path.glob("*"))
    if (path / "metadata.yaml").is_file() or any(one.suffix in _BAGS for one in inner):
        return True
    return any(one.suffix == _OLD for one in inner) and not any(one.is_dir() or one.suffix in _FORMATS for one in inner)


def into(files: Folders, count: int, source: Path, found: Sequence[Pair] = ()) -> Folders:
    """The files of a single frame, which may have their names; or folders for those of `count` frames, made where missing.

    found: the pairs of a folder, none of whose files may lie in such a folder; nor may others be there by the names of results.
    """
    read = {file.resolve().parent for pair in found for file in (pair.colour, pair.depth, pair.camera)}
    for option, forms, path in zip(("--picture", "--page"), (_FORMATS, (".html",)), files, strict=True):
        if path is None:
            continue
        if path.suffix and not path.is_dir():
            require(count == 1, f"{option} {path}: for {count} frames this is a folder")
            _check_file(path, forms, option)
        else:
            path.mkdir(parents=True, exist_ok=True)
            own = path.samefile(source) or path.resolve() in read
            require(not own, f"{option} {path}: is the folder of the frames themselves; choose another one")
            for pair in found:
                check_output(option, path / f"{pair.name}{forms[0]}", *forms)
    return files


def _check_file(path: Path, forms: tuple[str, ...], option: str) -> None:
    """UserError where a file of a form cannot be written there."""
    require(path.parent.is_dir(), f"{path.parent} is not a folder; make it first")
    check_output(option, path, *forms)
