"""Depth by run lengths: what was coded comes back, and whatever else comes is refused."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from fail2progress.ros.bags.cdr import DamagedError
from fail2progress.ros.bags.run_lengths import LARGEST_SIDE, decode, size
from support.run_lengths import encode, packed

SIZES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)
DEPTHS = arrays.arrays(np.uint16, SIZES, elements=st.one_of(st.just(0), st.integers(0, 65535), st.integers(1000, 1010)))


@given(DEPTHS)
def test_what_was_coded_comes_back(depth: NDArray[np.uint16]) -> None:
    content = encode(depth)
    assert size(content) == depth.shape[::-1]
    assert np.array_equal(decode(content), depth)


def test_the_words_of_an_image_worked_out_by_hand() -> None:
    """Two zeros, three readings 5, 4, 4 (differences 5, -1, 0: 10, 1, 0; 10 is 8|2, 1), one zero, no reading: nibbles
    2 3 a 1 1 0 1 0."""
    content = struct.pack("<III", 3, 2, 0x23A11010)
    assert encode(np.array([[0, 0, 5], [4, 4, 0]], np.uint16)) == content
    assert decode(content).tolist() == [[0, 0, 5], [4, 4, 0]]


@given(st.integers(1, 12), st.integers(1, 12), st.binary(max_size=120))
def test_any_bytes_give_an_image_of_their_size_or_are_refused(width: int, height: int, content: bytes) -> None:
    try:
        found = decode(struct.pack("<II", width, height) + content)
    except DamagedError:
        return
    assert found.shape == (height, width)


@given(DEPTHS, st.data())
def test_an_image_that_is_cut_or_changed_is_another_or_refused(depth: NDArray[np.uint16], data: st.DataObject) -> None:
    content = bytearray(encode(depth))
    at = data.draw(st.integers(8, len(content) - 1))
    cut = bytes(content[:at])
    content[at] ^= data.draw(st.integers(1, 255))
    for damaged in (cut, bytes(content)):
        try:
            assert decode(damaged).shape == depth.shape
        except DamagedError:
            continue


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "without a size"),
        (struct.pack("<II", 0, 4), "0 x 4"),
        (struct.pack("<II", LARGEST_SIDE + 1, 4), "4097 x 4"),
        (struct.pack("<II", 2, 2), "ends after 0 of 4"),
        (struct.pack("<II", 2, 2) + packed([0, 0, 0, 0]), "a run of 0 and 0"),
        (struct.pack("<II", 2, 2) + packed([5, 0]), "a run of 5 and 0 for 4"),
        (struct.pack("<II", 2, 2) + packed([0, 2**30]), "a run of 0 and 1073741824"),
        (struct.pack("<II", 2, 2) + b"\xff" * 400 + bytes(4), "more than 32 bits"),
    ],
)
def test_why_it_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(DamagedError, match=reason):
        decode(content)
