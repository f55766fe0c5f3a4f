from collections import Counter
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fail2progress.benchmarks.build import BuildError, Carried, Rejected, collect, designs
from fail2progress.benchmarks.choices import Choices, varied
from fail2progress.benchmarks.items import content_id, design, read_file, structures_path, write_benchmark
from fail2progress.benchmarks.store import ExecutionStore
from fail2progress.benchmarks.structures import STRUCTURES
from fail2progress.tasks.items import ItemError
from support.executors import Inline


def test_draws_come_back_and_small_changes_stay_small() -> None:
    def draws(rng: np.random.Generator) -> list[Any]:
        values = [
            rng.random(),
            rng.uniform([0, 5], [1, 6]).tolist(),
            rng.integers(2, 9),
            str(rng.choice(["a", "b"])),
            rng.normal(3.0, 0.1),
        ]
        return [*values, rng.uniform(0.0, 1.0, 3).tolist()]

    first = Choices([1])
    values = draws(first)
    assert draws(Choices([2], first.made)) == values
    assert draws(Choices([2])) != values
    assert 2 <= values[2] < 9 and 2.0 < values[4] < 4.0 and 5 <= values[1][1] < 6
    near = varied(first.made, np.random.default_rng(0), 0.02)
    assert 0 < np.abs(np.subtract(near, first.made)).max() < 0.1
    assert all(0 <= value <= 1 for value in varied([0.0, 1.0] * 50, np.random.default_rng(0), 0.5))


@pytest.mark.parametrize("name", STRUCTURES.names())
def test_same_seed_same_ids(name: str) -> None:
    def made() -> list[str]:
        return [each.id for number in range(12) if (each := design(name, [3, number])) is not None]

    ids = made()
    assert len(ids) >= 3 and len(set(ids)) == len(ids)
    assert made() == ids


def test_an_id_is_that_of_the_content_and_draws_make_the_item_again() -> None:
    first = next(each for number in range(9) if (each := design("loaded", [1, number])) is not None)
    assert first.id == content_id(first.item.job) and len(first.id) == 16
    again = design("loaded", [77, 77], first.choices)
    assert again is not None and again.id == first.id


def test_twins_are_one_scene_that_differs_in_truth(store: ExecutionStore) -> None:
    found = collect(designs({"twin": 1}, 4), 6, store, set(), Rejected())
    pairs = {each.item.metadata.pair for each in found}
    assert len(pairs) == 3 and None not in pairs
    for pair in pairs:
        inside, beside = sorted((e for e in found if e.item.metadata.pair == pair), key=lambda e: -e.item.metadata.depth)
        scenes = [each.item.item.job.scene for each in (inside, beside)]
        differing = [name for name in scenes[0].names if not np.allclose(scenes[0].position(name), scenes[1].position(name))]
        assert differing == ["thing"]
        jobs = inside.item.item.job, beside.item.item.job
        assert jobs[0].call == jobs[1].call and jobs[0].camera == jobs[1].camera and jobs[0].seed == jobs[1].seed
        ways = [np.linalg.norm(e.execution.shift[e.execution.names.index("thing")]) for e in (inside, beside)]
        assert ways[0] > 0.02 > ways[1]


def test_no_pair_is_cut_in_two(store: ExecutionStore) -> None:
    found = collect(designs({"twin": 1, "loaded": 1}, 4), 3, store, set(), Rejected())
    sides = Counter(each.item.metadata.pair for each in found)
    assert len(found) == 3 and sides.pop(None) in (1, 3) and set(sides.values()) <= {2}
    few = list(islice(designs({"twin": 1}, 4), 8))
    with pytest.raises(BuildError, match="only 2 of 3 robust items were found"):
        collect(iter(few), 3, store, set(), Rejected())


