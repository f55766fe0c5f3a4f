"""Images and camera infos to frames and back; and what is refused."""

from typing import Any

import numpy as np
import pytest
from fail2progress_msgs.msg import LabelNames
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from rclpy.serialization import deserialize_message, serialize_message

from fail2progress.core.rgbd import Intrinsics, Labels, RgbdFrame
from fail2progress.perception.frames.distortion import Lens, straight
from fail2progress.ros.conversions import images
from fail2progress.ros.conversions.values import Refused
from support import messages as m
from support import traffic

SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 6))
KINDS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "rgb8": (np.uint8, (3,)), "16UC1": (np.uint16, ()), "mono16": (np.uint16, ()), "32FC1": (np.float32, ()),
}  # fmt: skip


def over_the_wire(message: Any) -> Any:
    return deserialize_message(serialize_message(message), type(message))


@pytest.mark.parametrize("encoding", KINDS)
def test_pixels_come_back(encoding: str) -> None:
    kind, channels = KINDS[encoding]

    @settings(max_examples=30)
    @given(pixels=SHAPES.flatmap(lambda shape: arrays.arrays(kind, (*shape, *channels))))
    def check(pixels: Any) -> None:
        found = images.pixels_of(over_the_wire(images.image_msg(pixels, encoding, 1)))
        assert found.dtype == kind and np.array_equal(found, pixels, equal_nan=kind is np.float32)

    check()


def test_blue_first_and_padded_rows_are_understood() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 4, 3)).astype(np.uint8)
    padded = np.zeros((5, 20), np.uint8)
    padded[:, :12] = pixels.reshape(5, 12)
    message = images.image_msg(pixels, "bgr8", 0)
    message.step, message.data = 20, m.array("B", padded.tobytes())
    assert np.array_equal(images.pixels_of(message), pixels[..., ::-1])
    message.data = message.data[:-8]
    assert np.array_equal(images.pixels_of(message), pixels[..., ::-1])


@given(
    size=st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
    focal=st.tuples(*[st.floats(1, 1e5)] * 2),
    centre=st.tuples(*[st.floats(-1e5, 1e5)] * 2),
)
def test_intrinsics_come_back(size: tuple[int, int], focal: tuple[float, float], centre: tuple[float, float]) -> None:
    camera = Intrinsics(*size, *focal, *centre)
    assert images.intrinsics_of(over_the_wire(images.info_msg(camera, 0))) == camera


@given(depth=arrays.arrays(np.uint16, (3, 4)))
def test_the_order_of_bytes_is_heeded(depth: Any) -> None:
    message = images.image_msg(depth.astype(">u2"), "mono16", 0)
    message.is_bigendian = 1
    assert np.array_equal(images.pixels_of(message), depth)


@pytest.mark.parametrize("encoding", ["yuv422_yuy2", "yuyv", "yuv422", "uyvy"])
def test_colours_in_pairs_are_read(encoding: str) -> None:
    """Pairs of pixels of one colour each, as a JPEG encoder turns them into luma and chroma."""
    from PIL import Image as Picture

    colours = np.repeat(np.random.default_rng(0).integers(30, 220, (6, 4, 3)).astype(np.uint8), 2, axis=1)
    yuv = np.asarray(Picture.fromarray(colours).convert("YCbCr"))
    chroma = np.where((np.arange(8) % 2 == 0)[None], yuv[..., 1], yuv[..., 2])
    order = (yuv[..., 0], chroma) if encoding in ("yuv422_yuy2", "yuyv") else (chroma, yuv[..., 0])
    found = images.pixels_of(images.image_msg(np.stack(order, axis=2), encoding, 0))
    np.testing.assert_allclose(found.astype(int), colours, atol=3)


def test_grey_and_deep_colours_are_read() -> None:
    grey, deep = np.full((2, 2), 7, np.uint8), np.full((2, 2, 3), (256, 512, 65535), np.uint16)
    assert images.pixels_of(images.image_msg(grey, "mono8", 0)).tolist() == [[[7] * 3] * 2] * 2
    assert images.pixels_of(images.image_msg(deep, "bgr16", 0))[0, 0].tolist() == [255, 2, 1]


@given(depth=arrays.arrays(np.uint16, (3, 4)))
def test_whole_millimetres_come_back(depth: Any) -> None:
    metres = images.metres(depth)
    assert np.array_equal(images.depth_image(metres), depth)
    np.testing.assert_allclose(metres, depth * 1e-3, atol=1e-6)


def test_what_is_no_distance_is_no_reading() -> None:
    bad = np.array([[np.nan, np.inf, -np.inf, -1.0, 1e30, 1.5]], np.float32)
    assert images.metres(bad).tolist() == [[0, 0, 0, 0, 0, 1.5]]
    with pytest.raises(Refused, match="encoding"):
        images.metres(np.zeros((2, 2, 3), np.uint8))


