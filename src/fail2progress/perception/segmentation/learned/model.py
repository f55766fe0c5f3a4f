"""The network with its weights, on frames: at the size that it was trained for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save

from fail2progress.core.pairs import fitting, write_pair
from fail2progress.core.rgbd import Intrinsics
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.learned.features import features
from fail2progress.perception.segmentation.learned.instances import Seen, to_size
from fail2progress.perception.segmentation.learned.network import SegmentNet

SCHEMA = 2
PIXELS = 384 * 288
"""Of an image as the network sees it, about."""
_MULTIPLE = 8
_LARGEST = 2.0
"""Pixels of the network's image for one of a small window."""
_COARSEST = 0.0035
"""Metres between neighbouring pixels as the network sees them, above which it looks at a larger image: in a wide view a thing
that a hand can hold is only a few pixels, and what stands beside it or lies in it is one with it."""
_SPARSE = 4
"""Every so many rows and columns are asked how far away all of it is."""
_MOST = 640 * 480
"""Pixels of such a larger image, at most."""


@dataclass(frozen=True)
class SegmentModel:
    """A network, the SHA-256 of its weights, and what its file says of it."""

    net: SegmentNet
    digest: str
    note: dict[str, object]

    def size(self, depth: NDArray[np.float32], camera: Intrinsics) -> tuple[int, int]:
        """Rows and columns of what is made of depth (H, W) m, 0 for none."""
        scale = _scale(depth, camera)
        height, width = (max(_MULTIPLE, round(n * scale / _MULTIPLE) * _MULTIPLE) for n in depth.shape)
        return height, width

    @torch.no_grad()
    def see(self, colour: NDArray[np.uint8], depth: NDArray[np.float32], camera: Intrinsics) -> Seen:
        """Of colours (H, W, 3) and depth (H, W) m, 0 for none."""
        sizes = self.size(depth, camera)
        y, x = sizes[0] / depth.shape[0], sizes[1] / depth.shape[1]
        k = (camera.fx * x, camera.fy * y, (camera.cx + 0.5) * x - 0.5, (camera.cy + 0.5) * y - 0.5)
        cameras = torch.tensor([k], dtype=torch.float32)
        image, away = np.ascontiguousarray(to_size(colour, sizes)), _nearest(depth, sizes)
        inputs = features(torch.from_numpy(image)[None], torch.from_numpy(away)[None], cameras)
        made = self.net(inputs.to(memory_format=torch.channels_last))
        kinds = made.classes[0].softmax(dim=0).numpy()
        return Seen(kinds[2], kinds[1], made.places[0].numpy(), made.weights[0].numpy(), made.seeds[0].numpy())


def _scale(depth: NDArray[np.float32], camera: Intrinsics) -> float:
    """Pixels of the network's image for one of a window (H, W) of depth, m."""
    usual, most = (float(np.sqrt(pixels / depth.size)) for pixels in (PIXELS, _MOST))
    known = depth[::_SPARSE, ::_SPARSE]
    known = known[known > 0]
    pitch = float(np.median(known)) / camera.fx if len(known) else 0.0
    return min(max(usual, min(pitch / _COARSEST, most)), _LARGEST)


def _nearest(depth: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Depth at another size; a pixel beside stands in for one without a reading."""
    found = to_size(depth, shape)
    before = np.pad(depth, ((1, 0), (1, 0)), "edge")  # as in training, not the readings at the border across
    for rows, columns in ((slice(1, None), slice(-1)), (slice(-1), slice(1, None)), (slice(-1), slice(-1))):
        found = np.where(found > 0, found, to_size(before[rows, columns], shape))
    return np.ascontiguousarray(found, np.float32)


def load_model(path: Path) -> SegmentModel:
    """Weights (.safetensors) with their JSON beside them, ready for use. PerceptionError says what is wrong with them."""
    net, digest, note = load_net(path)
    return SegmentModel(net.fused(), digest, note)


def load_net(path: Path) -> tuple[SegmentNet, str, dict[str, object]]:
    """The network that can be trained further, the SHA-256 of its weights, and what their JSON says. PerceptionError as above."""
    try:
        note = fitting(path, json.loads(path.with_suffix(".json").read_bytes()))
        if note.get("schema") != SCHEMA:
            raise ValueError(f"schema {note.get('schema')}, not {SCHEMA}")
        content = path.read_bytes()
        weights = load(content)
        channels, blocks = tuple(int(value) for value in note["channels"]), int(note["blocks"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise PerceptionError(
            f"{path}: no weights of a segmenter can be read there ({' '.join(str(error).split())[:100]})"
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if note.get("digest") != digest:
        raise PerceptionError(f"{path}: its digest {digest[:12]} is not that of its JSON")
    net = SegmentNet(channels, blocks)
    try:
        net.load_state_dict({name: value.float() if value.is_floating_point() else value for name, value in weights.items()})
    except RuntimeError as error:
        raise PerceptionError(f"{path}: {str(error).splitlines()[-1].strip()}") from error
    return net, digest, note


def save_model(net: SegmentNet, path: Path, note: dict[str, object]) -> SegmentModel:
    """Write weights, in half precision, and before them the JSON that they need; returns them as they are read again."""
    values = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    content = save({name: value.half() if value.is_floating_point() else value for name, value in values.items()})
    shape = {"channels": list(net.channels), "blocks": net.blocks}
    header = {"schema": SCHEMA, **shape, "digest": hashlib.sha256(content).hexdigest()}
    write_pair(path, content, {**header, **note, **header})
    return load_model(path)


def packaged() -> Path:
    """The weights that travel with the package."""
    return _weights() / "segmenter.safetensors"


def grainy() -> Path:
    """Those that travel with it for depth whose noise is each pixel's own; see `grain`."""
    return _weights() / "segmenter-grainy.safetensors"


def _weights() -> Path:
    return Path(str(resources.files("fail2progress"))) / "weights"
