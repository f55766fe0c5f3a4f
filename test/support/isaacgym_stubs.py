"""The public type stubs of Isaac Gym."""

from importlib import metadata
from pathlib import Path


def stubs() -> str:
    """As published, but for two properties whose name, `lambda`, is no identifier."""
    path = next(file for file in metadata.files("isaacgym-stubs") or () if file.name == "gymapi.pyi")
    return Path(str(path.locate())).read_text().replace("def lambda(", "def lambda_(")
