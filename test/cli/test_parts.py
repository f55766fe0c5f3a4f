import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fail2progress.cli.parts import KINDS
from fail2progress.tasks.registry import LIBRARY, TASKS, task
from support.plugins import install_plugin


def test_every_kind_is_listed_with_what_each_part_is(run) -> None:
    result = run("parts", "ls", "--json")
    rows = json.loads(result.stdout)
    assert result.exit_code == 0 and list(dict.fromkeys(row["kind"] for row in rows)) == list(KINDS)
    assert all(row["name"] and row["summary"] and row["package"] == "fail2progress" for row in rows)
    own = [(row["kind"], row["summary"]) for row in rows if row["kind"] != "signals"]  # these are told by what answers them
    assert len(set(own)) == len(own)
    names = {kind: [row["name"] for row in rows if row["kind"] == kind] for kind in KINDS}
    assert {"pick_place", "push"} <= set(names["skills"]) and "fused" in names["segmenters"]
    assert "stein" in names["generators"] and "grasp_missed" in names["signals"]


def test_people_get_the_names_of_all_kinds_or_one_kind_with_words(run, refuses) -> None:
    everything = run("parts", "ls").stdout
    assert all(kind in everything for kind in KINDS) and "open-vocabulary" in everything
    signals = run("parts", "ls", "signals").stdout
    assert "placement_off" in signals and "what was" in signals and "open-vocabulary" not in signals
    assert "Did you mean 'skills'" in refuses("parts", "ls", "skils")


def test_what_another_package_brings_is_listed_with_its_name(tmp_path: Path) -> None:
    source = (
        "from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter\n"
        'class Mine(GeometricSegmenter):\n    """Finds what I look for. Slowly."""\n'
    )
    folder = install_plugin(tmp_path, source, {"fail2progress.segmenters": {"mine": "Mine"}}, "parts_of_mine")
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    words = [sys.executable, "-m", "fail2progress.cli", "parts", "ls", "segmenters", "--json"]
    done = subprocess.run(words, env=variables, capture_output=True, text=True, check=True)
    (mine,) = (row for row in json.loads(done.stdout) if row["name"] == "mine")
    assert mine == {"kind": "segmenters", "name": "mine", "summary": "Finds what I look for", "package": "parts_of_mine"}


@pytest.mark.parametrize("file", ["two_cubes.yaml", "short.yaml"])  # none that is a task's name, and one that is another task's
def test_a_task_of_another_package_is_listed_with_its_own_words_whatever_its_file_is_called(
    file: str, tmp_path: Path, run
) -> None:
    path = tmp_path / file
    path.write_text((LIBRARY / "short.yaml").read_text().replace("name: short", "name: two-cubes\nsummary: two cubes", 1))
    path.write_text(re.sub(r"\nsummary: (?!two cubes).*", "", path.read_text()))
    for part in (path, str(path), lambda: task(str(path))):
        TASKS.register("two-cubes", part, "mylab")
        try:
            rows = json.loads(run("parts", "ls", "--json").stdout)
        finally:
            TASKS.unregister("two-cubes")
        (mine,) = (row for row in rows if row["name"] == "two-cubes")
        assert mine == {"kind": "tasks", "name": "two-cubes", "summary": "two cubes", "package": "mylab"}


def test_a_task_file_of_another_package_that_is_wrong_is_told_in_one_line(tmp_path: Path, refuses) -> None:
    TASKS.register("gone", tmp_path / "gone.yaml", "mylab")
    try:
        assert f"{tmp_path / 'gone.yaml'}: cannot be read" in refuses("parts", "ls", "tasks")
    finally:
        TASKS.unregister("gone")
