"""Data generated on a real Ray cluster of two nodes, one of which is killed half-way, beside those of one process.

A larger number, in shards of the ordinary size, takes a variable:
EXECUTIONS=40000 python -m pytest test/learning/pretraining/test_generate_ray.py
"""

import os
from pathlib import Path

import pytest

from fail2progress.core.executor import PoolExecutor, RayExecutor
from fail2progress.learning.pretraining import generate as room
from support.ray_cluster import cluster_of_one

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'fail2progress[ray]'")
SEED = 5


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of every shard."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("shard_*/*"))}


def on_a_cluster(folder: Path, executions: int, shards: int) -> list[str]:
    """The shards in the order in which they were done; the second node is killed when half of them are."""
    done = []
    with cluster_of_one() as cluster:
        second = cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False)
        for shard in room.generate(folder, executions, SEED, RayExecutor()):
            done.append(shard.name)
            if len(done) == shards // 2:
                cluster.remove_node(second, allow_graceful=False)
    return done


ASKED = int(os.environ.get("EXECUTIONS", "0"))
CASES = [(32, 4), *([(ASKED, room.SHARD)] if ASKED else [])]


@pytest.mark.parametrize(("executions", "shard"), CASES)
def test_two_nodes_one_killed_half_way_give_the_shards_of_one_process(
    executions: int, shard: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SHARD", shard)
    shards = -(-executions // shard)
    done = on_a_cluster(tmp_path / "cluster", executions, shards)
    assert sorted(done) == [f"shard_{number:05d}" for number in range(shards)]
    with PoolExecutor(1) as here:
        assert len(list(room.generate(tmp_path / "alone", executions, SEED, here))) == shards
    together, alone = contents(tmp_path / "cluster"), contents(tmp_path / "alone")
    assert together.keys() == alone.keys() and len(alone) > shards
    assert [name for name in alone if together[name] != alone[name]] == []
