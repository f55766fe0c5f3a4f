import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from PIL import Image

from fail2progress.core.camera import Camera
from fail2progress.core.images import png
from fail2progress.core.observation import SegmentedCloud
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore
from fail2progress.simulation.base import Job
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.reconstruction import rebuild


def test_check_measures_every_asset_and_notes_gaps(run, store: Path, event: FailureEvent) -> None:
    checked = run("assets", "check", event.id[:6], "--store", store, "--json")
    readings = json.loads(checked.stdout)["readings"]
    assert {reading["asset"] for reading in readings} == set(event.header.names)
    assert checked.exit_code == int(any(reading["fails"] for reading in readings))
    listed = json.loads(run("gaps", "ls", "--file", store.with_name("pipeline_gaps.json"), "--json").stdout)
    assert any("hidden" in gap["what"] for gap in listed)
    shown = run("gaps", "show", listed[0]["id"][:8], "--file", store.with_name("pipeline_gaps.json"))
    assert listed[0]["what"] in shown.stdout
    none = run("gaps", "ls", "--file", store.with_name("pipeline_gaps.json"), "--kind", "missing_api")
    assert (none.stdout, none.stderr) == ("", "no gaps of kind missing_api\n")


def test_check_measures_what_the_classifier_measured(run, store: Path, event: FailureEvent) -> None:
    """A robot's camera stands 20 cm beside where the simulated one does, which the event does not say: the assets fit."""
    camera = Camera(eye=(Camera().eye[0], 0.2, Camera().eye[2]))
    scene = rebuild(event.before, event.relations_before).scene
    outcome = MujocoSimulator().execute(Job(scene, event.header.call.call(), camera, seed=1))
    header = event.header.model_copy(update={"id": "3" * 8 + event.id[8:]})
    clouds = {"before": outcome.before.cloud, "after": outcome.after.cloud}
    aside = event.model_copy(update={"header": header, **clouds})
    kept = FailureStore(store)
    kept.add(aside)
    report = Classifier(MujocoSimulator(), Camera()).classify(aside)
    readings = json.loads(run("assets", "check", aside.id, "--store", store, "--json").stdout)["readings"]
    measured = {reading["asset"]: reading["value"] for reading in readings if reading["signal"] == "geometry_mismatch_mm"}
    assert measured == {row.asset: row.geometry_mismatch_mm for row in report.initial_signals}
    assert not any(reading["fails"] for reading in readings)


def test_refine_writes_the_picture_and_the_history(run, store: Path, event: FailureEvent, tmp_path: Path) -> None:
    picture = tmp_path / "made" / "refined.png"
    found = json.loads(run("assets", "refine", event.id, "--store", store, "--picture", picture, "--json").stdout)
    assert found["passed"] and {row["asset"] for row in found["final_signals"]} == set(event.header.names)
    with Image.open(picture) as image:
        assert image.size[0] > 1000


def test_an_exported_folder_holds_everything_and_a_schema(run, store: Path, event: FailureEvent, tmp_path: Path) -> None:
    folder = tmp_path / "failure"
    assert run("failures", "export", event.id, "--store", store, "--out", folder).exit_code == 0
    header = json.loads((folder / "failure.json").read_text())
    assert header["id"] == event.id and header["frame"] == "planning"
    schema = json.loads((folder / "failure.schema.json").read_text())
    assert set(schema["required"]) <= set(header)
    np.testing.assert_array_equal(np.load(folder / "clouds" / "before.npy", allow_pickle=False), event.before.points)
    relations = json.loads((folder / "relations" / "observed.json").read_text())
    np.testing.assert_allclose(relations["binary"], event.observed.binary)
    assert json.loads((folder / "pipeline_gaps.json").read_text())[0]["run_id"] == event.id
    assert set(json.loads((folder / "MANIFEST.json").read_text())) == {
        str(path.relative_to(folder)) for path in folder.rglob("*.*") if path.name != "MANIFEST.json"
    }


def test_an_mcap_is_read_back(run, store: Path, event: FailureEvent, tmp_path: Path) -> None:
    out = tmp_path / "failure.mcap"
    assert run("failures", "export", event.id, "--store", store, "--out", out).exit_code == 0
    with out.open("rb") as file:
        messages = {channel.topic: json.loads(message.data) for _, channel, message in make_reader(file).iter_messages()}
    assert messages["/failure"]["id"] == event.id
    np.testing.assert_allclose(messages["/failure/clouds/before"]["points_m"][0], event.before.points[0], rtol=1e-6)
    assert set(messages["/failure/relations/expected"]["names"]) == set(event.header.names)
    # What was assumed when its scene was rebuilt goes with every form of it.
    assert run("failures", "export", event.id, "--store", store, "--out", tmp_path / "failure.npz").exit_code == 0
    with np.load(tmp_path / "failure.npz", allow_pickle=False) as arrays:
        gaps = json.loads(str(arrays["pipeline_gaps"]))
    assert [gap["run_id"] for gap in gaps] == [event.id] * len(gaps) and any("hidden" in gap["what"] for gap in gaps)
    assert [gap["what"] for gap in messages["/failure/pipeline_gaps"]["gaps"]] == [gap["what"] for gap in gaps]


