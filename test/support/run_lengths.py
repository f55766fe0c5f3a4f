"""The other side of `fail2progress.ros.bags.run_lengths`: depth coded number by number, as slowly as it is written down."""

import struct

import numpy as np
from numpy.typing import NDArray


def encode(depth: NDArray[np.uint16]) -> bytes:
    """Width, height, and the runs of an image (H, W)."""
    pixels, numbers, at, before = depth.ravel().tolist(), list[int](), 0, 0
    while at < len(pixels):
        begin = at
        while at < len(pixels) and pixels[at] == 0:
            at += 1
        middle = at
        while at < len(pixels) and pixels[at] != 0:
            at += 1
        numbers += [middle - begin, at - middle]
        for value in pixels[middle:at]:
            step = value - before
            numbers.append(2 * step if step >= 0 else -2 * step - 1)
            before = value
    return struct.pack("<II", depth.shape[1], depth.shape[0]) + packed(numbers)


def packed(numbers: list[int]) -> bytes:
    """Numbers as chains of nibbles in 32-bit words."""
    nibbles = list[int]()
    for number in numbers:
        while number > 7:
            nibbles.append(8 | number & 7)
            number >>= 3
        nibbles.append(number)
    nibbles += [0] * (-len(nibbles) % 8)
    words = [int("".join(f"{nibble:x}" for nibble in nibbles[at : at + 8]), 16) for at in range(0, len(nibbles), 8)]
    return struct.pack(f"<{len(words)}I", *words)
