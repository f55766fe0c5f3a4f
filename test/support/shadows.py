"""A folder of files that have the names of modules that everybody imports, as labs have them."""

from pathlib import Path

NAMES = ("random", "socket", "signal", "queue", "selectors", "runpy", "numpy")


def shadowed(folder: Path) -> Path:
    """Make a folder whose files end the process that imports one of them."""
    folder.mkdir(parents=True)
    for name in (*NAMES, "rclpy"):
        (folder / f"{name}.py").write_text(f'raise SystemExit("{name}.py of the lab was imported")\n')
    return folder
