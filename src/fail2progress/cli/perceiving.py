"""What `perceive` does with one frame, with a folder of them, and with a recording."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from fail2progress.cli.common import say
from fail2progress.cli.voice import progress

if TYPE_CHECKING:
    from fail2progress.cli.own_robot import OwnRobot
    from fail2progress.core.rgbd import RgbdFrame
    from fail2progress.core.scene import Array
    from fail2progress.perception.amodal import AmodalBox
    from fail2progress.perception.relations.base import RelationDetector
    from fail2progress.perception.segmentation.base import Perceived, Segment, Segmenter

Relations = list[tuple[str, str, str, float]]
LIKELY = 0.5
"""Probability from which a relation is reported."""


@dataclass(frozen=True)
class Outcome:
    """A frame with what was found in it; seconds: those for relations."""

    frame: RgbdFrame
    perceived: Perceived
    relations: Relations
    seconds: float
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The report with the keys of the command's interface."""
        perceived, way_up = self.perceived, self.perceived.way_up
        from fail2progress.perception.amodal import amodal_boxes

        seconds = {**perceived.seconds, "relations": self.seconds}
        seconds["total"] = seconds.get("total", 0.0) + self.seconds
        return {
            "frame": perceived.frame,
            "up": way_up
            and {"side": way_up.side, "by": way_up.source, "direction": [round(float(x), 4) for x in way_up.direction]},
            "camera_pose": perceived.pose.tolist(),
            "planes": [_part(surface, perceived.width) for surface in perceived.surfaces],
            "segments": [
                {**_part(segment, perceived.width), "cavity_m": _rounded(segment.cavity), "whole": _whole(box)}
                for segment, box in zip(perceived.segments, amodal_boxes(perceived), strict=True)
            ],
            "relations": [[name, a, b, round(odds, 4)] for name, a, b, odds in self.relations],
            "seconds": {stage: round(value, 4) for stage, value in seconds.items()},
            "notes": list(self.notes),
        }

    def draw(self, path: Path) -> None:
        """The picture."""
        from PIL import Image

        from fail2progress.core.files import whole_file
        from fail2progress.perception.picture import draw

        form = Image.registered_extensions()[path.suffix.lower()]
        with whole_file(path) as unfinished:
            draw(self.frame.colour, self.perceived, self.relations).save(unfinished, form)

    def show(self, path: Path, title: str) -> None:
        """The page on which the cloud turns."""
        from fail2progress.core.files import write_whole
        from fail2progress.reporting.perception_page import perception_page

        write_whole(path, perception_page(title, self.frame, self.perceived, self.relations, self.notes).encode())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _whole(box: AmodalBox) -> dict[str, object]:
    """The box around all of a thing; deviations of its sides at low and high x, y, z."""
    return {
        "size_m": [round(float(extent), 4) for extent in box.size],
        "pose": [round(float(value), 5) for value in box.pose],
        "deviation_m": [round(float(value), 4) for value in box.deviation],
    }


def _part(part: Segment, width: int) -> dict[str, object]:
    return {
        "id": part.id,
        "box_xyxy_px": part.box_px(width),
        "points": len(part.points),
        "shape": part.shape.value,
        "colour": part.colour or None,
        "size_m": [round(float(extent), 4) for extent in part.size],
        "pose": [round(float(value), 5) for value in part.pose],
        "visibility": round(part.visibility, 3),
    }


Named = tuple[str, Callable[[], Outcome]]
"""A frame's name, and what looks at it."""


@dataclass(frozen=True)
class Perceiving:
    """The parts that were chosen; up: (3,) in the optical frame, or None; own: the robot that the frames are of, or None."""

    segmenter: Segmenter
    detector: RelationDetector
    up: Array | None
    own: OwnRobot | None = None

    def one(self, colour: Path, depth: Path, camera: Path) -> Outcome:
        """One frame; PerceptionError or OSError where it cannot be read or nothing is there."""
        from fail2progress.perception.frames.files import read_files

        read = read_files(colour, depth, camera, self.up)
        return self.of(read.frame, read.notes)

    def of(self, frame: RgbdFrame, notes: tuple[str, ...] = ()) -> Outcome:
        """One frame that was read; PerceptionError where nothing is there."""
        from fail2progress.core.relations import on

        frame = frame if self.own is None else self.own.left_out(frame)
        perceived = self.segmenter.segment(frame)
        started = time.perf_counter()
        state = self.detector.perceived(perceived)
        found: Relations = [("on", a, b, odds) for a, b, odds in on(state)]
        found += [(name, a, b, state.value(name, a, b)) for name, a, b in state.holding(LIKELY)]
        return Outcome(frame, perceived, found, time.perf_counter() - started, notes)

    def all(
        self, frames: Iterable[Named], total: int, pictures: Path | None, pages: Path | None = None
    ) -> tuple[list[dict[str, object]], bool]:
        """A report for each frame, with its name, or with the reason in place of segments where a frame was refused; and whether
        all were looked at: Ctrl-C ends it, and gives those of the frames that are done. Frames of one name are numbered, as those
        of one millisecond are. pictures, pages: folders, or a file for a single frame."""
        rows: list[dict[str, object]] = []
        with progress() as bar:
            try:
                self._each(bar.track(frames, total=total, description="frames"), pictures, pages, rows)
            except KeyboardInterrupt:
                return rows, False
        return rows, True

    def _each(self, frames: Iterable[Named], pictures: Path | None, pages: Path | None, rows: list[dict[str, object]]) -> None:
        from fail2progress.perception.segmentation.base import PerceptionError

        given: set[str] = set()
        for called, look in frames:
            numbered = (f"{called}-{number}" for number in count(2))
            name = next(name for name in chain([called], numbered) if name not in given)
            given.add(name)
            try:
                outcome = look()
            except (PerceptionError, OSError) as error:
                say(f"{name}: {error}")
                rows.append({"name": name, "error": str(error)})
                continue
            if pictures is not None:
                outcome.draw(pictures / f"{name}.png" if pictures.is_dir() else pictures)
            if pages is not None:
                outcome.show(pages / f"{name}.html" if pages.is_dir() else pages, name)
            rows.append({"name": name, **outcome.as_json()})
