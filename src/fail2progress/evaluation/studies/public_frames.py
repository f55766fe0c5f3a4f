"""How much of what a person sees in frames that others published is found, by kind of support, and what is said falsely."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fail2progress.core.descriptions import COLOURS
from fail2progress.core.objects import Shape
from fail2progress.core.provenance import provenance
from fail2progress.core.shares import per_cent
from fail2progress.evaluation.public_frames import SOURCE, FrameList, PublicFrame, UnreachableError, fetched
from fail2progress.evaluation.studies.labelled_perception import numbered
from fail2progress.evaluation.studies.perception import FOUND, box_iou, relations
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segment, Segmenter

_OWN = 0.5
"""Share of a segment's pixels in boxes of things, or where nothing can be said, below which it is false."""
_DRAWS = 4000
"""Of repositories, for intervals."""
_RELATED = ("on_true", "on_found", "on_false", "inside_true", "inside_found", "inside_false")
_WORDS = ("coloured", "colours_right", "shaped", "shapes_right")
_COUNTS = ("things", "found", "segments", "false_segments", *_RELATED, *_WORDS)
_SQUARE = frozenset({"block", "cube", "box", "carton", "brick", "book"})
"""Words of names of things that are boxes, open or not, ..."""
_ROUND = frozenset({"ball", "apple", "orange", "tomato", "fruit"})
"""... and last words of names of those that are round however they lie."""
_FEWEST, _ROUGH = 4, 10
"""Repositories from which an interval is told, and from which it is more than rough: what is drawn again from few of them spreads
less than they do."""
Progress = Callable[[str], None]
Box = tuple[float, float, float, float]
Boxes = tuple[tuple[Box, bool], ...]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Shown:
    """A frame's picture: colour (H, W, 3), numbers (H, W) of segments, and boxes with whether each thing was found."""

    name: str
    colour: NDArray[np.uint8]
    numbers: Numbers
    boxes: Boxes


@dataclass
class Study:
    """A segmenter over a list of frames, whose files are kept in a folder."""

    frames: FrameList
    files: Path
    source: str = SOURCE
    shown: list[Shown] = field(default_factory=list)

    def run(self, segmenter: Segmenter, name: str, say: Progress) -> dict[str, object]:
        """The report; a frame that is refused counts as one in which nothing is found, one that cannot be had is left out.

        PerceptionError where no frame can be had, or at the first one whose host does not answer; files that are kept stay.
        """
        rows: list[dict[str, object]] = []
        missing: dict[str, str] = {}
        for item in self.frames.frames:
            try:
                frame = fetched(item, self.files, self.source)
            except UnreachableError:
                raise
            except PerceptionError as error:
                missing[item.name] = str(error)
                say(f"{item.name}: not to be had: {error}")
                continue
            try:
                found: Perceived | None = segmenter.segment(frame)
                refused = ""
            except PerceptionError as error:
                found, refused = None, str(error)
            row, boxes, numbers = scored(item, found, (frame.colour.shape[1], frame.colour.shape[0]))
            self.shown.append(Shown(item.name, frame.colour, numbers, boxes))
            rows.append(row | ({"refused": refused} if refused else {}))
            say(f"{item.name}: {row['found']} of {row['things']}, {row['segments']} segments, {row['false_segments']} false")
        if not rows:
            raise PerceptionError(next(iter(missing.values())))
        return _report(rows, missing, segmenter, name, self.frames)


def scored(item: PublicFrame, perceived: Perceived | None, size: tuple[int, int]) -> tuple[dict[str, object], Boxes, Numbers]:
    """A row for a frame of so many pixels (width, height) as it was read, its boxes there with whether each was found, and the
    numbers (H, W) of its segments, 0 for none."""
    width, height = size
    scale = width / item.camera.width  # of images that differ in size the smaller counts
    boxes = _scaled([thing.box for thing in item.things], scale)
    segments: Sequence[Segment] = perceived.segments if perceived else ()
    pairs = _pairs(boxes, [segment.box_px(width) for segment in segments])
    named = {segments[j].id: item.things[i].name for i, j in pairs.items()}
    own = np.zeros((height, width), bool)
    for left, top, right, bottom in (*boxes, *_scaled(item.ignore, scale)):
        own[max(int(top), 0) : int(np.ceil(bottom)) + 1, max(int(left), 0) : int(np.ceil(right)) + 1] = True
    row: dict[str, object] = {
        "name": item.name,
        "repository": item.repository,
        "support": item.support,
        "things": len(boxes),
        "found": len(pairs),
        "segments": len(segments),
        "false_segments": sum(bool(own.ravel()[segment.mask].mean() < _OWN) for segment in segments),
        "missed": [thing.name for i, thing in enumerate(item.things) if i not in pairs],
        **_related(item, perceived, named),
        **_coloured((item.things[i].name, segments[j].colour) for i, j in pairs.items()),
        **_shaped((item.things[i].name, segments[j].shape) for i, j in pairs.items()),
        "seconds": round(perceived.seconds["total"], 3) if perceived else None,
    }
    numbers = numbered(perceived) if perceived else np.zeros((height, width), np.int64)
    return row, tuple((box, i in pairs) for i, box in enumerate(boxes)), numbers


def _scaled(boxes: Sequence[Box], scale: float) -> list[Box]:
    return [(left * scale, top * scale, right * scale, bottom * scale) for left, top, right, bottom in boxes]


def _pairs(boxes: Sequence[Box], around: Sequence[tuple[int, int, int, int] | None]) -> dict[int, int]:
    """The segment, by its place, that each box's thing is found as."""
    overlaps = np.array([[box_iou(list(one), other) if other else 0.0 for other in around] for one in boxes])
    overlaps = overlaps.reshape(len(boxes), len(around))
    rows, columns = linear_sum_assignment(-overlaps)
    return {i: j for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if overlaps[i, j] >= FOUND}


