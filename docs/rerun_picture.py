"""A picture of a run's time line, as rerun's own viewer shows it: needs the extra `view` and Chromium, but no screen.

fail2progress up sim --view                                        writes bags/run.rrd into the run's folder
python docs/rerun_picture.py runs/sim/latest/bags/run.rrd docs/time_line.png
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

LONGEST = 240.0
"""Seconds for the viewer, which draws without a graphics processor."""


def free_port() -> int:
    """A TCP port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str, seconds: float) -> bool:
    """Whether a page is there in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return True
    return False


def picture(line: Path, out: Path) -> str:
    """Have the viewer show the time line and write what it shows; why that was not possible, or nothing."""
    viewer, browser = shutil.which("rerun"), shutil.which("chromium") or shutil.which("google-chrome")
    if viewer is None or browser is None:
        return "the programs rerun (pip install 'fail2progress[view]') and chromium are needed"
    page, data = free_port(), free_port()
    words = [viewer, str(line), "--serve-web", "--web-viewer-port", str(page), "--port", str(data)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        if not answers(f"http://127.0.0.1:{page}/", 60):
            return "rerun's viewer does not answer"
        address = f"http://127.0.0.1:{page}/?url={quote(f'rerun+http://127.0.0.1:{data}/proxy', safe='')}&renderer=webgl"
        with tempfile.TemporaryDirectory() as folder:
            options = ["--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
            options += [f"--user-data-dir={folder}", "--window-size=1400,900", "--virtual-time-budget=60000"]
            subprocess.run([browser, *options, f"--screenshot={out}", address], capture_output=True, timeout=LONGEST)
    finally:
        os.killpg(server.pid, signal.SIGTERM)  # the program in Python starts one that is not
        server.wait()
    return "" if out.is_file() else "Chromium wrote no picture"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} TIME_LINE.rrd PICTURE.png")
    sys.exit(picture(Path(sys.argv[1]), Path(sys.argv[2]).resolve()) or 0)
