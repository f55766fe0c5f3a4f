"""Files of every format that the product reads, wrong in one thing each; and numbers that no run could take."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., Any]
EXAMPLES = Path(__file__).parents[2] / "examples"

TASKS = {  # file: what is replaced in a task that is right, by what
    "negative": ("2: {cube: 2}", "2: {cube: -2}"),
    "nan": ("z: 0.04}, at: {x: 0.6, y: [0.36", "z: .nan}, at: {x: 0.6, y: [0.36"),
    "infinite": ("at: {x: 0.6, y: [-0.44", "at: {x: .inf, y: [-0.44"),
    "margin": ("margin: 0.05", "margin: wide"),
    "newer": ("schema_version: 1", "schema_version: 99"),
    "category": ("category: cuboid", "category: cubiod"),
    "below": ("on: table_a", "on: tabel_a"),
    "skill": ("[pick_place]", "[pick_palce]"),
    "relation": ("above(cube_*, table_b)", "abvoe(cube_*, table_b)"),
    "nobody": ("above(cube_*, table_b)", "above(cube_*, tabel_b)"),
    "range": ("[0.03, 0.05]", "[0.05, 0.03]"),
    "large": ("[0.03, 0.05]", "[3, 5]"),
    "twice": ("name: cube,", "name: table_a,"),
    "counts": ("counts:\n  1: {cube: 1}\n  2: {cube: 2}", "counts: 3"),
}
ITEMS: dict[str, Callable[[dict[str, Any]], object]] = {  # file: what is changed in an item that is right
    "nan": lambda item: item["scene"]["objects"][0]["pose"].__setitem__(0, float("nan")),
    "skill": lambda item: item["call"].update(skill="pikc_place"),
    "object": lambda item: item["call"].update(object="nobody"),
    "few": lambda item: item["call"].update(parameters=[0.1]),
    "texts": lambda item: item["call"].update(parameters=["a", "b", "c", "d"]),
    "seed": lambda item: item.update(seed=-1),
    "flat": lambda item: item["scene"]["objects"][0].update(size_m=[0.1, 0, 0.1]),
    "turn": lambda item: item["scene"]["objects"][0].update(pose=[0.5, 0, 0.5, 0, 0, 0, 0]),
    "camera": lambda item: item.update(camera={"eye": [0, 0, 0], "target": [0, 0, 0]}),
    "twice": lambda item: item["scene"]["objects"].append(item["scene"]["objects"][0]),
    "none": lambda item: item["scene"].update(objects=[]),
}
CAMERA = {"width": 64, "height": 48, "fx": 60, "fy": 60, "cx": 32, "cy": 24}
FILES: dict[str, bytes] = {
    "alias.yaml": b"a: &a [*a]\n",
    "zero.yaml": b"name: a\0b\n",
    "options.yaml": b"simulator: mujoco\nfriction: lots\n",
    "double.yaml": b"simulator: mujoco\nsimulator: worker\n",
    "nested.yaml": b"[" * 5000,
    "letters.urdf": b'<?xml version="1.0" encoding="latin-9x"?><robot/>',
    "command.yaml": b"simulator: worker\ncommand: [no_such_program]\n",
    "all.yaml": b"/**: {ros__parameters: {epochs: .nan}}\n",
    "low.yaml": b"/learner: {ros__parameters: {samples: -3}}\n",
    "cut.jsonl": b'{"id": "a", "scene"',
    "fx.json": json.dumps({**CAMERA, "fx": -60}).encode(),
    "unit.json": json.dumps({**CAMERA, "depth_unit_m": -1}).encode(),
    "camera.json": json.dumps(CAMERA).encode(),
    "cut.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "old.safetensors": b"\x02\0\0\0\0\0\0\0{}",
    "old.json": b'{"schema": 99}',
    "cut.db3": b"SQLite format 3\0",
    "data/shard_00000/shard.json": b'{"schema": 9}',
    "run/events.jsonl": b'{"schema_version": 2}\n',
}

BAD = (
    # task files
    ("tasks show negative.yaml", "line 7: counts[2] cube: Input should be greater than or equal to 0, got -2"),
    ("tasks show nan.yaml", "line 9: objects[0] size z[0]: Input should be a finite number, got nan"),
    ("tasks show infinite.yaml", "line 10: objects[1] at x[0]: Input should be a finite number, got inf"),
    (
        "tasks show margin.yaml",
        "line 11: objects[2] margin: write a number or [low, high], in metres and radians, without",
    ),
    ("tasks show newer.yaml", "line 1: schema_version: Input should be 1, got 99"),
    ("tasks show category.yaml", "Did you mean 'cuboid'?"),
    ("tasks show below.yaml", "'tabel_a' is not there yet; before cube come: table_a, table_b"),
    ("tasks show skill.yaml", "Did you mean 'pick_place'?"),
    ("tasks show relation.yaml", "Did you mean 'above'?"),
    ("tasks show nobody.yaml", "'tabel_b' is not in the scene"),
    ("tasks show range.yaml", "impossible range: 0.05 is above 0.03"),
    ("tasks show large.yaml", "no layout found in 50 tries: cube_1 is larger than table_a"),
    ("tasks show twice.yaml", "table_a stands here twice"),
    ("demo --task counts.yaml", "line 5: counts: Input should be a valid dictionary, got 3"),
    ("up sim --task alias.yaml", "alias.yaml, line 1: an alias (*) is not taken"),
    ("evaluate --task zero.yaml", "zero.yaml: not YAML"),
    # item files
    ("learn --item nan.jsonl", "nan.jsonl, line 1: NaN is no number of JSON"),
    ("learn --item skill.jsonl", "Did you mean 'pick_place'?"),
    ("learn --item object.jsonl", "unknown object 'nobody'; the scene has: table_a, table_b, mug, pill"),
    ("learn --item few.jsonl", "pick_place takes 4 parameters, got 1"),
    ("learn --item texts.jsonl", "got 'a'"),
    ("learn --item seed.jsonl", "seed: Input should be greater than or equal to 0, got -1"),
    ("benchmark run flat.jsonl", "size must be positive"),
    ("benchmark run turn.jsonl", "the quaternion has length 0.0000, not 1"),
    ("benchmark run camera.jsonl", "eye and target are the same point"),
    ("benchmark run twice.jsonl", "object names must differ"),
    ("benchmark run none.jsonl", "scene.objects: List should have at least 1 item"),
    ("benchmark run cut.jsonl", "cut.jsonl, line 1: not JSON"),
    ("benchmark build --structure plain:nan --out s.jsonl", "the weight is a whole number from 1 on"),
    ("benchmark replay run", "run/events.jsonl, line 1: no event"),
    # options of simulators, parameters of nodes
    ("evaluate --simulator options.yaml", "unknown key 'friction'; known: none"),
    ("evaluate --simulator command.yaml", "the command 'no_such_program' is not there"),
    ("evaluate --simulator double.yaml", "simulator: this key stands here twice"),
    ("evaluate --simulator nested.yaml", "nested.yaml: cannot be read as a simulator's options"),
    ("up sim --params-file all.yaml", "/**: epochs: expected a whole number, got nan"),
    ("up sim --params-file low.yaml", "samples: -3 is outside [1, 1000]"),
    ("up sim --report folder", "folder: is a folder; --report names a file"),
    # images, depth and cameras
    ("perceive color.png depth.png --camera fx.json", "positive focal lengths"),
    ("perceive color.png depth.png --camera unit.json", "unit.json"),
    ("perceive cut.png depth.png --camera camera.json", "cut.png"),
    ("perceive color.png nan.npy --camera camera.json", "nan.npy is empty: 0 of 3072 pixels have a reading"),
    ("perceive color.png deep.npy --camera camera.json", "deep.npy"),
    ("perceive color.png object.npy --camera camera.json", "object.npy is no array of numbers"),
    ("perceive color.png depth.png --camera camera.json --up nan,1,0", "--up must have a direction, got 'nan,1,0'"),
    ("perceive color.png depth.png --camera camera.json --urdf letters.urdf", "letters.urdf: not a URDF (unknown encoding"),
    ("perceive folder", "folder: no pairs there"),
    # weights, data, stores and recordings of other versions, or cut short
    ("evaluate --model old.safetensors", "old.json: schema 99, this version reads 1"),
    ("demo --model old.safetensors", "old.json: schema 99, this version reads 1"),
    ("learn --item right.jsonl --rehearsal old.safetensors", "old.safetensors: holds weights of a model, not a rehearsal set"),
    ("train --data data --out m.safetensors", "schema 9, this version reads 1"),
    ("failures ls --store other.sqlite", "other.sqlite: cannot be used as a failure store"),
    ("bag info cut.db3", "cut.db3: damaged"),
    ("models ls --registry folder", "folder: no version of a model here"),
    # numbers that would fill the memory or the process table, and settings of the wrong kind
    ("evaluate --trials 99999999999999999999", "less than or equal to 1000000"),
    ("evaluate --processes 100000", "less than or equal to 512"),
    ("demo --seed 99999999999999999999", "less than or equal to 2147483647"),
    ("generate --executions 10000000000 --out data", "less than or equal to 1000000"),
    ("reproduce table3 --minutes nan", "got 'nan'"),
    ("train --data data --out m.safetensors --set layers=many", "layers = 'many': a whole number from 1 to"),
)
"""Command, and what is said of it."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all these files."""
    folder = tmp_path_factory.mktemp("formats")
    task, item = (EXAMPLES / "cubes.yaml").read_text(), (EXAMPLES / "items.jsonl").read_text().splitlines()[0]
    for name, (right, wrong) in TASKS.items():
        assert right in task
        (folder / f"{name}.yaml").write_text(task.replace(right, wrong))
    for name, change in ITEMS.items():
        changed = json.loads(item)
        change(changed)
        (folder / f"{name}.jsonl").write_text(json.dumps(changed) + "\n")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "right.jsonl").write_text(item + "\n")
    (folder / "folder").mkdir()
    Image.new("RGB", (64, 48)).save(folder / "color.png")
    Image.new("I;16", (64, 48), 800).save(folder / "depth.png")
    np.save(folder / "nan.npy", np.full((48, 64), np.nan, np.float32))
    np.save(folder / "deep.npy", np.zeros((48, 64, 3), np.float32))
    np.save(folder / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    with sqlite3.connect(folder / "other.sqlite") as other:
        other.execute("create table failures (id text)")
    return folder


@pytest.mark.parametrize(("words", "said"), BAD, ids=[words for words, _ in BAD])
def test_one_line_says_what_is_wrong(refuses: Run, there: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str) -> None:
    monkeypatch.chdir(there)
    line = refuses(*words.split())
    assert line.startswith("fail2progress: ") and said in line
    assert not list(there.glob("runs/*/2*")), "nothing was begun"
