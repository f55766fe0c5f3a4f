"""fail2progress models: versions of the skill effect model, what each learnt from, and which one is in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fail2progress.cli.common import (
    Commands,
    UserError,
    print_json,
    require,
    run_of,
    say,
    show_lines,
    show_table,
    table_of,
    writable,
)
from fail2progress.core.names import unknown
from fail2progress.core.runs import MODELS

if TYPE_CHECKING:
    from fail2progress.models.store import Registry

models = typer.Typer(cls=Commands, no_args_is_help=True, help="Versions of the model: list, compare, switch, go back, export.")
_RUN = typer.Option(None, "--run", help="Which run's models (runs ls); default: the last run's.")
_REGISTRY = typer.Option(None, help="Folder of versions; default: the run's.")
_VERSION = typer.Argument(..., help="A version (models ls).")
_JSON = typer.Option(False, "--json", help="Print as JSON.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(models, name="models")


@models.command()
def ls(run: str | None = _RUN, registry: Path | None = _REGISTRY, as_json: bool = _JSON) -> None:
    """List versions, oldest first: what each learnt from, how the acceptance test went, which one is in use. Damaged ones are
    named on standard error.

    Example: fail2progress models ls
    """
    versions = _registry(run, registry)
    rows, damaged = _rows(versions)
    require(bool(rows) or not damaged, "; ".join(damaged))
    for reason in damaged:
        say(f"note: {reason}; it is left out")
    if as_json:
        return print_json(rows)
    require(bool(rows), f"{versions.folder}: no version of a model here; `fail2progress runs ls` says where there are some")
    heads = ("version", "in use", "parent", "learnt from", "acceptance test", "F1 on the failure", "held-out F1")
    table = table_of(*heads, whole=("learnt from",))
    for row in rows:
        used = "yes" if row["current"] else ""
        table.add_row(row["version"], used, row["parent"] or "", row["event"] or row["source"], _test(row), *_figures(row))
    show_table(table)


@models.command()
def show(version: str = _VERSION, run: str | None = _RUN, registry: Path | None = _REGISTRY, as_json: bool = _JSON) -> None:
    """Show one version with all that is noted about it.

    Example: fail2progress models show v0002
    """
    versions = _registry(run, registry)
    _known(versions, version)
    row = _row(versions, version) | {"note": _note(versions, version), "gaps": _gaps(versions.path(version))}
    if as_json:
        return print_json(row)
    show_lines(_told(row))


@models.command()
def compare(
    one: str = _VERSION,
    other: str = _VERSION,
    run: str | None = _RUN,
    registry: Path | None = _REGISTRY,
    as_json: bool = _JSON,
) -> None:
    """Measure two versions on the same executions: those held out from pre-training, that travel with the package.

    Example: fail2progress models compare v0001 v0002
    """
    from fail2progress.learning.finetuning.rehearsal import load_rehearsal
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.models.training.metrics import evaluate

    versions = _registry(run, registry)
    held_out = load_rehearsal(weights.path(weights.KEEPSAKE)).held_out
    for version in (one, other):
        _known(versions, version)
    found = [evaluate(load_checkpoint(versions.path(version)).model, held_out).to_dict() for version in (one, other)]
    rows = [{"version": version, **_numbers(quality)} for version, quality in zip((one, other), found, strict=True)]
    if as_json:
        return print_json({"held_out": rows, "executions": len(held_out)})
    table = table_of("on held-out executions", one, other)
    for key in rows[0]:
        if key != "version":
            table.add_row(key, *("" if row[key] is None else f"{row[key]:.4f}" for row in rows))
    show_table(table)


def _numbers(quality: dict[str, object]) -> dict[str, Any]:
    """Figures of a model in one list, those of each relation by its name."""
    numbers: dict[str, Any] = {}
    for key, value in quality.items():
        if isinstance(value, dict):
            numbers |= {f"{key} of {name}": figure for name, figure in value.items()}
        elif isinstance(value, float):
            numbers[key] = value
    return numbers


@models.command()
def use(version: str = _VERSION, run: str | None = _RUN, registry: Path | None = _REGISTRY) -> None:
    """Make a version the current one. A version that the acceptance test rejected is refused.

    Example: fail2progress models use v0002
    """
    versions = _registry(run, registry)
    _known(versions, version)
    gate = _note(versions, version).get("gate")
    require(not isinstance(gate, dict) or bool(gate.get("passed")), f"{version} was rejected by the acceptance test")
    versions.make_current(version)
    say(f"{version} is the current model in {versions.folder}")


@models.command()
def rollback(run: str | None = _RUN, registry: Path | None = _REGISTRY) -> None:
    """Go back to the parent of the current version.

    Example: fail2progress models rollback
    """
    versions = _registry(run, registry)
    checkpoint = versions.roll_back()
    say(f"{checkpoint.path.stem} is the current model in {versions.folder}")


@models.command()
def export(
    version: str = _VERSION,
    out: Path = typer.Option(..., help="File to write (.safetensors); its note (.json) and its gaps go beside it."),
    run: str | None = _RUN,
    registry: Path | None = _REGISTRY,
) -> None:
    """Copy a version, its note and what was assumed in what it learnt from, to a file that --model takes.

    Example: fail2progress models export v0002 --out better.safetensors
    """
    from fail2progress.core.files import write_whole
    from fail2progress.models.store import gaps_path

    versions = _registry(run, registry)
    _known(versions, version)
    _note(versions, version)  # what is damaged is not given to anybody
    require(out.suffix == ".safetensors", f"--out {out}: the name ends in .safetensors")
    writable(out.parent, f"--out {out}")
    weights, written = versions.path(version), list[Path]()
    # The weights last: nothing that belongs beside them is missing once they are there.
    files = {weights.with_suffix(".json"): out.with_suffix(".json"), gaps_path(weights): gaps_path(out), weights: out}
    for place in files.values():
        require(not place.exists(), f"{place} exists: choose another name")
    try:
        for source, place in files.items():
            if source != gaps_path(weights) or source.exists():
                written.append(place)
                write_whole(place, source.read_bytes())
    except BaseException:
        for place in written:
            place.unlink(missing_ok=True)
        raise
    say(f"wrote {out}")


def _gaps(weights: Path) -> list[str]:
    """What was assumed in what a version learnt from; `gaps ls --file` lists it."""
    from fail2progress.core.gaps import GapError, read
    from fail2progress.models.store import gaps_path

    try:
        return [f"{gap.what} ({gap.count} times, severity {gap.severity})" for gap in read(gaps_path(weights))]
    except GapError as error:
        raise UserError(str(error)) from error


def _registry(run: str | None, folder: Path | None) -> Registry:
    chosen = folder or run_of(run, MODELS).models
    require(chosen.is_dir(), f"{chosen}: no models here; name a run with --run or a folder with --registry")
    from fail2progress.models.store import Registry  # takes a second

    return Registry(chosen)


def _known(versions: Registry, version: str) -> None:
    known = versions.versions()
    require(version in known, f"{versions.folder}: {unknown('version', version, known)}")


def _note(versions: Registry, version: str) -> dict[str, Any]:
    """What is noted beside the weights. CheckpointError where that cannot be read, or is not of the weights as they are."""
    from fail2progress.models.checkpoint import read_digest
    from fail2progress.models.notes import CheckpointError
    from fail2progress.models.version_notes import noted_version

    weights = versions.path(version)
    note = noted_version(weights)
    try:
        read_digest(weights)
    except CheckpointError as error:
        if isinstance(error.__cause__, OSError):
            raise CheckpointError(f"{error}: see that it can be read, or put back a copy of {weights.name}") from error
        mend = f"put back a copy of {weights.name}, or delete it and {weights.with_suffix('.json').name}"
        raise CheckpointError(f"{error}: one of the two is damaged; {mend}") from error
    return note


def _rows(versions: Registry) -> tuple[list[dict[str, Any]], list[str]]:
    """All versions that can be read, and what is wrong with each of the others."""
    from fail2progress.models.notes import CheckpointError

    rows, damaged = [], []
    for version in versions.versions():
        try:
            rows.append(_row(versions, version))
        except CheckpointError as error:
            damaged.append(str(error))
    return rows, damaged


def _row(versions: Registry, version: str) -> dict[str, Any]:
    note = _note(versions, version)
    return {
        "version": version,
        "current": versions.in_use() == version,
        "model": note.get("model"),
        "digest": note.get("digest"),
        "parent": note.get("parent_version"),
        "event": str(note["event"])[:8] if note.get("event") else None,
        "source": "pre-training" if not note.get("gate") else "a failure",
        "gate": note.get("gate"),
    }


def _told(row: dict[str, Any]) -> list[tuple[str, str]]:
    """What is noted of a version, for people."""
    from fail2progress.reporting.measures import measures

    note = row["note"]
    lines = [(key, str(row[key])) for key in ("version", "model", "digest", "parent", "event") if row[key] is not None]
    lines += [("in use", "yes" if row["current"] else "no"), ("learnt from", row["source"])]
    lines += [("method", str(note["method"]))] if "method" in note else []
    if row["gate"]:
        lines.append(("acceptance test", _test(row)))
        lines += [
            (one.measure.name, f"{one.before} before, {one.after} after")
            for one in measures(row["gate"]["before"], row["gate"]["after"])
        ]
    lines += [(f"seconds, {stage}", f"{spent:.1f}") for stage, spent in note.get("seconds", {}).items()]
    lines += [("assumed", text) for text in row["gaps"]]
    made = note.get("provenance", {})
    lines += [("made", _made(made))] if "time_utc" in made else []
    return lines


def _made(origin: dict[str, Any]) -> str:
    """When and by which code; a tree with changes that no commit holds is named, as the weights cannot be made again from it."""
    version = origin.get("versions", {}).get("fail2progress", "unknown")
    changed = ", with changes that no commit holds" if origin.get("changed_files") else ""
    return f"{origin['time_utc']}, version {version}, commit {str(origin.get('commit'))[:12]}{changed}"


def _test(row: dict[str, Any]) -> str:
    gate = row["gate"]
    return "" if not gate else ("passed" if gate["passed"] else f"rejected: {gate['reason']}")


def _figures(row: dict[str, Any]) -> tuple[str, str]:
    """F1 before and after, on the failure's kind and on what worked before."""
    gate = row["gate"]
    if not gate:
        return "", ""
    pairs = ((gate["before"].get(key), gate["after"].get(key)) for key in ("failure_f1", "held_out_prediction"))
    failure, held_out = (f"{a:.3f} to {b:.3f}" if a is not None and b is not None else "" for a, b in pairs)
    return failure, held_out
