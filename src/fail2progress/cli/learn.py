"""fail2progress learn: from a stored failure to a new model."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import (
    StoppedError,
    UserError,
    WorkError,
    checked,
    print_json,
    require,
    say,
    stopped_with,
    store_of,
    writable,
)
from fail2progress.cli.limits import MOST, MOST_PROCESSES, MOST_SEED
from fail2progress.cli.voice import stages
from fail2progress.core.names import unknown
from fail2progress.core.runs import Runs

if TYPE_CHECKING:
    from fail2progress.failures.event import FailureEvent
    from fail2progress.learning.finetuning.learner import FineTuningResult, Learner
    from fail2progress.learning.finetuning.rehearsal import RehearsalSet
    from fail2progress.models.checkpoint import Checkpoint
    from fail2progress.models.store import Registry
    from fail2progress.simulation.base import Simulator
    from fail2progress.tasks.items import Item


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(learn)


def learn(
    event: str | None = typer.Argument(None, help="Id of the failure, or an unambiguous beginning of it. Default: the last one."),
    item: Path | None = typer.Option(None, help="An item file instead: an execution of it becomes the failure."),
    line: int | None = typer.Option(None, min=1, max=MOST, help="Which line of the item file; default: its first item."),
    store: Path | None = typer.Option(
        None,
        "--store",
        "--run",
        help="Where the failures are kept: a file, or a run (runs ls). Default: the last run's; for an item, a new run's.",
    ),
    model: Path | None = typer.Option(
        None, help="Weights to start from; default: the registry's current ones, or the package's."
    ),
    rehearsal: Path | None = typer.Option(None, help="Replayed and held-out executions; default: those of the package."),
    method: str = typer.Option("stein", help="stein, gradient, sampling, prior, or that of another package."),
    acquisition: str = typer.Option("mutual-information", help="mutual-information, entropy, log-entropy or prior."),
    samples: int = typer.Option(20, min=1, max=MOST, help="Scenes to learn from (M of the paper)."),
    epochs: int = typer.Option(200, min=1, max=MOST, help="Of fine-tuning."),
    replay: int = typer.Option(20, min=0, max=MOST, help="Old samples in every epoch; 0 learns from the new ones alone."),
    registry: Path | None = typer.Option(None, help="Folder of the models' versions. Default: `models` beside the failures."),
    physics: list[str] = typer.Option(
        [], help="A property that the world may have otherwise, if the motion tells it: friction, weight, centre, restitution."
    ),
    patience: float = typer.Option(
        200.0,
        min=0,
        max=MOST,
        help="Seconds of processor time within which another attempt begins, with other data, where none passed; 0: one attempt. "
        "Each fine-tunes more and more weights in turn until a model is good enough: fine-tuning, fine-tuning (2) and so on.",
    ),
    seed: int = typer.Option(0, min=0, max=MOST_SEED, help="Of everything random in it."),
    simulator: str = typer.Option("mujoco", help="Name (simulators ls), or a YAML or JSON file with its options."),
    processes: int | None = typer.Option(
        None, min=1, max=MOST_PROCESSES, help="Of the simulation (default: one for every core)."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Find scenes and actions like a failure, simulate them, fine-tune; a model that passes the gate becomes the current one.

    What comes into use while something is learnt stays; current in --json says whether the new model is in use. same_scenes:
    both models on executions of the failure's kind that are the same for every method; null where the failure gives none.

    Example: fail2progress learn 3f2a --method stein --samples 20 --json

    Example: fail2progress learn --item row.jsonl --line 3 --json
    """
    from fail2progress.failures.store import FailureStore
    from fail2progress.learning.finetuning.finetune import FinetuneOptions
    from fail2progress.learning.finetuning.learner import Learner
    from fail2progress.learning.finetuning.targeted import TargetOptions
    from fail2progress.learning.finetuning.versions import remembered
    from fail2progress.models.store import Registry
    from fail2progress.simulation.parallel import ParallelSimulator
    from fail2progress.simulation.registry import resolve, varies_physics
    from fail2progress.stein.actions import ACQUISITIONS

    require(acquisition in ACQUISITIONS, unknown("acquisition", acquisition, ACQUISITIONS))
    with checked():
        targeting = TargetOptions(method=method, acquisition=acquisition, samples=samples, physics=tuple(physics))
    (varies_physics if physics else resolve)(simulator)
    require(event is None or item is None, f"name either a stored failure or an --item file, not both {event} and {item}")
    require(line is None or item is not None, "--line is a line of an --item file")
    chosen = _item(item, line) if item is not None else None
    place = store_of(store) if chosen is None else store
    named = registry or (place.parent / "models" if place is not None else None)
    in_use = Registry(named).in_use() if named is not None else None
    parent, kept = _parent(named, model), _rehearsal(rehearsal)
    stored = _event(place, event) if chosen is None and place is not None else None
    _try_out(named, place)
    failure = stored or _failure_of(chosen, parent, simulator)
    kept_at = place or _new_store()
    versions = Registry(named or kept_at.parent / "models")
    if chosen is not None:
        FailureStore(kept_at).add(failure)
        say(f"{chosen.id} is failure {failure.id[:8]}: {', '.join(map(str, failure.header.mismatches[:3]))}")
    if failure.header.model != parent.digest:
        say(f"note: the failure was met by model {failure.header.model[:12]}, not by {parent.digest[:12]}")
    with ParallelSimulator(processes, simulator) as worlds:
        learner = Learner(worlds, kept, targeting, FinetuneOptions(epochs=epochs, replay=replay), patience=patience)
        known = remembered(versions, parent, FailureStore(kept_at))
        for reason in known.left_out:
            say(f"note: {' '.join(reason.split())}")
        lesson = _learn(learner.remembering(known.lessons, known.failures), failure, parent, seed)
        version = _register(versions, parent, lesson, failure, method, seed) if lesson.verdict.passed else None
        current = version is not None and versions.replace(version, in_use)
        reason = lesson.verdict.reason if current or version is None else _overtaken(versions, version)
        FailureStore(kept_at).add_lesson(failure.id, version if current and version else "", reason)
        if as_json:
            with stopped_with(f"{version} is the current model" if current else "the model in use is the one that it was"):
                compared = _compared(failure, parent, lesson, worlds, targeting.physics)
            result = _result(versions, parent, lesson, failure, method, version)
            print_json(result | {"current": current, "same_scenes": compared})
    if version is None:
        raise WorkError(_rejected(lesson, patience, chosen is not None))
    if not current:
        use = f"fail2progress models use {version} --registry {versions.folder}"
        raise WorkError(f"{reason}; `{use}` switches to the new one, or learn again")
    say(f"{version} is the current model in {versions.folder}: {lesson.verdict.reason}")


