"""Every program and notebook of `examples` runs as it stands and says what its README promises."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from fail2progress.models.registry import MODELS

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PICTURE = "f2p.picture"


def said(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What a program prints."""
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out


def test_each_is_in_the_readme() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.iterdir() if path.is_file() and f"({path.name})" not in text] == ["README.md"]


def test_own_scene(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = said("own_scene.py", capsys, monkeypatch)
    assert "pick_place(pill -> mug" in text and text.endswith("the goal holds\n")
    lines = (EXAMPLES / "own_scene.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line and not line.startswith('"""')]) <= 20


def test_own_rgbd(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = said("own_rgbd.py", capsys, monkeypatch).splitlines()
    assert len([line for line in lines if line.startswith("object_")]) == 3
    assert len([line for line in lines if line.startswith("inside(")]) == 1


@pytest.mark.slow
def test_learn_from_items(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out = tmp_path / "tuned.safetensors"
    text = said("learn_from_items.py", capsys, monkeypatch, str(EXAMPLES / "items.jsonl"), str(out))
    assert "the tuned model passed" in text and out.is_file()


def test_own_robot(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = said("own_robot.py", capsys, monkeypatch)
    assert "pick_place(mug -> table_b" in text and "failed: " in text and text.endswith("the goal is seen to hold\n")


def test_own_model(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        text = said("own_model.py", capsys, monkeypatch)
    finally:
        MODELS.unregister("boxes-move")
    assert "boxes-move: 2 of 2" in text and "of the package: 2 of 2" in text


def test_the_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    notebook = json.loads((EXAMPLES / "own_scene.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    shown = []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        *lines, last = "".join(cell["source"]).splitlines()
        exec("\n".join(lines if last.startswith(PICTURE) else [*lines, last]), names)
        if last.startswith(PICTURE):
            shown.append(eval(last, names)._repr_png_())
    assert len(shown) == 3 and all(png.startswith(b"\x89PNG") for png in shown)
    assert "the goal holds" in capsys.readouterr().out
