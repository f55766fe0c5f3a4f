"""Packages from outside `src`, as an installer would leave them: one module and its entry points, in a folder of the path."""

from collections.abc import Mapping
from pathlib import Path


def install_plugin(folder: Path, source: str, entries: Mapping[str, Mapping[str, str]], package: str = "outside_parts") -> Path:
    """Write a package of one module into a folder. `entries`: for each group, names to attributes of the module.

    Put the folder on sys.path (monkeypatch.syspath_prepend) or, for other processes, in PYTHONPATH.
    """
    (folder / f"{package}.py").write_text(source, encoding="utf-8")
    about = folder / f"{package}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    lines = [
        line for group, names in entries.items() for line in (f"[{group}]", *(f"{n} = {package}:{a}" for n, a in names.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
