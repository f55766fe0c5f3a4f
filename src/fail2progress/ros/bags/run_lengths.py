"""Depth coded by run lengths and variable lengths (RVL), as compressedDepth sends it on request. Imports no ROS.

Wilson, A. D. (2017): Fast lossless depth image compression. ISS '17. The pixels of an image, row by row, are runs: how many
zeros, how many readings, and the readings as differences to the one before, of either sign in turn (0, -1, 1, -2, ...). Each
number is a chain of nibbles: three bits each, the lowest first, and a bit that says whether more follow. Nibbles fill 32-bit
words from their high end. Width and height stand before all that.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from fail2progress.ros.bags.cdr import DamagedError

LARGEST_SIDE = 4096
_SIZE = 8
_LONGEST = 11
"""Nibbles of a number: more than 32 bits need."""
_SHIFTS = np.arange(28, -1, -4, dtype=np.uint32)


def size(content: bytes) -> tuple[int, int]:
    """(width, height) in pixels; DamagedError where there is none."""
    if len(content) < _SIZE:
        raise DamagedError("a depth image by run lengths without a size")
    width, height = struct.unpack_from("<II", content)
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise DamagedError(f"a depth image by run lengths of {width} x {height} pixels")
    return width, height


def decode(content: bytes) -> NDArray[np.uint16]:
    """(H, W) readings; DamagedError where the runs do not fill the image."""
    width, height = size(content)
    numbers = _numbers(content[_SIZE:])
    counts, runs = _runs(numbers, width * height)
    differences = numbers[~counts]
    differences = (differences >> 1) ^ -(differences & 1)
    pixels = np.zeros(width * height, np.uint16)
    pixels[np.repeat(np.arange(len(runs)) % 2 == 1, runs)] = np.cumsum(differences).astype(np.uint16)
    return pixels.reshape(height, width)


def _numbers(content: bytes) -> NDArray[np.int64]:
    """All numbers of a stream of nibbles; one that is cut off is left out."""
    words = np.frombuffer(content, "<u4", len(content) // 4)
    nibbles = ((words[:, None] >> _SHIFTS) & 15).astype(np.uint8).ravel()
    ends = np.flatnonzero(nibbles < 8)
    if len(ends) == 0:
        return np.zeros(0, np.int64)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > _LONGEST:
        raise DamagedError("a depth image by run lengths with a number of more than 32 bits")
    found = (nibbles[starts] & 7).astype(np.int64)
    for place in range(1, int(lengths.max())):
        longer = lengths > place
        found[longer] |= (nibbles[starts[longer] + place] & 7).astype(np.int64) << 3 * place
    return found


def _runs(numbers: NDArray[np.int64], pixels: int) -> tuple[NDArray[np.bool_], list[int]]:
    """Which of the numbers are lengths, true also for all behind the last run; and the lengths, of zeros and readings in turn."""
    counts, runs = np.ones(len(numbers), bool), list[int]()
    at = done = 0
    known = numbers.tolist()
    while done < pixels:
        if at + 2 > len(known):
            raise DamagedError(f"a depth image by run lengths that ends after {done} of {pixels} pixels")
        zeros, readings = known[at], known[at + 1]
        done += zeros + readings
        at += 2
        if not zeros + readings or done > pixels or at + readings > len(known):
            raise DamagedError(f"a depth image by run lengths with a run of {zeros} and {readings} for {pixels} pixels")
        counts[at : at + readings] = False
        at += readings
        runs += (zeros, readings)
    return counts, runs
