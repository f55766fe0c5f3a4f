from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.base import TaskError
from fail2progress.tasks.registry import LIBRARY, task

GOOD = """\
name: mine
summary: a pill into the mug
counts:
  2: {pill: 1}
  3: {pill: 2}
objects:
  - name: desk
    category: table
    size: {x: 0.5, y: 0.6, z: 0.04}
    at: {x: 0.6, y: 0.0, top: 0.5}
  - name: mug
    category: cup
    size: {x: [0.08, 0.09], y: x, z: 0.08}
    on: desk
  - name: pill
    category: capsule
    size: {x: 0.03, y: x, z: 0.03}
    on: desk
stages:
  - - inside(pill_*, mug)
"""


@pytest.fixture
def write(tmp_path: Path):
    def make(*changes: tuple[str, str]) -> str:
        text = GOOD
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return str(path)

    return make


def test_a_file_of_ones_own_gives_trials(write, simulator: MujocoSimulator) -> None:
    path = write()
    mine = task(path)
    trial = mine.trial(3, 4)
    assert (mine.name, mine.counts, trial.task, trial.reference) == ("mine", (2, 3), "mine", path)
    assert trial.scene.names == ("desk", "mug", "pill_1", "pill_2")
    assert str(trial.goal) == "inside(pill_1, mug) and inside(pill_2, mug)"
    assert np.array_equal(task(trial.reference).trial(3, 4).scene.poses, trial.scene.poses)
    np.testing.assert_allclose(simulator.settle(trial.scene, Camera()).scene.poses, trial.scene.poses, atol=2e-3)


def test_a_row_stands_along_its_support_also_where_that_is_turned(write) -> None:
    row = "size: {x: 0.03, y: 0.05, z: 0.03}\n    on: desk\n    row: {along: y, gap: 0.01}"
    changes = ("top: 0.5}", "top: 0.5, yaw: 0.4}"), ("size: {x: 0.03, y: x, z: 0.03}\n    on: desk", row)
    scene = task(write(*changes)).trial(3, 4).scene
    step = scene.position("pill_2")[:2] - scene.position("pill_1")[:2]
    np.testing.assert_allclose(step, 0.06 * np.array([-np.sin(0.4), np.cos(0.4)]), atol=1e-9)


_DRAWER = """- name: cabinet
    category: cabinet
    size: {{x: [0.22, 0.28], y: 0.2, z: 0.12}}
    on: desk
  - name: drawer
    category: drawer
    inside: cabinet
    opening: {}
"""
_PILL = "    size: {x: 0.03, y: x, z: 0.03}\n    on: desk\n"
_SECOND = """- name: bench
    category: table
    size: {{x: 0.4, y: 0.6, z: 0.04}}
    at: {{x: 0.7, y: {}, top: 0.51}}
"""


def test_a_drawer_is_as_far_open_as_the_file_says(write, simulator: MujocoSimulator) -> None:
    mine = task(write(("- name: mug", _DRAWER.format("[0.16, 0.16]") + "  - name: mug")))
    settled = simulator.settle(mine.trial(2, 0).scene, Camera())
    assert settled.scene.openings["drawer"] == pytest.approx(0.16, abs=2e-3)


