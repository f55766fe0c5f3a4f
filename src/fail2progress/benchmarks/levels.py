"""Capability levels: models x training sizes x training seeds, trained by a command that goes on where it was ended.

All levels share one shape encoder, which is given and left alone: what a level has learnt is what follows from shapes and boxes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fail2progress.benchmarks.manifest import Manifest, Role, Row, Tell, role_of, write_manifest
from fail2progress.core.executor import Executor
from fail2progress.core.files import whole_file
from fail2progress.core.provenance import EVERYTHING, code_version, provenance
from fail2progress.learning.pretraining.pretrain import prepared, shape_codes
from fail2progress.learning.pretraining.shards import digest, open_dataset
from fail2progress.models.checkpoint import load_checkpoint, save_checkpoint
from fail2progress.models.notes import CheckpointError
from fail2progress.models.registry import MODELS, configuration
from fail2progress.models.training.parallel import one_thread
from fail2progress.models.training.training import TrainingOptions, train
from fail2progress.models.training.transitions import Transitions, concatenate
from fail2progress.skills.vocabulary import current

KINDS = ("binary-pred", "stow-gnn", "points2plans:plain", "points2plans:relational")
"""Models as NAME or NAME:VARIANT."""


@dataclass(frozen=True)
class Size:
    """So many training executions, passes over them, and how many further ones (lessons) are of what the data do not have."""

    executions: int
    epochs: int
    lessons: int = 0

    @classmethod
    def parse(cls, text: str) -> Size:
        """From EXECUTIONS:EPOCHS or EXECUTIONS+LESSONS:EPOCHS. ValueError says what is wrong."""
        found = re.fullmatch(r"([1-9]\d*)(?:\+([1-9]\d*))?:([1-9]\d*)", text)
        if found is None:
            raise ValueError(f"--size {text}: give EXECUTIONS:EPOCHS, for example 2000:6, or EXECUTIONS+LESSONS:EPOCHS")
        return cls(int(found[1]), int(found[3]), int(found[2] or 0))

    @property
    def name(self) -> str:
        """As levels are named by it."""
        return f"{self.executions}+{self.lessons}" if self.lessons else str(self.executions)


SIZES = (Size(500, 12), Size(2000, 6), Size(8000, 3))


@dataclass(frozen=True)
class LevelTask:
    """What a worker needs to train one level with one training seed."""

    kind: str
    size: Size
    seed: int
    data: str
    codes: str
    encoder: str
    encoder_digest: str
    data_digest: str
    out: str
    scouts: int | None = None
    lessons: str = ""
    """Folder of the further executions."""
    lessons_digest: str = ""
    batch: int = 32

    @property
    def level(self) -> str:
        """Name of the capability level: its training seeds differ in nothing else."""
        return f"{self.kind}/{self.size.name}"

    @property
    def role(self) -> Role:
        """Scout or evaluee."""
        return role_of(self.seed, self.size.executions, self.scouts)

    @property
    def path(self) -> Path:
        """Where its weights go."""
        return Path(self.out) / f"{self.kind.replace(':', '-')}_{self.size.name}_{self.seed}.safetensors"

    @property
    def signature(self) -> dict[str, object]:
        """All that decides the weights."""
        values = asdict(self)
        found = {key: values[key] for key in ("kind", "size", "seed", "batch", "encoder_digest", "data_digest")}
        if self.size.lessons:
            return {**found, "lessons_digest": self.lessons_digest}
        return {**found, "size": {"executions": self.size.executions, "epochs": self.size.epochs}}

    @property
    def sources(self) -> list[tuple[Path, Path, str]]:
        """Folders of executions with where the shape codes of their clouds go, and the digests of the folders."""
        found = [(Path(self.data), Path(self.codes), self.data_digest)]
        if self.size.lessons:
            found.append((Path(self.lessons), Path(self.codes).with_stem("lessons_codes"), self.lessons_digest))
        return found

    def done(self) -> bool:
        """Whether its weights are there, whole, and of this signature."""
        try:
            return load_checkpoint(self.path).note.get("trained") == self.signature
        except CheckpointError:
            return False


def tasks(
    data: Path,
    out: Path,
    encoder: Path,
    kinds: Sequence[str] = KINDS,
    sizes: Sequence[Size] = SIZES,
    seeds: int = 3,
    scouts: int | None = None,
    lessons: Path | None = None,
) -> list[LevelTask]:
    """One for every level and training seed. ValueError, DataError: a model or data that are not there, or nothing is scored.

    Scouts are the models of seed 0, or, where `scouts` names one of the sizes, all models of that size: these levels are not
    scored then.
    """
    if scouts is None and seeds < 2:
        raise ValueError("with one training seed nothing is left to be scored: more --seeds, or --scouts SIZE")
    if scouts is not None and (len(sizes) < 2 or scouts not in [size.executions for size in sizes]):
        raise ValueError(f"--scouts {scouts}: not one of several sizes ({', '.join(str(size.executions) for size in sizes)})")
    for kind in kinds:
        name, _, variant = kind.partition(":")
        configuration(MODELS.get(name), variant or None, {})
    _check_enough(data, max(size.executions for size in sizes))
    most = max(size.lessons for size in sizes)
    if most and lessons is None:
        raise ValueError(f"--size with {most} lessons: --lessons names their folder (generate --items)")
    if most and lessons is not None:
        _check_enough(lessons, most)
    out.mkdir(parents=True, exist_ok=True)
    marks = load_checkpoint(encoder).digest, digest(data / "manifest.json")
    further = (str(lessons), digest(lessons / "manifest.json")) if lessons else ("", "")
    codes = out / "codes.safetensors"
    return [
        LevelTask(kind, size, seed, str(data), str(codes), str(encoder), *marks, str(out), scouts, *further)
        for seed in range(seeds)
        for size in sizes
        for kind in kinds
    ]


def _check_enough(folder: Path, largest: int) -> None:
    available = sum(len(shard) for shard in open_dataset(folder))
    if available < 0.9 * largest:  # unstable starts are left out of the shards
        raise ValueError(f"{folder} holds {available} executions, --size asks for {largest}: generate more with --executions")


def train_levels(work: Sequence[LevelTask], executor: Executor, tell: Tell = lambda what: None) -> Iterator[LevelTask]:
    """Train what is missing; yields each level as it is done, those of earlier runs first, and writes the manifest.

    Levels that the manifest lists already and that are not asked for now stay in it; `tell` hears of those that cannot.
    """
    present = [task for task in work if task.done()]
    yield from present
    missing = [task for task in work if task not in present]
    if missing:
        _compute_codes(max(missing, key=lambda task: task.size.lessons))
        yield from executor.map_unordered(train_level, missing)
    found = Manifest(encoder=work[0].encoder_digest, data=work[0].data_digest, levels=[_row(task) for task in work])
    write_manifest(Path(work[0].out), found, work[0].scouts, tell)


def train_level(task: LevelTask) -> LevelTask:
    """Train one level, in a worker."""
    transitions, chosen, codes = _material(task)
    with one_thread():
        torch.manual_seed(task.seed)
        name, _, variant = task.kind.partition(":")
        cls = MODELS.get(name)
        model = cls.from_config(configuration(cls, variant or None, {}), current())
        model.take_encoder(load_checkpoint(Path(task.encoder)).model)
        options = TrainingOptions(epochs=task.size.epochs, batch=task.batch)
        generator = torch.Generator().manual_seed(task.seed)
        steps = train(
            model,
            transitions,
            model.finetuned_parameters(),
            options,
            generator,
            codes,
            lambda g: chosen[torch.randperm(len(chosen), generator=g)],
        )
        for _ in steps:
            pass
    note: dict[str, object] = {"level": task.level, "trained": task.signature, "code": code_version(EVERYTHING)}
    save_checkpoint(model.eval(), task.path, {**note, "provenance": provenance(seed=task.seed)})
    return task


def _material(task: LevelTask) -> tuple[Transitions, Tensor, Tensor]:
    """All executions of a task's folders as one set, the numbers of those that it trains on, and the codes of the clouds."""
    parts = [_transitions(folder) for folder, _, _ in task.sources]
    starts = [0, *(len(part) for part in parts)]
    wanted = (task.size.executions, task.size.lessons)
    chosen = [torch.arange(start, start + min(n, len(part))) for start, n, part in zip(starts, wanted, parts, strict=False)]
    codes = [load_file(path)["codes"] for _, path, _ in task.sources]
    return concatenate(parts), torch.cat(chosen), torch.cat(codes)


def _transitions(folder: Path) -> Transitions:
    return prepared(open_dataset(folder), folder / "transitions.safetensors")


def _compute_codes(task: LevelTask) -> None:
    """The shape codes of all clouds of the data, once for all levels."""
    for folder, path, content in task.sources:
        mark, source = path.with_suffix(".source"), f"{task.encoder_digest} {content}"
        if path.exists() and mark.exists() and mark.read_text() == source:
            continue
        with one_thread(), whole_file(path) as unfinished:
            save_file({"codes": shape_codes(load_checkpoint(Path(task.encoder)).model, _transitions(folder), 512)}, unfinished)
        mark.write_text(source)


def _row(task: LevelTask) -> Row:
    found = load_checkpoint(task.path)
    code = str(found.note.get("code") or "")
    return Row(level=task.level, seed=task.seed, role=task.role, path=task.path.name, digest=found.digest, code=code)
