"""Colours that their file says to turn, beside depth that says nothing."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fail2progress.perception.frames.exif import UPRIGHT, orientation_of
from fail2progress.perception.frames.files import images, read_files

ORIENTATIONS = range(2, 9)
BACK = {6: 8, 8: 6}


def scene(seed: int = 3) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Boxes before a wall: things end in colour where they end in depth."""
    draws = np.random.default_rng(seed)
    rgb, depth = np.full((240, 320, 3), 60, np.uint8), np.full((240, 320), 1500, np.uint16)
    for row, column in draws.integers((5, 5), (110, 160), (6, 2)):
        rgb[row : row + 50, column : column + 40] = draws.integers(90, 255, 3)
        depth[row : row + 50, column : column + 40] = 800
    return rgb, depth


def stored(rgb: NDArray[np.uint8], orientation: int, path: Path) -> Path:
    """A file that viewers show as these colours, stored turned."""
    image = Image.fromarray(rgb)
    image.getexif()[0x0112] = BACK.get(orientation, orientation)
    turned = ImageOps.exif_transpose(image)
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned.save(path, exif=exif)
    return path


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_colours_are_turned_where_they_have_the_proportions_of_depth_then(tmp_path: Path, orientation: int, suffix: str) -> None:
    rgb, depth = scene()
    Image.fromarray(depth).save(tmp_path / "d.png")
    found, _ = images(stored(rgb, orientation, tmp_path / f"c{suffix}"), tmp_path / "d.png")
    assert found.shape == rgb.shape and np.abs(found.astype(int) - rgb).mean() < 6


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_colours_that_lie_on_depth_as_stored_stay_so_and_that_is_told(tmp_path: Path, orientation: int) -> None:
    rgb, depth = scene()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(rgb).save(tmp_path / "c.png", exif=exif)
    Image.fromarray(depth).save(tmp_path / "d.png")
    (tmp_path / "k.txt").write_text("300 0 160\n0 300 120\n0 0 1")
    read = read_files(tmp_path / "c.png", tmp_path / "d.png", tmp_path / "k.txt")
    assert np.array_equal(read.frame.colour, rgb)
    (note,) = (note for note in read.notes if "EXIF" in note)
    assert f"c.png says that it is to be turned (EXIF orientation {orientation}), which was not done" in note


def test_of_images_of_one_size_that_show_no_edges_the_file_is_followed_with_a_note(tmp_path: Path) -> None:
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[:10] = 200
    Image.fromarray(np.full((48, 64), 850, np.uint16)).save(tmp_path / "d.png")
    (tmp_path / "k.txt").write_text("60 0 32\n0 60 24\n0 0 1")
    read = read_files(stored(rgb, 3, tmp_path / "c.png"), tmp_path / "d.png", tmp_path / "k.txt")
    assert np.array_equal(read.frame.colour, rgb)
    assert "(EXIF orientation 3), which was done; see that d.png is upright, too" in " ".join(read.notes)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"MM\0*\0\0\0\xff", b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01", bytes(40)])
def test_damaged_words_beside_an_image_turn_nothing(tmp_path: Path, content: bytes) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "c.jpg", exif=b"Exif\0\0" + content)
    with Image.open(tmp_path / "c.jpg") as image:
        image.load()
        assert orientation_of(image) == UPRIGHT
