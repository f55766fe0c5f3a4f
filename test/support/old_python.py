"""A Python 3.8 with numpy, where there is one."""

import shutil
import subprocess


def python38() -> str | None:
    """Its path, or None."""
    path = shutil.which("python3.8")
    if path is None:
        return None
    done = subprocess.run(
        [path, "-c", "import sys, numpy; print(sys.version_info[:2] == (3, 8))"], capture_output=True, text=True
    )
    return path if done.stdout.strip() == "True" else None
