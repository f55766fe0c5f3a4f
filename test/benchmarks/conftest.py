import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fail2progress.benchmarks.build import Carried, Rejected, collect, designs
from fail2progress.benchmarks.items import read_file, write_benchmark
from fail2progress.benchmarks.panel import Panel, read_panel
from fail2progress.benchmarks.session import Pool, Session
from fail2progress.benchmarks.store import ExecutionStore
from support.benchmarks import RUN_RULES
from support.executors import Inline

Build = Callable[[dict[str, int], int, int], list[Carried]]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> ExecutionStore:
    """In place, two executions of an item: whether five agree is a matter of the benchmark, not of the tests."""
    return ExecutionStore(tmp_path_factory.mktemp("executions"), Inline(), executions=2)


@pytest.fixture(scope="session")
def build(store: ExecutionStore) -> Build:
    def make(weights: dict[str, int], count: int, seed: int) -> list[Carried]:
        return collect(designs(weights, seed), count, store, set(), Rejected())

    return make


@pytest.fixture(scope="session")
def pool(build: Build) -> list[Carried]:
    """One half plain moves, one half loaded containers."""
    return build({"plain": 1, "loaded": 1}, 40, 1)


@pytest.fixture(scope="session")
def pool_file(pool: list[Carried], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pool") / "static.jsonl"
    write_benchmark([each.item for each in pool], path)
    return path


@pytest.fixture(scope="session")
def panel() -> Panel:
    """The package's four weights: two scouts, two evaluees."""
    return read_panel(None)


@pytest.fixture(scope="session")
def session(pool: list[Carried], pool_file: Path, panel: Panel, store: ExecutionStore) -> Session:
    file = read_file(pool_file)
    return Session(RUN_RULES, panel, store, {"static": Pool.of(file, pool)}, Pool.of(file, pool[:12]))


@pytest.fixture(scope="session")
def finished(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    session.run(folder)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))
