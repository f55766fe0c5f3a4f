"""fail2progress families: executions that the pre-training distribution lacks, as item files and as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import WorkError, checked, print_json, say, show_table, stopped_with, table_of
from fail2progress.cli.limits import MOST, MOST_PROCESSES, MOST_SEED
from fail2progress.cli.outputs import check_output
from fail2progress.cli.voice import progress
from fail2progress.core.files import write_whole

if TYPE_CHECKING:
    from fail2progress.simulation.base import Outcome
    from fail2progress.tasks.families.base import Family
    from fail2progress.tasks.items import Item

families = typer.Typer(no_args_is_help=True, help="Families of executions that the pre-training distribution lacks.")

_NAME = typer.Argument(..., help="Name of a family (families ls).")
_SIMULATOR = typer.Option("mujoco", help="Name of a simulator (simulators ls), or a file with its options.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(families, name="families")


@families.command()
def ls(as_json: bool = typer.Option(False, "--json", help="Print the list as JSON.")) -> None:
    """The families that items can be made of.

    Example: fail2progress families ls --json
    """
    from fail2progress.tasks.families.registry import FAMILIES

    with checked():
        found = tuple(FAMILIES)
    if as_json:
        print_json([{"name": each.name, "skills": list(each.skills), "summary": each.summary} for each in found])
        return
    table = table_of("family", "skills", "what happens")
    for each in found:
        table.add_row(each.name, ", ".join(each.skills), each.summary)
    show_table(table)


@families.command()
def make(
    name: str = _NAME,
    out: Path = typer.Option(..., help="Item file to write (.jsonl)."),
    count: int = typer.Option(60, min=1, max=MOST, help="How many items."),
    seed: int = typer.Option(0, min=0, max=MOST_SEED, help="Which ones: two seeds have no item in common."),
    simulator: str = _SIMULATOR,
    processes: int | None = typer.Option(
        None, min=1, max=MOST_PROCESSES, help="Of the simulation (default: one for every core)."
    ),
) -> None:
    """Items of a family, each checked in simulation: at rest before the skill, and the family's effect really happens.

    After Ctrl-C or a crash the same command goes on with the items that are missing.

    Example: fail2progress families make row-pushed --count 60 --seed 1 --out row.jsonl
    """
    from fail2progress.cli.unfinished import finished, unfinished
    from fail2progress.core.choice import content_of
    from fail2progress.tasks.items import parse, to_json, write_items

    family = _family(name)
    check_output("--out", out, ".jsonl")
    with unfinished("families", out, family=name, seed=seed, count=count, simulator=content_of(simulator)) as rows:
        with stopped_with("the same command goes on with the items that are missing"), progress() as bar:
            task = bar.add_task(name, total=count, completed=len(rows.by_key))
            last, missing = next(reversed(rows.by_key), ""), count - len(rows.by_key)
            for item, _ in _outcomes(family, seed, missing, simulator, processes, last):
                rows.add({"key": item.id, "item": to_json(item)})
                bar.update(task, completed=len(rows.by_key))
        found = [parse(row["item"]) for row in rows.by_key.values()]
        write_items(found, out)
        finished(rows)
    say(f"{len(found)} items of {name}: {out}")


@families.command()
def picture(
    name: str = _NAME,
    out: Path = typer.Option(..., help="Picture to write (.png)."),
    count: int = typer.Option(4, min=1, max=12, help="How many items, one a row: before and after."),
    seed: int = typer.Option(0, min=0, max=MOST_SEED, help="Which ones."),
    simulator: str = _SIMULATOR,
) -> None:
    """Some items of a family, each before and after its skill.

    Example: fail2progress families picture row-pushed --out row.png
    """
    from fail2progress.reporting.change_pictures import before_and_after

    family = _family(name)
    check_output("--out", out, ".png")
    found = list(_outcomes(family, seed, count, simulator, 1))
    write_whole(out, before_and_after([outcome for _, outcome in found]))
    say(f"picture: {out}")


def _family(name: str) -> Family:
    from fail2progress.tasks.families.registry import FAMILIES

    with checked():
        return FAMILIES.get(name)


def _outcomes(
    family: Family, seed: int, count: int, choice: str, processes: int | None, after: str = ""
) -> Iterator[tuple[Item, Outcome]]:
    """Items with what happens. WorkError where the family does not give so many."""
    from fail2progress.simulation.parallel import ParallelSimulator
    from fail2progress.tasks.families.base import FamilyError

    with checked():
        physics = ParallelSimulator(processes, choice)
    with physics:
        try:
            yield from islice(family.outcomes(physics, seed, after=after), count)
        except FamilyError as error:
            raise WorkError(str(error)) from error