def _related(item: PublicFrame, perceived: Perceived | None, named: dict[str, str]) -> dict[str, int]:
    """What is said of things that are both found, against what a person says; true ones count whether found or not."""
    said = relations(perceived) if perceived else []
    result: dict[str, int] = {}
    for kind, wanted in (("on", set(item.on)), ("inside", set(item.inside))):
        own = {(named[a], named[b]) for word, a, b in said if word == kind and a in named and b in named}
        result |= {f"{kind}_true": len(wanted), f"{kind}_found": len(own & wanted), f"{kind}_false": len(own - wanted)}
    return result


def _coloured(found: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Of names of things that are found, and the words for their colours: how many names have such a word, and the right one."""
    told = [(set(COLOURS).intersection(name.split()), word) for name, word in found]
    return {"coloured": sum(bool(own) for own, _ in told), "colours_right": sum(word in own for own, word in told)}


def _shaped(found: Iterable[tuple[str, Shape]]) -> dict[str, int]:
    """Of names of things that are found, and their shapes: how many names tell one, and are given it."""
    square = {Shape.CUBOID, Shape.OPEN_BOX}
    told: list[bool] = []
    for name, shape in found:
        words = name.split()
        if _SQUARE.intersection(words):
            told.append(shape in square)
        elif words[-1] in _ROUND:
            told.append(shape is Shape.CYLINDER)
    return {"shaped": len(told), "shapes_right": sum(told)}


def _report(
    rows: list[dict[str, object]], missing: dict[str, str], segmenter: Segmenter, name: str, frames: FrameList
) -> dict[str, object]:
    total = _total(rows)
    seconds = [float(str(row["seconds"])) for row in rows if row["seconds"] is not None]
    kinds = sorted({str(row["support"]) for row in rows})
    digest = hashlib.sha256(frames.model_dump_json().encode()).hexdigest()
    return {
        "list": name,
        "list_sha256": digest,
        "segmenter": segmenter.name,
        "frames": len(rows),
        "frames_refused": sum("refused" in row for row in rows),
        "repositories": len({row["repository"] for row in rows}),
        **total,
        "found_share": int(str(total["found"])) / max(int(str(total["things"])), 1),
        "found_share_95": _interval(rows),
        "by_support": {kind: _total([row for row in rows if row["support"] == kind]) for kind in kinds},
        "median_seconds": float(np.median(seconds)) if seconds else None,
        "rows": rows,
        "frames_missing": missing,
        "provenance": provenance(list=name, frames=len(rows)),
    }


def _total(rows: Sequence[dict[str, object]]) -> dict[str, object]:
    return {key: sum(int(str(row[key])) for row in rows) for key in _COUNTS}


def _interval(rows: Sequence[dict[str, object]]) -> list[float] | None:
    """Of the share found, by repositories drawn with replacement: frames of one are alike. None of fewer than _FEWEST."""
    sources = sorted({str(row["repository"]) for row in rows})
    if len(sources) < _FEWEST:
        return None
    of = {source: [row for row in rows if row["repository"] == source] for source in sources}
    counts = np.array([[sum(int(str(row[key])) for row in of[source]) for key in ("found", "things")] for source in sources])
    drawn = counts[np.random.default_rng(0).integers(len(sources), size=(_DRAWS, len(sources)))].sum(axis=1)
    shares = drawn[:, 0] / np.maximum(drawn[:, 1], 1)
    return [round(float(end), 4) for end in np.quantile(shares, (0.025, 0.975))]


def _told_interval(report: dict[str, object]) -> str:
    ends, sources = report["found_share_95"], int(str(report["repositories"]))
    if not isinstance(ends, list) or sources < _FEWEST:  # an earlier report may have one of a single repository
        return f"no interval: {sources} {'repository' if sources == 1 else 'repositories'}, at least {_FEWEST} are needed"
    rough = f", rough: there are only {sources}" if sources < _ROUGH else ""
    return f"95 % interval by repositories {' to '.join(map(per_cent, ends))} %{rough}"


def _told_words(report: dict[str, object]) -> str:
    """Of reports that count them."""
    if not report.keys() >= set(_WORDS):
        return ""
    return (
        f"; the word for the colour is right of {report['colours_right']} of {report['coloured']} things found whose name has"
        f" one; round or square is right of {report['shapes_right']} of {report['shaped']} whose name tells it"
    )


def page(report: dict[str, object], about: str) -> str:
    """The report as Markdown."""
    rows = report["rows"]
    assert isinstance(rows, list)
    lines = [
        f"# Public frames `{report['list']}` by `{report['segmenter']}`",
        "",
        about,
        "",
        f"**{report['found']} of {report['things']} things found** ({per_cent(float(str(report['found_share'])))} %,"
        f" {_told_interval(report)}), box IoU from {FOUND}; {report['segments']} segments,"
        f" {report['false_segments']} on no thing; `on` {report['on_found']} of {report['on_true']}, {report['on_false']} false;"
        f" `inside` {report['inside_found']} of {report['inside_true']}, {report['inside_false']} false{_told_words(report)}.",
        "",
        "| frame | repository | on | found | segments | false | missed |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        said = f"refused: {row['refused']}" if "refused" in row else ", ".join(row["missed"])
        lines.append(
            f"| {row['name']} | {row['repository']} | {row['support']} | {row['found']} of {row['things']} | {row['segments']} |"
            f" {row['false_segments']} | {said} |"
        )
    missing = report["frames_missing"]
    if isinstance(missing, dict) and missing:
        lines += ["", f"Not to be had: {', '.join(missing)}."]
    return "\n".join([*lines, ""])
