"""`fail2progress perceive` on recordings of simulated frames."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from support import recordings, sliding_bar
from support.recordings import Rig

Run = Callable[..., Any]


def test_a_recording(run: Run, tmp_path: Path) -> None:
    frames = recordings.simulated(1) * 3
    bag = recordings.write(tmp_path / "bag", Rig().say(frames))
    result = run("perceive", bag, "--every", 2, "--picture", tmp_path / "pictures", "--json")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["frames"]
    assert len(rows) == 2 and all(row["segments"] and row["relations"] for row in rows)
    assert json.loads(result.stdout)["passed_over"] == [] and "passed over" not in result.stderr
    assert sorted(path.stem for path in (tmp_path / "pictures").iterdir()) == sorted(row["name"] for row in rows)
    assert "the camera's place is worked out from the table" in result.stderr and "nothing to judge" not in result.stderr
    beside = [replace(frame, depth=np.roll(frame.depth, 24, axis=1)) for frame in frames]
    result = run("perceive", recordings.write(tmp_path / "beside", Rig().say(beside)), "--slop", 0.1, "--segmenter", "geometric")
    assert result.exit_code == 0 and "did not lie on its colours and was moved 24 pixels to the left" in result.stderr
    cut = recordings.write(tmp_path / "cut", (said for said in Rig().say(frames) if "depth" not in said[0]))
    result = run("perceive", cut)
    assert result.exit_code == 2 and "Traceback" not in result.stderr
    assert "nothing to look at: no whole camera (no camera/aligned_depth_to_color/image_raw)" in result.stderr


def test_frames_of_one_millisecond_have_names_of_their_own(run: Run, tmp_path: Path) -> None:
    bag = recordings.write(tmp_path / "bag", Rig(period=100_000).say(recordings.simulated(1) * 3))
    result = run("perceive", bag, "--segmenter", "geometric", "--picture", tmp_path / "pictures", "--json")
    assert result.exit_code == 0, result.stderr
    names = [row["name"] for row in json.loads(result.stdout)["frames"]]
    assert len(names) == 3 and names[1:] == [f"{names[0]}-2", f"{names[0]}-3"]
    assert sorted(path.stem for path in (tmp_path / "pictures").iterdir()) == names


def test_what_a_recording_has_no_frame_of_is_told_and_counted(run: Run, tmp_path: Path) -> None:
    said = list(Rig().say(recordings.simulated(1) * 3))
    colours = [item for item in said if item[0] == recordings.REALSENSE[0]]
    colours[0][3].encoding = "mono64"
    bag = recordings.write(tmp_path / "bag", [item for item in said if item is not colours[1]])
    for form in ((), ("--json",)):
        result = run("perceive", bag, "--segmenter", "geometric", *form)
        notes = [line for line in result.stderr.splitlines() if "passed over" in line]
        assert result.exit_code == 0 and len(notes) == 2
        assert notes[0] == "note: passed over: 2 of depth, no colour image within 0.02 s of it"
        assert notes[1].startswith("note: passed over: 1 of colour, cannot be read: ") and "mono64" in notes[1]
    told = json.loads(result.stdout)
    assert len(told["frames"]) == 1 and [(one["what"], one["count"]) for one in told["passed_over"]] == [
        ("depth", 2),
        ("colour", 1),
    ]


def test_one_of_the_cameras_of_a_recording_is_chosen(run: Run, refuses: Run, tmp_path: Path) -> None:
    front, wrist = (Rig(tuple(f"/{name}{topic}" for topic in recordings.REALSENSE)) for name in ("robot/front", "robot/wrist"))
    (frame,) = recordings.simulated(1)
    bag = recordings.write(tmp_path / "bag", [*front.say([frame] * 2), *wrist.say([frame])])
    assert "say which: --camera front or --camera wrist" in refuses("perceive", bag)
    for name, count in (("front", 2), ("wrist", 1)):
        result = run("perceive", bag, "--camera", name, "--json")
        assert result.exit_code == 0 and len(json.loads(result.stdout)["frames"]) == count
    assert "front, robot, wrist" in refuses("perceive", bag, "--camera", "left")
    (tmp_path / "camera.json").write_text("{}")
    assert "camera.json: a recording holds" in refuses("perceive", bag, "--camera", tmp_path / "camera.json")


def test_a_recording_has_the_joints_of_the_arm_that_is_left_out(run: Run, tmp_path: Path) -> None:
    bag = recordings.write(
        tmp_path / "bag", [*Rig().say([sliding_bar.photograph(0.2)] * 2), recordings.joints(recordings.BEGIN, slide=0.2)]
    )
    counts = []
    for options in ((), ("--urdf", sliding_bar.urdf(tmp_path))):
        result = run("perceive", bag, "--segmenter", "geometric", "--json", *options)
        assert result.exit_code == 0, result.stderr
        counts.append([len(row["segments"]) for row in json.loads(result.stdout)["frames"]])
    assert min(counts[0]) > 1 and counts[1] == [1, 1]
