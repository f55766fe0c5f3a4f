"""`fail2progress perceive` on files of a simulated table."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.perception.relations.registry import DETECTORS
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import DepthNoise, photograph
from support import box_detector, sliding_bar
from support.plugins import install_plugin

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    folder = tmp_path_factory.mktemp("frame")
    things = (
        (ObjectSpec("table", "table", (0.7, 0.9, 0.04)), pose(0.65, 0.0, 0.48)),
        (ObjectSpec("box", "cuboid", (0.08, 0.12, 0.15)), pose(0.75, 0.2, 0.575)),
        (ObjectSpec("cup", "cup", (0.10, 0.10, 0.09)), pose(0.6, -0.05, 0.545)),
        (ObjectSpec("capsule", "capsule", (0.035, 0.035, 0.08)), pose(0.6, -0.05, 0.545)),
    )
    scene = Scene(tuple(spec for spec, _ in things), np.array([at for _, at in things]))
    camera = Camera((-0.1, 0.1, 1.15), (0.65, 0.0, 0.5), focal=612.0)
    frame = photograph(compile_scene(scene), scene, camera, DepthNoise(0.002, 0.01), np.random.default_rng(0))
    colour, depth, intrinsics = folder / "color.png", folder / "depth.png", folder / "camera.json"
    Image.fromarray(frame.colour).save(colour)
    Image.fromarray(np.round(frame.depth * 1000).astype(np.uint16)).save(depth)
    k = frame.intrinsics
    intrinsics.write_text(json.dumps({"width": k.width, "height": k.height, "fx": k.fx, "fy": k.fy, "cx": k.cx, "cy": k.cy}))
    return colour, depth, intrinsics


def test_json_and_picture(run: Run, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    picture = tmp_path / "out.png"
    page = tmp_path / "out.html"
    result = run("perceive", *files[:2], "--camera", files[2], "--json", "--picture", picture, "--page", page)
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert {"planes", "segments", "relations", "seconds"} <= set(report)
    assert len(report["planes"]) == 1 and len(report["segments"]) == 3
    assert report["up"]["side"] == "top" and report["up"]["by"] == "the planes in view" and report["notes"] == []
    keys = {"id", "box_xyxy_px", "points", "shape", "colour", "size_m", "pose", "visibility", "cavity_m", "whole"}
    assert all(set(part) == keys and len(part["pose"]) == 7 for part in report["segments"])
    wholes = [part["whole"] for part in report["segments"]]
    assert all(len(whole["size_m"]) == 3 and len(whole["pose"]) == 7 and min(whole["deviation_m"]) > 0 for whole in wholes)
    hollow = {part["id"] for part in report["segments"] if part["cavity_m"] > 0}
    assert {b for name, _, b, _ in report["relations"] if name == "inside"} == hollow
    assert sum(name == "inside" for name, *_ in report["relations"]) == 1
    assert sum(name == "on" for name, *_ in report["relations"]) == 2
    assert all(0.5 <= odds <= 1.0 for *_, odds in report["relations"])
    assert report["seconds"]["total"] >= sum(v for k, v in report["seconds"].items() if k != "total") - 0.01
    assert f"picture: {picture}\npage: {page}\n" in result.stderr
    assert Image.open(picture).size == (640, 480)
    assert all(segment["id"] in page.read_text() for segment in json.loads(result.stdout)["segments"])


def test_a_camera_on_its_side_is_said_or_noticed(run: Run, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    turned = []
    for path in files[:2]:
        turned.append(tmp_path / path.name)
        Image.open(path).transpose(Image.Transpose.ROTATE_90).save(turned[-1])
    k = json.loads(files[2].read_text())
    sides = {"width": k["height"], "height": k["width"], "cx": k["cy"], "cy": k["width"] - 1 - k["cx"]}
    camera = tmp_path / "camera.json"
    camera.write_text(json.dumps({**k, **sides}))
    for options, by in (((), "the planes in view"), (("--up", "left"), "given")):
        result = run("perceive", *turned, "--camera", camera, "--json", *options)
        assert result.exit_code == 0, result.stderr
        report = json.loads(result.stdout)
        assert (report["up"]["side"], report["up"]["by"]) == ("left", by) and len(report["segments"]) == 3
    refused = run("perceive", *turned, "--camera", camera, "--up", "sideways")
    assert refused.exit_code == 2 and "--up must be top, bottom, left, right" in refused.stderr


def test_a_table_for_people_goes_to_standard_output(run: Run, files: tuple[Path, Path, Path]) -> None:
    result = run("perceive", *files[:2], "--camera", files[2])
    assert result.exit_code == 0 and result.stderr == ""
    assert "open_box" in result.stdout


def test_mistakes_are_told_in_one_line(run: Run, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    colour, depth, camera = files
    empty, floor = tmp_path / "empty.png", tmp_path / "noise.png"
    Image.fromarray(np.zeros((480, 640), np.uint16)).save(empty)
    Image.fromarray(np.random.default_rng(0).integers(400, 3000, (480, 640)).astype(np.uint16)).save(floor)
    broken = tmp_path / "camera.json"
    broken.write_text("{")
    old = tmp_path / "viewer.bag"
    old.write_bytes(b"#ROSBAG V2.0\n")
    for arguments, says in (
        ((colour, empty, "--camera", camera), "is empty"),
        ((colour, floor, "--camera", camera), "no table found"),
        ((depth, colour, "--camera", camera), "COLOR DEPTH"),
        ((colour, depth, "--camera", broken), "not JSON"),
        ((colour, tmp_path / "none.png", "--camera", camera), f"there is no {tmp_path / 'none.png'}"),
        ((colour, depth, "--camera", camera, "--picture", tmp_path / "a" / "b.png"), "not a folder"),
        ((colour, depth, "--camera", camera, "--picture", tmp_path / "b.txt"), "ends in"),
        ((colour, depth, "--camera", camera, "--page", tmp_path / "b.txt"), "ends in .html"),
        ((colour, depth, "--camera", camera, "--page", tmp_path / "a" / "b.html"), "not a folder"),
        ((colour, depth, "--camera", camera, "--every", "2"), "--every is for recordings"),
        ((colour, depth, "--camera", camera, "--robot", "stretch"), "--robot is for recordings"),
        ((colour, depth, "--camera", camera, "--slop", "0.1"), "--slop is for recordings"),
        ((tmp_path / "nowhere",), f"there is no {tmp_path / 'nowhere'}"),
        ((old,), "a ROS 1 bag; convert it first: rosbags-convert"),
    ):
        result = run("perceive", *arguments)
        assert result.exit_code == 2, says
        assert says in result.stderr and result.stderr.count("\n") == 1, result.stderr


def test_relations_by_another_detector(run: Run, refuses: Run, files: tuple[Path, Path, Path]) -> None:
    """The model's own, which knows no `inside` but that of A.9; and one of another package."""
    result = run("perceive", *files[:2], "--camera", files[2], "--relations", "learned", "--json")
    assert result.exit_code == 0, result.stderr
    assert {"contact", "above"} <= {name for name, *_ in json.loads(result.stdout)["relations"]}
    result = run("perceive", *files[:2], "--camera", files[2], "--relations", "combined", "--json")
    assert result.exit_code == 0, result.stderr
    assert {"contact", "above"} <= {name for name, *_ in json.loads(result.stdout)["relations"]}
    unused = ("--model", files[2], "--relations", "geometric")
    assert f"--model {files[2]}: geometric relations use no" in refuses("perceive", *files[:2], "--camera", files[2], *unused)
    assert "known: learned, combined, geometric" in refuses("perceive", *files[:2], "--camera", files[2], "--relations", "no")


