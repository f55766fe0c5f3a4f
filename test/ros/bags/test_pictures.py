"""Images that are packed one after the other, and what is read from them again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.ros.bags import pictures
from fail2progress.ros.bags.cdr import DamagedError, compressed_image, image
from fail2progress.ros.bags.pictures import Packer, decoded, packed
from support.png_files import of_size

ENCODINGS = {"rgb8": ((4, 6, 3), np.uint8), "16UC1": ((4, 6), np.uint16), "32FC1": ((4, 6), np.float32)}


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(sorted(ENCODINGS)), st.integers(0, 2), st.integers(0, 2**60)), max_size=8))
def test_what_is_packed_one_after_the_other_is_what_each_is_alone(sent: list[tuple[str, int, int]]) -> None:
    packer = Packer()
    for encoding, fill, stamp in sent:
        shape, kind = ENCODINGS[encoding]
        data = image(stamp, "camera", np.full(shape, fill, kind), encoding)
        assert packer(data) == packed(data)
    for damaged in (b"", b"\0\1\0\0", image(5, "camera", np.zeros((4, 6), np.uint16), "16UC1")[:40]):
        assert packer(damaged) is None


def test_a_still_scene_is_packed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    saved = pictures._saved
    monkeypatch.setattr(pictures, "_saved", lambda picture, kind: made.append(kind) or saved(picture, kind))
    packer, depth = Packer(), np.arange(24, dtype=np.uint16).reshape(4, 6)
    for stamp in range(3):
        suffix, message = packer(image(stamp, "camera", depth, "16UC1")) or ("", b"")
        assert suffix == "/compressedDepth" and decoded(message) == image(stamp, "camera", depth, "16UC1")
    assert made == ["PNG"]
    packer(image(3, "camera", depth + 1, "16UC1"))
    assert made == ["PNG", "PNG"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("side", "said"), [(12_000, "a picture of 12000 x 12000 pixels"), (20_000, "400000000 pixels")])
def test_pictures_of_too_many_pixels_are_damaged(side: int, said: str) -> None:
    with pytest.raises(DamagedError, match=said):
        decoded(compressed_image(0, "camera", "rgb8; png compressed", of_size(side, side)))
