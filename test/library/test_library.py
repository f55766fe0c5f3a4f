"""The public functions: lazy, with defaults, agreeing with the parts below them, and with mistakes told by value."""

import inspect
import json
import runpy
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fail2progress as f2p
from fail2progress.agent.loop import AgentConfig
from fail2progress.core.camera import Camera
from fail2progress.core.scene import Scene
from fail2progress.failures.corrections import FILE, Corrector
from fail2progress.failures.edits import Execution
from fail2progress.failures.report import FailureSignal
from fail2progress.library.models import model_and_digest
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint, save_checkpoint
from fail2progress.simulation.base import Simulator
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import photograph

MUG: dict[str, object] = {"name": "mug", "category": "cup", "size": (0.09, 0.09, 0.08)}
PILL: dict[str, object] = {"name": "pill", "category": "capsule", "size": (0.03, 0.03, 0.03)}
BRICK: dict[str, object] = {"name": "brick", "category": "cuboid", "size": (0.05, 0.05, 0.05)}


@pytest.fixture(scope="module")
def start() -> Scene:
    return f2p.scene([{**MUG, "margin": 0.08}, {**PILL, "inside": "mug"}], seed=3)


def test_importing_it_imports_nothing_heavy() -> None:
    heavy = "[name for name in ('torch', 'mujoco', 'numpy', 'scipy') if name in sys.modules]"
    program = f"import sys, fail2progress; print({heavy}, 'plan' in dir(fail2progress))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


def test_every_public_name_is_there_and_others_are_not() -> None:
    assert all(callable(getattr(f2p, name)) for name in f2p.__all__)
    with pytest.raises(AttributeError, match="no attribute 'plann'"):
        getattr(f2p, "plann")  # noqa: B009


def test_a_scene_stands_where_nothing_is_said(start: Scene) -> None:
    assert start.names == ("table_a", "table_b", "mug", "pill")
    state = f2p.detect(start)
    assert state.value("above", "mug", "table_a") > 0.5 and state.value("inside", "pill", "mug") > 0.5
    assert state.value("above", "mug", "table_b") < 0.5
    again = f2p.scene([{**MUG, "margin": 0.08}, {**PILL, "inside": "mug"}], seed=3)
    np.testing.assert_array_equal(again.poses, start.poses)


