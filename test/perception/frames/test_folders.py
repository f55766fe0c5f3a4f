"""Folders as people have them: which files are one frame, and whose camera it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from fail2progress.perception.frames.folders import alone, pairs
from fail2progress.perception.segmentation.base import PerceptionError

CAMERA = json.dumps({"fx": 60.0, "fy": 61.0, "cx": 32.0, "cy": 24.0})


def filled(folder: Path, *names: str) -> Path:
    """A folder with such files; what is in pictures does not matter here."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CAMERA if path.suffix in (".json", ".yml", ".intr") else "nothing")
    return folder


@pytest.mark.parametrize(
    ("colour", "depth", "name"),
    [
        ("a-color.png", "a-depth.png", "a"),
        ("color_img_3.png", "depth_raw_3.npy", "3"),
        ("color00012.jpg", "depth00012.png", "00012"),
        ("0007_rgb.png", "0007_aligned_depth.png", "0007"),
        ("color.png", "depth_measured.png", "frame"),
        ("color_image.npy", "depth_image.npy", "frame"),
        ("left_rgb.png", "depth.tiff", "left"),
        ("color/000010.png", "depth/000010.png", "000010"),
        ("color_images/12.jpg", "depth_images/12.png", "12"),
        ("rgb/frame-1.color.jpg", "depth/frame-1.depth.png", "1"),
        ("rgb/image_0.png", "depth/image_0.png", "image_0"),
        ("rgb/rgb_frame_0.png", "depth/frame_0.png", "0"),
        ("rgb/color.png", "depth/depth.png", "frame"),
        ("color/0.jpg", "depth/0000.png", "0"),
        ("rgb/0000001-000000000000.png", "depth/0000001-000000033369.png", "0000001-000000000000"),
        ("rgb/1305031102.175304.png", "depth/1305031102.160407.png", "1305031102.175304"),
        ("0007-color.webp", "0007-depth.pfm", "0007"),
        ("rgb/0.ppm", "depth/0.pgm", "0"),
        ("color_1305031102.png", "depth_1305031103.png", "1305031102"),
        ("color_0001.png", "depth_1.png", "0001"),
        ("color_1920x1080.png", "depth_640x576.png", "1920x1080"),
        ("rgb8.png", "depth16.png", "8"),
        ("rgb/rgb_1305031107.178.png", "depth/depth_1305031107.190.png", "rgb_1305031107.178"),
        ("my_depth_1-color.png", "my_depth_1-depth.png", "my_depth_1"),
        ("rgb/my_depth_1-color.png", "depth/my_depth_1-depth.png", "my_depth_1"),
        ("red_color_box-color.png", "red_color_box-depth.png", "red_color_box"),
        ("red_color_box-rgb.png", "red_color_box-depth_raw.png", "red_color_box"),
        ("color_red_color_box.png", "depth_red_color_box.png", "red_color_box"),
        ("color_depth_test_1.png", "depth_depth_test_1.png", "depth_test_1"),
        ("rgb/0.png", "aligned_depth_to_color/0.png", "0"),
        ("color/0.png", "depth_to_rgb/0.png", "0"),
        ("0_color.png", "0_aligned_depth_to_color.png", "0"),
        ("colorImage_0.png", "depthImage_0.png", "0"),
        ("rgb8/0.png", "depth16/0.png", "0"),
        ("rgb/0.png", "depth_gt/0.png", "0"),
        ("rgb/0.png", "depth_filled/0.png", "0"),
        ("left_rgb/0.png", "depth/0.png", "left_0"),
    ],
)
def test_one_frame_by_the_names_of_its_files(tmp_path: Path, colour: str, depth: str, name: str) -> None:
    (found,) = pairs(filled(tmp_path, colour, depth, "camera.json"))
    assert (found.name, found.colour, found.depth) == (name, tmp_path / colour, tmp_path / depth)


def test_a_word_for_depth_in_the_name_of_a_frame_does_not_hide_its_colours_or_its_camera(tmp_path: Path) -> None:
    names = ("my_depth_1", "my_depth_2", "red_color_box")
    files = [f"{name}{rest}" for name in names for rest in ("-color.png", "-depth.png", ".json")]
    folder = filled(tmp_path, *files, "my_depth_1-depth_color.png", "depth_to_color.png", "camera.json")
    found = pairs(folder)
    assert [(pair.name, pair.colour.name, pair.depth.name, pair.camera.name) for pair in found] == [
        (name, f"{name}-color.png", f"{name}-depth.png", f"{name}.json") for name in names
    ]


