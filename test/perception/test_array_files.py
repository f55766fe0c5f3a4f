"""Arrays from outside that are damaged, or larger than they look."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fail2progress.perception import array_files
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
