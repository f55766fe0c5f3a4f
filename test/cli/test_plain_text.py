import io

import pytest
from rich.console import Console

from fail2progress.cli.plain_text import PlainTable, lines, visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a cup, 3 °C, 方", "a cup, 3 °C, 方"),
        ("x\ny\x1b[31mred", r"x\ny\x1b[31mred"),
        ("tab\tbell\x07\x9b", r"tab\tbell\x07\x9b"),
        ("back\u202ewards\u2028", r"back\u202ewards\u2028"),
        ("not UTF-8 \udcff", r"not UTF-8 \udcff"),
        ("it's \\n already", "it's \\n already"),
        ("marks\u061c\u200e\u200f\u202a\u2066\u2069", r"marks\u061c\u200e\u200f\u202a\u2066\u2069"),
        ("5\xa0mm, 5\u202fmm", "5\xa0mm, 5\u202fmm"),  # spaces that do not break
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),  # Persian
        ("\U0001f468\u200d\U0001f33e \ue000", "\U0001f468\u200d\U0001f33e \ue000"),  # joined emoji; a font's own sign
    ],
)
def test_what_is_obeyed_is_written_out_and_nothing_else(text: str, seen: str) -> None:
    assert visible(text) == seen and visible(seen) == seen


def test_a_cell_is_text_and_has_the_lines_that_it_is_given() -> None:
    table, shown = PlainTable("name", "what"), io.StringIO()
    table.add_row("[red]a[/]\n", lines("one\x1b[0m", "two"))
    Console(file=shown, width=80).print(table)
    told = [[cell.strip() for cell in line.split("│")[1:3]] for line in shown.getvalue().splitlines() if line.startswith("│")]
    assert told == [["[red]a[/]\\n", "one\\x1b[0m"], ["", "two"]]
