"""What a user can get wrong: one line that names the value and what to do, exit code 2, nothing on standard output."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fail2progress.tasks.items import Item, to_json
from support import samples
from support.png_files import of_size
from support.processes import command, spoken

Run = Callable[..., Any]

NO_ISAAC_GYM = (
    "Isaac Gym (with numpy) is not installed for python3.8"
    if shutil.which("python3.8")
    else "there is no python3.8, which Isaac Gym needs"
)
"""Many computers have no Python 3.8 either."""

FILES: dict[str, bytes] = {
    "empty": b"",
    "void": b"",
    "empty.json": b"",
    "empty.jsonl": b"",
    "empty.yaml": b"",
    "latin.yaml": b"name: caf\xe9\n",
    "latin.jsonl": b'{"id": "caf\xe9"}\n',
    "latin.json": b'{"width": "caf\xe9"}',
    "list.yaml": b"- 1\n- 2\n",
    "tab.yaml": b"a:\n\t- b\n",
    "deep.json": b"[" * 100_000,
    "cut.safetensors": b"\x10\0\0\0\0\0\0\0{}",
    "cut.json": b'{"schema": 1, "digest": "0", "config": {}}',
    "nul.sqlite": b"\0" * 4096,
    "huge.json": json.dumps({"width": 10**8, "height": 1, "fx": 1, "fy": 1, "cx": 1, "cy": 1}).encode(),
    "large.png": of_size(12_000, 12_000),
    "vast.png": of_size(20_000, 20_000),
    "many.yaml": b"/**/learner: {ros__parameters: {samples: many}}\n",
    "vast.yaml": b"/**/learner: {ros__parameters: {samples: 1" + b"0" * 400 + b"}}\n",
    "crowd.yaml": b"name: crowd\ncounts: {1: {cup: 1000000000}}\nstages: [on(cup_1, table_a)]\n",
    "empty.mcap": b"",
    "twice.yaml": b"learner:\n  ros__parameters:\n    samples: 3\n    samples: 4\n",
    "node_twice.yaml": b"learner:\n  ros__parameters:\n    samples: 3\nlearner:\n  ros__parameters: {}\n",
    "alias.yaml": b"learner:\n  ros__parameters: &own\n    samples: 3\nmonitor: *own\n",
    "octal.yaml": b"learner:\n  ros__parameters:\n    samples: 060\n",
    "near.yaml": b"plannner: {ros__parameters: {x: 3}}\n",
    "name.yaml": b"/**/learner: {ros__parameters: {sampels: 3}}\n",
    "flat.yaml": b"learner: 3\n",
    "inner.yaml": b"learner: {ros__parameters: [1]}\n",
}
FOLDERS = ("folder", "folder.safetensors", "folder.yaml", "folder.jsonl")

BAD = (
    # numbers out of range, and what is no number
    ("evaluate --seed -1", "'--seed': Input should be greater than or equal to 0, got '-1'"),
    ("evaluate --trials many", "got 'many'"),
    ("evaluate --objects -3", "defined for 3, 5, 7 objects, not -3"),
    ("evaluate --processes 0", "got '0'"),
    ("demo --seed -5", "got '-5'"),
    ("learn --samples 0", "got '0'"),
    ("learn --replay=-1", "got '-1'"),
    ("calibrate --items rows.jsonl --items folder/rows.jsonl", "must differ, and not be calibration, motion, unseen, items"),
    ("calibrate --items motion.jsonl", "must differ, and not be calibration, motion, unseen, items"),
    ("calibrate --executions 48", "--executions 48: too few to promise --alpha 0.02"),
    ("calibrate --alpha 2", "less than or equal to 0.5, got '2'"),
    ("families picture row-pushed --count 99 --out x.png", "less than or equal to 12, got '99'"),
    ("train --data folder --out m.safetensors --learning-rate -1", "got '-1'"),
    ("tasks show short --objects 99", "short is defined for 1, 2 objects, not 99"),
    ("up sim --objects 4", "not 4"),
    ("reproduce table3 --objects three", "--objects three: numbers with commas"),
    # unknown names, with the nearest
    ("evaluate --task hierarchical-tabletp", "Did you mean 'hierarchical-tabletop'?"),
    ("evaluate --simulator mujco", "Did you mean 'mujoco'?"),
    (
        "up sim --simulator isaacgym",
        f"simulator 'isaacgym' cannot run here: {NO_ISAAC_GYM}",
    ),
    ("learn --simulator mujco --physics friction", "Did you mean 'mujoco'?"),
    ("reproduce physics --physics wait", "Did you mean 'weight'?"),
    ("evaluate --relations learnd", "Did you mean 'learned'?"),
    ("evaluate --executor kubernetes", "unknown executor 'kubernetes'; known: local, ray"),
    ("evaluate --goal inside(nothing,cup_1)", "the goal names 'nothing'"),
    ("evaluate --lifelong --over nothing --out folder", "unknown task 'nothing'"),
    ("learn --method stien", "Did you mean 'stein'?"),
    ("learn --acquisition entrpy", "Did you mean 'entropy'?"),
    ("train --data folder --out m.safetensors --model points3plans", "Did you mean 'points2plans'?"),
    ("train --data folder --out m.safetensors --set layrs=3", "Did you mean 'layers'?"),
    ("families make row-pushd --out r.jsonl", "Did you mean 'row-pushed'?"),
    ("reproduce tabel3", "Did you mean 'table3'?"),
    ("transfer shrt", "Did you mean 'short'?"),
    ("transfer short --robot spot", "unknown robot 'spot'; known: stretch_re2, floating_hand"),
    ("demo --robot spot", "unknown robot 'spot'; known: stretch, hand"),
    ("failures shw", "Did you mean 'show'?"),
    ("runs show nothing", "no run named 'nothing'"),
    ("up sim --segmenter geometrc", "Did you mean 'geometric'?"),
    ("up sim --log-level loud", "unknown log level 'loud'"),
    # damaged files, and files of another kind
    ("evaluate --model empty", "empty: a file of weights ends in .safetensors"),
    ("evaluate --model cut.safetensors", "cut.safetensors: cannot be read"),
    ("models ls --registry folder", "v0001.json: cannot be read"),
    ("models show v0001 --registry folder", "v0001.json: cannot be read"),
    ("evaluate --task latin.yaml", "latin.yaml: not a text file (byte 9 is not UTF-8)"),
    ("evaluate --task list.yaml", "list.yaml, line 1: not a task file"),
    ("evaluate --task tab.yaml", "tab.yaml, line 2: not YAML"),
    ("evaluate --task empty.yaml", "empty.yaml, line 1: not a task file"),
    ("evaluate --simulator latin.yaml", "latin.yaml: cannot be read as a simulator's options"),
    ("evaluate --simulator empty.yaml", "empty.yaml: needs the key 'simulator'"),
    ("learn --item empty.jsonl", "empty.jsonl: no items in it"),
    ("learn --item latin.jsonl", "latin.jsonl, line 1: byte 11 is not UTF-8"),
    ("benchmark run deep.json", "deep.json, line 1: not an item: nested too deeply"),
    ("learn --store nul.sqlite", "nul.sqlite: cannot be used as a failure store (file is not a database)"),
    ("failures show --store empty", "empty: is an empty file, no failure store"),
    ("gaps ls --file latin.json", "latin.json: cannot be read"),
    ("perceive color.png depth.png --camera huge.json", "pixels are too many"),
    ("perceive large.png depth.png --camera latin.json", "large.png: 12000 x 12000 pixels are too many (at most 16777216)"),
    ("perceive vast.png depth.png --camera latin.json", "vast.png: Image size (400000000 pixels) exceeds limit"),
    ("perceive color.png depth.png --camera latin.json", "latin.json is not JSON"),
    ("perceive color.png depth.png --camera empty.json", "empty.json"),
    ("perceive color.png depth.png --camera deep.json", "deep.json is not JSON"),
    ("bag info void", "void: empty, no message was written into it"),
    ("bag info empty.mcap", "empty.mcap: an empty recording, no message is in it"),
    ("up replay empty.mcap", "empty.mcap: an empty recording, no message is in it"),
    ("perceive empty.mcap", "empty.mcap: an empty recording, no message is in it"),
    # sizes, places and numbers of things that no simulation can bear
    ("benchmark run giant.jsonl", "giant.jsonl, line 1: cup_1: an extent of 1e+09 m is not between 0.001 and 20 m"),
    ("learn --item far.jsonl", "far.jsonl, line 1: cup_1: a position of -5000 m is more than 100 m away"),
    (
        "evaluate --task crowd.yaml",
        "crowd.yaml, line 2: counts[1] cup: Input should be less than or equal to 100, got 10",
    ),
    ("train --data folder --out m.safetensors --learning-rate inf", "less than or equal to 10, got 'inf'"),
    # folders for files, and files for folders
    ("evaluate --task folder.yaml", "folder.yaml: cannot be read (Is a directory)"),
    ("evaluate --model folder.safetensors", "folder.safetensors: a folder, not a file of weights"),
    ("evaluate --out folder", "folder: is a folder; --out names a file"),
    ("evaluate --out empty/report.json", "empty: is a file; a folder is needed"),
    ("demo --out empty", "empty: is a file; a folder is needed"),
    ("generate --out empty", "empty: is a file; --out names a folder"),
    ("bench --out folder", "folder: is a folder; --out names a file"),
    ("learn --item folder.jsonl", "folder.jsonl: cannot be read (Is a directory)"),
    ("tasks picture short --out empty/x.png", "empty: is a file; a folder is needed"),
    ("train --data empty --out m.safetensors", "empty: no shards here"),
    ("up sim --out empty", "empty: is a file; a folder is needed"),
    ("up sim --out /proc/nothing", "/proc/nothing"),
    ("reproduce table3 --out empty", "empty: is a file; a folder is needed"),
    ("failures browse --out folder/page.htm", "the name ends in .html"),
    # namespaces and parameter files of the stack
    ("up sim --namespace 1robot", "namespace '1robot'"),
    ("up sim --namespace a//b", "namespace 'a//b'"),
    ("up robot --namespace a-b --out state", "namespace 'a-b'"),
    ("keystore keys --namespace a-b", "namespace 'a-b'"),
    ("keystore --policies --namespace 1robot", "namespace '1robot'"),
    ("keystore", "name a folder for the keystore"),
    ("keystore keys --policies", "keys: --policies prints XML"),
    ("keystore --policies --domain 0", "--domain 0: --policies prints XML"),
    ("keystore --policies --json", "--json: --policies prints XML"),
    ("up sim --params-file nowhere.yaml", "nowhere.yaml: cannot be read"),
    ("up sim --params-file folder.yaml", "folder.yaml: cannot be read"),
    ("up sim --params-file latin.yaml", "latin.yaml: cannot be read"),
    ("up sim --params-file tab.yaml", "tab.yaml: cannot be read"),
    ("up sim --params-file list.yaml", "list.yaml: not a parameter file"),
    ("up sim --params-file empty.yaml", "empty.yaml: not a parameter file"),
    ("up sim --params-file many.yaml", "learner: samples: expected a whole number, got 'many'"),
    ("up sim --params-file vast.yaml", "learner: samples: 1000000000000000000000000000000000000000 is outside [1, 1000]"),
    ("up sim --params-file near.yaml", "Did you mean 'planner'?"),
    ("up sim --params-file name.yaml", "Did you mean 'samples'?"),
    ("up sim --params-file twice.yaml", "twice.yaml, line 4: samples: this key stands here twice"),
    ("up sim --params-file node_twice.yaml", "node_twice.yaml, line 4: learner: this key stands here twice"),
    ("up sim --params-file alias.yaml", "alias.yaml, line 4: an alias (*) is not taken"),
    ("up sim --params-file octal.yaml", "octal.yaml, line 3: 060: ROS takes a number that begins with 0 for an octal one"),
    ("up sim --params-file flat.yaml", "/learner: expected ros__parameters or a node, got 3"),
    ("up sim --params-file inner.yaml", "/learner: ros__parameters maps names to values, got [1]"),
)
"""Command, and what is said of it."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that can be wrong with a file."""
    folder = tmp_path_factory.mktemp("bad")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    for name in FOLDERS:
        (folder / name).mkdir()
    (folder / "folder" / "v0001.safetensors").write_bytes(b"")
    for name, column, value in (("giant", "size_m", 1e9), ("far", "pose", -5000.0)):
        line = json.loads(to_json(Item("a", samples.loaded_cup_job())))
        cup = next(thing for thing in line["scene"]["objects"] if thing["name"] == "cup_1")
        cup[column][0] = value
        (folder / f"{name}.jsonl").write_text(json.dumps(line) + "\n")
    Image.new("RGB", (64, 48)).save(folder / "color.png")
    Image.new("I;16", (64, 48), 800).save(folder / "depth.png")
    return folder


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("words", "said"), BAD, ids=[words for words, _ in BAD])
def test_one_line_says_what_is_wrong(refuses: Run, there: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str) -> None:
    monkeypatch.chdir(there)
    line = refuses(*words.split())
    assert line.startswith("fail2progress: ") and said in line
    assert not list(there.glob("runs/*/2*")), "nothing was begun"


