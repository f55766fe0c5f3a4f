"""The pages build, every link and reference in them resolves, and the picture of the architecture shows the code as it is."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from fail2progress import __version__
from fail2progress.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PEOPLE = [
    path
    for name in ("README.md", "CONTRIBUTING.md", "[!.]*/README.md", "docs/*.md", "docs/guide/*.md")
    for path in ROOT.glob(name)
]
"""Pages that people read for what holds now."""
COMMANDS = vars(get_command(app))["commands"]
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def targets(page: Path) -> list[Path]:
    """The files that a page's links and pictures lead to."""
    found = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", CODE.sub("", page.read_text(encoding="utf-8")))
    return [(page.parent / target).resolve() for target in found if "://" not in target]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command that a page shows: after its program's name, or with options as tables have them."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    named = re.findall(r"(?:^ *|`)fail2progress ([^`\n]+)", text, flags=re.MULTILINE)
    short = (words for words in re.findall(r"`([a-z][^`\n]* --[^`\n]+)`", text) if words.split()[0] in COMMANDS)
    for shown in (*named, *short):
        first = re.split(r" # | {3,}|&&|[|;>]", shown)[0]
        yield [word for word in shlex.split(first) if word != "..."]


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


def test_links_to_files_lead_somewhere() -> None:
    pages = {*PEOPLE, *DOCS.rglob("*.md")}
    assert [(page.name, target.name) for page in sorted(pages) for target in targets(page) if not target.exists()] == []


def test_a_report_shows_its_own_pictures() -> None:
    """Not those of another one, from which its text was taken."""
    shown = [(page, target) for page in sorted((DOCS / "reports").rglob("*.md")) for target in targets(page)]
    pictures = [(page.name, target.name) for page, target in shown if target.suffix in (".png", ".gif", ".svg")]
    assert pictures and [(page, name) for page, name in pictures if Path(name).stem != Path(page).stem] == []


def test_every_page_can_be_reached_and_every_picture_is_shown() -> None:
    """From the first page of the documentation on, or from README, where nothing is built."""
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        ahead += [target for target in targets(page) if target.suffix == ".md" and target.exists() and target not in reached]
    pages = {path for name in ("*.md", "guide/*.md", "api/*.md") for path in DOCS.glob(name)} | set(PEOPLE)
    shown = {target for page in reached for target in targets(page)}
    pictures = {path for kind in ("png", "gif", "svg") for path in DOCS.glob(f"*.{kind}")}
    assert (sorted(pages - reached), sorted(pictures - shown)) == ([], [])


def test_decisions_that_pages_name_are_there() -> None:
    there = {path.name[:4] for path in (DOCS / "decisions").glob("0*.md")}
    text = "\n".join(CODE.sub("", page.read_text(encoding="utf-8")) for page in PEOPLE)
    named = {
        number for inside in re.findall(r"\(((?:0\d{3}(?:, | to | and )?)+)", text) for number in re.findall(r"0\d{3}", inside)
    }
    assert len(named) > 30 and named - there == set()


@pytest.mark.parametrize("page", PEOPLE, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_pages_show_exist_with_their_options(page: Path) -> None:
    for words in commands(page):
        command, rest = get_command(app), words
        while (below := vars(command).get("commands")) and rest and not rest[0].startswith("-"):
            assert rest[0] in below, f"{page.name}: {' '.join(words)}"
            command, rest = below[rest[0]], rest[1:]
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert given <= known, f"{page.name}: {' '.join(words)}: {given - known}"


def test_one_version_everywhere() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text()
    for package in ("src", "msg"):
        assert f"<version>{__version__}</version>" in (ROOT / package / "package.xml").read_text()