def test_a_detector_from_outside(
    run: Run, files: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(box_detector.__file__).read_text()
    install_plugin(tmp_path, source, {"fail2progress.relation_detectors": {"boxes": "BoxDetector"}}, "boxes_for_perceive")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(DETECTORS, "_searched", False)
    result = run("perceive", *files[:2], "--camera", files[2], "--relations", "boxes", "--json")
    DETECTORS.unregister("boxes")
    assert result.exit_code == 0, result.stderr
    assert all(odds == 1.0 for name, *_, odds in json.loads(result.stdout)["relations"] if name != "on")


def test_other_segmenters(refuses: Run, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    frame = (*files[:2], "--camera", files[2])
    known = "known: label-image, geometric, learned, fused, open-vocabulary"
    assert known in refuses("perceive", *frame, "--segmenter", "labeled")
    lacking = refuses("perceive", *frame, "--segmenter", "open-vocabulary")
    assert "detector is missing; name a YAML file in its place, with the lines segmenter: open-vocabulary, detector:" in lacking
    options = tmp_path / "words.yaml"
    options.write_text(f"segmenter: open-vocabulary\ndetector: {tmp_path}\nfill: {tmp_path}\n")
    assert f"{tmp_path}: no weights here" in refuses("perceive", *frame, "--segmenter", options)
    assert "no labels" in refuses("perceive", *frame, "--segmenter", "label-image")


def test_a_folder_of_frames(run: Run, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    folder, pictures = tmp_path / "frames", tmp_path / "drawn"
    folder.mkdir()
    for name in ("a", "b"):
        for path, kind in zip(files[:2], ("color", "depth"), strict=True):
            (folder / f"{name}-{kind}.png").write_bytes(path.read_bytes())
    (folder / "b-depth.png").write_bytes(b"damaged")
    (folder / "camera.json").write_bytes(files[2].read_bytes())
    (folder / "c-color.png").write_bytes(files[0].read_bytes())
    pages = tmp_path / "pages"
    result = run("perceive", folder, "--json", "--picture", pictures, "--page", pages)
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["frames"]
    assert "note: left out, as colour or depth of the same name is missing: c-color.png\n" in result.stderr
    assert [row["name"] for row in rows] == ["a", "b"] and len(rows[0]["segments"]) == 3
    assert "not an image" in rows[1]["error"] and [path.name for path in pictures.iterdir()] == ["a.png"]
    assert [path.name for path in pages.iterdir()] == ["a.html"]
    assert result.stderr.endswith(f"pictures in: {pictures}\npages in: {pages}\n")
    (folder / "a-depth.png").write_bytes(b"damaged")
    assert run("perceive", folder).exit_code == 1


def test_pictures_take_the_place_of_no_frame_and_of_no_other_file(
    run: Run, refuses: Run, files: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    folder, other = tmp_path / "frames", tmp_path / "other"
    for path, kind in zip(files[:2], ("rgb", "depth"), strict=True):
        (folder / kind).mkdir(parents=True)
        (folder / kind / "a.png").write_bytes(path.read_bytes())
    (folder / "camera.json").write_bytes(files[2].read_bytes())
    assert "is the folder of the frames themselves" in refuses("perceive", folder, "--picture", folder / "rgb")
    assert (folder / "rgb" / "a.png").read_bytes() == files[0].read_bytes()
    other.mkdir()
    (other / "a.png").write_text("a diary")
    assert "a file that this command did not write" in refuses("perceive", folder, "--picture", other)
    assert (other / "a.png").read_text() == "a diary"
    (other / "a.png").unlink()
    for _ in range(2):  # what it wrote itself it replaces
        assert run("perceive", folder, "--json", "--picture", other).exit_code == 0
    assert [path.name for path in other.iterdir()] == ["a.png"]


def test_names_of_frames_that_a_terminal_would_obey_are_written_out(
    run: Run, files: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    for name in ("x\ny\x1b[31mred", "good"):
        for kind, path in zip(("color", "depth"), files, strict=False):
            (tmp_path / f"{name}-{kind}.png").write_bytes(path.read_bytes() if name == "good" else b"damaged")
    (tmp_path / "camera.json").write_bytes(files[2].read_bytes())
    result = run("perceive", tmp_path)
    assert result.exit_code == 0 and "\x1b" not in result.output
    assert any(line.startswith(" x\\ny\\x1b[31mred   refused") for line in result.stdout.splitlines())
    assert any(line.startswith("x\\ny\\x1b[31mred: ") for line in result.stderr.splitlines())


def test_what_had_to_be_assumed_of_a_folder_s_frames_is_told(run: Run, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    depth = np.asarray(Image.open(files[1]))
    for number in range(6):
        Image.open(files[0]).save(tmp_path / f"{number}-color.png")
        np.save(tmp_path / f"{number}-depth.npy", (depth / 1000).astype(np.float32))
    (tmp_path / "camera.json").write_bytes(files[2].read_bytes())
    result = run("perceive", tmp_path, "--segmenter", "geometric")
    assert result.exit_code == 0, result.stderr
    told = "note: 0: 0-depth.npy holds floating point, read as metres (and 5 more frames; --json has all)\n"
    assert told in result.stderr and "1-depth.npy" not in result.stderr
    (tmp_path / "viewer.bag").write_bytes(b"#ROSBAG V2.0\n")  # beside frames it does not matter
    assert run("perceive", tmp_path, "--segmenter", "geometric").exit_code == 0


def test_folders_without_frames_cameras_or_known_data_sets_are_told(
    run: Run, files: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "rgb").mkdir()
    (tmp_path / "depth").mkdir()
    for arguments, says in (
        (("perceive", tmp_path), "no pairs there"),
        (("perceive", files[0]), "needs a depth image"),
        (("perceive", *files[:2]), "--camera"),
        (("reproduce", "perception", "--dataset", tmp_path, "--out", tmp_path / "out"), "no data set is known"),
        (("reproduce", "perception", "--dataset", tmp_path / "none", "--out", tmp_path / "out"), "not a folder"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2 and says in result.stderr and result.stderr.count("\n") == 1, result.stderr
    for path, kind in zip(files[:2], ("rgb", "depth"), strict=True):
        (tmp_path / kind / "0001.png").write_bytes(path.read_bytes())
    assert "no camera file for 0001" in run("perceive", tmp_path).stderr


def test_the_picture_and_page_of_a_folder_with_one_frame_may_be_files(
    run: Run, files: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    picture, page = tmp_path / "one.png", tmp_path / "one.html"
    result = run("perceive", files[0].parent, "--picture", picture, "--page", page, "--json")
    assert result.exit_code == 0, result.stderr
    assert Image.open(picture).size == (640, 480) and "object_1" in page.read_text()
    wrong = run("perceive", files[0].parent, "--picture", tmp_path / "one.txt")
    assert wrong.exit_code == 2 and "one.txt" in wrong.stderr and ".png" in wrong.stderr


def test_the_robots_own_arm_is_left_out_by_its_urdf(run: Run, tmp_path: Path) -> None:
    folder, robot, joints = tmp_path / "frames", sliding_bar.urdf(tmp_path), tmp_path / "joints.json"
    folder.mkdir()
    joints.write_text('{"slide": 0.2}')
    frame = sliding_bar.photograph(0.2)
    Image.fromarray(frame.colour).save(folder / "a-color.png")
    np.save(folder / "a-depth.npy", frame.depth)
    (folder / "camera.json").write_text(json.dumps(vars(frame.intrinsics)))
    counts = []
    for options in ((), ("--urdf", robot, "--joints", joints)):
        result = run("perceive", folder, "--segmenter", "geometric", "--json", *options)
        assert result.exit_code == 0, result.stderr
        counts.append(len(json.loads(result.stdout)["frames"][0]["segments"]))
    assert counts[0] > 1 and counts[1] == 1
    joints.write_text('{"lift": "high"}')
    for options, hint in ((("--joints", joints), "--urdf"), (("--urdf", robot, "--joints", joints), "a number each")):
        result = run("perceive", folder, *options)
        assert result.exit_code == 2 and hint in result.stderr
    for text, hint in (('{"slide": NaN}', "a number each"), ('{"slide": 1e999}', "a number each"), ("[" * 100_000, "as JSON")):
        joints.write_text(text)
        result = run("perceive", folder, "--urdf", robot, "--joints", joints)
        assert result.exit_code == 2 and hint in result.stderr