def test_tables_of_ones_own_are_taken() -> None:
    desk = {"name": "desk", "category": "table", "size": (0.4, 0.4, 0.03), "at": (0.6, 0.0, 0.7)}
    own = f2p.scene([PILL, desk])
    assert own.names == ("desk", "pill")
    assert own.bounds()[0, 1, 2] == pytest.approx(0.7) and own.bounds()[1, 0, 2] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ([{**MUG, "category": "mugg"}], "object mug: .*unknown object category 'mugg'"),
        ([{**MUG, "on": "desk"}], "'desk' is not there yet"),
        ([MUG, MUG], "mug stands here twice"),
        ([{**MUG, "size": (0.9, 0.9, 0.08)}], "mug is larger than table_a"),
        ([{"category": "cup", "size": (0.09, 0.09, 0.08)}], "object number 3: .*name: Field required"),
        ([{**MUG, "colour": "red"}], "object mug: colour: no such key"),
        ([{**MUG, "size": (0.09, -0.09, 0.08)}], r"object mug: size\.y: an extent must be above 0 m, got -0\.09"),
        ([{**MUG, "size": (0.09, 0.09)}], r"object mug: size: needs three numbers, .*got \(0\.09, 0\.09\)"),
        ([{**MUG, "size": (0.09, 0.09, "9 cm")}], r"object mug: size\.z: write a number or \[low, .*, got '9 cm'"),
        ([{**MUG, "at": (0.6, 0.0, 1.5)}], r"mug: at x 0\.6 m, y 0 m with its top at 1\.5 m there is nothing that it stands on"),
        ([{**MUG, "at": (50, 0.0, 0.08)}], "nothing that it stands on"),
        ([{**MUG, "at": (0.6, 0.68, 0.58)}], "nothing that it stands on"),
        ([{**MUG, "at": (0.6, 0.4, 0.58)}, {**PILL, "at": (0.6, 0.4, 0.58)}], "pill: .* nothing that it stands on"),
        ([{**MUG, "at": (0.6, 0.4, 0.58)}, {**PILL, "at": (0.64, 0.4, 0.53)}], "mug: .* it stands in pill"),
        ([{**BRICK, "at": (0.6, 0.4, 0.55)}, {**MUG, "at": (0.63, 0.4, 0.58)}], "it stands in mug"),
        (MUG, "objects must be a list of mappings, got {'name': 'mug'"),
        (["mug"], "an object must be a mapping .*, got 'mug'"),
    ],
)
def test_what_is_wrong_with_a_scene_is_said(objects: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        f2p.scene(objects)


def test_things_stand_at_places_that_are_said() -> None:
    at = {"x": 0.6, "y": 0.4, "top": 0.58}
    inside = f2p.scene([{**MUG, "at": at}, {**PILL, "at": (0.6, 0.4, 0.545)}])
    assert f2p.detect(inside).value("inside", "pill", "mug") > 0.5
    stacked = f2p.scene([{**BRICK, "at": (0.6, 0.4, 0.55)}, {**MUG, "at": (0.61, 0.4, 0.63)}, {**PILL, "on": "table_a"}])
    assert f2p.detect(stacked).value("above", "mug", "brick") > 0.5
    bridge = [{**BRICK, "name": f"pillar_{k}", "at": (0.6, 0.35 + 0.1 * k, 0.55)} for k in range(2)]
    f2p.scene([*bridge, {**BRICK, "size": (0.05, 0.2, 0.02), "at": (0.6, 0.4, 0.57)}])
    f2p.scene([{**BRICK, "at": {"x": 0.6, "y": 0.4, "top": 0.55, "yaw": 0.7}}, {**PILL, "at": (0.6, 0.45, 0.53)}])


def test_objects_may_come_one_after_the_other() -> None:
    assert f2p.scene(thing for thing in [MUG]).names == f2p.scene({"mug": MUG}.values()).names == f2p.scene([MUG]).names


def test_a_pattern_that_stands_for_nothing_is_told() -> None:
    one = f2p.scene([{**MUG, "name": "mug_1"}])
    with pytest.raises(ValueError, match=r"left\(mug_\*, mug_\*\+1\): stands for nothing of what there is: .*mug_1"):
        f2p.task(one, "above(mug_1, table_a) and left(mug_*, mug_*+1)")


def test_tasks_by_name_and_of_ones_own(start: Scene) -> None:
    named = f2p.task("hierarchical-tabletop", objects=3, seed=7)
    assert (named.task, named.objects, named.seed) == ("hierarchical-tabletop", 3, 7)
    own = f2p.task(start, ["inside(pill, mug)", "above(mug, table_b)"])
    assert own.objects == 2 and [str(stage) for stage in own.stages] == ["inside(pill, mug)", "above(mug, table_b)"]
    assert str(f2p.task(objects=5, goal="above(cup_*, table_b)").goal) == "above(cup_1, table_b) and above(cup_2, table_b)"
    with pytest.raises(ValueError, match="needs a goal"):
        f2p.task(start)
    with pytest.raises(ValueError, match="'cup'"):
        f2p.task(start, "above(cup, table_b)")


def test_a_goal_that_no_skill_makes_true_is_warned_of(start: Scene) -> None:
    with pytest.warns(UserWarning, match="cup_1 is a cup, only drawers open") as told:
        f2p.task("hierarchical-tabletop", ["open(cup_1)"])
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="has an edge to stand at"):
        f2p.task(start, "boundary(mug, pill)")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f2p.task(start, "above(mug, table_b)")


def test_nothing_is_learnt_by_a_model_without_weights() -> None:
    examples = Path(__file__).resolve().parents[2] / "examples"
    own = runpy.run_path(str(examples / "own_model.py"))["BoxesMove"]()
    with pytest.raises(ValueError, match=r"^boxes-move has nothing to train"):
        f2p.learn(examples / "items.jsonl", own, patience=0, processes=1)


def test_a_skill_is_simulated(start: Scene, simulator: Simulator) -> None:
    call = f2p.SkillCall("pick_place", "mug", (0.0, -0.85, 0.02, 0.0), "table_b")
    outcome = f2p.simulate(start, call, seed=1, simulator=simulator)
    after = outcome.after.relations
    assert after.value("above", "mug", "table_b") and after.value("inside", "pill", "mug")
    assert f2p.picture(outcome).startswith(b"\x89PNG")


def test_a_run_carries_out_the_plan_that_plan_gives(simulator: Simulator) -> None:
    job = f2p.task(f2p.scene([PILL], seed=2), "above(pill, table_b)", seed=2)
    plan, done = f2p.plan(job, simulator=simulator), f2p.run(job, config=AgentConfig(replan=False), simulator=simulator)
    assert done.success and len(done.outcomes) == len(plan) == 1
    assert str(done.episode.plans[0].skills[0].call) == str(plan.skills[0].call)
    assert f2p.picture(done).startswith(b"\x89PNG")


