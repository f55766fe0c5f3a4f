"""`fail2progress bench`: how fast the parts are, with ratios, in one run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from fail2progress.cli.common import UserError, WorkError, print_json, say, show_table, table_of, write_json
from fail2progress.cli.outputs import check_output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bench)


def bench(
    model: Annotated[Path | None, typer.Option(help="Weights; default: the package's.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the report to this file.")] = None,
    stack: Annotated[bool, typer.Option(help="Measure the ROS 2 stack instead: latency, swaps of the model, stop.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Measure perception, simulation, training, planning and learning; a ratio above 1 is better than the reference.

    Example: fail2progress bench --json
    """
    if out is not None:
        check_output("--out", out, ".json")
    report = _stack() if stack else _parts(model)
    if out is not None:
        write_json(out, report)
    if json_output:
        print_json(report)
    else:
        _print_table(report)


def _stack() -> dict[str, object]:
    """The nodes over DDS, against the bars of the design."""
    from fail2progress.ros.benchmark.run import measure_stack
    from fail2progress.ros.launch.environment import NoRosError

    try:
        return measure_stack(lambda stage: say(f"measuring {stage}"))
    except NoRosError as error:
        raise UserError(str(error)) from error
    except RuntimeError as error:
        raise WorkError(str(error)) from error


def _parts(model: Path | None) -> dict[str, object]:
    from fail2progress.evaluation.performance import measure
    from fail2progress.learning.finetuning.rehearsal import load_rehearsal
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(model or weights.path(weights.RELATIONAL))
    rehearsal = load_rehearsal(weights.path(weights.KEEPSAKE))
    with tempfile.TemporaryDirectory() as folder:
        return measure(checkpoint.model, checkpoint.digest, rehearsal, Path(folder), lambda stage: say(f"measuring {stage}"))


def _print_table(report: dict[str, object]) -> None:
    table = table_of("benchmark", "ours", "reference", "ratio", "reference is")
    found = report["benchmarks"]
    for row in found if isinstance(found, list) else []:
        ours, reference = (f"{row[key]:.3g} {row['unit']}" for key in ("ours", "reference"))
        table.add_row(row["name"], ours, reference, f"{row['ratio']:.2f}", row["reference_is"])
    show_table(table)
