import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def listening() -> Iterator[Callable[[], int]]:
    """Starts `fail2progress sim-worker --listen` and says at which port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fail2progress.cli", "sim-worker", "--simulator", "mujoco", "--listen", "127.0.0.1:0"],
        stderr=subprocess.PIPE,
        text=True,
    )

    def port() -> int:
        assert process.stderr is not None
        said = next(line for line in process.stderr if " listens on port " in line)  # on a busy computer others come first
        return int(said.rsplit(" ", 1)[1])

    yield port
    process.terminate()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()
