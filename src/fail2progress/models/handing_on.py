"""How motion is handed on from one segment to the next, learnt in fine-tuning (docs/decisions/0012).

A pushed block pushes the next one, a cup carries a capsule inside a box that is carried. Both are one rule: segment i takes a
share of the motion of segment j, and the share follows from the detected relations of the pair and from how the pair lies to
the commanded motion. Applied several times, motion reaches what the skill's object does not touch itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from fail2progress.core.relations import BINARY

HOPS = 4
"""How often motion is handed on: a row of five, or four things stacked or nested in each other."""
SHY = -4.0
"""Logit of the share before anything is learnt; the share itself then starts at 0, with a slope to learn by."""
NEARLY = 0.1
"""Shares so close to all of a motion are all of it."""
_MIX = 0.02
"""Added to shares where they compete: more than they can fall below 0, so that every one of them has a slope."""
_SHARPNESS = 8.0
"""How much more the largest of competing shares counts: what rides whole on one thing is not held back by another, of whose
motion it takes over a part only (docs/decisions/0062, 0070)."""
DECIDED = 3.0
"""Sharpens relations before it is asked what they say: weights are learnt from what was seen, which is nearly certain, and used
on what is predicted, which is less so with every skill of a plan (docs/decisions/0025, 0108)."""
STILL = 1e-4
"""Metres below which motion does not count."""
PAIR_MOTION = 14
HIDDEN = 32


@contextmanager
def fixed_start(seed: int) -> Iterator[None]:
    """Initial values that are always the same and draw nothing from the caller's stream of random numbers.

    Checkpoints from before these layers existed lack them and must load to the same model every time.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed also asks every kind of GPU, which takes milliseconds
        yield


def decided(relations: Tensor) -> Tensor:
    """Probabilities of relations given as logits, nearer to none and all than they are believed."""
    return torch.sigmoid(DECIDED * relations)


def untouched(weights: list[nn.Parameter]) -> bool:
    """Whether weights are all zero and nothing is about to change that."""
    learning = torch.is_grad_enabled() and any(weight.requires_grad for weight in weights)
    return not learning and not any(bool(weight.any()) for weight in weights)


class HandedOn(nn.Module):
    """Shares (B, N, N) of the motion of j that i takes over, zero until fine-tuning.

    `by_relation` (skills, 18): what each relation of (i, j) and of (j, i) says to it. `by_motion`: a small network that also sees
    how the pair lies to the commanded motion.
    """

    def __init__(self, skills: int) -> None:
        super().__init__()
        self.by_relation = nn.Parameter(torch.zeros(skills, 2 * len(BINARY)))
        with fixed_start(1):
            self.by_motion = nn.Sequential(
                nn.Linear(2 * len(BINARY) + PAIR_MOTION + skills, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1)
            )
        for parameter in self.by_motion[-1].parameters():
            nn.init.zeros_(parameter)

    @property
    def idle(self) -> bool:
        """Whether it has no effect and nothing is about to change that, so that planning need not compute it."""
        return untouched([self.by_relation, *self.by_motion[-1].parameters()])

    def forward(self, box: Tensor, relations: Tensor, skill: Tensor, command: Tensor, takes: Tensor) -> Tensor:
        """(B, N, N) shares, at most 1.

        box (B, N, 2, 3) m; relations (B, N, N, 9) probabilities; skill (B,); command (B, 3) m; takes (B, N, N): which i may take
        over motion of which j.
        """
        both = torch.cat([relations, relations.transpose(1, 2)], dim=-1)
        said = (both * self.by_relation[skill][:, None, None]).sum(dim=-1)
        kind = torch.nn.functional.one_hot(skill, len(self.by_relation)).to(both.dtype)[:, None, None].expand(*both.shape[:3], -1)
        score = said + self.by_motion(torch.cat([both, pair_motion(box, command), kind], dim=-1)).squeeze(-1)
        # Less than nothing is taken where training has pushed a score below its start.
        return (torch.sigmoid(score + SHY) - torch.sigmoid(torch.tensor(SHY))) * takes


def whole(shares: Tensor) -> Tensor:
    """Shares of nearly all of a motion as all of it (docs/decisions/0070): a third block lags behind by every share below it.

    Data of two blocks say no more of shares than that the second comes along, by itself or with the first.
    What is cut off keeps its slope, so that a share that turns out to be too large can fall again.
    """
    larger = shares / (1.0 - NEARLY)
    return larger - (larger - 1.0).clamp(min=0.0).detach()


def spread(own: Tensor, shares: Tensor, takes: Tensor) -> Tensor:
    """(B, N, 3) displacements in metres after handing on, from those that segments have of their own. See HandedOn. Further
    columns of `own` are handed on by the same shares.

    Each mixes its own with its shares of the others', most of those of which it takes over most, and of those that move most: the
    next block of a row, which does not move yet, shall not hold back the one between it and the hand.
    """
    moved, claims = own, (shares + _MIX).clamp(min=0.0) * takes
    claims = (claims / claims.amax(dim=-1, keepdim=True).clamp(min=1e-9)) ** _SHARPNESS
    for _ in range(HOPS):
        weight = claims * (moved[..., :3].square().sum(dim=-1) + STILL**2).sqrt().unsqueeze(1)
        part = shares * weight / weight.sum(dim=-1, keepdim=True).clamp(min=1e-9)
        moved = (1.0 - part.sum(dim=-1, keepdim=True)) * own + part @ moved
    return moved


def pair_motion(box: Tensor, command: Tensor) -> Tensor:
    """(B, N, N, PAIR_MOTION): how i lies to j along, across and above the commanded motion, at two scales.

    box (B, N, 2, 3) m, command (B, 3) m. Gaps are between axis-aligned boxes; `left` is what the command leaves beyond the gap.
    """
    length = command[:, :2].norm(dim=-1).clamp(min=1e-4)
    ahead = (command[:, :2] / length[:, None])[:, None, None]
    side = torch.stack([-ahead[..., 1], ahead[..., 0]], dim=-1)
    centre, half = box.mean(dim=2), (box[:, :, 1] - box[:, :, 0]) / 2
    apart = centre.unsqueeze(2) - centre.unsqueeze(1)
    room = half.unsqueeze(2) + half.unsqueeze(1)
    along, across = (apart[..., :2] * ahead).sum(-1), (apart[..., :2] * side).sum(-1).abs()
    gap = along - (room[..., :2] * ahead.abs()).sum(-1)
    over = (room[..., :2] * side.abs()).sum(-1) - across
    level = room[..., 2] - apart[..., 2].abs()
    left = length[:, None, None] - gap.clamp(min=0.0)
    lengths = torch.stack([along, across, apart[..., 2], gap, over, level, left], dim=-1)
    return torch.cat([torch.tanh(10 * lengths), torch.tanh(60 * lengths)], dim=-1)