def test_fixed_things_are_drawn_where_they_do_not_overlap(write) -> None:
    beside = task(write(("- name: mug", _SECOND.format("[0.3, 1.2]") + "  - name: mug")))
    places = [beside.trial(2, seed).scene.poses[1, 1] for seed in range(20)]
    assert min(places) >= 0.599 and max(places) < 1.2
    solid = task(write(("- name: mug", _SECOND.format("0.61") + "    yaw: [0.0, 0.0]\n  - name: mug")))
    assert solid.trial(2, 0).scene.names[1] == "bench"


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("category: cup", "category: vase"), 12, "unknown object category 'vase'"),
        (("[0.08, 0.09]", "[0.09, 0.08]"), 13, "impossible range: 0.09 is above 0.08"),
        (("x: 0.03", "x: -0.03"), 17, "an extent must be above 0 m"),
        (("x: 0.03", "x: .nan"), 17, "finite"),
        (("on: desk", "on: desk\n    margin: -0.02"), 15, "a margin must not be below 0 m"),
        (("name: mug", "name: world"), 11, "no object can be called 'world'"),
        (("x: 0.03", "x: wide"), 17, "'wide'"),
        (("inside(pill_*, mug)", "inside(pill_*, jug)"), 20, "'jug' is not in the scene of 2 objects: desk, mug, pill_1"),
        (("inside(pill_*, mug)", "inside(pills_*, mug)"), 20, "'pills' is no group; groups: pill"),
        (("inside(pill_*, mug)", "into(pill_*, mug)"), 20, "unknown relation 'into'"),
        (("inside(pill_*, mug)", "inside pill"), 20, "not a relation: 'inside pill'"),
        (("on: desk", "on: bench"), 14, "'bench' is not there yet; before mug come: desk"),
        (("on: desk", "inside: desk"), 14, "desk is a table, nothing goes inside"),
        (("    on: desk\n", ""), 11, "mug needs exactly one of at, on, inside, against; it has none"),
        (("  3: {pill: 2}", "  4: {pill: 2}"), 5, "4 movable objects are announced, there are 3"),
        (("  3: {pill: 2}", "  3: {pille: 2}"), 5, "no object is called 'pille'"),
        (("    size: {x: 0.03, y: x, z: 0.03}\n", ""), 15, "pill has no size"),
        (("name: pill", "name: mug"), 15, "mug stands here twice"),
        (("- name: mug", _SECOND.format("[-0.29, 0.29]") + "  - name: mug"), 14, "bench stands inside desk, wherever the two"),
        (
            ("- name: mug", _DRAWER.format(0.2) + "  - name: mug"),
            18,
            "drawer in cabinet can be pulled out by 0 to 0.163 m, got [0.2",
        ),
        (("- name: mug", _DRAWER.format(-0.01) + "  - name: mug"), 18, "can be pulled out by 0 to 0.163 m, got [-0.01, -0.01]"),
        (("- name: mug", _DRAWER.format("[0.0, 5]") + "  - name: mug"), 18, "can be pulled out by 0 to 0.163 m, got [0.0, 5.0]"),
        (("on: desk", "on: desk\n    opening: 0.1"), 15, "mug: opening is for drawers; leave it out"),
        (
            ("top: 0.5}", "top: 0.5}\n    yaw: 0.7"),
            11,
            "desk: yaw is for what stands on a table or a shelf (a fixed place has its own",
        ),
        (
            (_PILL, f"{_PILL}    margin: 0.02\n".replace("on: desk", "inside: mug")),
            19,
            "pill: margin is for what stands on a table",
        ),
        (
            (_PILL, f"{_PILL}    region: {{x: [0, 0.5]}}\n".replace("on: desk", "against: mug")),
            19,
            "pill: region is for what stands",
        ),
        (
            ("- name: mug", _DRAWER.format("0.0\n    size: {x: 0.1, y: 0.1, z: 0.05}") + "  - name: mug"),
            19,
            "size of a drawer follows",
        ),
        (
            (
                "- name: mug",
                _DRAWER.format("0.0")
                + _DRAWER.format("0.0").partition("desk\n")[2].replace("drawer", "drawer2", 1)
                + "  - name: mug",
            ),
            21,
            "cabinet has a drawer already: drawer",
        ),
        (("- name: mug", _DRAWER.format("0.0").replace("z: 0.12", "z: 0.03") + "  - name: mug"), 17, "z must be above 0.040 m"),
        (("[0.08, 0.09]", "0.004"), 13, "mug is a cup: x must be above 0.010 m for its walls, got 0.004"),
        (
            ("- - inside(pill_*, mug)", "- {choose: 2, of: ['above(mug, desk)', 'not above(mug, desk)']}"),
            20,
            "above(mug, desk) and not above(mug, desk) never hold at once",
        ),
        (("inside(pill_*, mug)", "inside(pill_*, mug)\n    - not inside(pill_1, mug)"), 20, "never hold at once"),
        (("summary: a pill into the mug", "colour: red"), 2, "unknown key 'colour'; known: schema_version, name, summary"),
        (("summary: a pill into the mug", "sumary: a pill"), 2, "known: schema_version, name, summary, skills"),
        (("summary: a pill into the mug", "sumary: a pill"), 2, "Did you mean 'summary'?"),
        (("category: cup", "categry: cup"), 12, "unknown key 'categry'; known: name, category, size"),
        (("top: 0.5}", "tops: 0.5, top: 0.5}"), 10, "unknown key 'tops'; known: x, y, top, yaw. Did you mean 'top'?"),
        (("on: desk", "on: desk\n    yow: 1"), 15, "unknown key 'yow'; known: name, category, size, at, on, inside, against"),
        (("- - inside(pill_*, mug)", "- {choose: 1, off: [a], of: ['inside(pill_*, mug)']}"), 20, "unknown key 'off'"),
        (("x: 0.03", "x: 30mm"), 17, "write a number or [low, high], in metres and radians, without a unit, got '30mm'"),
        (("summary: a pill into the mug", "skills: [juggle]"), 2, "unknown skill 'juggle'"),
        (("summary: a pill into the mug", "name: again"), 2, "stands here twice"),
        (("    on: desk", "    on: desk\n   x: 1"), 15, "not YAML"),
        (("stages:\n  - - inside(pill_*, mug)\n", "stages: []\n"), 19, "at least 1 item"),
        (("name: mine", "schema_version: 2\nname: mine"), 1, "Input should be 1, got 2"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_value(write, change: tuple[str, str], line: int, said: str) -> None:
    path = write(change)
    with pytest.raises(TaskError) as caught:
        task(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, line {line}: ") and said in message and "\n" not in message


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "not a task file"), (b"- a\n- b\n", "not a task file"), (b"\xff\xfe\x00", "UTF-8"), (b"a: &x [1]\nb: *x\n", "alias")],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(TaskError, match=said):
        task(str(path))