def test_images_are_exported_in_every_form(run, store: Path, event: FailureEvent, tmp_path: Path) -> None:
    seen = {name: png(np.full((4, 5, 3), value, np.uint8)) for name, value in (("before", 9), ("after", 99))}
    header = event.header.model_copy(update={"id": "2" * 8 + event.id[8:]})
    one = event.model_copy(update={"header": header, "images": seen})
    FailureStore(store).add(one)
    for name in ("folder", "failure.npz", "failure.mcap", "dataset"):
        words = ("--lerobot",) if name == "dataset" else ()
        assert run("failures", "export", one.id, "--store", store, "--out", tmp_path / name, *words).exit_code == 0
    assert (tmp_path / "folder/images/before.png").read_bytes() == seen["before"]
    with np.load(tmp_path / "failure.npz", allow_pickle=False) as arrays:
        assert arrays["image_after"].tobytes() == seen["after"]
    with (tmp_path / "failure.mcap").open("rb") as file:
        messages = {channel.topic: json.loads(message.data) for _, channel, message in make_reader(file).iter_messages()}
    assert base64.b64decode(messages["/failure/images/after"]["data"]) == seen["after"]
    assert "observation.images.camera" in json.loads((tmp_path / "dataset/meta/info.json").read_text())["features"]


def test_all_failures_become_one_dataset(run, refuses, store: Path, tmp_path: Path) -> None:
    made = run("failures", "export", "--lerobot", "--store", store, "--out", tmp_path / "all")
    assert made.exit_code == 0 and "1 episodes" in made.stderr
    assert "something already" in refuses("failures", "export", "--lerobot", "--store", store, "--out", tmp_path / "all")
    assert "a folder is written" in refuses("failures", "export", "--lerobot", "--store", store, "--out", tmp_path / "a.npz")
    empty = FailureStore(tmp_path / "empty.sqlite").path
    assert "no failures to write" in refuses("failures", "export", "--lerobot", "--store", empty, "--out", tmp_path / "none")


@pytest.fixture
def blind(store: Path, event: FailureEvent) -> str:
    """A failure without clouds."""
    other = "0" * 8 + event.id[8:]
    nothing = replace(event.before, points=np.full_like(event.before.points, np.nan))
    header = event.header.model_copy(update={"id": other})
    FailureStore(store).add(event.model_copy(update={"header": header, "before": nothing, "after": nothing}))
    return other


def test_a_failure_without_clouds_is_said_in_one_line_and_still_exported(
    run, refuses, store: Path, blind: str, tmp_path: Path
) -> None:
    for command in ("check", "refine"):
        assert "no segment has points" in refuses("assets", command, blind, "--store", store)
    assert run("failures", "export", blind, "--store", store, "--out", tmp_path / "blind").exit_code == 0
    (gap,) = json.loads((tmp_path / "blind" / "pipeline_gaps.json").read_text())
    assert gap["kind"] == "unsupported_input" and gap["severity"] == 3


def test_an_asset_without_size_is_said_in_one_line_and_nothing_is_lost(
    run, refuses, store: Path, event: FailureEvent, tmp_path: Path
) -> None:
    """Its points lie all at one place, before the skill and after it; and an item that gives an object no size."""

    def flattened(cloud: SegmentedCloud) -> SegmentedCloud:
        points, row = cloud.points.copy(), cloud.index("capsule_1")
        points[row] = points[row, :1]
        return replace(cloud, points=points)

    header = event.header.model_copy(update={"id": "1" * 8 + event.id[8:]})
    flat = event.model_copy(update={"header": header, "before": flattened(event.before), "after": flattened(event.after)})
    FailureStore(store).add(flat)
    checked = run("assets", "check", flat.id, "--store", store, "--json")
    assert "not rebuilt: 'capsule_1' has no size: all its points lie within 1 mm" in checked.stderr
    assert "capsule_1" not in {reading["asset"] for reading in json.loads(checked.stdout)["readings"]}
    assert run("failures", "export", flat.id, "--store", store, "--out", tmp_path / "flat").exit_code == 0
    gaps = json.loads((tmp_path / "flat" / "pipeline_gaps.json").read_text())
    assert any("has no size" in gap["evidence"] for gap in gaps)
    item = {"id": "a", "scene": {"objects": [{"name": "cup", "category": "cup", "size_m": [0.08, 0.08, 0.0],
            "pose": [0.6, 0, 0.5, 1, 0, 0, 0], "inside_of": None}], "openings_m": {}},
            "call": {"skill": "push", "object": "cup", "parameters": [0, 0.1], "target": None},
            "camera": {"eye": [0, 0, 1], "target": [0.6, 0, 0.5]}, "seed": 1}  # fmt: skip
    (tmp_path / "items.jsonl").write_text(json.dumps(item) + "\n")
    assert "size" in refuses("learn", "--item", tmp_path / "items.jsonl", "--store", tmp_path / "new.sqlite")


def test_mistakes(refuses, store: Path, event: FailureEvent, tmp_path: Path) -> None:
    assert "no failure store" in refuses("assets", "check", "ab", "--store", tmp_path / "none.sqlite")
    assert ".png" in refuses("assets", "refine", event.id, "--store", store, "--picture", tmp_path / "x.jpg")
    other = tmp_path / "gaps.json"
    other.write_text('[{"schema_version": 7}]')
    assert "schema 7" in refuses("gaps", "ls", "--file", other) and other.read_text() == '[{"schema_version": 7}]'
    assert "unknown kind 'gap'; known: missing_api" in refuses("gaps", "ls", "--file", other, "--kind", "gap")
    assert "no gaps here" in refuses("gaps", "ls", "--file", tmp_path / "none.json")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").write_text("kept")
    assert "something already" in refuses("failures", "export", event.id, "--store", store, "--out", tmp_path / "full")
