"""What the tests of the stack share."""

import subprocess
import sys
from pathlib import Path


def leftovers(folder: Path) -> list[str]:
    """Command lines of processes that still work in a folder."""
    found = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
    return [line for line in found if str(folder) in line and "fail2progress" in line]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "fail2progress.cli.main", *words]
