"""Skill executions as tensors: what training, fine-tuning and evaluation of models read.

Ragged: executions e = 0..E-1 have n_e segments each. Clouds are kept once; a segment that stayed where it was shares its cloud
before and after the skill, since nothing new would be learnt from encoding it twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.vocabulary import Vocabulary
from fail2progress.models.base import SkillEffectModel
from fail2progress.skills.base import padded
from fail2progress.skills.vocabulary import current

COMPUTED = ("prepared", "codes")
"""Fields of transitions that follow from their clouds."""


@dataclass(frozen=True)
class Transitions:
    """E executions over S segments, with U distinct clouds.

    points: (U, P, 3) float32, centred on their boxes, m. box: (U, 2, 3) m, planning frame.
    cloud: (S, 2) rows of the cloud before and after. seen: (S, 2). shift: (S, 3) true displacement in metres.
    unary: (S, 2, 3) and binary: (B, 2, 9) ground truth before and after, B = sum of n_e^2.
    count, skill, object: (E,). parameters: (E, n), padded. skill: numbers of the current vocabulary.
    prepared: what a model's encoder needs of the clouds, U rows each, where it was computed beforehand (`prepared_for`).
    codes: (U, C) shape codes of the clouds where they are at hand, by the digest of the encoder that they are of.
    """

    points: Tensor
    box: Tensor
    cloud: Tensor
    seen: Tensor
    shift: Tensor
    unary: Tensor
    binary: Tensor
    count: Tensor
    skill: Tensor
    object: Tensor
    parameters: Tensor
    prepared: Mapping[str, Tensor] = field(default_factory=dict)
    codes: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.count)

    @property
    def offsets(self) -> Tensor:
        """(E + 1,) first segment of every execution."""
        return torch.nn.functional.pad(self.count.cumsum(0), (1, 0))

    @property
    def pair_offsets(self) -> Tensor:
        """(E + 1,) first ordered pair of every execution."""
        return torch.nn.functional.pad((self.count**2).cumsum(0), (1, 0))

    def batch(self, executions: Tensor, generator: torch.Generator, identities: int = 64) -> Batch:
        """Some executions, padded to the largest of them, with random identities drawn without replacement.

        Padding repeats an execution's first segment: it takes no part, and no further cloud has to be encoded for it.
        """
        count = self.count[executions]
        size = int(count.max())
        column = torch.arange(size)
        mask = column < count.unsqueeze(1)
        segment = self.offsets[executions].unsqueeze(1) + column * mask
        pair = self.pair_offsets[executions][:, None, None] + column[:, None] * count[:, None, None] + column
        pair = pair.clamp(max=len(self.binary) - 1)
        seen = self.seen[segment] & mask.unsqueeze(-1)
        ids = torch.rand(len(executions), max(identities, size), generator=generator).argsort(dim=1)[:, :size]
        return Batch(
            cloud=self.cloud[segment],
            mask=mask & seen[..., 0],
            seen=seen,
            shift=self.shift[segment],
            unary=self.unary[segment].float(),
            binary=self.binary[pair].float(),
            ids=ids,
            skill=self.skill[executions],
            object=self.object[executions],
            parameters=self.parameters[executions],
        )


def check_consistent(source: Transitions, skills: int) -> None:
    """ValueError where a set that was read cannot be what was written: sizes that do not fit, numbers of what is not there, or
    values that are none. `skills`: how many its vocabulary has."""
    clouds, segments, executions = len(source.points), len(source.cloud), len(source.count)
    shapes = {
        "box": (clouds, 2, 3),
        "cloud": (segments, 2),
        "seen": (segments, 2),
        "shift": (segments, 3),
        "unary": (segments, 2, *source.unary.shape[2:]),
        "binary": (len(source.binary), 2, *source.binary.shape[2:]),
        "skill": (executions,),
        "object": (executions,),
        "parameters": (executions, *source.parameters.shape[1:]),
    }
    wrong = [name for name, shape in shapes.items() if getattr(source, name).shape != shape]
    numbers = (("cloud", source.cloud, clouds), ("skill", source.skill, skills))
    wrong += [name for name, rows, limit in numbers if not bool(((rows >= 0) & (rows < limit)).all())]
    count = source.count
    fits = count.ndim == 1 and bool(((count > 0) & (count <= segments)).all())
    if not fits or int(count.sum()) != segments or int((count**2).sum()) != len(source.binary):
        wrong.append("count")
    elif not wrong and not bool(((source.object >= 0) & (source.object < count)).all()):
        wrong.append("object")
    wrong += [name for name in ("points", "shift", "parameters") if not bool(getattr(source, name).isfinite().all())]
    truths = (("unary", source.unary), ("binary", source.binary))
    wrong += [name for name, value in truths if not bool(((value.float() >= 0) & (value.float() <= 1)).all())]
    if wrong:
        raise ValueError(f"damaged: {', '.join(dict.fromkeys(wrong))} cannot be right")


@dataclass(frozen=True)
class Batch:
    """B executions padded to N segments; see Transitions. `mask`: seen before the skill; the rest takes no part."""

    cloud: Tensor
    mask: Tensor
    seen: Tensor
    shift: Tensor
    unary: Tensor
    binary: Tensor
    ids: Tensor
    skill: Tensor
    object: Tensor
    parameters: Tensor


def concatenate(parts: Sequence[Transitions]) -> Transitions:
    """Several sets as one. What was prepared or encoded is kept where all of them have it."""
    starts = np.cumsum([0] + [len(part.points) for part in parts[:-1]]).tolist()
    values = {
        field.name: torch.cat([getattr(part, field.name) for part in parts])
        for field in fields(Transitions)
        if field.name not in (*COMPUTED, "cloud")
    }
    prepared, codes = (_common([getattr(part, name) for part in parts]) for name in COMPUTED)
    cloud = torch.cat([part.cloud + start for part, start in zip(parts, starts, strict=True)])
    return Transitions(prepared=prepared, codes=codes, cloud=cloud, **values)


def _common(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """What all of them have, one after the other."""
    names = set.intersection(*(set(part) for part in parts))
    return {name: torch.cat([part[name] for part in parts]) for name in sorted(names)}


def select(source: Transitions, executions: Sequence[int]) -> Transitions:
    """Some executions as a set of their own, with only the clouds that they need."""
    rows = torch.as_tensor(list(executions), dtype=torch.long)
    offsets, pairs = source.offsets, source.pair_offsets
    segment = torch.cat([torch.arange(int(offsets[e]), int(offsets[e + 1])) for e in rows])
    pair = torch.cat([torch.arange(int(pairs[e]), int(pairs[e + 1])) for e in rows])
    used, cloud = torch.unique(source.cloud[segment], return_inverse=True)
    return Transitions(
        points=source.points[used],
        box=source.box[used],
        cloud=cloud,
        seen=source.seen[segment],
        shift=source.shift[segment],
        unary=source.unary[segment],
        binary=source.binary[pair],
        count=source.count[rows],
        skill=source.skill[rows],
        object=source.object[rows],
        parameters=source.parameters[rows],
        prepared={key: value[used] for key, value in source.prepared.items()},
        codes={key: value[used] for key, value in source.codes.items()},
    )


def spoken_here(source: Transitions, vocabulary: Vocabulary) -> Transitions:
    """A set whose skills are numbered and padded by a vocabulary, numbered and padded by the current one. VocabularyError where
    that lacks one of its skills."""
    numbers = torch.tensor(vocabulary.numbers(current()), dtype=torch.long)
    return replace(source, skill=numbers[source.skill], parameters=torch.from_numpy(padded(source.parameters.numpy())))


def prepared_for(model: SkillEffectModel, source: Transitions, chunk: int = 512) -> Transitions:
    """The set with what the model's encoder needs of every cloud: worth it where clouds are encoded more than once."""
    return _with(source, [model.prepare(points) for points in source.points.split(chunk)])


def thinned_for(model: SkillEffectModel, source: Transitions, chunk: int = 512) -> Transitions:
    """The same for codes that are rougher and cost less."""
    return _with(source, [model.prepare_thinned(points) for points in source.points.split(chunk)])


def _with(source: Transitions, parts: list[dict[str, Tensor]]) -> Transitions:
    return replace(source, prepared={key: torch.cat([part[key] for part in parts]) for key in parts[0]})


def encoded(model: SkillEffectModel, source: Transitions, rows: Tensor) -> Tensor:
    """(R, C) shape codes of some clouds."""
    points = source.points[rows]
    prepared = {key: value[rows] for key, value in source.prepared.items()} or model.prepare(points)
    return model.encode(points, prepared)
