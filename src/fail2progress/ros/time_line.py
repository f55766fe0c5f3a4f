"""A run on one time line, by `rerun`: a live page in the browser, and a file to look at later. Needs the extra `view`."""

from __future__ import annotations

import io
import socket
from glob import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fail2progress.core.observation import SECOND, SegmentedCloud
from fail2progress.core.scene import Array
from fail2progress.ros.conversions.markers import colours

MISSING = "the package rerun-sdk is missing: pip install 'fail2progress[view]'"


def unwritten(file: Path) -> Path:
    """The file itself, or run_0001.rrd beside run.rrd, run_0002.rrd, ...: rerun would write over one that is there."""
    others = file.parent.glob(f"{escape(file.stem)}_*{escape(file.suffix)}")
    numbers = [path.stem.removeprefix(f"{file.stem}_") for path in others]
    taken = [int(number) for number in numbers if number.isdecimal()]
    if not taken and not file.exists():
        return file
    return file.with_stem(f"{file.stem}_{max(taken, default=0) + 1:04d}")


def free_port() -> int:
    """A TCP port on this computer that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TimeLine:
    """What is logged is in a file at once, and on the page if there is one. ValueError where rerun is not installed.

    file: where it begins; a time line that is there is kept, and the new one is numbered.
    """

    def __init__(self, file: Path, page: bool) -> None:
        try:
            import rerun
        except ImportError as error:
            raise ValueError(MISSING) from error
        file.parent.mkdir(parents=True, exist_ok=True)
        self._rerun: Any = rerun
        self.file = unwritten(file)
        self._recording = rerun.RecordingStream("fail2progress")
        sinks: list[Any] = [rerun.FileSink(str(self.file))]
        self.address = ""
        if page:
            live, web = rerun.GrpcServerSink("127.0.0.1", free_port()), free_port()
            rerun.start_web_viewer_server(web)  # at all addresses: it takes none. The page holds nothing; data are at `live`
            sinks.append(live)
            self.address = f"http://127.0.0.1:{web}/?url={quote(live.uri, safe='')}"
        self._recording.set_sinks(*sinks)

    def _log(self, path: str, stamp: int, what: Any) -> None:
        self._recording.set_time("time", timestamp=stamp / SECOND)
        self._recording.log(path, what)

    def image(self, path: str, stamp: int, pixels: NDArray[Any]) -> None:
        """(H, W, 3) colours, or (H, W) depth in millimetres, compressed without loss."""
        self._log(path, stamp, self._rerun.Image(pixels).compress(80) if pixels.ndim == 3 else self._depth(pixels))

    def _depth(self, pixels: NDArray[Any]) -> Any:
        packed = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint16)).save(packed, "PNG", compress_level=1)
        return self._rerun.EncodedDepthImage(blob=packed.getvalue(), media_type="image/png", meter=1000)

    def cloud(self, path: str, cloud: SegmentedCloud) -> None:
        """Segments, each in its colour, with names."""
        seen = cloud.seen
        points, paint = cloud.points[seen].reshape(-1, 3), np.repeat(colours(cloud.names)[seen], cloud.points.shape[1], axis=0)
        self._log(f"{path}/points", cloud.stamp, self._rerun.Points3D(points, colors=paint, radii=0.003))
        middle = cloud.bounds()[seen].mean(axis=1)
        names = [name for name, there in zip(cloud.names, seen, strict=True) if there]
        self._log(f"{path}/names", cloud.stamp, self._rerun.Points3D(middle, labels=names, radii=0.001))

    def boxes(self, path: str, stamp: int, bounds: Array, labels: list[str], colour: tuple[int, ...]) -> None:
        """(N, 2, 3) corners; none take those away that were there."""
        halves, centres = (bounds[:, 1] - bounds[:, 0]) / 2, bounds.mean(axis=1)
        self._log(
            path, stamp, self._rerun.Boxes3D(half_sizes=halves, centers=centres, labels=labels, colors=[colour] * len(labels))
        )

    def points(self, path: str, stamp: int, points: Array) -> None:
        """(N, 3) m, as dots."""
        self._log(path, stamp, self._rerun.Points3D(points, colors=(230, 130, 30), radii=0.01))

    def text(self, path: str, stamp: int, said: str) -> None:
        """A line of the log."""
        self._log(path, stamp, self._rerun.TextLog(said))

    def close(self) -> None:
        """Write out what is left."""
        self._recording.flush()
        self._recording.disconnect()
