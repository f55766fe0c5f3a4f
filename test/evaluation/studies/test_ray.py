"""A study on a real Ray cluster of two nodes, one of which is killed in the middle."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fail2progress.core.executor import RayExecutor
from fail2progress.evaluation.studies.cells import Queue
from support.ray_cells import Marked, MarkedCell
from support.ray_cluster import cluster_of_one

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'fail2progress[ray]'")

TRIALS = 12


@pytest.fixture
def cluster() -> Iterator[Any]:
    with cluster_of_one() as made:
        yield made


def test_no_cell_is_lost_or_kept_twice_when_a_node_is_killed(cluster: Any, tmp_path: Path) -> None:
    second = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    cells = [MarkedCell(name, tmp_path / name) for name in ("one", "other")]
    for cell in cells:
        cell.folder.mkdir()
    queue, heard, killed = Queue(tmp_path / "cells", TRIALS), Counter[str](), []

    def hear(name: str, done: int, total: int) -> None:
        heard[name] += 1
        if done == TRIALS // 2 and not killed:
            killed.append(done)
            cluster.remove_node(second, allow_graceful=False)

    queue.run(cells, RayExecutor(), hear)
    assert killed and heard == {"": 1, "one": TRIALS, "other": TRIALS}
    for cell in cells:
        lines = (tmp_path / "cells" / f"{cell.key}.jsonl").read_text().splitlines()
        assert len(lines) == 1 + TRIALS  # the head, and one row for each piece
        assert queue.results(cell).trials == tuple(Marked(seed, seed**2) for seed in range(TRIALS))
        done = Counter(path.name.split("-")[0] for path in cell.folder.iterdir())
        assert set(done) == {str(seed) for seed in range(TRIALS)}
