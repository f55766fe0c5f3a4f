"""Draws docs/architecture.svg from the code: the floors of the import contract, and which room imports which.

python docs/architecture.py            writes the picture
python docs/architecture.py --check    says whether the committed one is up to date (exit code 1 where it is not)
"""

from __future__ import annotations

import ast
import re
import sys
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "fail2progress"
PICTURE = Path(__file__).with_suffix(".svg")

WIDTH, ROW, BOX, LEFT, TOP = 940, 46, 34, 24, 70
NAME_WIDTH = 120


def floors() -> list[str]:
    """The rooms from the top floor down, as the import contract in pyproject.toml lists them."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r"^layers = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError("pyproject.toml states no import contract with layers")
    return re.findall(r'"(\w+)"', found[1])


def summary(room: str) -> str:
    """First sentence of a room's docstring."""
    text = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))) or ""
    return text.split("\n", maxsplit=1)[0].split(". ", maxsplit=1)[0].rstrip(".")


def arrows(rooms: list[str]) -> dict[str, list[str]]:
    """For each room, the rooms that it imports."""
    graph = grimp.build_graph("fail2progress", exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {room: set() for room in rooms}
    for importer in graph.modules:
        here = importer.split(".")[1:2]
        for imported in graph.find_modules_directly_imported_by(importer):
            there = imported.split(".")[1:2]
            if here and there and here != there and here[0] in found and there[0] in found:
                found[here[0]].add(there[0])
    return {room: sorted(found[room], key=rooms.index) for room in rooms}


def draw() -> str:
    """The picture as SVG: a row for each room, and beside it a dot below each room that it imports."""
    rooms = floors()
    uses = arrows(rooms)
    column = (WIDTH - 2 * LEFT - NAME_WIDTH - 380) / len(rooms)
    first = LEFT + NAME_WIDTH + 380
    height = TOP + ROW * len(rooms) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">Rooms of fail2progress, top floor first</text>',
        f'<text x="{LEFT}" y="{height - 10}" fill="#555">A dot: the room of the row imports the room of the column.</text>',
    ]
    for k, room in enumerate(rooms):
        y, fill = TOP + ROW * k, f"hsl({210 + 9 * k},55%,90%)"
        parts += [
            f'<rect x="{LEFT}" y="{y}" width="{NAME_WIDTH}" height="{BOX}" rx="5" fill="{fill}" stroke="#668"/>',
            f'<text x="{LEFT + NAME_WIDTH / 2}" y="{y + 21}" text-anchor="middle" font-weight="bold">{room}</text>',
            *(
                f'<text x="{LEFT + NAME_WIDTH + 10}" y="{y + 15 + 15 * line}" fill="#333">{escape(text)}</text>'
                for line, text in enumerate(wrapped(summary(room)))
            ),
        ]
        x = first + column * k
        parts.append(f'<text x="{x:.1f}" y="{TOP - 6}" font-size="9" transform="rotate(-50 {x:.1f} {TOP - 6})">{room}</text>')
        for there in uses[room]:
            parts.append(f'<circle cx="{first + column * rooms.index(there):.1f}" cy="{y + BOX / 2}" r="4.5" fill="#346"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y + BOX / 2}" r="4.5" fill="none" stroke="#99b"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def wrapped(text: str, width: int = 54) -> list[str]:
    """At most two lines of a text."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > width and len(lines) < 2:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def main(arguments: list[str]) -> int:
    """Write the picture, or check it."""
    picture = draw()
    if arguments == ["--check"]:
        return int(picture != PICTURE.read_text(encoding="utf-8"))
    PICTURE.write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
