"""Images as files, and as the bytes of PNG files."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError


class TooLargeError(ValueError):
    """An image of more pixels than anybody would decode; says how many."""


def opened(source: Path | BinaryIO, kinds: tuple[str, ...] | None = None) -> Image.Image:
    """An image that is not decoded yet; kinds: of which it may be, by Pillow's names. Large ones are for the caller to refuse: no
    warning is given.

    TooLargeError; UnidentifiedImageError or another OSError, SyntaxError or ValueError where it is damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(source, formats=kinds)
    except Image.DecompressionBombError as error:
        raise TooLargeError(str(error).partition(",")[0]) from error


def png(image: NDArray[np.uint8]) -> bytes:
    """An (H, W, 3) RGB image as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(image, "RGB").save(buffer, format="PNG")
    return buffer.getvalue()


def from_png(content: bytes) -> NDArray[np.uint8]:
    """The (H, W, 3) RGB image of a PNG file. ValueError where it is none."""
    try:
        with opened(io.BytesIO(content)) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"not an image ({error})") from error