def _event(store: Path, identity: str | None) -> FailureEvent:
    from fail2progress.failures.store import FailureStore

    kept = FailureStore(store)
    return kept.get(identity) if identity else kept.latest()


def _new_store() -> Path:
    """Of a new run. UserError where nothing could be kept there, and then there is no run, either."""
    run = Runs().new("learn", datetime.now())
    try:
        _try_out(run.models, run.store)
    except UserError:
        with suppress(OSError):
            Runs().discard(run)
        raise
    return run.store


def _try_out(registry: Path | None, store: Path | None) -> None:
    """What will be written to once something is learnt. UserError where that cannot be done."""
    if registry is not None:
        writable(registry, alone=True)
    if store is not None:
        writable(store.parent, files=[store.with_name(name) for name in (store.name, f"{store.name}-wal", f"{store.name}-shm")])


def _item(path: Path, line: int | None) -> Item:
    from fail2progress.tasks.items import read_item

    with checked():
        return read_item(path, line)


def _failure_of(item: Item | None, parent: Checkpoint, simulator: str) -> FailureEvent:
    """The failure of an item, which is carried out. WorkError where it gives none."""
    from fail2progress.evaluation.item_failures import NoFailureError, item_failure
    from fail2progress.simulation.registry import make

    assert item is not None
    try:
        return item_failure(item, make(simulator), parent.model, parent.digest)
    except NoFailureError as error:
        raise WorkError(f"nothing to learn: {error}; --line names another item of the file") from error


def _rehearsal(path: Path | None) -> RehearsalSet:
    from fail2progress.learning.finetuning.rehearsal import load_rehearsal
    from fail2progress.models import weights

    return load_rehearsal(path or weights.path(weights.KEEPSAKE))


def _parent(versions: Path | None, model: Path | None) -> Checkpoint:
    """The weights that are named, or the current ones of a folder of versions, or those of the package. NothingToTrainError where
    they cannot learn."""
    from fail2progress.learning.finetuning.finetune import LADDER
    from fail2progress.learning.finetuning.ladder import rungs
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.models.store import Registry

    if model is None and versions is not None and (versions / "CURRENT").exists():
        parent = Registry(versions).current()
    else:
        parent = load_checkpoint(model or weights.path(weights.RELATIONAL))
    rungs(parent.model, LADDER)
    return parent


def _learn(learner: Learner, failure: FailureEvent, parent: Checkpoint, seed: int) -> FineTuningResult:
    """WorkError where the failure gives nothing to learn from, or when stopped."""
    from fail2progress.stein.states import NothingToVaryError

    try:
        with stages() as report:
            return learner.learn([failure], parent.model, seed, report)
    except KeyboardInterrupt:
        raise StoppedError("stopped; the model in use is the one that it was") from None
    except NothingToVaryError as error:
        raise WorkError(f"nothing was learned: {error}") from error


def _compared(
    failure: FailureEvent, parent: Checkpoint, lesson: FineTuningResult, worlds: Simulator, physics: tuple[str, ...]
) -> dict[str, object] | None:
    """Both models on the same scenes for every method; None where the failure gives none."""
    from fail2progress.learning.finetuning.same_scenes import judged, same_scenes
    from fail2progress.stein.states import NothingToVaryError

    try:
        return judged(same_scenes(failure, parent.model, worlds, physics), parent.model, lesson.model)
    except NothingToVaryError:
        return None


def _rejected(lesson: FineTuningResult, patience: float, of_item: bool) -> str:
    """Why the model in use stays, and what to try."""
    hints = [f"more time for data that were not tried (--patience {max(3 * patience, 200):g})"] if lesson.hurried else []
    hints += [f"another failure of the kind ({'--line' if of_item else 'failures ls'})", "other random draws (--seed)"]
    return f"the new model was rejected: {lesson.verdict.reason}; the one in use stays. To try: {', or '.join(hints)}"


def _register(
    versions: Registry, parent: Checkpoint, lesson: FineTuningResult, failure: FailureEvent, method: str, seed: int
) -> str:
    """Add the new model with its origin, without switching to it."""
    from fail2progress.learning.finetuning.versions import register_lesson

    return register_lesson(versions, parent, lesson, failure.id, method, seed)


def _overtaken(versions: Registry, version: str) -> str:
    return f"{versions.in_use()} came into use in {versions.folder} while {version} was learnt, and stays"


def _result(
    versions: Registry, parent: Checkpoint, lesson: FineTuningResult, failure: FailureEvent, method: str, version: str | None
) -> dict[str, object]:
    path = versions.path(version) if version is not None else None
    return {
        "event": failure.id,
        "method": method,
        "model": str(path) if path is not None else None,
        "version": version,
        "parent": str(parent.path),
        "parent_digest": parent.digest,
        **lesson.to_dict(),
    }
