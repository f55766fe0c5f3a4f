"""Compressed images as image_transport's plugins record them, decoded to serialised plain ones. Imports no ROS."""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from fail2progress.core.images import opened
from fail2progress.ros.bags import run_lengths
from fail2progress.ros.bags.cdr import Cdr, DamagedError, compressed_image, header_stamp, image, restamped

COMPRESSED = "sensor_msgs/msg/CompressedImage"
LARGEST_SIDE = 4096
QUALITY = 95
"""Of JPEG: its errors stay below those of a camera."""
_SIGNATURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"RIFF": "WEBP"}
DEEP = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}
"""Encodings of depth, with their numbers."""
RUNS = "compressedDepth rvl"
"""In the format of depth coded by run lengths."""
_STAMP, _STAMPED = 4, 12
"""Where the stamp of a serialised message with a header begins and ends."""
_CONFIG = 12
"""Bytes before the picture in a compressedDepth message: a kind, and A and B of depth = A / (value - B)."""


def describe(data: bytes) -> str:
    """What a serialised CompressedImage is: its `format`, such as "rgb8; jpeg compressed bgr8"."""
    cdr = Cdr(data)
    cdr.header()
    return " ".join(cdr.text().split())


def is_depth(form: str, topic: str) -> bool:
    """Whether compressed pixels are depth, by the `format` of the message and the topic's name."""
    return "compressedDepth" in form or topic.endswith("compressedDepth") or form.startswith(("16UC1", "32FC1", "mono16"))


def unknown(form: str) -> bool:
    """Whether pictures of a format cannot be read here: what parts of films are."""
    return any(mark in form.lower() for mark in ("h264", "h.264", "h265", "hevc", "av1", "vp8", "vp9", "theora", "ffmpeg"))


def depths(data: bytes) -> NDArray[np.float32]:
    """(N,) readings of a serialised depth Image as they stand in it, without those that are none. DamagedError for another."""
    _, _, _, pixels = _deep(data)
    return pixels[np.isfinite(pixels) & (pixels > 0)]


def in_metres(data: bytes, unit: float) -> bytes:
    """A serialised depth Image in metres (32FC1), of one in which 1 stands for so many metres."""
    stamp, frame, _, pixels = _deep(data)
    return image(stamp, frame, np.where(np.isfinite(pixels), pixels * np.float32(unit), np.float32(0)), "32FC1")


def _deep(data: bytes) -> tuple[int, str, str, NDArray[np.float32]]:
    """Stamp (ns), frame, encoding and (H, W) values of a serialised depth Image."""
    cdr = Cdr(data)
    stamp, frame = cdr.header()
    height, width = cdr.numbers("I", 2)
    encoding, big, step = cdr.text(), cdr.number("B"), cdr.number("I")
    content = np.frombuffer(cdr.content(), np.uint8)
    kind = DEEP.get(encoding)
    if kind is None or step < width * int(kind[1]) or content.size < step * height or not height * width:
        raise DamagedError(f"no depth image ({encoding}, {width} x {height} pixels, {content.size} bytes)")
    rows = content[: step * height].reshape(height, step)[:, : width * int(kind[1])]
    return stamp, frame, encoding, np.ascontiguousarray(rows).view((">" if big else "<") + kind).astype(np.float32)


def size(data: bytes) -> tuple[int, int]:
    """(width, height) of a serialised CompressedImage, in pixels."""
    cdr = Cdr(data)
    cdr.header()
    form, content = cdr.text(), bytes(cdr.content())
    if RUNS in form:
        return run_lengths.size(content[_CONFIG:])
    return _open(content[_config(form) :]).size


def decoded(data: bytes) -> bytes:
    """A serialised sensor_msgs/Image from a serialised CompressedImage; DamagedError where it holds no picture.

    Colours become rgb8; depth becomes 16UC1 (mm), or 32FC1 (m) where it was sent as inverse depth.
    """
    cdr = Cdr(data)
    stamp, frame = cdr.header()
    form, content = cdr.text(), bytes(cdr.content())
    pixels = run_lengths.decode(content[_CONFIG:]) if RUNS in form else _pixels(content[_config(form) :])
    if pixels.dtype == np.uint16 and form.startswith("32FC1"):
        return image(stamp, frame, _metres(content, pixels.astype(np.uint16)), "32FC1")
    return image(stamp, frame, pixels, "16UC1" if pixels.dtype == np.uint16 else "rgb8")


