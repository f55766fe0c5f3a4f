"""All commands: a command's module registers itself here."""

from __future__ import annotations

import typer

from fail2progress import __version__
from fail2progress.cli import (
    assets,
    bag,
    bench,
    benchmark,
    benchmark_harness,
    benchmark_levels,
    benchmark_make,
    benchmark_text,
    calibrate,
    check,
    combine,
    corrections,
    demo,
    doctor,
    evaluate,
    failures,
    families,
    fit_boxes,
    fit_joins,
    gaps,
    generate,
    keystore,
    learn,
    model_kinds,
    models,
    parts,
    perceive,
    rehearsal,
    report,
    reproduce,
    runs,
    sim_worker,
    simulators,
    tasks,
    train,
    train_segmenter,
    transfer,
    up,
)
from fail2progress.cli.common import told_in_one_line
from fail2progress.cli.outputs import CarefulCommands

app = typer.Typer(
    cls=CarefulCommands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="A robot manipulation stack that learns from its failures.",
)

for _module in (
    demo,
    up,
    report,
    generate,
    train,
    rehearsal,
    train_segmenter,
    fit_boxes,
    fit_joins,
    evaluate,
    learn,
    failures,
    assets,
    corrections,
    gaps,
    transfer,
    models,
    model_kinds,
    runs,
    tasks,
    parts,
    perceive,
    reproduce,
    bench,
    simulators,
    sim_worker,
    doctor,
    benchmark,
    benchmark_harness,
    benchmark_levels,
    benchmark_make,
    benchmark_text,
    families,
    calibrate,
    combine,
    bag,
    check,
    keystore,
):
    _module.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        with told_in_one_line():
            typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version and end."),
) -> None:
    """A robot manipulation stack that learns from its failures."""


if __name__ == "__main__":  # as the console script; to end at once without a word would look like success
    import runpy

    runpy.run_module("fail2progress.cli", run_name="__main__")
