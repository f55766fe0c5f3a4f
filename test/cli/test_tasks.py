import json
from pathlib import Path
from typing import Any

from PIL import Image


def test_the_list_of_tasks_as_json(run: Any) -> None:
    result = run("tasks", "ls", "--json")
    found = {entry["name"]: entry for entry in json.loads(result.stdout)}
    assert set(found) >= {"hierarchical-tabletop", "multi-object-transport", "constrained-packing", "drawer-tidying", "short"}
    assert found["drawer-tidying"]["skills"] == ["open_drawer", "pick_place", "close_drawer"]
    assert found["hierarchical-tabletop"]["counts"] == [3, 5, 7]
    assert "drawer-tidying" in run("tasks", "ls").stdout


def test_a_trial_is_shown(run: Any) -> None:
    shown = json.loads(run("tasks", "show", "drawer-tidying", "--objects", 2, "--json").stdout)
    assert shown["stages"] == [
        ["open(drawer)"],
        ["inside(thing_1, drawer)", "inside(thing_2, drawer)"],
        ["inside(thing_1, drawer)", "inside(thing_2, drawer)", "not open(drawer)"],
    ]
    assert [thing["name"] for thing in shown["scene"]][-2:] == ["thing_1", "thing_2"]
    assert "stage 3" in run("tasks", "show", "drawer-tidying").stdout


def test_goals_that_nothing_reaches_are_noted(run: Any, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "name: mine\ncounts: {3: {}}\nscene_of: {task: hierarchical-tabletop, objects: 3}\n"
        "stages: ['above(table_a, table_b) and open(cup_1)']\n"
    )
    shown = run("tasks", "show", mine, "--json")
    assert shown.exit_code == 0 and json.loads(shown.stdout)["name"] == "mine"
    notes = shown.stderr.splitlines()
    assert len(notes) == 2 and notes[0] == "note: above(table_a, table_b): neither table_a nor table_b can be moved"


def test_a_picture_of_a_trial(run: Any, tmp_path: Path) -> None:
    out = tmp_path / "pictures" / "drawer.png"
    assert run("tasks", "picture", "drawer-tidying", "--out", out).exit_code == 0
    picture = Image.open(out)
    assert picture.width > 400 and len(picture.getcolors(10**7) or ()) > 100


def test_mistakes_end_in_one_line(refuses: Any, tmp_path: Path) -> None:
    assert "unknown task 'juggling'; known: constrained-packing" in refuses("tasks", "show", "juggling")
    assert "not 4" in refuses("tasks", "show", "hierarchical-tabletop", "--objects", 4)
    assert "ends in .png" in refuses("tasks", "picture", "short", "--out", tmp_path / "a.gif")
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad\ncounts: {1: {}}\nstages: [[open(box)]]\nobjects:\n- {name: box, category: crate, on: floor}\n")
    assert f"{path}, line 5: objects[0] category: unknown object category 'crate'" in refuses("tasks", "show", path)
    assert str(path) in refuses("evaluate", "--task", path) and str(path) in refuses("demo", "--task", path)
    assert str(path) in refuses("up", "sim", "--task", path)


def test_goals_on_the_command_line_are_checked(refuses: Any) -> None:
    assert "'mug'" in refuses("evaluate", "--goal", "inside(mug, cup_1)")
    assert "not a relation: 'on top'" in refuses("up", "sim", "--goal", "on top")
    assert "'pill' is no group; groups: cup, capsule" in refuses("up", "sim", "--goal", "inside(pill_*, cup_1)")
    assert '--goal "" says nothing' in refuses("up", "sim", "--goal", "")
