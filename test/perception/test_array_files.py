"""Arrays from outside that are damaged, or larger than they look."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from fail2progress.perception import array_files
from fail2progress.perception.array_files import colours
from fail2progress.perception.files import images
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
        np.ones((3, 8, 8), np.uint8),
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
