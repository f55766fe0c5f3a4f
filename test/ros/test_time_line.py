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


def test_a_time_line_that_is_there_is_kept(tmp_path: Path) -> None:
    """Not even one that has the name of one that was removed is written."""
    found: dict[Path, bytes] = {}
    for number in range(3):
        line = time_line.TimeLine(tmp_path / "run.rrd", page=False)
        line.text("steps", SECOND, f"session {number}")
        line.close()
        found[line.file] = line.file.read_bytes()
    assert [file.name for file in found] == ["run.rrd", "run_0001.rrd", "run_0002.rrd"]
    assert all(len(kept) > 100 and file.read_bytes() == kept for file, kept in found.items())
    (tmp_path / "run.rrd").unlink()
    (tmp_path / "run_notes.rrd").touch()
    assert time_line.unwritten(tmp_path / "run.rrd").name == "run_0003.rrd"