def test_the_shipped_parameter_files_are_right() -> None:
    from fail2progress.ros.parameter_file import check_file

    for path in sorted((Path(__file__).parents[2] / "config").glob("*.yaml")):
        check_file(path)


def test_what_every_ros_node_has_may_stand_in_a_parameter_file(tmp_path: Path) -> None:
    from fail2progress.ros.parameter_file import check_file

    path = tmp_path / "own.yaml"
    path.write_text("monitor:\n  ros__parameters:\n    use_sim_time: true\n    qos_overrides./tf.publisher.depth: 3\n")
    check_file(path)


@pytest.mark.parametrize("node", ["monitor", "/**"])
def test_a_flag_that_every_ros_node_has_is_true_or_false(tmp_path: Path, node: str) -> None:
    from fail2progress.ros.parameter_file import ParameterFileError, check_file

    path = tmp_path / "own.yaml"
    path.write_text(f"{node}:\n  ros__parameters:\n    use_sim_time: 'yes'\n")
    with pytest.raises(ParameterFileError, match="use_sim_time: expected true or false, got yes"):
        check_file(path)


def test_numbers_of_a_parameter_file_are_those_that_nodes_read(tmp_path: Path) -> None:
    from fail2progress.ros.parameter_file import check_file

    path = tmp_path / "own.yaml"
    path.write_text("recorder:\n  ros__parameters:\n    image_rate: 1e+1\nmonitor:\n  ros__parameters: {model: 1:10}\n")
    check_file(path)


def test_a_terminal_that_knows_ascii_alone(there: Path) -> None:
    """Lines, tables and names that are not UTF-8 do not end in a traceback."""
    plain = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}

    def run(*words: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(command(*words), env={**plain, "PYTHONCOERCECLOCALE": "0"}, cwd=there, capture_output=True)

    listed = run("tasks", "ls")
    assert listed.returncode == 0 and b"hierarchical-tabletop" in listed.stdout and listed.stdout.isascii()
    asked = run("evaluate", "--task", "caf\u00e9.yaml")
    assert (asked.returncode, asked.stdout) == (2, b"") and b"cannot be read" in asked.stderr
    assert len(spoken(asked.stderr.decode("ascii"))) == 1


def test_an_id_that_is_not_utf_8_is_unknown(refuses: Run, store: Path) -> None:
    assert "no failure whose id begins with" in refuses("failures", "show", "caf\udce9", "--store", store)
