"""The models that a benchmark is made with and judged by: scouts find failures, evaluees are scored, and no model is both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from fail2progress.benchmarks.execution import Execution
from fail2progress.benchmarks.manifest import EVALUEE, MANIFEST, SCOUT, Manifest
from fail2progress.benchmarks.scoring import Response, score
from fail2progress.models import weights
from fail2progress.models.base import Action, LatentState, SkillEffectModel, expected_motion
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.training.parallel import one_thread
from fail2progress.skills.base import padded
from fail2progress.skills.vocabulary import current

_SHIPPED = (("binary-pred", SCOUT), ("plain", SCOUT), ("stow-gnn", EVALUEE), ("relational", EVALUEE))
_BATCH = 64


class PanelError(ValueError):
    """Models that cannot be used together, and why."""


@dataclass(frozen=True)
class Member:
    """One model of a panel. `level` names its capability level, which its training seeds share."""

    level: str
    seed: int
    role: str
    path: Path
    digest: str

    @property
    def name(self) -> str:
        """Level and training seed."""
        return f"{self.level}#{self.seed}"

    @cached_property
    def model(self) -> SkillEffectModel:
        """Its weights, read when they are first needed."""
        checkpoint = load_checkpoint(self.path)
        if checkpoint.digest != self.digest:
            raise PanelError(f"{self.path}: digest {checkpoint.digest[:12]} is not that of the panel, {self.digest[:12]}")
        return checkpoint.model

    @cached_property
    def encoder(self) -> str:
        """Digest of its shape encoder."""
        return self.model.encoder_digest()


@dataclass(frozen=True)
class Panel:
    """All members. PanelError where scouts and evaluees have a model in common, or one side is empty."""

    members: tuple[Member, ...]

    def __post_init__(self) -> None:
        scouts, others = ({m.digest for m in self.members if m.role == role} for role in (SCOUT, EVALUEE))
        if not scouts or not others:
            raise PanelError("a panel needs at least one scout and one evaluee")
        if scouts & others:
            names = ", ".join(m.name for m in self.members if m.digest in scouts & others)
            raise PanelError(f"scouts and evaluees must differ; both have the weights of {names}")

    def of(self, role: str) -> tuple[int, ...]:
        """Numbers of the members of a role."""
        return tuple(i for i, member in enumerate(self.members) if member.role == role)

    def respond(self, executions: Sequence[Execution], role: str | None = None) -> list[Response]:
        """What all members, or those of a role, say of executions, scored. Members that are not asked count as right."""
        asked = list(range(len(self.members)) if role is None else self.of(role))
        found: dict[int, Response] = {}
        # Batches are padded to their largest scene, and cost its square: scenes of a size go together.
        order = sorted(range(len(executions)), key=lambda row: len(executions[row].names))
        with one_thread(), torch.no_grad():
            for start in range(0, len(order), _BATCH):
                rows = order[start : start + _BATCH]
                answers = _respond([self.members[i] for i in asked], [executions[row] for row in rows])
                found.update(zip(rows, answers, strict=True))
        return [_widened(found[row], asked, len(self.members)) for row in range(len(executions))]


def read_panel(folder: Path | None) -> Panel:
    """The levels of a folder, or the package's weights. PanelError says what is wrong."""
    if folder is None:
        return _shipped()
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise PanelError(f"{folder / MANIFEST}: cannot be read; `benchmark levels --out {folder}` writes it") from error
    except ValidationError as error:
        raise PanelError(f"{folder / MANIFEST}: no list of levels ({error.errors()[0]['msg']})") from error
    rows = manifest.levels
    return Panel(tuple(Member(row.level, row.seed, row.role, folder / row.path, row.digest) for row in rows))


def _shipped() -> Panel:
    members = []
    for name, role in _SHIPPED:
        path = weights.path(f"{name}.safetensors")
        members.append(Member(name, 0, role, path, str(json.loads(path.with_suffix(".json").read_text())["digest"])))
    return Panel(tuple(members))


def _respond(members: Sequence[Member], part: Sequence[Execution]) -> list[Response]:
    inputs, codes = _Inputs(part), dict[str, Tensor]()
    said = []
    for member in members:
        key = member.encoder
        if key not in codes:
            codes[key] = inputs.codes(member.model)
        said.append(inputs.predict(member.model, codes[key]))
    return [score(each, [_cut(one, number, each) for one in said]) for number, each in enumerate(part)]


def _widened(response: Response, asked: list[int], total: int) -> Response:
    """A response of some members in the places of all."""
    correct, graded = np.ones(total, bool), np.zeros(total)
    signature = np.zeros((total, response.signature.shape[1]))
    correct[asked], graded[asked], signature[asked] = response.correct, response.graded, response.signature
    return Response(correct, graded, signature)


def _cut(said: tuple[Tensor, Tensor, Tensor], row: int, execution: Execution) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = len(execution.names)
    binary, unary, motion = said
    return binary[row, :n, :n].numpy(), unary[row, :n].numpy(), motion[row, :n].numpy()


class _Inputs:
    """Executions padded to the largest of them, as models take them."""

    def __init__(self, part: Sequence[Execution]) -> None:
        self.part = part
        size = max(len(each.names) for each in part)
        points = torch.zeros(len(part), size, part[0].points.shape[1], 3)
        self.mask = torch.zeros(len(part), size, dtype=torch.bool)
        for row, each in enumerate(part):
            points[row, : len(each.names)] = torch.from_numpy(np.nan_to_num(each.points))
            self.mask[row, : len(each.names)] = torch.from_numpy(each.seen)
        self.box = torch.stack([points.amin(dim=2), points.amax(dim=2)], dim=2)
        self.centred = points - self.box.mean(dim=2, keepdim=True)
        self.ids = torch.arange(size).expand(len(part), -1)
        number = [current().index(each.skill) for each in part]
        parameters = torch.tensor(np.stack([padded(each.parameters) for each in part]), dtype=torch.float32)
        self.action = Action(torch.tensor(number), torch.tensor([each.object for each in part]), parameters)

    def codes(self, model: SkillEffectModel) -> Tensor:
        """(B, N, C) shape codes of what was seen; zero for the rest."""
        points = self.centred[self.mask]
        parts = [model.encode(chunk, model.prepare(chunk)) for chunk in points.split(512)]
        code = torch.cat(parts)
        found = torch.zeros(*self.mask.shape, code.shape[1])
        found[self.mask] = code
        return found

    def predict(self, model: SkillEffectModel, code: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities (B, N, N, 9) and (B, N, 3), and motion (B, N, 3) in metres. Of what was not seen nothing is said."""
        state: LatentState = model.embed(code, self.box, self.ids, self.mask)
        effect = model.predict(state, self.action)
        rows = torch.arange(len(self.part))
        mask = self.mask & self.mask[rows, self.action.object].unsqueeze(1)
        pairs = (mask.unsqueeze(1) & mask.unsqueeze(2)).unsqueeze(-1)
        binary = torch.sigmoid(effect.relations.binary) * pairs
        diagonal = torch.arange(mask.shape[1])
        binary[:, diagonal, diagonal] = 0.0
        unary = torch.sigmoid(effect.relations.unary) * mask.unsqueeze(-1)
        return binary, unary, expected_motion(state, effect) * mask.unsqueeze(-1)
