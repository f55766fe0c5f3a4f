import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fail2progress.simulation.base import Simulator
from fail2progress.simulation.registry import make

STANDIN = Path(__file__).resolve().parents[2] / "support" / "isaacgym_standin"


@pytest.fixture(scope="session")
def choice(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Isaac Gym in this Python, with the stand-in where the library would be."""
    packages = [entry for entry in sys.path if entry.endswith("site-packages")]
    path = tmp_path_factory.mktemp("isaacgym") / "isaacgym.yaml"
    path.write_text(f"simulator: isaacgym\npython: {sys.executable}\ngpu: -1\nbatch: 8\npath: {[str(STANDIN), *packages]}\n")
    return str(path)


@pytest.fixture(scope="session")
def isaacgym(choice: str) -> Iterator[Simulator]:
    with make(choice) as simulator:
        yield simulator
