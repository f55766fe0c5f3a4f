"""How what is found in real frames moves when one number of a segmenter's rules moves by a fifth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from fail2progress.core.provenance import provenance
from fail2progress.evaluation.boxed_frames import BoxedFrame, read_boxed
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies.cells import study_rows
from fail2progress.evaluation.studies.perception import compare
from fail2progress.perception.segmentation.base import PerceptionError, Segmenter

SHARE = 0.2
"""By which each number is made smaller and larger."""
_RULES = "_rules"
_Way = tuple[str | int, ...]
_SCORES = ("found", "segments", "relations_found", "false_relations")
Progress = Callable[[str], None]
Scores = dict[str, int]


@dataclass(frozen=True)
class Variant:
    """One number moved: its name as `group.field`, what it is, what it becomes, and the segmenter with it."""

    name: str
    value: float
    moved: float
    segmenter: Segmenter


@dataclass(frozen=True)
class Frames:
    """Frames with boxes drawn by hand, as `reproduce perception --frames` reads them."""

    frames: tuple[BoxedFrame, ...]

    @staticmethod
    def read(folder: Path) -> Frames:
        """All of a folder; PerceptionError where there is none."""
        return Frames(read_boxed(folder))

    @property
    def digest(self) -> str:
        """SHA-256 of all that scores hang on: images, cameras and boxes."""
        value = hashlib.sha256()
        for one in self.frames:
            value.update(repr((one.frame.intrinsics, one.truth.model_dump_json())).encode())
            value.update(one.frame.colour.tobytes())
            value.update(one.frame.depth.tobytes())
        return value.hexdigest()

    def scores(self, segmenter: Segmenter) -> Scores:
        """Objects found, segments, relations found, and false ones over all frames; a refused frame has none of them."""
        total = dict.fromkeys(_SCORES, 0)
        for one in self.frames:
            try:
                row = compare(segmenter.segment(one.frame), one.truth)
            except PerceptionError:
                continue
            for key in _SCORES:
                total[key] += int(str(row[key]))
        return total


def variants(start: Segmenter) -> Iterator[Variant]:
    """Every number of every rule, smaller and larger by SHARE; whole numbers by one at least, parts of tuples one by one.

    A segmenter is a dataclass whose rules are dataclasses, named `<group>_rules`; rules may have rules of their own.
    """
    assert is_dataclass(start)
    for group in fields(start):
        if group.name.endswith(_RULES):
            for way, number in _numbers(getattr(start, group.name)):
                name = group.name.removesuffix(_RULES) + "".join(f"[{i}]" if isinstance(i, int) else f".{i}" for i in way)
                for moved in _moved(number):
                    yield Variant(name, number, moved, _with(start, (group.name, *way), moved))


def _numbers(part: object) -> Iterator[tuple[_Way, int | float]]:
    """All numbers in rules, and the way to each: names of fields, and places in tuples."""
    if isinstance(part, int | float) and not isinstance(part, bool):
        yield (), part
    inner: list[tuple[str | int, object]] = []
    if isinstance(part, tuple):
        inner = list(enumerate(part))
    elif is_dataclass(part):
        inner = [(one.name, getattr(part, one.name)) for one in fields(part)]
    for step, value in inner:
        for way, number in _numbers(value):
            yield (step, *way), number


def _with(owner: Any, way: _Way, number: float) -> Any:
    """What the way leads into, with a number in place of the one at its end."""
    if not way:
        return number
    step, *rest = way
    if isinstance(step, int):
        return (*owner[:step], _with(owner[step], tuple(rest), number), *owner[step + 1 :])
    return replace(owner, **{step: _with(getattr(owner, step), tuple(rest), number)})


def _moved(number: float) -> tuple[float, float]:
    if isinstance(number, int):
        step = max(1, round(abs(number) * SHARE))
        return number - step, number + step
    return number * (1 - SHARE), number * (1 + SHARE)


def study(segmenter: Segmenter, frames: Frames, out: Path, say: Progress) -> dict[str, object]:
    """The report. Rows are kept in a folder, so that an interrupted study goes on.

    PerceptionError for a segmenter without numbers to move, RowsError for a folder of another segmenter or of other frames.
    """
    every = list(variants(segmenter))
    if not every:
        raise PerceptionError(f"segmenter {segmenter.name!r} has no thresholds to move")
    kept = study_rows(out, "thresholds", segmenter=segmenter.name, frames=frames.digest)
    base = frames.scores(segmenter)
    rows = []
    for number, variant in enumerate(every):
        moved: Row = {"name": variant.name, "value": variant.value, "moved": variant.moved}
        key = f"{variant.name} {variant.moved}"
        if key not in kept.by_key:
            kept.add({"key": key, **moved, **frames.scores(variant.segmenter)})
        row = {**moved, **{score: kept.by_key[key][score] for score in _SCORES}}
        rows.append(row)
        say(f"{number + 1} of {len(every)}: {variant.name} {variant.value:.4g} -> {variant.moved:.4g}: {row['found']} found")
    return {
        "segmenter": segmenter.name,
        "frames": len(frames.frames),
        "base": base,
        "variants": len(rows),
        "unchanged": sum(_same(row, base) for row in rows),
        "least_found": min(row["found"] for row in rows),
        "rows": rows,
        "provenance": provenance(frames=len(frames.frames), share=SHARE),
    }


def _same(row: Mapping[str, Any], base: Scores) -> bool:
    return all(row[key] == base[key] for key in _SCORES)


def page(report: Mapping[str, Any]) -> str:
    """The report as a table of the numbers that matter."""
    base = report["base"]
    lines = [
        "# Every threshold moved by a fifth",
        "",
        f"`fail2progress reproduce thresholds --segmenter {report['segmenter']} --frames FOLDER`",
        "",
        f"Each number of the segmenter `{report['segmenter']}` is made 20 % smaller and larger, one at a time.",
        "",
        f"Over {report['frames']} real frames the numbers as they are give {base['found']} found, {base['segments']} segments, "
        f"{base['relations_found']} relations found and {base['false_relations']} false. Of {report['variants']} changes "
        f"{report['unchanged']} change none of these; the worst finds {report['least_found']}. The others:",
        "",
        "| threshold | from | to | found | segments | relations found | false |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        if not _same(row, base):
            scores = " | ".join(str(row[key]) for key in _SCORES)
            lines.append(f"| {row['name']} | {row['value']:.4g} | {row['moved']:.4g} | {scores} |")
    return "\n".join(lines) + "\n"
