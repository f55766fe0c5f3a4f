"""One pre-training run over one or several processes, each with its share of every batch."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import distributed

from fail2progress.cli.common import WorkError
from fail2progress.cli.resume import Resume
from fail2progress.core.executor import LostWorkerError, at_work, end_with_parent
from fail2progress.learning.pretraining.pretrain import prepared, pretrain, shape_codes, split
from fail2progress.learning.pretraining.shards import open_dataset
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.config import ModelConfig
from fail2progress.models.registry import MODELS
from fail2progress.models.tensor_files import write_tensors
from fail2progress.models.training.metrics import Quality, evaluate
from fail2progress.models.training.parallel import Share, together
from fail2progress.models.training.training import Step, TrainingOptions
from fail2progress.models.training.transitions import Transitions, prepared_for, select
from fail2progress.skills.vocabulary import current

Report = Callable[[Step], None]


@dataclass(frozen=True)
class Run:
    """What decides a training run. `encoder` is a checkpoint whose encoder is taken over as it is, None trains one."""

    data: Path
    out: Path
    model: str
    config: ModelConfig
    epochs: int
    batch: int
    learning_rate: float
    seed: int
    processes: int
    encoder: Path | None
    thinned: float
    signature: dict[str, object]

    @property
    def resume(self) -> Resume:
        """The state beside the output."""
        return Resume(self.out.with_suffix(".resume"), self.signature)

    @property
    def options(self) -> TrainingOptions:
        """For models.training."""
        options = TrainingOptions(epochs=self.epochs, batch=self.batch, learning_rate=self.learning_rate, fused=True)
        return replace(options, mixed=self.encoder is None, thinned=self.thinned)

    @property
    def codes(self) -> Path:
        """What is computed once of the clouds for all processes: shape codes with a given encoder, else its inputs."""
        return self.out.with_suffix(".codes")


def dataset(run: Run) -> Transitions:
    """The data set as tensors, mapped from a cache beside the shards that the first call computes."""
    return prepared(open_dataset(run.data), run.data / "transitions.safetensors")


def model_for(run: Run) -> SkillEffectModel:
    """The model before training. ValueError where the given encoder is of another kind."""
    torch.manual_seed(run.seed)
    model = MODELS.get(run.model).from_config(run.config, current())
    if run.encoder is not None:
        model.take_encoder(load_checkpoint(run.encoder).model)
    return model


def prepare(run: Run) -> int:
    """Compute what all processes share; returns how many executions an epoch has."""
    transitions = dataset(run)
    model = model_for(run)
    if run.encoder is not None:
        write_tensors(run.codes, {"codes": shape_codes(model, transitions)})
    else:
        write_tensors(run.codes, prepared_for(model, transitions).prepared)
    return len(split(transitions)[0])


def carry_out(run: Run, report: Report) -> tuple[SkillEffectModel, Quality]:
    """Train, in this process as number 0 beside the others; the model and its quality on the held-out part.

    WorkError where the processes lose each other.
    """
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        try:
            with _others(run, meeting) as lost, together(0, run.processes, meeting, lost) as share:
                model, transitions = _train(run, share, report)
        except (LostWorkerError, distributed.DistError) as error:
            raise WorkError(f"the processes of the training lost each other; the same command goes on ({error})") from error
    return model, evaluate(model, select(transitions, split(transitions)[1].tolist()))


def _others(run: Run, meeting: Path) -> AbstractContextManager[Callable[[], bool]]:
    """The processes 1 and up; they are stopped when this one is done or interrupted."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    return at_work([context.Process(target=_other, args=(run, rank, meeting), daemon=True) for rank in range(1, run.processes)])


def _other(run: Run, rank: int, meeting: Path) -> None:
    """What number 0 cannot do without fails in one line here, and there."""
    end_with_parent()
    try:
        with together(rank, run.processes, meeting) as share:
            _train(run, share, lambda step: None)
    except (OSError, RuntimeError) as error:
        sys.exit(f"process {rank} of the training: {str(error).partition(chr(10))[0]}")


def _train(run: Run, share: Share, report: Report) -> tuple[SkillEffectModel, Transitions]:
    transitions, model, resume = dataset(run), model_for(run), run.resume
    computed = load_file(run.codes)
    codes = computed.get("codes") if run.encoder is not None else None
    if codes is None:
        transitions = replace(transitions, prepared=computed)

    def keep(epochs: int, optimiser: torch.optim.Optimizer) -> None:
        if share.rank == 0:
            resume.save(model, epochs, optimiser)

    generator, start = torch.Generator().manual_seed(run.seed), resume.start(model)
    for step in pretrain(model, transitions, run.options, generator, codes, share, keep, start):
        report(step)
    return model, transitions
