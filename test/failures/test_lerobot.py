import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fail2progress.core.images import from_png, png
from fail2progress.core.observation import POINTS
from fail2progress.core.relations import BINARY
from fail2progress.failures.event import FailureEvent, from_bytes
from fail2progress.failures.lerobot import CAMERA, LeRobotError, to_lerobot
from fail2progress.skills.registry import SKILLS
from support.events import make_event
from support.failures import event

SEEN = {name: png(np.full((6, 8, 3), value, np.uint8)) for name, value in (("before", 40), ("after", 200))}
DATA = "data/chunk-000/file-000.parquet"


def with_images(one: FailureEvent, **images: bytes) -> FailureEvent:
    return one.model_copy(update={"images": images})


def read(folder: Path) -> tuple[dict, pd.DataFrame]:
    return json.loads((folder / "meta" / "info.json").read_text()), pd.read_parquet(folder / DATA)


def test_failures_are_episodes_of_two_frames_with_what_was_seen_and_done(tmp_path: Path) -> None:
    stack, nested = event("stack"), event("nested")
    to_lerobot(tmp_path, [(stack, None), (nested, None)])
    info, frames = read(tmp_path)
    assert (info["codebase_version"], info["total_episodes"], info["total_frames"]) == ("v3.0", 2, 4)
    assert frames["episode_index"].tolist() == [0, 0, 1, 1] and frames["frame_index"].tolist() == [0, 1, 0, 1]
    sizes = {name: int(np.prod(feature["shape"])) for name, feature in info["features"].items()}
    assert all(np.size(frames[name][0]) == size for name, size in sizes.items()) and set(frames.columns) == set(sizes)
    objects = max(len(one.before) for one in (stack, nested))
    points = np.stack(frames["observation.points"]).reshape(4, objects, POINTS, 3)
    np.testing.assert_array_equal(points[1, : len(stack.after)], stack.after.points)
    told = np.asarray(frames["expected.relations"][1])[: objects * objects * len(BINARY)].reshape(objects, objects, -1)
    n = len(stack.before)
    np.testing.assert_allclose(told[:n, :n], stack.expected.binary, rtol=1e-6)
    assert not told[n:].any()
    call, action = nested.header.call.call(), frames["action"][2]
    assert action[list(SKILLS).index(call.skill)] == 1.0 and not np.any(frames["action"][1])
    np.testing.assert_allclose(action[len(SKILLS) :], call.padded, rtol=1e-6)


def test_failures_with_other_numbers_of_points_are_padded_with_zeros(tmp_path: Path) -> None:
    few, more = make_event(points=16), make_event(seed=1, points=40)
    to_lerobot(tmp_path, [(few, None), (more, None)])
    info, frames = read(tmp_path)
    assert info["features"]["observation.points"]["shape"] == [3 * 40 * 3]
    points = np.stack(frames["observation.points"]).reshape(4, 3, 40, 3)
    np.testing.assert_array_equal(points[0, :2, :16], few.before.points[:2])
    np.testing.assert_array_equal(points[3, :2], more.after.points[:2])
    assert not points[:2, :, 16:].any() and not points[:, 2].any()


def test_the_tables_beside_the_frames_say_where_everything_lies(tmp_path: Path) -> None:
    kinds = ("stack", "row", "stack")
    to_lerobot(tmp_path, [(event(kind), None) for kind in kinds])
    info, frames = read(tmp_path)
    episodes = pd.read_parquet(tmp_path / "meta/episodes/chunk-000/file-000.parquet")
    tasks = pd.read_parquet(tmp_path / "meta/tasks.parquet")
    assert list(zip(episodes["dataset_from_index"], episodes["dataset_to_index"], strict=True)) == [(0, 2), (2, 4), (4, 6)]
    assert info["total_tasks"] == len(tasks) and list(tasks["task_index"]) == list(range(len(tasks)))
    assert [tasks.index[k] for k in frames["task_index"][::2]] == [one[0] for one in episodes["tasks"]]
    stats = json.loads((tmp_path / "meta/stats.json").read_text())
    state = np.stack(frames["observation.state"])
    assert set(stats) == set(info["features"])
    np.testing.assert_allclose(stats["observation.state"]["mean"], state.mean(axis=0), atol=1e-6)
    lines = (tmp_path / "meta/failures.jsonl").read_text().splitlines()
    assert [json.loads(line)["failure"]["id"] for line in lines] == [event(kind).id for kind in kinds]


def test_images_are_taken_along_where_all_have_them_and_a_gap_says_where_not(tmp_path: Path) -> None:
    some = [(with_images(event("stack"), **SEEN), None), (event("row"), None)]
    to_lerobot(tmp_path / "some", some)
    assert CAMERA not in read(tmp_path / "some")[0]["features"]
    gaps = json.loads((tmp_path / "some" / "meta" / "pipeline_gaps.json").read_text())
    assert any("images were left out" in gap["what"] for gap in gaps)
    to_lerobot(tmp_path / "all", some[:1])
    info, frames = read(tmp_path / "all")
    assert info["features"][CAMERA]["shape"] == [6, 8, 3]
    assert [int(from_png(cell["bytes"]).mean()) for cell in frames[CAMERA]] == [40, 200]
    stats = json.loads((tmp_path / "all" / "meta/stats.json").read_text())[CAMERA]
    assert np.shape(stats["max"]) == (3, 1, 1) and np.max(stats["max"]) == pytest.approx(200 / 255)


def of_robot(kind: str, robot: str) -> FailureEvent:
    one = event(kind)
    return one.model_copy(update={"header": one.header.model_copy(update={"robot": robot})})


@pytest.mark.parametrize(
    ("robots", "told", "gap"),
    [
        (("floating_hand", "floating_hand"), "floating_hand", None),
        (("", ""), "unknown", "unknown 2"),
        (("stretch_re2", "floating_hand"), "unknown", "floating_hand 1, stretch_re2 1"),
        (("stretch_re2", ""), "unknown", "stretch_re2 1, unknown 1"),
    ],
)
def test_the_robot_is_the_one_that_failed_and_a_gap_says_where_none_is_known(
    robots: tuple[str, str], told: str, gap: str | None, tmp_path: Path
) -> None:
    to_lerobot(tmp_path, [(of_robot(kind, robot), None) for kind, robot in zip(("stack", "row"), robots, strict=True)])
    assert read(tmp_path)[0]["robot_type"] == told
    gaps = json.loads((tmp_path / "meta" / "pipeline_gaps.json").read_text())
    said = [one["evidence"] for one in gaps if one["where"] == "failures.lerobot.robot"]
    assert said == ([f"failures by robot: {gap}"] if gap else [])


def test_images_outlive_the_store_and_an_event_without_them_is_as_before() -> None:
    one = with_images(event("stack"), **SEEN)
    again = from_bytes(one.header, one.to_bytes())
    assert again.images == SEEN and from_bytes(one.header, event("stack").to_bytes()).images == {}


def test_what_is_never_seen_is_zero_and_no_failures_are_refused(tmp_path: Path) -> None:
    one = event("stack")
    points = one.before.points.copy()
    points[2] = np.nan
    blind = one.model_copy(update={"before": replace(one.before, points=points)})
    to_lerobot(tmp_path, [(blind, None)])
    state = np.asarray(read(tmp_path)[1]["observation.state"][0]).reshape(-1, 4)
    assert not state[2].any() and np.isfinite(state).all()
    with pytest.raises(LeRobotError, match="no failures to write"):
        to_lerobot(tmp_path, [])
