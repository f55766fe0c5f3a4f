"""From RGB-D files to segments and relations.

    python examples/own_rgbd.py color.png depth.png camera.json

Without files, three are made of a simulated table first, in a temporary folder.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import fail2progress as f2p


def simulated_files(folder: Path) -> tuple[Path, Path, Path]:
    """A colour image, depth in millimetres and the camera's intrinsics, as a depth camera's driver writes them."""
    from fail2progress.core.camera import Camera
    from fail2progress.simulation.mujoco.bodies import compile_scene
    from fail2progress.simulation.mujoco.rgbd import photograph

    table = {"name": "table", "category": "table", "size": (0.70, 0.90, 0.04), "at": (0.65, 0.0, 0.50)}
    mug = {"name": "mug", "category": "cup", "size": (0.10, 0.10, 0.09), "on": "table", "margin": 0.2}
    pill = {"name": "pill", "category": "capsule", "size": (0.035, 0.035, 0.08), "inside": "mug"}
    block = {"name": "block", "category": "cuboid", "size": (0.08, 0.12, 0.15), "on": "table", "margin": 0.1}
    scene = f2p.scene([table, mug, pill, block], seed=2)
    frame = photograph(compile_scene(scene), scene, Camera((-0.1, 0.1, 1.15), (0.65, 0.0, 0.5), focal=612.0))
    colour, depth, camera = folder / "color.png", folder / "depth.png", folder / "camera.json"
    Image.fromarray(frame.colour).save(colour)
    Image.fromarray(np.round(frame.depth * 1000).astype(np.uint16)).save(depth)
    camera.write_text(json.dumps(vars(frame.intrinsics)))
    return colour, depth, camera


def main(colour: Path, depth: Path, camera: Path) -> None:
    """Print what is seen and how it lies."""
    perceived = f2p.perceive(colour, depth, camera)
    for part in (*perceived.surfaces, *perceived.segments):
        size = " x ".join(f"{100 * extent:.1f}" for extent in part.size)
        print(f"{part.id}: {part.shape.value}, {size} cm, {len(part.points)} points, {part.visibility:.0%} visible")
    for relation, subject, other in f2p.detect(perceived).holding():
        if relation in ("above", "inside", "contact"):
            print(f"{relation}({subject}, {other})")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        main(*(Path(name) for name in sys.argv[1:]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(*simulated_files(Path(made)))
