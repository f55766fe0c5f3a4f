"""Where a number comes from: commit, versions, platform, configuration. Without it, it is folklore."""

from __future__ import annotations

import platform
import subprocess
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

_PACKAGES = ("fail2progress", "torch", "numpy", "mujoco", "scipy")


def provenance(**configuration: object) -> dict[str, object]:
    """A block for a report. `configuration` is whatever decided the result: seeds, models' digests, options.

    Without git, and for an installed package, commit is "" and changed_files None: not known.
    """
    held = _git("ls-files", "--error-unmatch", Path(__file__).name) is not None
    changes = _git("status", "--porcelain", "--untracked-files=no") if held else None
    return {
        "time_utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": (_git("rev-parse", "HEAD") or "") if held else "",
        "changed_files": changes != "" if changes is not None else None,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": {name: _version(name) for name in _PACKAGES},
        "configuration": configuration,
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _git(*arguments: str) -> str | None:
    """Output of git in this file's folder, which may lie in another's repository; None where git fails or is not there."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
