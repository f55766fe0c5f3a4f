import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fail2progress.models.tensor_files import write_tensors


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o002, 0o664)])
def test_files_of_tensors_may_be_read_by_those_who_may_read_others(mask: int, mode: int, tmp_path: Path) -> None:
    path = tmp_path / "lesson.safetensors"
    before = os.umask(mask)
    try:
        for number in (1.0, 2.0):
            write_tensors(path, {"x": torch.full((3,), number)})
            assert path.stat().st_mode & 0o777 == mode and load_file(path)["x"].tolist() == [number] * 3
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == [path]