def test_files_that_are_not_there_and_scenes_without_room_are_refused(write) -> None:
    with pytest.raises(TaskError, match="No such file"):
        task("nowhere/none.yaml")
    crowded = task(write(("{x: 0.5, y: 0.6, z: 0.04}", "{x: 0.12, y: 0.12, z: 0.04}")))
    with pytest.raises(TaskError, match=r"mine\.yaml: no layout found in 50 tries: no free place for pill_1 on desk"):
        crowded.trial(2, 0)


def test_yes_and_no_are_words_in_a_task_file(write) -> None:
    assert task(
        write(("name: pill\n", "name: no\n"), ("{pill: 1}", "{no: 1}"), ("{pill: 2}", "{no: 2}"), ("pill_*", "no_*"))
    ).name


def test_one_of_two_that_exclude_each_other_may_be_drawn(write) -> None:
    path = write(("- - inside(pill_*, mug)", "- {choose: 1, of: ['above(mug, desk)', 'not above(mug, desk)']}"))
    assert len(task(path).trial(2, 0).goal.atoms) == 1


def test_a_file_may_use_the_scenes_of_another_task(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    text = (LIBRARY / "short.yaml").read_text()
    path.write_text(text.replace("name: short", "name: other", 1))
    assert np.array_equal(task(str(path)).trial(2, 5).scene.poses, task("short").trial(2, 5).scene.poses)
    path.write_text(text.replace("objects: 5}", "objects: 4}"))
    with pytest.raises(TaskError, match=r"line 11: scene_of task: hierarchical-tabletop is defined for 3, 5, 7 objects, not 4"):
        task(str(path))