def frame(seed: int = 0) -> RgbdFrame:
    """With labels and a pose."""
    rng = np.random.default_rng(seed)
    labels = Labels(rng.integers(0, 3, traffic.SIZE).astype(np.uint16), ("table_a", "cup_1"), ("table", "cup"))
    depth = images.metres(rng.integers(0, 3000, traffic.SIZE).astype(np.uint16))
    colour = rng.integers(0, 255, (*traffic.SIZE, 3)).astype(np.uint8)
    return RgbdFrame(colour, depth, traffic.CAMERA, np.eye(4), labels, "planning", 1_700_000_000_300_000_001)


def test_distortion_that_a_camera_info_states_is_undone() -> None:
    whole, bent = frame(), [-0.28, 0.07, 0.001, -0.002, 0.0]
    told = parts(whole)
    told["info"].d = bent
    found, expected = put_together(told), straight(whole, Lens("plumb_bob", tuple(bent)))
    assert (found.depth == expected.depth).all() and (found.colour == expected.colour).all()
    assert (found.depth != whole.depth).any() and found.intrinsics == whole.intrinsics


def parts(of: RgbdFrame) -> dict[str, Any]:
    """As they are sent."""
    assert of.labels is not None
    return {
        "colour": images.image_msg(of.colour, "rgb8", of.stamp),
        "depth": images.image_msg(images.depth_image(of.depth), "16UC1", of.stamp),
        "info": images.info_msg(of.intrinsics, of.stamp),
        "labels": images.image_msg(of.labels.image, "16UC1", of.stamp),
        "names": LabelNames(names=list(of.labels.names), categories=list(of.labels.categories)),
    }


def put_together(of: dict[str, Any]) -> RgbdFrame:
    sent = {key: over_the_wire(message) for key, message in of.items()}
    labels = (sent["labels"], sent["names"])
    return images.frame_of(sent["colour"], sent["depth"], sent["info"], np.eye(4), "planning", labels)


@pytest.mark.parametrize("seed", range(5))
def test_frames_come_back(seed: int) -> None:
    assert m.same(put_together(parts(frame(seed))), frame(seed))


@pytest.mark.parametrize(
    ("part", "field", "value", "kind"),
    [
        ("colour", "encoding", "jpeg", "encoding"),
        ("colour", "encoding", "16UC1", "encoding"),
        ("colour", "encoding", "32FC1", "size"),
        ("colour", "height", 0, "size"),
        ("colour", "height", 2**32 - 1, "size"),
        ("colour", "width", 15, "size"),
        ("colour", "step", 2**32 - 1, "size"),
        ("colour", "step", 1, "size"),
        ("colour", "data", b"", "size"),
        ("depth", "encoding", "rgb8", "size"),
        ("depth", "data", b"\0" * 10, "size"),
        ("info", "width", 17, "size"),
        ("info", "width", 0, "camera"),
        ("info", "k", [0.0] * 9, "camera"),
        ("info", "k", [float("nan")] * 9, "camera"),
        ("info", "k", [1e-300, 0, 0, 0, 1e-300, 0, 0, 0, 1], "camera"),
        ("info", "k", [20, 0, 1e300, 0, 20, 6, 0, 0, 1], "camera"),
        ("info", "k", [-20, 0, 8, 0, 20, 6, 0, 0, 1], "camera"),
        ("labels", "encoding", "32FC1", "size"),
        ("labels", "height", 6, "size"),
        ("names", "names", ["table_a"], "size"),
        ("names", "names", ["cup_1", "cup_1"], "size"),
        ("names", "names", ["x" * 1000, "cup_1"], "text"),
        ("names", "categories", ["table", "dragon"], "name"),
        ("names", "names", [str(i) for i in range(65)], "count"),
    ],
)
def test_parts_that_do_not_fit_are_refused(part: str, field: str, value: Any, kind: str) -> None:
    broken = parts(frame())
    setattr(broken[part], field, list(map(float, value)) if field == "k" else value)
    with pytest.raises(Refused) as refusal:
        put_together(broken)
    assert refusal.value.kind == kind


def test_damaged_parts_are_refused_or_a_frame() -> None:
    rng, whole = np.random.default_rng(3), parts(frame())
    made = 0
    for _ in range(400):
        part = str(rng.choice(list(whole)))
        try:
            found = put_together({**whole, part: m.mutate(whole[part], rng, int(rng.integers(1, 3)))})
        except Refused:
            continue
        made += 1
        assert np.isfinite(found.depth).all() and found.colour.shape == (*traffic.SIZE, 3)
    assert 0 < made < 400
