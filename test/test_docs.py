"""The pages build, every link and reference in them resolves, and the picture of the architecture shows the code as it is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fail2progress import __version__

ROOT = Path(__file__).resolve().parents[1]


def test_the_picture_of_the_architecture_is_up_to_date() -> None:
    program = ROOT / "docs" / "architecture.py"
    paths = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, str(program), "--check"], capture_output=True, text=True, env=paths)
    assert done.returncode == 0, f"run: make docs\n{done.stderr}"


@pytest.mark.slow
def test_the_pages_build_without_a_warning(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("mkdocs")
    variables = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    words = [str(program), "build", "-q", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=variables)
    assert done.returncode == 0, done.stderr
    assert "SegmentedCloud" in (tmp_path / "api" / "core.html").read_text()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_to_files_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text())
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_one_version_everywhere() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text()
    for package in ("src", "msg"):
        assert f"<version>{__version__}</version>" in (ROOT / package / "package.xml").read_text()
