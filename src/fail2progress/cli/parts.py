"""fail2progress parts ls: what can be chosen by name, of this package and of others that bring some."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import typer

from fail2progress.cli.common import Commands, checked, print_json, require, say, show_table, table_of
from fail2progress.core.names import unknown

parts = typer.Typer(cls=Commands, no_args_is_help=True, help="What can be chosen by name, and what other packages bring.")

KINDS = {
    "skills": "fail2progress.skills.registry:SKILLS",
    "models": "fail2progress.models.registry:MODELS",
    "tasks": "fail2progress.tasks.registry:TASKS",
    "families": "fail2progress.tasks.families.registry:FAMILIES",
    "segmenters": "fail2progress.perception.segmentation.registry:SEGMENTERS",
    "relation-detectors": "fail2progress.perception.relations.registry:DETECTORS",
    "simulators": "fail2progress.simulation.registry:SIMULATORS",
    "generators": "fail2progress.learning.finetuning.generators:GENERATORS",
    "signals": "fail2progress.failures.routes:SIGNALS",
    "methods": "fail2progress.evaluation.studies.methods:METHODS",
    "structures": "fail2progress.benchmarks.structures:STRUCTURES",
    "clusterers": "fail2progress.benchmarks.clusters:CLUSTERERS",
    "benchmark-generators": "fail2progress.benchmarks.induction:GENERATORS",
}
"""Registries by the kind of part; an entry-point group is named in CONTRIBUTING.md."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(parts, name="parts")


@parts.command()
def ls(
    kind: str | None = typer.Argument(None, help=f"Only of this kind: {', '.join(KINDS)}."),
    as_json: bool = typer.Option(False, "--json", help="Print the list as JSON."),
) -> None:
    """What can be chosen by name: all kinds of parts with their names, or the parts of one kind with what each is.

    Example: fail2progress parts ls segmenters
    """
    require(kind is None or kind in KINDS, unknown("kind of part", kind or "", tuple(KINDS)))
    rows = [row for each in ([kind] if kind is not None else KINDS) for row in _rows(each)]
    if as_json:
        return print_json(rows)
    if not rows:
        return say(f"no {kind}; other packages can bring some (CONTRIBUTING.md)")
    if kind is None:
        table = table_of("kind", "names")
        for each in KINDS:
            table.add_row(each, ", ".join(row["name"] for row in rows if row["kind"] == each))
    else:
        table = table_of("name", "what it is", "from")
        for row in rows:
            table.add_row(row["name"], row["summary"], row["package"])
    show_table(table)


def _rows(kind: str) -> list[dict[str, str]]:
    """RegistryError where a package's part cannot be loaded or is none, UserError where its task file is wrong."""
    module, _, attribute = KINDS[kind].partition(":")
    registry = getattr(import_module(module), attribute)
    if kind == "signals":
        import_module("fail2progress.failures.signals")
    names = registry.names() if hasattr(registry, "names") else tuple(registry)
    found = (_part(kind, registry, name) for name in names)
    return [
        {"kind": kind, "name": name, "summary": _summary(part), "package": registry.source(name)}
        for name, part in zip(names, found, strict=True)
    ]


def _part(kind: str, registry: Any, name: str) -> Any:
    """The part of a name; of a task, which its registry may know by a file or a function alone, the task itself."""
    from fail2progress.tasks.registry import task

    if kind == "tasks":
        with checked():
            return task(name)
    return registry.get(name) if hasattr(registry, "names") else registry[name]


def _summary(part: Any) -> str:
    """What a part says of itself: its `summary`, or the first sentence of its documentation or its class's."""
    from fail2progress.failures.routes import SignalDefinition

    if isinstance(part, SignalDefinition):
        edits = ", ".join(
            f"{edit.adjustable} by {f'{edit.change:+g}' if edit.change else 'what was measured'}" for edit in part.route.edits
        )
        return f"answered by changing {edits}" if edits else "answered by no edit of a skill"
    said = getattr(part, "summary", "")
    if isinstance(said, str) and said:
        return said
    text = " ".join((inspect.getdoc(part) or "").split("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".")
