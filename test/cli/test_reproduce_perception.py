"""`fail2progress reproduce noise` and `reproduce identities`, with the simulator but few episodes; `reproduce clutter`."""

import json
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fail2progress.cli import reproduce_perception
from fail2progress.cli.main import app
from fail2progress.evaluation.studies import identities, noise
from support.published_frames import kept, published


@pytest.mark.slow
@pytest.mark.parametrize("table", ["noise", "identities"])
def test_a_table_is_written_with_its_page_and_picture(table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce_perception, "QUICK", 1)
    monkeypatch.setattr(identities, "SKILLS", 2)
    monkeypatch.setattr(noise, "study", partial(noise.study, sigmas=(0.0, 0.02)))
    result = CliRunner().invoke(app, ["reproduce", table, "--quick", "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads((tmp_path / f"{table}.json").read_text())
    assert report["rows"] and report["provenance"]["configuration"]["episodes"] == 1
    assert (tmp_path / f"{table}.png").read_bytes().startswith(b"\x89PNG")
    assert f"![{table}]({table}.png)" in (tmp_path / f"{table}.md").read_text()


def test_crowded_scenes_are_scored_by_place_and_sensor(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["reproduce", "clutter", "--trials", "2", "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads((tmp_path / "clutter_fused.json").read_text())
    rows = report["rows"]
    assert rows["all"]["things"] == rows["place: table"]["things"] > 0
    assert {"found", "mean_iou", "overlap_F", "boundary_F"} <= set(rows["all"])
    page = (tmp_path / "clutter_fused.md").read_text()
    assert "| all |" in page and page.endswith("\n![faults, the first of each](clutter_fused.png)\n")
    missed = rows["all"]["things"] - round(rows["all"]["found"] * rows["all"]["things"])
    counted = sum(sum(own.values()) for kind, own in report["faults"].items() if kind != "of no thing")
    assert counted == missed and (tmp_path / "clutter_fused.png").read_bytes().startswith(b"\x89PNG")


def test_another_name_is_the_users_mistake(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["reproduce", "table9", "--out", str(tmp_path)])
    assert result.exit_code == 2 and "noise" in result.stderr


def test_thresholds_need_a_folder_of_frames(tmp_path: Path) -> None:
    asked = ["reproduce", "thresholds", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 2 and "thresholds needs --frames: a folder of real frames" in result.stderr
    result = CliRunner().invoke(app, [*asked, "--frames", str(tmp_path / "none")])
    assert result.exit_code == 2 and f"--frames {tmp_path / 'none'}: not a folder of real frames" in result.stderr


def test_frames_of_a_list_are_scored(tmp_path: Path) -> None:
    listed = kept(published(tmp_path / "source"), tmp_path)
    asked = ["reproduce", "frames", "--dataset", listed, "--source", str(tmp_path / "source"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*asked, "--segmenter", "geometric", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads((tmp_path / "out" / "some_geometric.json").read_text())
    assert report["found"] >= 0.7 * report["things"] and report["frames_missing"] == {}
    assert "| one | owner/name |" in (tmp_path / "out" / "some_geometric.md").read_text()
    assert (tmp_path / "out" / "some_geometric.png").read_bytes().startswith(b"\x89PNG")


def test_frames_need_a_list_and_files(tmp_path: Path) -> None:
    asked = ["reproduce", "frames", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 2 and "frames needs --dataset" in result.stderr
    listed = kept(published(tmp_path / "source"), tmp_path)
    result = CliRunner().invoke(app, [*asked, "--dataset", listed, "--source", str(tmp_path / "nowhere")])
    assert result.exit_code == 2 and "nowhere" in result.stderr and "Traceback" not in result.stderr