def test_a_run_carries_skills_out_as_earlier_ones_corrected_them(simulator: Simulator, tmp_path: Path) -> None:
    job = f2p.task(f2p.scene([PILL], seed=2), "above(pill, table_b)", seed=2)
    aside = FailureSignal(
        name="placement_off", severity=1, parameter="pick_place.place_x", delta=0.05, low=-0.06, high=0.06, evidence="seen"
    )
    for _ in range(2):
        Corrector(tmp_path / FILE).executed([Execution("pick_place", (aside,))])
    plain, corrected = (f2p.run(job, None, AgentConfig(replan=False), simulator, file) for file in (None, tmp_path / FILE))
    pill = plain.scene.names.index("pill")
    assert corrected.scene.poses[pill, 0] - plain.scene.poses[pill, 0] == pytest.approx(0.05, abs=0.03)
    assert Corrector(tmp_path / FILE).read().corrections[0].status == "kept", "nothing failed"


def test_numbers_and_arrays_of_numpy_are_numbers() -> None:
    size, place = (0.0625, 0.0625, 0.125), (0.6, 0.4, 0.625)
    plain = f2p.scene([{"name": "mug", "category": "cup", "size": size, "at": place}], seed=4)
    for wide in (np.array(size, np.float32), tuple(map(np.float32, size)), [np.array(side) for side in size]):
        thing = {"name": np.str_("mug"), "category": "cup", "size": wide, "at": np.array(place)}
        found = f2p.scene([thing], seed=4)
        assert found.objects == plain.objects
        np.testing.assert_array_equal(found.poses, plain.poses)
    ranges = f2p.scene(
        [{"name": "mug", "category": "cup", "size": {"x": np.array([0.06, 0.07]), "y": np.float32(0.0625), "z": 0.1}}]
    )
    assert 0.06 <= ranges.sizes[-1][0] <= 0.07 and ranges.sizes[-1][1] == 0.0625
    with pytest.raises(ValueError, match=r"size: needs three numbers.*got \[0.1, 0.1\]"):
        f2p.scene([{"name": "mug", "category": "cup", "size": np.array([0.1, 0.1])}])


def test_a_model_is_taken_in_any_form(tmp_path: Path) -> None:
    path = weights.path(weights.RELATIONAL)
    kept = load_checkpoint(path)
    digest = save_checkpoint(kept.model, tmp_path / "again.safetensors", {})
    assert {model_and_digest(form)[1] for form in (None, path, str(path), kept)} == {kept.digest}
    assert model_and_digest(kept.model)[1] == digest


@pytest.mark.parametrize("name", ["scene", "task", "simulate", "detect", "plan", "run", "evaluate", "picture"])
def test_the_example_of_a_docstring_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = inspect.getdoc(getattr(f2p, name)) or ""
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    assert len(lines) == 2 and f"{name}(" in "".join(lines)
    exec("\n".join(lines), {"Path": Path, **{each: getattr(f2p, each) for each in f2p.__all__}})


def test_what_was_undone_in_a_frame_of_files_comes_with_what_was_found_in_it(tmp_path: Path) -> None:
    seen = f2p.task("hierarchical-tabletop", objects=3).scene
    frame = photograph(compile_scene(seen), seen, Camera())
    k = frame.intrinsics
    files = [tmp_path / name for name in ("color.png", "depth.png", "camera.json")]
    Image.fromarray(frame.colour).save(files[0])
    Image.fromarray(np.round(frame.depth * 1000).astype(np.uint16)).save(files[1])
    pinhole = {"width": k.width, "height": k.height, "fx": k.fx, "fy": k.fy, "cx": k.cx, "cy": k.cy}
    files[2].write_text(json.dumps({**pinhole, "distortion_model": "plumb_bob", "d": [0.01, 0.0, 0.0, 0.0]}))
    found = f2p.perceive(*files)
    assert found.notes == ("camera.json: the lens's distortion is undone (plumb_bob, 4 coefficients)",)
    assert found.segments and found.way_up is not None and found.way_up.side == "top"
    assert f2p.perceive(replace(frame, labels=None)).notes == ()


def test_files_that_are_not_named_are_asked_for() -> None:
    with pytest.raises(ValueError, match="comes without its camera"):
        f2p.perceive("color.png", "depth.png")


def test_nothing_to_learn_and_nothing_to_evaluate() -> None:
    with pytest.raises(ValueError, match="no failure to learn from"):
        f2p.learn([], processes=1)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        f2p.evaluate(trials=0)
    with pytest.raises(ValueError, match="not 4000"):
        f2p.evaluate(objects=4000, trials=1)