def test_a_file_gives_its_items_back_and_keeps_structures_apart(pool: list[Carried], pool_file: Path) -> None:
    found = read_file(pool_file).items
    assert [each.id for each in found] == [each.id for each in pool]
    assert [asdict(each.metadata) for each in found] == [asdict(each.item.metadata) for each in pool]
    assert {each.structure for each in found} == {"plain", "loaded"}
    assert "loaded" not in pool_file.read_text()


def test_metadata_say_how_an_item_was_designed(pool: list[Carried]) -> None:
    loaded = [each.item.metadata for each in pool if each.item.structure == "loaded"]
    assert all(each.depth >= 1 and 1 <= each.carried <= 6 for each in loaded)
    assert all(each.item.metadata.robustness == 1.0 for each in pool)
    assert max(each.item.metadata.distractor_count for each in pool) >= 2
    assert all(0 <= each.item.metadata.clearance_mm <= 150 for each in pool)


def test_what_was_carried_out_is_not_carried_out_again_and_a_cut_file_is(store: ExecutionStore, pool: list[Carried]) -> None:
    worker = Inline()
    again = ExecutionStore(store.folder, worker, executions=2)
    items = [each.item for each in pool[:4]]
    assert all(each is not None for each in again.run(items))
    assert worker.work == []
    path = again._path(items[0])
    path.write_bytes(path.read_bytes()[:100])
    repaired = again.run(items)[0]
    assert len(worker.work) == 1
    assert repaired is not None and np.array_equal(repaired.shift, pool[0].execution.shift)


def test_a_damaged_execution_is_made_again(store: ExecutionStore, pool: list[Carried]) -> None:
    worker, item = Inline(), pool[1].item
    again = ExecutionStore(store.folder, worker, executions=2)
    path = again._path(item)
    whole = path.read_bytes()
    pieces = [whole[:size] for size in (0, 1, 4, 30, len(whole) // 2, len(whole) - 1)]
    damaged = [*pieces, b"text", b"\x93NUMPY\x01\x00", bytes(each ^ 255 for each in whole), whole.replace(b"shift", b"shyft")]
    for number, content in enumerate(damaged, 1):
        path.write_bytes(content)
        found = again.run([item])[0]
        assert len(worker.work) == number and found is not None and np.array_equal(found.shift, pool[1].execution.shift)


def test_a_simulator_with_other_options_is_another_one(pool: list[Carried], tmp_path: Path) -> None:
    chosen = tmp_path / "chosen.yaml"
    chosen.write_text("simulator: mujoco\n")
    store, items = ExecutionStore(tmp_path / "kept", Inline(), str(chosen), 1), [pool[0].item]
    store.run(items)
    assert store.knows(items)
    chosen.write_text("simulator: mujoco  # with other options\n")
    assert not store.knows(items)


def test_damaged_files_are_told_by_line(pool_file: Path, tmp_path: Path) -> None:
    lines = pool_file.read_text().splitlines()
    path = tmp_path / "items.jsonl"

    def wrong(line: str, structures: str | None = None) -> str:
        path.write_text("\n".join([lines[0], line]) + "\n")
        structures_path(path).write_text(structures or structures_path(pool_file).read_text())
        with pytest.raises(ItemError) as caught:
            read_file(path)
        return str(caught.value)

    assert "line 2: not JSON" in wrong(lines[1][:200])
    assert "line 2: metadata" in wrong(lines[1].replace('"depth"', '"deep"'))
    assert "line 2: choices" in wrong(lines[1].replace('"choices": [', '"choices": [7.0, '))
    assert "is not that of its scene and call" in wrong(lines[1].replace(read_file(pool_file).items[1].id, "0123456789abcdef"))
    assert "unknown structure 'juggling'" in wrong(lines[1], '{"a": "juggling"}')
    assert "no structure of the item" in wrong(lines[1], "{}")
    structures_path(path).unlink()
    with pytest.raises(ItemError, match="written beside the items"):
        read_file(path)


def test_files_are_written_the_same_again(pool_file: Path, tmp_path: Path) -> None:
    write_benchmark(read_file(pool_file).items, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == pool_file.read_bytes()
