"""`fail2progress fit-boxes`: too few scenes are told; the laws of the package are whole, and files that are not are named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fail2progress.perception.box_laws import KINDS, box_laws, packaged_laws, read_laws
from fail2progress.perception.segmentation.base import PerceptionError

Run = Callable[..., Any]


def test_too_few_scenes_are_told(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "boxes.json"
    result = run("fit-boxes", "--scenes", 2, "--seed", 5, "--out", out)
    assert result.exit_code == 2 and "--scenes 2" in result.stderr and "give more scenes" in result.stderr
    assert not out.exists()


def test_the_laws_of_the_package_hold_on_scenes_that_they_were_not_fitted_on() -> None:
    found = box_laws()
    assert set(found.laws) == set(KINDS)
    held = found.report["within_when_fitted_on_the_other_half"]
    assert isinstance(held, dict) and 0.92 < held["within_2"] < 0.98
    assert found.laws["hidden"].at(0.15, 0.05)[1] > 2 * found.laws["near"].at(0.15, 0.05)[1]


def test_files_that_are_no_laws_are_named(tmp_path: Path) -> None:
    lacking = json.loads(packaged_laws().read_text())
    del lacking["laws"]["far"]
    for content, hint in ((b"{}", "fit-boxes"), (json.dumps(lacking).encode(), "'far'")):
        path = tmp_path / "boxes.json"
        path.write_bytes(content)
        with pytest.raises(PerceptionError, match=hint):
            read_laws(path)
    with pytest.raises(PerceptionError, match="cannot be read"):
        read_laws(tmp_path / "none.json")
