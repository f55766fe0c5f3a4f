import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.items import Item, ItemError, parse, read_item, read_items, to_json, write_items
from fail2progress.tasks.pretraining import job

ITEMS = [Item(f"item-{number}", job(5, number)) for number in range(12)]


def text(*path_and_value: Any) -> str:
    """The first item with a drawer in it, with one value changed: keys or positions, then the value (... takes the key out)."""
    item = next(item for item in ITEMS if item.job.scene.openings)
    content = json.loads(to_json(item))
    if path_and_value:
        *path, key, value = path_and_value
        at = content
        for part in path:
            at = at[part]
        if value is ...:
            del at[key]
        else:
            at[key] = value
    return json.dumps(content)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: str(item.id))
def test_an_item_is_what_was_written(item: Item) -> None:
    read = parse(to_json(item))
    assert read.id == item.id and read.job.scene.objects == parse(to_json(read)).job.scene.objects
    np.testing.assert_allclose(read.job.scene.poses, item.job.scene.poses, atol=1e-6)
    np.testing.assert_allclose(read.job.scene.sizes, item.job.scene.sizes, atol=1e-6)
    np.testing.assert_allclose(read.job.call.parameters, item.job.call.parameters, atol=1e-6)
    assert read.job.scene.openings == pytest.approx(dict(item.job.scene.openings), abs=1e-6)
    assert (read.job.call.skill, read.job.call.object, read.job.call.target, read.job.seed) == (
        item.job.call.skill,
        item.job.call.object,
        item.job.call.target,
        item.job.seed,
    )
    assert to_json(read) == to_json(parse(to_json(read)))


def test_an_item_read_back_is_executed_alike(simulator: MujocoSimulator) -> None:
    one, other = (simulator.execute(parse(to_json(ITEMS[0])).job) for _ in range(2))
    assert np.array_equal(one.after.scene.poses, other.after.scene.poses)


def test_files_are_written_whole_and_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "new" / "items.jsonl"
    write_items(ITEMS, path)
    assert [item.id for item in read_items(path)] == [item.id for item in ITEMS]
    assert list(json.loads(path.read_text().splitlines()[0])) == ["id", "scene", "call", "camera", "seed"]
    path.write_text("\n" + path.read_text())
    assert read_item(path).id == read_item(path, 2).id == "item-0" and read_item(path, 5).id == "item-3"
    with pytest.raises(ItemError, match=r"items\.jsonl: no item in line 1"):
        read_item(path, 1)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON: "),
        ("[1]", "Input should be"),
        ('{"id": "a", "seed": NaN}', "NaN is no number of JSON"),
        ("[" * 100_000, "nested too deeply"),
        (text("scene", ...), "scene: Field required"),
        (text("scene", "objects", [json.loads(text())["scene"]["objects"][0]] * 101), "List should have at most 100 items"),
        (text("scene", "objects", 0, "category", "vase"), "unknown object category 'vase'"),
        (text("scene", "objects", 0, "size_m", [1, 1]), "scene.objects.0.size_m.2: Field required"),
        (text("scene", "objects", 0, "size_m", [1, 0, 1]), "size must be positive"),
        (text("scene", "objects", 0, "pose", [0, 0, 0, 1, 1, 0, 0]), "quaternion has length 1.4142, not 1"),
        (text("scene", "objects", 0, "name", "world"), "no object can be called 'world'"),
        (text("scene", "objects", 0, "name", '<b>"x'), "scene.objects.0.name: String should match pattern '^[A-Za-z]["),
        (text("scene", "objects", 0, "name", "a\n"), "scene.objects.0.name: String should match pattern"),
        (text("scene", "objects", 0, "colour", "red"), "scene.objects.0.colour: unknown key 'colour'; known: name, category"),
        (text("scene", "openings", {"drawer": 0.1}), "scene.openings: unknown key 'openings'; known: objects, openings_m. Did"),
        (text("scene", "objects", 1, "name", "table_a"), "object names must differ"),
        (text("scene", "objects", 0, "inside_of", "table_b"), "table_a: inside_of 'table_b' is for drawers"),
        (text("scene", "openings_m", {"table_a": 0.1}), "'table_a' is no drawer"),
        (text("scene", "openings_m", {"drawer": 3}), "drawer cannot be open by 3 m"),
        (text("call", "skill", "juggle"), "unknown skill 'juggle'"),
        (text("call", "parameters", [9.0]), "takes"),
        (text("call", "object", "mug"), "unknown object 'mug'"),
        (text("call", "target", "mug"), "unknown object 'mug'"),
        (text("call", {"skill": "push", "object": "table_a", "parameters": [0.0, 0.1]}), "table_a cannot be moved"),
        (text("camera", "target", json.loads(text())["camera"]["eye"]), "eye and target are the same point"),
        (text("seed", -1), "seed: Input should be greater than or equal to 0, got -1"),
        (text("id", ""), "id: "),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text(to_json(ITEMS[0]) + "\n\n" + line + "\n")
    with pytest.raises(ItemError) as caught:
        read_items(path)
    assert str(caught.value).startswith(f"{path}, line 3: ") and said in str(caught.value)
    with pytest.raises(ItemError, match="line 3"):
        read_item(path, 3)
    assert read_item(path, 1).id == "item-0"


def test_files_that_hold_no_items_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    for content, said in (
        (b"", "no items in it"),
        (b"\xff\xfe", "line 1: byte 0 is not UTF-8"),
        (b"a" * 1_000_001, "line 1: longer than"),
        ((to_json(ITEMS[0]) + "\n").encode() * 2, "line 2: id 'item-0' stands in line 1 already"),
    ):
        path.write_bytes(content)
        with pytest.raises(ItemError, match=said):
            read_items(path)
    with pytest.raises(ItemError, match="No such file"):
        read_items(tmp_path / "none.jsonl")
    with pytest.raises(ItemError, match="cannot be read"):
        read_items(tmp_path)


def test_keys_of_others_are_kept_apart() -> None:
    assert parse(text("generator", "cluster 3")).id == parse(text()).id
