"""Which files a recording consists of, in which order, and which of them are not there. Imports no ROS."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from fail2progress.ros.bags.recorded import BagError

ROS1_MAGIC = b"#ROSBAG V"
LFS_MAGIC = b"version https://git-lfs"
KINDS = (".mcap", ".db3")
PACKED = ".zstd"
METADATA = "metadata.yaml"
CONVERTER = "rosbags-convert (pip install rosbags)"
"""What makes recordings of ROS 2 of those of ROS 1."""
_NONE_THERE = "no bag there (a folder with .mcap or .db3 files, or one such file)"
_SPLIT = re.compile(r"(.+)_(\d{1,4})")
"""What a recorder appends to the name of a recording that goes on in another file; more digits are a date."""
_BEGUN = re.compile(r"\d{4}[-_]\d\d[-_]\d\d[-_T]\d\d[-_]\d\d[-_]\d\d")
"""When a recording was begun, as recorders call it: the last number of that is of no split."""
_TIME = re.compile(r".*\d\d[-_.]?[0-5]\d[-_.]?[0-5]\d")
"""A name that ends in a time of day, whose seconds could pass for the number of a split."""
_MOST_MISSING = 1000
"""Splits that are taken for missing between two others: more, and their numbers are something else."""
_LISTED = 8
"""Files that are named at most."""


@dataclass(frozen=True)
class BagFiles:
    """The files of one recording in their order."""

    files: tuple[Path, ...]
    missing: frozenset[Path] = frozenset()
    """Those of them that are not there."""
    strange: tuple[Path, ...] = ()
    """Files of recordings beside them that its metadata do not list."""
    count: int | None = None
    """Messages that its metadata count; None where they do not say."""

    @property
    def there(self) -> tuple[Path, ...]:
        """The files that can be opened."""
        return tuple(file for file in self.files if file not in self.missing)


def bag_files(path: Path) -> BagFiles:
    """The files of a bag (folder or file). BagError where there is none, or where it cannot be told which belong together.

    Metadata say which; without any, several files are one recording where they differ by the number of a split alone.
    """
    if not path.is_dir():
        if not path.is_file():
            raise BagError(f"{path}: {_NONE_THERE}")
        return BagFiles((path,))
    about = metadata(path)
    found = _by_plain_name(path)
    names = _listed_names(about)
    if names:
        return _those_listed(path, names, found, about)
    if found:
        return _those_of_one_stem(path, found)
    old = sorted(path.glob("*.bag"))
    if old:
        check_content(old[0])
        raise BagError(ros1(old[0]))
    raise BagError(f"{path}: {_NONE_THERE}")


def metadata(folder: Path) -> Mapping[str, Any]:
    """What a recording's metadata say; nothing where there are none, as where it was cut short, or where they are no metadata."""
    try:
        text = (folder / METADATA).read_text(encoding="utf-8")
        about = yaml.safe_load(text)["rosbag2_bagfile_information"]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def ros1(path: Path) -> str:
    """What is said of a ROS 1 bag."""
    program, _, install = CONVERTER.partition(" ")
    command = shlex.join([program, "--src", str(path), "--dst", str(path.with_suffix(""))])
    return f"{path}: a ROS 1 bag; convert it first: {command} {install}"


def check_content(file: Path) -> None:
    """BagError where a file is of no kind that is read, whatever its name says."""
    with file.open("rb") as opened:
        head = opened.read(len(LFS_MAGIC))
    if head == LFS_MAGIC:
        raise BagError(f"{file}: a Git LFS pointer; `git lfs pull` fetches the recording")
    if head.startswith(ROS1_MAGIC):
        raise BagError(ros1(file))


@contextmanager
def unpacked(file: Path) -> Iterator[Path]:
    """A file of a bag; one that is compressed as a whole is unpacked beside the system's temporary files meanwhile."""
    if file.suffix != PACKED:
        yield file
        return
    import zstandard

    with tempfile.TemporaryDirectory(prefix="fail2progress-") as folder:
        plain = Path(folder) / file.stem
        try:
            with file.open("rb") as packed, plain.open("wb") as out:
                zstandard.ZstdDecompressor().copy_stream(packed, out)
        except zstandard.ZstdError as error:
            raise BagError(f"{file}: damaged (it does not decompress: {error})") from error
        except OSError as error:
            command = shlex.join(["zstd", "-d", str(file)])
            raise BagError(f"{file}: cannot be unpacked into {folder} ({error}): unpack it yourself: {command}") from error
        yield plain


