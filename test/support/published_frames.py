"""A list of public frames, with files of a simulated one."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fail2progress.evaluation.studies.perception import snapshot

PATHS = {"color": "images/a colour.png", "depth": "images/depth.png"}


def published(folder: Path, seed: int = 4) -> dict[str, Any]:
    """A list of one simulated frame, its files under owner/name of a folder, and boxes of all that is visible."""
    table, frame = snapshot(seed)
    depth = np.round(frame.depth * 1000).astype(np.uint16)
    place = folder / "owner" / "name"
    for name, image in (("color", frame.colour), ("depth", depth)):
        (place / PATHS[name]).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / PATHS[name])
    k, labels = frame.intrinsics, frame.labels
    assert labels is not None
    things = []
    for name in table.arrangement:
        rows, columns = np.nonzero(labels.image == labels.names.index(name) + 1)
        if len(rows) > 300:
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            things.append({"name": name, "box": [float(side) for side in box]})
    files = {
        name: {"path": path, "sha256": hashlib.sha256((place / path).read_bytes()).hexdigest()} for name, path in PATHS.items()
    }
    camera = {"width": k.width, "height": k.height, "fx": k.fx, "fy": k.fy, "cx": k.cx, "cy": k.cy, "depth_unit_m": 0.001}
    one = {"name": "one", "repository": "owner/name", "commit": "0" * 40, "camera": camera, "support": "table", **files}
    return {"about": "One simulated frame.", "frames": [one | {"things": things}]}


def kept(content: dict[str, Any], folder: Path) -> str:
    """The name of a list's file."""
    path = folder / "some.json"
    path.write_text(json.dumps(content))
    return str(path)
