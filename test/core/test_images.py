import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import UnidentifiedImageError

from fail2progress.core.images import TooLargeError, from_png, opened, png
from support.png_files import of_size


def test_an_image_is_read_as_it_was_written() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    np.testing.assert_array_equal(from_png(png(image)), image)


def test_large_images_are_opened_without_a_warning_and_huge_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(of_size(12_000, 12_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for source in (path, io.BytesIO(path.read_bytes())):
            with opened(source) as image:
                assert image.size == (12_000, 12_000)
        with pytest.raises(TooLargeError, match=r"^Image size \(400000000 pixels\) exceeds limit of \d+ pixels$"):
            opened(io.BytesIO(of_size(20_000, 20_000)))
        with pytest.raises(ValueError, match="400000000 pixels"):
            from_png(of_size(20_000, 20_000))


def test_an_image_is_of_the_kinds_that_are_asked_for() -> None:
    with pytest.raises(UnidentifiedImageError):
        opened(io.BytesIO(of_size(2, 2)), ("JPEG",))
    assert opened(io.BytesIO(of_size(2, 2)), ("PNG",)).size == (2, 2)
