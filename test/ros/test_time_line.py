"""The file of a run's time line."""

from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.observation import SECOND

pytest.importorskip("rerun")
time_line = pytest.importorskip("fail2progress.ros.time_line")


def test_depth_is_kept_small(tmp_path: Path) -> None:
    rows, noise = np.mgrid[0:480, 0:640][0], np.random.default_rng(0)
    line = time_line.TimeLine(tmp_path / "run.rrd", page=False)
    frames = [(800 + 1.5 * rows + noise.integers(0, 3, rows.shape)).astype(np.uint16) for _ in range(5)]
    for number, depth in enumerate(frames):
        line.image("camera/depth", number * SECOND, depth)
    line.close()
    assert 0 < (tmp_path / "run.rrd").stat().st_size < sum(depth.nbytes for depth in frames) / 3
