import json
from pathlib import Path
from typing import Any

from PIL import Image

from fail2progress.tasks.items import read_items


def test_families_are_listed_made_and_drawn(run: Any, tmp_path: Path) -> None:
    names = [entry["name"] for entry in json.loads(run("families", "ls", "--json").stdout)]
    assert "row-pushed" in names and "over-edge" in names and "row-pushed" in run("families", "ls").stdout
    out = tmp_path / "new" / "row.jsonl"
    made = run("families", "make", "row-pushed", "--count", 5, "--seed", 2, "--out", out, "--processes", 1)
    assert made.exit_code == 0, made.stderr
    assert len(read_items(out)) == 5 and all(item.job.call.skill == "push" for item in read_items(out))
    before = out.read_bytes()
    run("families", "make", "row-pushed", "--count", 5, "--seed", 2, "--out", out, "--processes", 1)
    assert out.read_bytes() == before
    picture = tmp_path / "row.png"
    assert run("families", "picture", "row-pushed", "--count", 2, "--out", picture).exit_code == 0
    assert len(Image.open(picture).convert("RGB").getcolors(10**7) or ()) > 1000


def test_mistakes(refuses: Any, tmp_path: Path) -> None:
    assert "unknown family 'juggling'; known: loaded-carried" in refuses("families", "make", "juggling", "--out", tmp_path / "a")
    assert "is a folder" in refuses("families", "make", "row-pushed", "--out", tmp_path)
    assert "ends in .png" in refuses("families", "picture", "row-pushed", "--out", tmp_path / "a.gif")
    assert "--count" in refuses("families", "make", "row-pushed", "--count", 0, "--out", tmp_path / "a")


def test_the_study_of_families_says_how_many_samples_it_is_about(run: Any, refuses: Any, tmp_path: Path) -> None:
    asked = ("reproduce", "families", "--minutes", 0, "--families", "row-pushed", "--methods", "stein", "--parts", "learn")
    assert run(*asked, "--samples", 5, "--no-surplus", "--out", tmp_path).exit_code == 0
    text = (tmp_path / "families.md").read_text()
    assert "5 samples a failure" in text and "0% explorers" in text and "| row-pushed 0 | stein | not run |" in text
    target = json.loads((tmp_path / "families.json").read_text())["provenance"]["configuration"]["targeting"]
    assert (target["samples"], target["oversampling"], target["explorers"]) == (5, 1.0, 0.0)
    assert "--samples" in refuses(*asked, "--samples", 0, "--out", tmp_path)
    assert "rows of another run" in refuses(*asked, "--samples", 6, "--no-surplus", "--out", tmp_path)


def test_the_study_of_families_says_what_was_placed_as_one(run: Any, refuses: Any, tmp_path: Path) -> None:
    asked = ("reproduce", "families", "--minutes", 0, "--families", "row-pushed", "--methods", "stein,rejection")
    assert run(*asked, "--placing", "apart", "--out", tmp_path).exit_code == 0
    text = (tmp_path / "families.md").read_text()
    assert "everything placed apart" in text and "| row-pushed 0 | rejection | not run |" in text
    target = json.loads((tmp_path / "families.json").read_text())["provenance"]["configuration"]["targeting"]
    assert (target["placing"], target["state_steps"], target["tempered"]) == ("apart", 300, 0.02)
    assert "unknown placing 'anywhere'; known: together, apart" in refuses(*asked, "--placing", "anywhere", "--out", tmp_path)
