"""Training that can be interrupted: weights, Adam's state and the number of epochs done, in one file beside the output."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fail2progress.models.notes import CheckpointError
from fail2progress.models.tensor_files import write_tensors
from fail2progress.models.training.training import Start, adam_state


@dataclass(frozen=True)
class Resume:
    """The state of one training run. `run` is what decides its result; a state of another run is refused."""

    path: Path
    run: dict[str, object]

    def start(self, model: torch.nn.Module) -> Start:
        """Load the weights of the last finished epoch into the model; CheckpointError for a state that does not fit."""
        if not self.path.exists():
            return Start()
        epochs, values = self._read()
        try:
            model.load_state_dict(_part(values, "model."))
        except RuntimeError as error:
            raise CheckpointError(f"{self.path}: {str(error).splitlines()[-1].strip()}") from error
        return Start(epochs, _part(values, "adam."))

    def save(self, model: torch.nn.Module, epochs: int, optimiser: torch.optim.Optimizer) -> None:
        """Write the state, whole or not at all."""
        values = {f"model.{key}": value.contiguous() for key, value in model.state_dict().items()}
        values |= {f"adam.{key}": value.contiguous() for key, value in adam_state(optimiser).items()}
        write_tensors(self.path, values, {"run": json.dumps(self.run), "epochs": str(epochs)})

    def epochs(self) -> int:
        """Epochs done so far."""
        return self._read()[0] if self.path.exists() else 0

    def clear(self) -> None:
        """The run is over."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> tuple[int, dict[str, Tensor]]:
        try:
            with safe_open(self.path, "pt") as file:
                note = file.metadata()
                values = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
            run, epochs = json.loads(note["run"]), int(note["epochs"])
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{self.path}: cannot be read ({error}); delete it to start over") from error
        if run != self.run:
            changed = sorted(key for key in {*run, *self.run} if run.get(key) != self.run.get(key))
            raise CheckpointError(
                f"{self.path}: was begun with other {', '.join(changed)}; train with the same or delete it to start over"
            )
        return epochs, values


def _part(values: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


def digest_of(values: list[str]) -> str:
    """SHA-256 of some texts."""
    return hashlib.sha256("\n".join(values).encode()).hexdigest()