def packed(data: bytes) -> tuple[str, bytes] | None:
    """A serialised sensor_msgs/Image as image_transport's plugins send it: what follows the topic's name, and the message.

    Colours become JPEG, depth and labels PNG. None for pixels that none of these holds, and for damaged messages.
    """
    try:
        cdr = Cdr(data)
        stamp, frame = cdr.header()
        height, width = cdr.numbers("I", 2)
        encoding, big, step = cdr.text(), cdr.number("B"), cdr.number("I")
        content = np.frombuffer(cdr.content(), np.uint8)
        if encoding in ("rgb8", "bgr8"):
            rows = content.reshape(height, step)[:, : width * 3].reshape(height, width, 3)
            picture = Picture.fromarray(np.ascontiguousarray(rows[..., ::-1] if encoding == "bgr8" else rows))
            return "/compressed", compressed_image(stamp, frame, f"{encoding}; jpeg compressed bgr8", _saved(picture, "JPEG"))
        if encoding in ("16UC1", "mono16"):
            deep = content.reshape(height, step)[:, : width * 2].copy().view(">u2" if big else "<u2").astype(np.uint16)
            form = f"{encoding}; compressedDepth png"
            return "/compressedDepth", compressed_image(
                stamp, frame, form, bytes(_CONFIG) + _saved(Picture.fromarray(deep), "PNG")
            )
    except (DamagedError, ValueError):
        return None
    return None


class Packer:
    """Packs images one after the other, as `packed` does: one that differs from the last in nothing but its stamp, as those of a
    simulated camera before a still scene do, is not compressed again."""

    def __init__(self) -> None:
        self.last, self.made = b"", packed(b"")

    def __call__(self, data: bytes) -> tuple[str, bytes] | None:
        """See `packed`."""
        if data[:_STAMP] != self.last[:_STAMP] or data[_STAMPED:] != self.last[_STAMPED:]:
            self.last, self.made = data, packed(data)
        return None if self.made is None else (self.made[0], restamped(self.made[1], header_stamp(data)))


def _saved(picture: Picture.Image, kind: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **({"quality": QUALITY} if kind == "JPEG" else {"compress_level": 1}))
    return out.getvalue()


def _config(form: str) -> int:
    return _CONFIG if "compressedDepth" in form else 0


def _open(content: bytes) -> Picture.Image:
    kind = next((kind for mark, kind in _SIGNATURES.items() if content.startswith(mark)), None)
    if kind is None:
        raise DamagedError("a compressed image that is neither PNG, JPEG, TIFF nor WebP")
    try:
        found = opened(io.BytesIO(content), (kind,))
    except UnidentifiedImageError as error:  # which names a place in memory, another one each time
        raise DamagedError(f"a damaged picture ({kind} by its first bytes alone)") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DamagedError(f"a damaged picture ({error})") from error
    if max(found.size) > LARGEST_SIDE:
        raise DamagedError(f"a picture of {found.size[0]} x {found.size[1]} pixels")
    return found


def _pixels(content: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """(H, W) 16 bits, or (H, W, 3) RGB."""
    found = _open(content)
    try:
        if found.mode.startswith("I"):
            return np.asarray(found).astype(np.uint16)
        return np.asarray(found.convert("RGB"), np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise DamagedError(f"a damaged picture ({error})") from error


def _metres(content: bytes, pixels: NDArray[np.uint16]) -> NDArray[np.float32]:
    """(H, W) m from inverse depth with 16 bits; 0 stands for no reading."""
    _, a, b = struct.unpack_from("<iff", content)
    there = pixels > 0
    return np.where(there, a / np.where(there, pixels - np.float32(b), 1), 0).astype(np.float32)
