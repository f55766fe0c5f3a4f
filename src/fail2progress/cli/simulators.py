"""fail2progress simulators: which there are, whether one conforms, how fast it is."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from fail2progress.cli.common import Commands, WorkError, print_json, say, show_table, table_of
from fail2progress.cli.limits import MOST, MOST_PROCESSES
from fail2progress.cli.outputs import check_output
from fail2progress.cli.voice import progress
from fail2progress.core.files import write_whole

_CHOICE = typer.Argument(..., help="Name (simulators ls), or a YAML or JSON file with its options.")

group = typer.Typer(cls=Commands, no_args_is_help=True, help="Which simulators there are, whether one conforms, how fast it is.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="simulators")


@group.command()
def ls(as_json: bool = typer.Option(False, "--json", help="Print the list as JSON.")) -> None:
    """All registered simulators, those of other packages included.

    Example: fail2progress simulators ls --json
    """
    from fail2progress.simulation.registry import SIMULATORS

    rows = []
    for entry in SIMULATORS:
        reason = entry.unavailable()
        about = {"summary": entry.summary, "source": SIMULATORS.source(entry.name), "batch": entry.capabilities.batch}
        skills = list(entry.capabilities.skills) if entry.capabilities.skills is not None else None
        rows.append({"name": entry.name, "available": reason is None, "reason": reason, "skills": skills, **about})
    if as_json:
        print_json(rows)
        return
    table = table_of("name", "can run here", "what it is")
    for row in rows:
        table.add_row(str(row["name"]), "yes" if row["available"] else f"no: {row['reason']}", str(row["summary"]))
    show_table(table)


@group.command()
def check(
    name: str = _CHOICE,
    jobs: int = typer.Option(200, min=10, max=MOST, help="How many jobs, over all skills."),
    out: Path | None = typer.Option(None, help="Also write what was found to this file."),
    as_json: bool = typer.Option(False, "--json", help="Print what was found as JSON."),
) -> None:
    """Does it do what the reference (mujoco) does, the same for the same seed, and does it refuse and stop as it should?

    Example: fail2progress simulators check mujoco_warp --json
    """
    from fail2progress.core.provenance import provenance
    from fail2progress.evaluation import conformance
    from fail2progress.simulation.registry import make, resolve

    if out is not None:
        check_output("--out", out, ".json")
    entry, options = resolve(name)
    with entry.made(options) as simulator, make() as reference, progress() as bar:
        task = bar.add_task("reference", total=jobs)
        try:
            work = list(bar.track(conformance.cases(reference, jobs, entry.capabilities.skills), task_id=task))
            verdict = conformance.check(
                simulator, work, lambda stage, share: bar.update(task, description=stage, completed=share * jobs)
            )
        except conformance.NoJobsError as error:
            raise WorkError(f"{name} cannot be judged: {error}") from error
        device = simulator.device
    for one in verdict.findings:
        say(f"{'ok    ' if one.passed else 'BELOW '} {one.name} {one.value:.4g} (bar: {one.bar:g})")
    found = {"name": name, "device": device, **verdict.to_dict(), "provenance": provenance(simulator=name, jobs=jobs)}
    if out is not None:
        write_whole(out, json.dumps(found, indent=1) + "\n")
    if as_json:
        print_json(found)
    if not verdict.passed:
        raise WorkError(f"{name} does not conform: {', '.join(f.name for f in verdict.findings if not f.passed)}")


@group.command()
def bench(
    name: str = _CHOICE,
    jobs: int = typer.Option(100, min=1, max=MOST, help="Executions of the pre-training distribution."),
    processes: int = typer.Option(
        1, min=1, max=MOST_PROCESSES, help="Local processes, for simulators that have none of their own."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the figures as JSON."),
) -> None:
    """Executions a second, and the share of the time inside stepping and ray casting.

    Example: fail2progress simulators bench mujoco --json
    """
    from fail2progress.core.provenance import provenance
    from fail2progress.evaluation import conformance
    from fail2progress.simulation.parallel import ParallelSimulator
    from fail2progress.tasks.pretraining import job

    with ParallelSimulator(processes, name) as simulator:
        found = conformance.bench(simulator, (job(1, number) for number in range(jobs)))
    rate, share = found["executions_per_s"], found["share_in_physics"]
    say(f"{name}: {rate:.1f} executions/s, {share:.0%} of the time in stepping and ray casting")
    if as_json:
        print_json({"name": name, "processes": processes, **found, "provenance": provenance(simulator=name)})


@group.command()
def scale(
    name: str = _CHOICE,
    scenes: list[int] = typer.Option([64, 256, 1024, 2048, 4096], min=1, max=65536, help="Scenes at once; can be repeated."),
    times: int = typer.Option(4, min=1, max=100, help="Jobs for every scene at once, after as many to warm up."),
    against: str = typer.Option("mujoco", help="The simulator that it is compared with, in the same run."),
    cores: int = typer.Option(2, min=1, max=MOST_PROCESSES, help="Processors that one gets."),
    jobs: int = typer.Option(400, min=1, max=MOST, help="Jobs that one gets."),
    out: Path | None = typer.Option(None, help="Also write the figures to this file."),
    as_json: bool = typer.Option(False, "--json", help="Print the figures as JSON."),
) -> None:
    """Executions a second by scenes simulated at once, beside another simulator on some processors.

    Example: fail2progress simulators scale mujoco_warp --scenes 256 --scenes 1024 --json
    """
    from fail2progress.core.provenance import provenance
    from fail2progress.evaluation import throughput
    from fail2progress.simulation.registry import resolve

    if out is not None:
        check_output("--out", out, ".json")
    entry, options = resolve(name)
    if "batch" not in type(options).model_fields:
        raise WorkError(f"{name} simulates one scene at a time; use simulators bench")
    with progress():
        base = throughput.reference_rate(against, throughput.work(jobs), cores)
        say(f"{against} on {cores} processors: {base.executions_per_s:.1f} executions/s")

        def tell(one: throughput.Rate) -> None:
            times_base = one.executions_per_s / base.executions_per_s
            say(f"{one.scenes} scenes: {one.executions_per_s:.1f} executions/s, {times_base:.1f} times that")

        found, device = throughput.rates(
            lambda number: entry.made(options.model_copy(update={"batch": number})), scenes, times, tell
        )
    measured: dict[str, object] = {
        "name": name,
        "device": device,
        "reference": {"name": against, "cores": cores, **base.to_dict()},
    }
    runs = [one.to_dict(base.executions_per_s) for one in found]
    asked = provenance(simulator=name, options=options.model_dump(mode="json"), scenes=scenes, times=times)
    measured |= {"runs": runs, "provenance": asked}
    if out is not None:
        write_whole(out, json.dumps(measured, indent=1) + "\n")
    if as_json:
        print_json(measured)
