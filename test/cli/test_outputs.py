"""What commands write never takes the place of what the user has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fail2progress.cli.outputs import check_output
from fail2progress.core import files

Refuses = Callable[..., str]


@pytest.mark.parametrize(
    "words",
    [
        "evaluate --task mine.yaml --trials 1 --out mine.yaml",
        "evaluate --task mine.yaml --trials 1 --out=./mine.yaml",
        "evaluate --lifelong --over hierarchical-tabletop,mine.yaml --out mine.yaml",
        "tasks picture mine.yaml --out mine.yaml",
        "benchmark run mine.yaml --out link.json",
        "benchmark compare --slice static=mine.yaml --out mine.yaml",
        "perceive mine.yaml depth.png --camera camera.json --picture mine.yaml",
        "transfer mine.yaml --report mine.yaml",
    ],
)
def test_that_an_output_is_an_input_is_refused(
    words: str, tmp_path: Path, refuses: Refuses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("kept")
    Path("link.json").symlink_to("mine.yaml")
    said = refuses(*words.split())
    assert "is read by the same command" in said and "choose another name" in said
    assert Path("mine.yaml").read_text() == "kept"


@pytest.mark.parametrize(
    "words",
    ["up replay run/bags/bag_0 --out run --force", "demo --quick --model run/models/v0002.safetensors --out run --force"],
)
def test_what_is_read_is_not_replaced_with_its_folder(
    words: str, tmp_path: Path, refuses: Refuses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for kept in (Path("run/bags/bag_0/a.mcap"), Path("run/models/v0002.safetensors")):
        kept.parent.mkdir(parents=True)
        kept.write_text("kept")
    assert "lies in what --force would replace; choose another name" in refuses(*words.split())
    assert len([path for path in Path("run").rglob("*") if path.is_file()]) == 2


def test_a_report_whose_name_ends_in_capitals_is_its_own_kind(tmp_path: Path) -> None:
    path = tmp_path / "R.JSON"
    path.write_text('{"provenance": {}}')
    check_output("--out", path, ".json")


@pytest.mark.parametrize(
    ("words", "content", "says"),
    [
        ("evaluate --trials 1 --out camera.json", '{"fx": 600}', "a file that this command did not write"),
        ("bench --out camera.json", "[1]", "a file that this command did not write"),
        ("simulators check mujoco --out camera.json", "{}", "a file that this command did not write"),
        ("calibrate --executions 1000 --out notes.txt", "kept", "ends in .json"),
        ("families make row-pushed --count 1 --out mine.yaml", "name: mine", "ends in .jsonl"),
        ("families make row-pushed --count 1 --out log.jsonl", '{"key": 1}\n', "a file that this command did not write"),
        ("tasks picture hierarchical-tabletop --out photo.png", "none", "a file that this command did not write"),
        ("report . --film film.gif", "none", "a file that this command did not write"),
        ("failures browse --out page.html", "notes", "a file that this command did not write"),
        ("up sim --report page.html", "notes", "a file that this command did not write"),
    ],
)
def test_a_file_of_another_kind_is_kept(
    words: str, content: str, says: str, tmp_path: Path, refuses: Refuses, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(words.split()[-1])
    path.write_text(content)
    assert says in refuses(*words.split(), *(("--store", store) if "browse" in words else ()))
    assert path.read_text() == content


def test_a_place_that_cannot_be_written_is_told_by_the_name_that_was_given(
    tmp_path: Path, refuses: Refuses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir / "tmp1a2b3c"))

    monkeypatch.setattr(files.tempfile, "TemporaryFile", denied)
    out = tmp_path / "x.png"
    said = refuses("tasks", "picture", "hierarchical-tabletop", "--out", out)
    assert said == f"fail2progress: --out {out}: cannot be written (Permission denied)"
    assert "tmp1a2b3c" not in refuses("train-segmenter", "--out", tmp_path / "x.safetensors")


def test_what_the_command_wrote_before_is_replaced(tmp_path: Path, run: Callable[..., Any]) -> None:
    picture = tmp_path / "task.png"
    picture.touch()
    for seed in (1, 2):
        made = run("tasks", "picture", "hierarchical-tabletop", "--seed", seed, "--out", picture)
        assert made.exit_code == 0, made.stderr
    assert picture.stat().st_size > 1000


def test_pictures_of_frames_do_not_go_among_the_frames(tmp_path: Path, refuses: Refuses) -> None:
    look = np.zeros((48, 64, 3), np.uint8)
    Image.fromarray(look).save(tmp_path / "color.png")
    Image.fromarray(look[..., 0].astype(np.uint16)).save(tmp_path / "depth.png")
    (tmp_path / "camera.json").write_text('{"fx": 60, "fy": 60, "cx": 32, "cy": 24}')
    assert "the folder of the frames themselves" in refuses("perceive", tmp_path, "--picture", tmp_path)
