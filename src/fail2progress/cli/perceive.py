"""`fail2progress perceive`: from RGB-D files and recordings to segments and relations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fail2progress.cli.bag import SLOP, look_through
from fail2progress.cli.common import (
    StoppedError,
    WorkError,
    checked,
    print_json,
    require,
    say,
    show_table,
    shown,
    table_of,
)
from fail2progress.cli.perceived_files import Folders, asked, into, is_recording
from fail2progress.perception.segmentation import DEFAULT as SEGMENTER
from fail2progress.ros import graph

if TYPE_CHECKING:
    from fail2progress.cli.perceiving import Outcome, Perceiving
    from fail2progress.perception.frames.folders import Pair
    from fail2progress.perception.relations.base import RelationDetector
    from fail2progress.ros.bags.info import BagInfo

_NAMED = 5
"""Files that are named at most where many have the same fault."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(perceive)


def perceive(
    color: Annotated[Path, typer.Argument(help="Colour image; or, without DEPTH, a folder of frames or a recording (rosbag2).")],
    depth: Annotated[
        Path | None,
        typer.Argument(help="Depth aligned to it: 16-bit (mm unless the camera's file says else), float, .npy."),
    ] = None,
    camera: Annotated[
        Path | None,
        typer.Option(
            help="JSON or YAML with fx, fy, cx, cy and depth_unit_m; or as ROS, RealSense, Open3D, BOP and others write it."
            " Folders may hold one: NAME.json or camera.json. For recordings: part of the names of the camera's topics."
        ),
    ] = None,
    segmenter: Annotated[
        str,
        typer.Option(
            help="fused, geometric, learned, open-vocabulary, one of another package, or a YAML or JSON file with its options."
        ),
    ] = SEGMENTER,
    relations: Annotated[str, typer.Option(help="Detector: geometric, learned, combined, or another package's.")] = "geometric",
    model: Annotated[
        Path | None, typer.Option(help="Weights for relations that are not geometric; default: those of the package.")
    ] = None,
    up: Annotated[
        str | None,
        typer.Option(help="Where up is in the image: top, left, right, bottom, or x,y,z in the optical frame; default: found."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw the segments over the colour image into this file; for frames, into this folder."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(help="Write a page (.html) on which the cloud turns; it loads nothing. For frames, a folder."),
    ] = None,
    urdf: Annotated[
        Path | None,
        typer.Option(help="URDF of the robot whose camera this is: its own parts are left out.", exists=True, dir_okay=False),
    ] = None,
    joints: Annotated[
        Path | None,
        typer.Option(help="JSON with its joint positions (m, rad); recordings have theirs.", exists=True, dir_okay=False),
    ] = None,
    topic: Annotated[list[str] | None, typer.Option(help="For recordings: see `bag info --help`.")] = None,
    robot: Annotated[str, typer.Option(help="For recordings: namespace of the robot, where there are several.")] = "",
    every: Annotated[int, typer.Option(help="For recordings: each so manyth frame.", min=1)] = 1,
    slop: float = SLOP,
    json_output: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Find the objects on a table, and what lies in, on and beside what. The camera may be held by hand.

    Example: fail2progress perceive color.png depth.png --camera camera.json --picture segments.png
    """
    recording = depth is None and is_recording(color)
    require(color.exists(), f"there is no {color}")
    others = (("--topic", bool(topic)), ("--robot", bool(robot)), ("--every", every > 1), ("--slop", slop != graph.SLOP))
    for option, given in others:
        require(recording or not given, f"{option} is for recordings, and {color} is none")
    found = [] if recording else asked(color, depth, camera, (picture, page))
    chosen = _chosen((segmenter, relations, model), up, (urdf, joints))
    if recording:
        own = "a recording holds what its camera is; name a part of the camera's topics, or leave it out"
        require(camera is None or not camera.is_file(), f"--camera {camera}: {own}")
        bag = look_through(color, topic or [], robot, str(camera or ""), "camera", slop)
        return _recording(chosen, bag, (every, slop), (picture, page), json_output)
    if depth is None:
        return _folder(chosen, color, found, (picture, page), json_output)
    with checked():
        outcome = chosen.one(found[0].colour, found[0].depth, found[0].camera)
    for note in outcome.notes:
        say(f"note: {note}")
    if picture is not None:
        outcome.draw(picture)
    if page is not None:
        outcome.show(page, color.stem)
    _say_written(picture, page)
    if json_output:
        print_json(outcome.as_json())
    else:
        _show(outcome)
    return None


def _chosen(parts: tuple[str, str, Path | None], up: str | None, robot: tuple[Path | None, Path | None]) -> Perceiving:
    """The parts that were chosen: segmenter, detector and its weights; the way up; and the robot whose parts are left out."""
    from fail2progress.cli.own_robot import own_robot
    from fail2progress.cli.perceiving import Perceiving
    from fail2progress.perception.frames.camera_poses import parse_up
    from fail2progress.perception.segmentation.registry import segmenter

    with checked():
        way = None if up is None else parse_up(up, "--up")
        return Perceiving(segmenter(parts[0]), _detector(*parts[1:]), way, own_robot(*robot))


def _recording(chosen: Perceiving, bag: BagInfo, which: tuple[int, float], files: Folders, json_output: bool) -> None:
    """The frames of a recording's camera; WorkError where none of them could be made sense of. which: each so manyth frame, of
    images whose stamps differ by no more than so many seconds."""
    from fail2progress.cli.perceiving import Named
    from fail2progress.perception.frames.alignment import all_laid
    from fail2progress.ros.bags.frames import Passed, frames
    from fail2progress.ros.bags.joints import Joints
    from fail2progress.ros.bags.topics import DEPTH

    for warning in bag.warnings(judged=False):
        say(f"note: {warning}")

    (every, slop), depth = which, bag.of(DEPTH)
    moved, passed = Joints(bag) if chosen.own is not None else None, Passed()
    told = "depth" if depth is None else depth.name

    def named() -> Iterator[Named]:
        for frame in all_laid(frames(bag, slop, every, passed), told, lambda note: say(f"note: {note}")):
            seen = frame if chosen.up is None else replace(frame, up=chosen.up, up_source="given")
            own = chosen.own
            if own is not None and moved is not None:
                own = replace(own, positions={**own.positions, **moved.at(frame.stamp)})
            yield f"{frame.stamp / 1e9:.3f}", partial(replace(chosen, own=own).of, seen)

    count = -(-bag.moments // every)
    rows, whole = chosen.all(named(), count, *into(files, count, bag.path))
    over = [{"what": what, "why": why, "count": number} for (what, why), number in passed.most_common()]
    for one in over:
        say(f"note: passed over: {one['count']} of {one['what']}, {one['why']}")
    _told(rows, whole, bag.path, files, json_output, over)


def _folder(chosen: Perceiving, folder: Path, found: list[Pair], files: Folders, json_output: bool) -> None:
    """All frames of a folder; WorkError where none of them could be made sense of."""
    from fail2progress.perception.frames.folders import alone

    with checked():
        lonely = [str(path.relative_to(folder)) for path in alone(folder, found)]
    if lonely:
        more = f" and {len(lonely) - _NAMED} more" if len(lonely) > _NAMED else ""
        say(f"note: left out, as colour or depth of the same name is missing: {', '.join(lonely[:_NAMED])}{more}")
    for name in sorted({pair.camera.name for pair in found if pair.guessed}):
        say(f"note: the camera is that of {name}")
    looks = ((pair.name, partial(chosen.one, pair.colour, pair.depth, pair.camera)) for pair in found)
    _told(*chosen.all(looks, len(found), *into(files, len(found), folder, found)), folder, files, json_output)


def _say_written(*files: Path | None) -> None:
    for kind, path in zip(("picture", "page"), files, strict=True):
        if path is not None:
            say(f"{kind}{'s in' if path.is_dir() else ''}: {shown(path)}")


def _told(
    rows: list[dict[str, object]],
    whole: bool,
    source: Path,
    files: Folders,
    json_output: bool,
    passed_over: list[dict[str, object]] | None = None,
) -> None:
    """What was found in several frames, and where pictures and pages of it are; passed_over: what gave none, of a recording."""
    if json_output:
        print_json({"frames": rows} if passed_over is None else {"frames": rows, "passed_over": passed_over})
    else:
        table = table_of("frame", "segments", "planes", "up", "seconds")
        for row in rows:
            table.add_row(str(row["name"]), *_counts(row))
        show_table(table)
    if not whole:
        raise StoppedError(f"stopped after {len(rows)} frames of {source}")
    for note in _notes(rows):
        say(f"note: {note}")
    if all("error" in row for row in rows):
        raise WorkError(f"none of the {len(rows)} frames of {source} could be made sense of")
    _say_written(*files)


def _notes(rows: list[dict[str, object]]) -> list[str]:
    """What had to be assumed: of notes that differ in names and numbers alone the first, and how many there are."""
    alike: dict[str, list[str]] = {}
    for row in rows:
        notes = row.get("notes", [])
        assert isinstance(notes, list)
        for note in notes:
            alike.setdefault(re.sub(r"\S*\d\S*", "", note), []).append(f"{row['name']}: {note}")
    return [first + (f" (and {len(rest)} more frames; --json has all)" if rest else "") for first, *rest in alike.values()]


def _counts(row: dict[str, object]) -> list[str]:
    if "error" in row:
        return ["refused", "", "", ""]
    segments, planes, up, seconds = (row[key] for key in ("segments", "planes", "up", "seconds"))
    assert isinstance(segments, list) and isinstance(planes, list) and isinstance(seconds, dict)
    side = str(up["side"]) if isinstance(up, dict) else ""
    return [str(len(segments)), str(len(planes)), side, f"{seconds['total']:.2f}"]


def _detector(name: str, model: Path | None) -> RelationDetector:
    """The detector of a name; weights are read only for one that is not geometric, which takes none."""
    from fail2progress.perception.relations.registry import DETECTORS, GEOMETRIC, relation_detector

    if name == GEOMETRIC:
        require(model is None, f"--model {model}: geometric relations use no weights; choose --relations learned or combined")
        return relation_detector(name)
    DETECTORS.get(name)  # an unknown name is told before weights are read
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(model or weights.path(weights.RELATIONAL))
    return relation_detector(name, checkpoint.model, checkpoint.digest)


def _show(outcome: Outcome) -> None:
    perceived, relations = outcome.perceived, outcome.relations
    rows = table_of("id", "looks like", "size (cm)", "at (m)", "points", "visible", "in or on")
    for part in (*perceived.surfaces, *perceived.segments):
        size = " x ".join(f"{100 * extent:.1f}" for extent in part.size)
        at = ", ".join(f"{value:.3f}" for value in part.pose[:3])
        held = ", ".join(f"{name} {b}" for name, a, b, _ in relations if a == part.id and name in ("on", "inside"))
        rows.add_row(
            part.id, f"{part.colour} {part.shape.value}".strip(), size, at, str(len(part.points)), f"{part.visibility:.0%}", held
        )
    show_table(rows)
    if perceived.way_up is not None and perceived.way_up.side != "top":
        say(f"up in the world is at the {perceived.way_up.side} of the image, by {perceived.way_up.source}")
