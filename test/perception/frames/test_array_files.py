"""Arrays from outside that are damaged, or larger than they look."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from fail2progress.perception.frames import array_files
from fail2progress.perception.frames.array_files import colours
from fail2progress.perception.frames.files import images
from fail2progress.perception.segmentation.base import PerceptionError


@pytest.mark.parametrize("damage", ["large", "cut", "flipped"])
def test_depth_of_damaged_archives_or_too_large_ones_is_refused(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_files, "MAX_UNPACKED", 20_000)
    colour, depth = tmp_path / "color.png", tmp_path / "depth.npz"
    Image.new("RGB", (64, 48)).save(colour)
    np.savez_compressed(depth, depth=np.full((48, 64), 0.85, np.float32))
    assert images(colour, depth)[1].shape == (48, 64)
    whole = depth.read_bytes()
    if damage == "cut":
        depth.write_bytes(whole[: len(whole) // 2])
    elif damage == "flipped":
        depth.write_bytes(whole[:60] + bytes(each ^ 255 for each in whole[60:90]) + whole[90:])
    else:
        np.savez_compressed(depth, depth=np.full((480, 640), 0.85, np.float32))
    with pytest.raises(PerceptionError, match=r"depth\.npz is no array of numbers"):
        images(colour, depth)


_BYTES = arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(3)), fill=st.nothing())


@given(_BYTES, st.sampled_from(["u1", "<u2", ">u2", "<i8", ">f4", "<f8"]))
def test_colours_are_the_same_in_every_kind_of_numbers(image: NDArray[np.uint8], kind: str) -> None:
    image = np.concatenate([image, np.full_like(image[:1], 255)])
    assert np.array_equal(colours(image.astype(kind), Path("c.npy")), image)
    deep = image.astype(np.uint16) * 257
    assert np.array_equal(colours(deep.astype(">u2" if ">" in kind else "<u2"), Path("c.npy")), image)
    share = colours((image / 255).astype("f4" if "f" not in kind else kind), Path("c.npy"))
    assert np.abs(share.astype(int) - image).max() <= 1


@given(_BYTES)
def test_an_alpha_channel_and_order_in_memory_change_no_colour(image: NDArray[np.uint8]) -> None:
    more = np.asfortranarray(np.dstack([image, np.full_like(image[..., :1], 255)]))
    assert np.array_equal(colours(more, Path("c.npy")), image)


@pytest.mark.parametrize(
    "image",
    [
        np.full((4, 4, 3), -1, np.int8),
        np.array([[[0.0, 0.5, 1.3]]], np.float32),
        np.array([[[-1.0, 0.5, 1.0]]], np.float32),
        np.full((4, 4, 3), 70_000, np.int32),
        np.full((4, 4, 3), 1e9, np.float32),
        np.ones((4, 4, 3), bool),
        np.ones((4, 4, 3), complex),
        np.ones((4, 4, 3)).astype(str),
        np.ones((4, 4, 3), "m8[s]"),
        np.ones((4, 4, 3), [("red", "u1")]),
        np.ones((2, 8, 8), np.uint8),
        np.ones((8, 8), np.uint8),
        np.ones((5, 8, 8, 3), np.uint8),
    ],
    ids=lambda image: f"{image.dtype}{image.shape}",
)
def test_numbers_that_are_no_colours_are_refused(image: NDArray[np.generic]) -> None:
    with pytest.raises(PerceptionError, match=r"c\.npy: .* no colour"):
        colours(image, Path("c.npy"))


@pytest.mark.parametrize("beside", [{"depth_scale": 0.001}, {"depth_K": np.eye(3)}, {"a_depth_pose": np.eye(4)}])
@pytest.mark.parametrize("name", ["depth", "Depth", "depth_map"])
def test_of_an_archive_the_depth_is_taken_whatever_stands_before_it(tmp_path: Path, name: str, beside: dict[str, object]) -> None:
    colour, depth, array = tmp_path / "color.png", tmp_path / "DEPTH.NPZ", np.full((48, 64), 850, np.uint16)
    Image.new("RGB", (64, 48)).save(colour)
    with depth.open("wb") as file:
        np.savez(file, **beside, **{name: array})  # type: ignore[arg-type]
    assert np.array_equal(images(colour, depth)[1], array)


@pytest.mark.parametrize("content", [b"v/1\x01" + bytes(200), b"\0\0\0\x18ftypheic" + bytes(30), b"<svg/>"])
def test_files_of_other_kinds_are_told_which_ones_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "picture").write_bytes(content)
    with pytest.raises(PerceptionError, match=r"picture is not an image of a kind that is known: PNG, .* \.npy are read"):
        images(tmp_path / "picture", tmp_path / "picture")


def test_a_folder_in_the_place_of_a_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        images(tmp_path, tmp_path)


def test_a_head_that_is_no_python_is_told(tmp_path: Path) -> None:
    """NumPy's reader lets the tokenizer's own error through."""
    path = tmp_path / "depth.npy"
    np.save(path, np.ones((4, 4), np.float32))
    path.write_bytes(path.read_bytes().replace(b"{'d", b"{" + 3 * b"'", 1))
    with pytest.raises(PerceptionError, match="is no array of numbers"):
        array_files.read_array(path)


def test_axes_of_one_change_no_image(tmp_path: Path) -> None:
    """As they come out of networks and loaders."""
    rgb = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)
    depth = np.arange(1, 48 * 64 + 1, dtype=np.uint16).reshape(48, 64)
    channels_first = np.moveaxis(rgb, 2, 0)
    colour, other = tmp_path / "c.npy", tmp_path / "d.npy"
    for stored, reading in (
        (rgb, depth[None]),
        (rgb[None], depth[None, None]),
        (channels_first, depth[..., None]),
        (channels_first[None], depth[None, ..., None]),
        (rgb[None, None], depth),
    ):
        np.save(colour, stored)
        np.save(other, reading)
        found = images(colour, other)
        assert np.array_equal(found[0], rgb) and np.array_equal(found[1], depth)
    np.save(other, depth[:1])  # of one row
    assert images(colour, other)[1].shape == (1, 64)
    for wrong in (np.stack([depth] * 5), np.dstack([depth] * 3)):
        np.save(other, wrong)
        with pytest.raises(PerceptionError, match=r"is no depth image; rows by columns of numbers is"):
            images(colour, other)


@pytest.mark.parametrize("name", ["rgb", "color_image", "arr"])
def test_of_an_archive_the_colours_are_taken_beside_its_depth(tmp_path: Path, name: str) -> None:
    rgb, depth = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3), np.full((48, 64), 850, np.uint16)
    path = tmp_path / "frame.npz"
    np.savez(path, depth=depth[None], image_depth=depth, rgb_scale=np.float32(1), **{name: rgb[None]})  # type: ignore[arg-type]
    found = images(path, path)
    assert np.array_equal(found[0], rgb) and np.array_equal(found[1], depth)
    np.savez(path, depth=depth)
    with pytest.raises(PerceptionError, match=r"an array of \(48, 64\) is no colour image, rows by columns by 3 is"):
        images(path, path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_of_numbers_that_are_not_read_is_told_which_ones_are(tmp_path: Path, order: str) -> None:
    """One of float64: its library takes it for no image."""
    tags = [
        (256, 3, 4),
        (257, 3, 4),
        (258, 3, 64),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (279, 4, 128),
        (339, 3, 3),
    ]
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, kind, 1)
        + (struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value))
        for tag, kind, value in tags
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 136)
    path = tmp_path / "depth.tif"
    path.write_bytes(head + bytes(128) + struct.pack(f"{order}H", len(tags)) + entries + bytes(4))
    with pytest.raises(PerceptionError, match=r"depth\.tif is a TIFF of numbers that are not read.*floating point of 32 are"):
        images(path, path)
