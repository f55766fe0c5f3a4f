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


@pytest.mark.parametrize("name", ["run", "run[1]", "run*"])
def test_a_time_line_that_is_there_is_kept(tmp_path: Path, name: str) -> None:
    """Not even one that has the name of one that was removed is written."""
    found: dict[Path, bytes] = {}
    for number in range(3):
        line = time_line.TimeLine(tmp_path / f"{name}.rrd", page=False)
        line.text("steps", SECOND, f"session {number}")
        line.close()
        found[line.file] = line.file.read_bytes()
    assert [file.name for file in found] == [f"{name}.rrd", f"{name}_0001.rrd", f"{name}_0002.rrd"]
    assert all(len(kept) > 100 and file.read_bytes() == kept for file, kept in found.items())
    (tmp_path / f"{name}.rrd").unlink()
    (tmp_path / f"{name}_notes.rrd").touch()
    assert time_line.unwritten(tmp_path / f"{name}.rrd").name == f"{name}_0003.rrd"
