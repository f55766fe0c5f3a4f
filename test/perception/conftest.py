"""Files of a small frame."""

from pathlib import Path

import pytest

from support.frame_files import write_frame


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    return write_frame(tmp_path)