def test_two_frames_of_one_name_are_refused_and_two_files_of_one_picture_are_one_frame(tmp_path: Path) -> None:
    """Their pictures would go into one file."""
    folder = filled(tmp_path, "rgb/0.jpg", "rgb/0.png", "rgb/1.png", "depth/0.png", "depth/1.png", "camera.json")
    assert [(pair.name, pair.colour.name) for pair in pairs(folder)] == [("0", "0.png"), ("1", "1.png")]
    filled(folder, "1-color.png", "1-depth.png")
    with pytest.raises(PerceptionError, match=r"1-color\.png and rgb/1\.png are two frames of the name 1; rename one"):
        pairs(folder, folder / "camera.json")


def test_depth_of_two_kinds_is_paired_with_neither_by_chance(tmp_path: Path) -> None:
    with pytest.raises(PerceptionError, match="no pairs there"):
        pairs(filled(tmp_path, "color.png", "depth_a.png", "depth_b.png", "camera.json"))


@pytest.mark.parametrize(
    ("depth", "others"),
    [
        ("0-depth.png", ("0-depth_raw.png", "0-depth_map.png", "0-depth_color.jpg", "0-disparity.png")),
        ("0-aligned_depth.png", ("0-depth.png", "0-depth_image.png")),
        ("0-aligned_depth_to_color.png", ("0-depth.png", "0-depth.npy", "0-depth_color.png")),
        ("0-depth_to_color.png", ("0-depth.png",)),
    ],
)
def test_of_several_files_of_depth_the_one_that_says_it_plainly_is_taken(
    tmp_path: Path, depth: str, others: tuple[str, ...]
) -> None:
    (found,) = pairs(filled(tmp_path, "0-color.png", "0-image_raw.png", depth, *others, "camera.json"))
    assert (found.colour.name, found.depth.name) == ("0-color.png", depth)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("rgb_1.png", "depth_2.png"), "name them NAME-color.png"),
        (("rgb/1305031102.175304.png", "depth/1305031102.25.png"), "stamps within 0.02 s"),
        (("rgb/one.png", "depth/two.png"), "rgb holds one.png and depth two.png: two of one frame need the same name"),
        (("rgb/1.gif", "depth/1.png"), "rgb holds 1.gif and depth 1.png: .*are read"),
        (("rgb/1.png", "rgb/01.png", "depth/2.png"), "need the same name or number"),
        (("rgb/.DS_Store", "rgb/1.png", "depth/2.png"), "rgb holds 1.png"),
        (("left_rgb/0.png", "right_rgb/0.png", "depth/0.png"), "folders left_rgb, right_rgb are colour and depth is depth, and"),
        (
            ("rgb/0.png", "depth_gt/0.png", "depth_pred/0.png"),
            "rgb is colour and depth_gt, depth_pred are depth, and their names",
        ),
        (("wrist_rgb/0.png", "front_depth/0.png"), "names do not say which belong together: call them rgb and depth"),
        (("cam0_rgb/0.png", "cam1_depth/0.png"), "names do not say which belong together"),
        (("rgb/0.png", "depth_vis/0.png"), "names do not say which belong together"),
        (("scene/rgb/0.png", "scene/depth/0.png"), "scene in it has some: give .*scene"),
        (
            ("cam0/rgb/0.png", "cam0/depth/0.png", "cam1/0_rgb.png", "cam1/0_depth.png"),
            "cam0 and cam1 in it .*: give one of them, as .*cam0",
        ),
    ],
)
def test_what_cannot_be_paired_is_told_with_what_there_is(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    with pytest.raises(PerceptionError, match=f"no pairs there; .*{said}"):
        pairs(filled(tmp_path, *names, "camera.json"))


def test_depth_that_is_aligned_is_taken_and_of_one_name_rather_numbers_than_a_picture(tmp_path: Path) -> None:
    (found,) = pairs(filled(tmp_path / "a", "0_color.png", "0_depth.png", "0_depth_aligned.png", "camera.json"))
    assert found.depth.name == "0_depth_aligned.png"
    for folder, names in (
        ("b", ("rgb/0.png", "depth/0.png", "depth/0.npy")),
        ("c", ("0-color.png", "0-depth.png", "0-depth.npy")),
    ):
        (found,) = pairs(filled(tmp_path / folder, *names, "camera.json"))
        assert found.depth.suffix == ".npy"
    (found,) = pairs(filled(tmp_path / "d", "a_color.png", "a_color_aligned.png", "a_depth.png", "camera.json"))
    assert found.colour.name == "a_color.png"


def test_a_file_of_a_frame_s_name_that_is_no_camera_does_not_hide_the_camera(tmp_path: Path) -> None:
    folder = filled(tmp_path, "0-color.png", "0-depth.png", "camera.json")
    (folder / "0.json").write_text(json.dumps({"shapes": [], "imageHeight": 48}))
    assert [pair.camera.name for pair in pairs(folder)] == ["camera.json"]
    (folder / "camera.json").unlink()
    assert [pair.camera.name for pair in pairs(folder)] == ["0.json"]  # so that what is wrong with it is told
    (folder / "K.txt").write_text("60 0 32\n0 61 24\n0 0 1")
    assert [pair.camera.name for pair in pairs(folder)] == ["K.txt"]
    (folder / "0.json").write_text(CAMERA.replace("60.0", '"60.0"'))
    assert [pair.camera.name for pair in pairs(folder)] == ["0.json"]  # the same: it is a camera


def test_a_long_json_file_may_be_the_camera(tmp_path: Path) -> None:
    folder = filled(tmp_path, "0-color.png", "0-depth.png")
    frames = [{"file_path": f"{i}.png", "transform_matrix": np.eye(4).tolist()} for i in range(1500)]
    (folder / "transforms.json").write_text(json.dumps({**json.loads(CAMERA), "frames": frames}))
    assert (folder / "transforms.json").stat().st_size > 2**17
    assert [pair.camera.name for pair in pairs(folder)] == ["transforms.json"]


def test_of_several_folders_those_that_say_it_plainly_are_taken(tmp_path: Path) -> None:
    (found,) = pairs(filled(tmp_path, "rgb/0.png", "images/0.png", "depth/0.png", "depth_raw/0.png", "camera.json"))
    assert (found.colour, found.depth) == (tmp_path / "rgb" / "0.png", tmp_path / "depth" / "0.png")


def test_the_folder_of_aligned_depth_is_taken_before_that_of_the_sensor(tmp_path: Path) -> None:
    """As RealSense names them: raw depth beside colour would be read as if it lay on it."""
    for colour, aligned in (("rgb", "aligned_depth_to_color"), ("color", "depth_to_color"), ("rgb", "alignedDepth")):
        place = tmp_path / f"{colour}_{aligned}"
        (found,) = pairs(filled(place, f"{colour}/0.png", f"{aligned}/0.png", "depth/0.png", "depth/0.npy", "camera.json"))
        assert found.depth == place / aligned / "0.png"


def test_how_depth_was_come_by_matters_only_where_there_are_several_kinds(tmp_path: Path) -> None:
    several = [f"{i}_{rest}.png" for i in (0, 1) for rest in ("rgb", "depth_gt", "depth_vis")]
    assert [pair.depth.name for pair in pairs(filled(tmp_path / "a", *several, "camera.json"))] == [
        "0_depth_gt.png",
        "1_depth_gt.png",
    ]
    folder = filled(
        tmp_path / "b", "rgb/0.png", "rgb_seg/0.png", "depth_gt/0.png", "depth_filled/0.png", "depth/0.png", "camera.json"
    )
    assert [pair.depth.parent.name for pair in pairs(folder)] == ["depth"]


def test_the_camera_beside_a_frame_has_its_whole_name(tmp_path: Path) -> None:
    (found,) = pairs(filled(tmp_path, "frame-0.color.png", "frame-0.depth.png", "frame-0.json", "camera.json"))
    assert (found.name, found.camera.name, found.guessed) == ("0", "frame-0.json", False)


def test_poses_and_trajectories_are_no_cameras(tmp_path: Path) -> None:
    """As in 3DMatch and TUM's folders: a pose is nearer to its frame by name than the camera of all."""
    folder = filled(tmp_path, "frame-0.color.png", "frame-0.depth.png")
    turned = np.eye(4)
    turned[:3, :3] = [[0.8, 0.0, 0.6], [0.36, 0.8, -0.48], [-0.48, 0.6, 0.64]]
    for name, pose in (("frame-0.pose.txt", np.eye(4)), ("frame-1.pose.txt", turned)):
        np.savetxt(folder / name, pose)
    (folder / "groundtruth.txt").write_text("1305 1.3 0.6 1.6 0.6 0.6 0.3 0.3\n1306 1.3 0.6 1.6 0.6 0.6 0.3 0.3\n")
    (folder / "scan-0.txt").write_text("585 0 320\n" * 10_000)
    with pytest.raises(PerceptionError, match="no camera file"):
        pairs(folder)
    (folder / "camera-intrinsics.txt").write_text("585 0 320\n0 585 240\n0 0 1")
    assert [pair.camera.name for pair in pairs(folder)] == ["camera-intrinsics.txt"]


def test_each_of_many_frames_has_the_camera_of_its_name(tmp_path: Path) -> None:
    """As in YCB-Video, where other files lie between them."""
    names = [f"{i:06}-{rest}" for i in range(30) for rest in ("color.png", "depth.png", "box.txt", "meta.json")]
    found = pairs(filled(tmp_path, *names))
    assert [pair.camera.name for pair in found] == [f"{pair.name}-meta.json" for pair in found] and len(found) == 30


@pytest.mark.parametrize("name", ["primesense.intr", "836212060125_640x480.yml", "rs_intrinsic.json"])
def test_a_camera_is_known_by_what_is_in_its_file(tmp_path: Path, name: str) -> None:
    folder = filled(tmp_path, "0_color.png", "0_depth.png", name)
    (tmp_path / "poses.txt").write_text("1 2 3")
    (tmp_path / "meta.json").write_text('{"author": "somebody"}')
    (found,) = pairs(folder)
    assert found.camera == tmp_path / name and found.guessed


def test_matrices_of_arrays_are_cameras(tmp_path: Path) -> None:
    np.savez(tmp_path / "poses_0.npz", intrinsic=np.diag([60.0, 61.0, 1.0]), widths=np.ones(3))
    np.savez(tmp_path / "labels_0.npz", seg=np.ones((4, 4)))
    (found,) = pairs(filled(tmp_path, "0_color.png", "0_depth.png"))
    assert found.camera == tmp_path / "poses_0.npz"


def test_of_matlab_files_only_those_are_opened_unasked_whose_name_speaks_of_a_camera(tmp_path: Path) -> None:
    """Of damaged bytes their reader can end the process, so that a file of anything else is better left alone."""
    folder = filled(tmp_path, "0_color.png", "0_depth.png")
    for name in ("results.mat", "0-meta.mat"):
        with pytest.raises(PerceptionError, match="no camera file"):
            pairs(folder)
        savemat(folder / name, {"intrinsic_matrix": np.diag([60.0, 61.0, 1.0])})
    assert [pair.camera.name for pair in pairs(folder)] == ["0-meta.mat"]


def test_of_several_cameras_each_frame_has_its_own(tmp_path: Path) -> None:
    names = [f"input-{i}.{kind}.png" for i in (0, 1) for kind in ("color", "depth")]
    folder = filled(tmp_path, *names)
    for i in (0, 1):
        (tmp_path / f"camera-{i}.intrinsics.txt").write_text(f"60 0 32\n0 6{i} 24\n0 0 1")
    assert [pair.camera.name for pair in pairs(folder)] == ["camera-0.intrinsics.txt", "camera-1.intrinsics.txt"]


def test_two_cameras_of_which_none_is_nearer_are_told(tmp_path: Path) -> None:
    with pytest.raises(PerceptionError, match=r"several camera files .* one\.yml, two\.yml"):
        pairs(filled(tmp_path, "a_color.png", "a_depth.png", "one.yml", "two.yml"))


def test_a_missing_camera_is_told_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(PerceptionError, match="fx, fy, cx and cy"):
        pairs(filled(tmp_path, "a_color.png", "a_depth.png"))


@pytest.mark.parametrize(
    ("names", "left_out"),
    [
        (("a-color.png", "a-depth.png", "b-color.png", "b-depth.png"), []),
        (("a-color.png", "a-depth.png", "a-depth_raw.png", "b-color.png", "c-depth.npy"), ["b-color.png", "c-depth.npy"]),
        (("rgb/1.png", "rgb/2.png", "depth/1.png", "depth/1.npy", "depth/3.png"), ["rgb/2.png", "depth/3.png"]),
        (("rgb/color_1.png", "rgb/color_2.png", "depth/depth_1.png", "picture.png"), ["rgb/color_2.png"]),
    ],
)
def test_images_without_the_other_of_their_frame_are_told(tmp_path: Path, names: tuple[str, ...], left_out: list[str]) -> None:
    folder = filled(tmp_path, *names, "camera.json")
    assert [str(path.relative_to(folder)) for path in alone(folder, pairs(folder))] == left_out