def _by_plain_name(folder: Path) -> dict[str, Path]:
    """The files of a folder that may be a recording's, by their names unpacked.

    A recorder that is killed leaves its last files unpacked beside the packed ones, and perhaps a part of what it was packing.
    """
    patterns = [f"*{kind}{end}" for end in (PACKED, "") for kind in KINDS]
    files = (file for pattern in patterns for file in folder.glob(pattern))
    return {_plain(file.name): file for file in files if not file.name.startswith(".")}


def _plain(name: str) -> str:
    return name.removesuffix(PACKED)


def _listed_names(about: Mapping[str, Any]) -> list[str]:
    """Base names of the files that metadata list; recorders of old name them with the recording's folder."""
    names = about.get("relative_file_paths")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return []
    return list(dict.fromkeys(base for name in names if (base := name.replace("\\", "/").rpartition("/")[2])))


def _those_listed(folder: Path, names: list[str], found: Mapping[str, Path], about: Mapping[str, Any]) -> BagFiles:
    """The files that metadata list, and those that go on with them where a recorder was killed before it listed them, too.

    Where none of them is there, what is may be they, renamed.
    """
    files = [found.get(_plain(name), folder / name) for name in names]
    if not set(files) & set(found.values()):
        if not found:
            raise BagError(f"{folder}: none of the files that {METADATA} lists is there ({few(names)})")
        return replace(_those_of_one_stem(folder, found), count=_count(about))
    files = _with_those_between(files, found)
    missing = frozenset(files) - frozenset(found.values())
    strange = sorted(set(found.values()) - set(files))
    return BagFiles(tuple(files), missing, tuple(strange), _count(about))


def _count(about: Mapping[str, Any]) -> int | None:
    count = about.get("message_count")
    return count if isinstance(count, int) else None


def _with_those_between(files: list[Path], found: Mapping[str, Path]) -> list[Path]:
    """Listed files with those of the same name, but for a later number, in their places: splits that were not listed."""
    split = _split(_plain(files[-1].name).rpartition(".")[0])
    if split is None:
        return files
    stem, kind = split[0], _plain(files[-1].name).rpartition(".")[2]
    numbers = {name: one[1] for name in (*map(_name, files), *found) if (one := _split(name.rpartition(".")[0]))}
    listed = [numbers[_name(file)] for file in files if _name(file) in numbers]
    if listed != sorted(listed) or len(listed) < len(files):
        return files
    alike = {numbers[name]: file for name, file in found.items() if name in numbers and name.startswith(f"{stem}_")}
    more = {number: file for number, file in alike.items() if number > listed[0] and _plain(file.name).endswith(f".{kind}")}
    return [file for _, file in sorted({**more, **dict(zip(listed, files, strict=True))}.items())]


def _name(file: Path) -> str:
    return _plain(file.name)


def _split(base: str) -> tuple[str, int] | None:
    """What a recording is called, and the number of one of its files; None where a name tells of none."""
    split = _SPLIT.fullmatch(base)
    begun = [found.end() for found in _BEGUN.finditer(base)]
    return None if split is None or (begun and begun[-1] == len(base)) else (split[1], int(split[2]))


def _those_of_one_stem(folder: Path, found: Mapping[str, Path]) -> BagFiles:
    """Files without metadata. BagError where they are several recordings."""
    if len(found) == 1:
        return BagFiles(tuple(found.values()))
    splits = {name: _split(name.rpartition(".")[0]) for name in found}
    numbers = {split[1]: name for name, split in splits.items() if split is not None}
    stems = {(split[0] if split is not None else name, name.rpartition(".")[2]) for name, split in splits.items()}
    span = range(min(numbers, default=0), max(numbers, default=0) + 1)
    by_time = len(span) > len(numbers) and all(_TIME.fullmatch(_BEGUN.sub("", name.rpartition(".")[0])) for name in found)
    if len(stems) > 1 or len(numbers) < len(found) or len(span) > len(numbers) + _MOST_MISSING or by_time:
        why = f"several recordings, and no {METADATA} that says which belong together"
        raise BagError(f"{folder}: {why}; name one of: {few(sorted(found))}")
    ((stem, kind),) = stems
    files = {number: folder / f"{stem}_{number}.{kind}" for number in span} | {n: found[name] for n, name in numbers.items()}
    return BagFiles(tuple(files.values()), frozenset(files.values()) - frozenset(found.values()))


def few(names: Iterable[str]) -> str:
    """Names of files, for people; of many the first."""
    found = list(names)
    more = [f"and {len(found) - _LISTED} more"] if len(found) > _LISTED else []
    return ", ".join(found[:_LISTED] + more)
