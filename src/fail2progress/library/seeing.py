"""From images, clouds or scenes to segments and relations."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path

from fail2progress.core.camera import Camera
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import Scene
from fail2progress.library.arguments import require, told
from fail2progress.library.models import ModelLike, model_and_digest
from fail2progress.perception.frames.files import FileFrame, read_files
from fail2progress.perception.relations.base import RelationDetector
from fail2progress.perception.relations.registry import relation_detector
from fail2progress.perception.segmentation import DEFAULT as SEGMENTER
from fail2progress.perception.segmentation.base import Perceived, PerceptionError
from fail2progress.perception.segmentation.registry import GEOMETRIC, segmenter
from fail2progress.simulation import registry as simulators


def perceive(colour: str | Path | RgbdFrame, depth: str | Path = "", camera: str | Path = "", by: str = SEGMENTER) -> Perceived:
    """Objects and the surfaces that they stand on, in one RGB-D frame.

    `colour` is an image file, `depth` one aligned to it (16-bit, millimetres unless the camera's file says else), `camera` a JSON
    file with width, height, fx, fy, cx, cy; or `colour` is a frame: (H, W, 3) uint8 and (H, W) float32 metres. The camera may be
    held by hand. `by` names the segmenter, by default that of the commands. Segments are clouds (n, 3) in metres of the planning
    frame, each with an upright box. `notes` of what is found says what was assumed of files or undone in them, such as a lens's
    distortion; `way_up` where up is.

    Raises PerceptionError (a ValueError): a file or frame that cannot be made sense of; RegistryError: no such segmenter;
    OSError: a file that cannot be opened.

        perceived = perceive("color.png", "depth.png", "camera.json")
        print([(segment.id, segment.size) for segment in perceived.segments])
    """
    read = FileFrame(colour, ()) if isinstance(colour, RgbdFrame) else _read(colour, depth, camera)
    return replace(segmenter(by).segment(read.frame), notes=read.notes)


def detect(seen: Perceived | SegmentedCloud | Scene, by: str = GEOMETRIC, model: ModelLike = None) -> RelationState:
    """Probabilities of the relations of paper A.9: binary (N, N, 9) and unary (N, 3), in the order of the segments.

    `seen` is what `perceive` found, a cloud (N, P, 3) in metres, or a scene, which is looked at in simulation. `by` names the
    detector: "geometric" needs no weights, "learned" and "combined" use the model.

    Raises ValueError: nothing has points; RegistryError: no such detector; CheckpointError: weights that cannot be read.

        state = detect(scene([{"name": "mug", "category": "cup", "size": (0.09, 0.09, 0.09)}]))
        print(state.holding())
    """
    require(seen, (Perceived, SegmentedCloud, Scene), "seen", "what perceive found, a SegmentedCloud or a Scene")
    detector = _detector(by, model)
    if isinstance(seen, Perceived):
        return detector.perceived(seen)
    if isinstance(seen, Scene):
        with simulators.make() as simulator:
            seen = simulator.settle(seen, Camera()).cloud
    return detector.observe(seen).relations


def _read(colour: str | Path, depth: str | Path, camera: str | Path) -> FileFrame:
    """The frame of three files. PerceptionError where one is not named or cannot be read."""
    for what, given in (("colour", colour), ("depth", depth), ("camera", camera)):
        if not isinstance(given, (str, PathLike)):
            raise PerceptionError(
                f"{what} is {told(given)}, not the path of a file: what is in memory comes as one frame,"
                " RgbdFrame(colour, depth, Intrinsics(width, height, fx, fy, cx, cy)) of fail2progress.core.rgbd"
            )
    for what, name in (("depth", depth), ("camera", camera)):
        if not str(name):
            raise PerceptionError(f"{colour} comes without its {what}: give the path of that file too")
    return read_files(Path(colour), Path(depth), Path(camera))


def _detector(by: str, model: ModelLike) -> RelationDetector:
    """Weights are read only for a detector that is not geometric."""
    return relation_detector(by) if by == GEOMETRIC else relation_detector(by, *model_and_digest(model))
