"""Where a number comes from: commit, versions, platform, configuration. Without it, it is folklore."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from datetime import datetime, timezone
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import fail2progress

_COMPUTE = ("torch", "numpy", "mujoco", "scipy")
_PACKAGES = ("fail2progress", *_COMPUTE)
EVERYTHING = ("",)
"""The whole package, as the parts of a version of the code."""


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


@lru_cache(maxsize=8)
def code_version(parts: tuple[str, ...]) -> str:
    """Hash over the sources of rooms and files of the package, and over the versions of the libraries that compute."""
    root = Path(fail2progress.__file__).parent
    found: set[Path] = set()
    for part in parts:
        paths = (root / part).rglob("*") if (root / part).is_dir() else root.glob(part)
        found |= {path for path in paths if path.suffix in (".py", ".yaml", ".json")}
    value = hashlib.sha256(" ".join(metadata.version(name) for name in _COMPUTE).encode())
    for path in sorted(found):
        value.update(f"\n{path.relative_to(root).as_posix()}\n".encode())
        value.update(path.read_bytes())
    return value.hexdigest()


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
