"""`fail2progress perceive`: from RGB-D files to segments and relations."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fail2progress.cli.common import UserError, checked, print_json, require, say, show_table, table_of

if TYPE_CHECKING:
    from fail2progress.perception.relations.base import RelationDetector
    from fail2progress.perception.segmentation.base import Perceived, Segment

Relations = list[tuple[str, str, str, float]]
LIKELY = 0.5
"""Probability from which a relation is reported."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(perceive)


def perceive(
    color: Annotated[Path, typer.Argument(help="Colour image.")],
    depth: Annotated[
        Path, typer.Argument(help="Depth aligned to it: 16-bit (mm unless the camera's file says else), float, .npy.")
    ],
    camera: Annotated[
        Path,
        typer.Option(
            help="JSON or YAML with fx, fy, cx, cy and depth_unit_m; or as ROS, RealSense, Open3D, BOP and others write it."
        ),
    ],
    segmenter: Annotated[
        str, typer.Option(help="geometric, open-vocabulary, one of another package, or a YAML or JSON file with its options.")
    ] = "geometric",
    relations: Annotated[
        str, typer.Option(help="Relation detector: geometric, learned (by --model), or one of another package.")
    ] = "geometric",
    model: Annotated[
        Path | None, typer.Option(help="Weights for learned relations; default: those that travel with the package.")
    ] = None,
    up: Annotated[
        str | None,
        typer.Option(help="Where up is in the image: top, left, right, bottom, or x,y,z in the optical frame; default: found."),
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the segments over the colour image into this file.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Find the objects on a table, and what lies in, on and beside what. The camera may be held by hand.

    Example: fail2progress perceive color.png depth.png --camera camera.json --picture segments.png
    """
    from fail2progress.core.relations import on
    from fail2progress.perception.camera_files import parse_up
    from fail2progress.perception.files import read_files
    from fail2progress.perception.picture import draw
    from fail2progress.perception.segmentation.registry import segmenter as segmenter_named

    formats = (".png", ".jpg", ".jpeg")
    require(picture is None or picture.suffix.lower() in formats, f"{picture}: a picture ends in {', '.join(formats)}")
    if picture is not None and not picture.parent.is_dir():
        raise UserError(f"{picture.parent} is not a folder; make it first")
    with checked():
        finder, detector = segmenter_named(segmenter), _detector(relations, model)
        read = read_files(color, depth, camera, None if up is None else parse_up(up, "--up"))
        frame = read.frame
        perceived = finder.segment(frame)
    for note in read.notes:
        say(f"note: {note}")
    started = time.perf_counter()
    state = detector.detect_perceived(perceived)
    found: Relations = [("on", a, b, odds) for a, b, odds in on(state)]
    found += [(name, a, b, state.value(name, a, b)) for name, a, b in state.holding(LIKELY)]
    spent = time.perf_counter() - started
    if picture is not None:
        draw(frame.colour, perceived, found).save(picture)
    if json_output:
        print_json({**as_json(perceived, found, spent), "notes": list(read.notes)})
    else:
        _show(perceived, found)


def _detector(name: str, model: Path | None) -> RelationDetector:
    """The detector of a name; weights are read only for one that is not geometric."""
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.perception.relations.registry import LEARNED, relation_detector

    if model is None and name != LEARNED:
        return relation_detector(name)
    checkpoint = load_checkpoint(model or weights.path(weights.RELATIONAL))
    return relation_detector(name, checkpoint.model, checkpoint.digest)


def as_json(perceived: Perceived, relations: Relations, spent: float) -> dict[str, object]:
    """The report with the keys of the command's interface. spent: seconds for relations."""
    seconds = {**perceived.seconds, "relations": spent}
    seconds["total"] = seconds.get("total", 0.0) + spent
    way_up = perceived.way_up
    return {
        "frame": perceived.frame,
        "up": way_up and {"side": way_up.side, "by": way_up.source, "direction": [round(float(x), 4) for x in way_up.direction]},
        "camera_pose": perceived.pose.tolist(),
        "planes": [_part(surface, perceived.width) for surface in perceived.surfaces],
        "segments": [_part(segment, perceived.width) for segment in perceived.segments],
        "relations": [[name, a, b, round(odds, 4)] for name, a, b, odds in relations],
        "seconds": {stage: round(value, 4) for stage, value in seconds.items()},
    }


def _part(part: Segment, width: int) -> dict[str, object]:
    return {
        "id": part.id,
        "box_xyxy_px": list(part.box_px(width)),
        "points": len(part.points),
        "shape": part.shape.value,
        "size_m": [round(float(extent), 4) for extent in part.size],
        "pose": [round(float(value), 5) for value in part.pose],
        "visibility": round(part.visibility, 3),
    }


def _show(perceived: Perceived, relations: Relations) -> None:
    rows = table_of("id", "shape", "size (cm)", "at (m)", "points", "visible", "in or on")
    for part in (*perceived.surfaces, *perceived.segments):
        size = " x ".join(f"{100 * extent:.1f}" for extent in part.size)
        at = ", ".join(f"{value:.3f}" for value in part.pose[:3])
        held = ", ".join(f"{name} {b}" for name, a, b, _ in relations if a == part.id and name in ("on", "inside"))
        rows.add_row(part.id, part.shape.value, size, at, str(len(part.points)), f"{part.visibility:.0%}", held)
    show_table(rows)
    if perceived.way_up is not None and perceived.way_up.side != "top":
        say(f"up in the world is at the {perceived.way_up.side} of the image, by {perceived.way_up.source}")
