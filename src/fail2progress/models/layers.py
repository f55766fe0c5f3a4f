"""Small networks that several models are made of."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from fail2progress.core.relations import BINARY, MIRRORED
from fail2progress.models.features import pair_features

_MIRRORED = torch.tensor([BINARY.index(MIRRORED.get(relation, relation)) for relation in BINARY])
_BOTH_WAYS = torch.tensor([relation in MIRRORED for relation in BINARY])


class PairDecoder(nn.Module):
    """Dec_b: (X^i, X^j), and the geometry of the pair where configured, to 9 logits; three layers."""

    def __init__(self, width: int, hidden: int, geometry: int) -> None:
        super().__init__()
        self.subject = nn.Linear(width, hidden)
        self.other = nn.Linear(width, hidden, bias=False)
        self.geometry = nn.Linear(geometry, hidden, bias=False) if geometry else None
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, len(BINARY)))

    def forward(self, tokens: Tensor, box: Tensor, present: Tensor | None = None) -> Tensor:
        """(B, N, W) tokens and (B, N, 2, 3) boxes to (B, N, N, 9): entry [i, j] is about "i is k of j".

        present (B, N): only pairs of two of these are decoded, and what is said of others is 0. None: all pairs.
        """
        if present is not None:
            logits = self._of_some(tokens, box, present)
        else:
            pairs = pair_features(box.unsqueeze(2), box.unsqueeze(1)) if self.geometry is not None else None
            logits = self.decode(tokens, pairs)
        return self.both_ways(logits, logits)

    def both_ways(self, forwards: Tensor, backwards: Tensor) -> Tensor:
        """(B, N, N, 9) logits of "i is k of j", as the mean of what is said of (i, j) forwards and of (j, i) backwards.

        What is left of something has that to its right, and contact is the same both ways (A.9). The rest is as it is forwards,
        and so is all of it in training: each of the two learns for itself, and they err in different ways.
        """
        if self.training:
            return forwards
        mirrored = backwards.transpose(1, 2)[..., _MIRRORED]
        return torch.where(_BOTH_WAYS, (forwards + mirrored) / 2, forwards)

    def _of_some(self, tokens: Tensor, box: Tensor, present: Tensor) -> Tensor:
        both = pairs_of(present)
        count, rows = both.shape[1], both.flatten().nonzero().squeeze(1)
        one = rows // count
        other = one // count * count + rows % count
        # Gradients of what is gathered are added up, which bfloat16 would not do well.
        subjects, others = (layer(tokens).flatten(0, 1).float() for layer in (self.subject, self.other))
        first = subjects.index_select(0, one) + others.index_select(0, other)
        if self.geometry is not None:
            boxes = box.flatten(0, 1)
            first = first + self.geometry(pair_features(boxes.index_select(0, one), boxes.index_select(0, other)))
        logits: Tensor = self.rest(first)
        return logits.new_zeros(both.numel(), logits.shape[1]).index_copy(0, rows, logits).view(*both.shape, -1)

    def decode(self, tokens: Tensor, pairs: Tensor | None, extra: Tensor | None = None, others: Tensor | None = None) -> Tensor:
        """The same from given features of the pairs (B, N, N, F), each pair for itself; `extra` (B, N, N, hidden) is added to the
        first layer.

        `others` (B, N, W): tokens of the second of each pair, where they differ from those of the first.
        """
        first = self.subject(tokens).unsqueeze(2) + self.other(tokens if others is None else others).unsqueeze(1)
        if self.geometry is not None and pairs is not None:
            first = first + self.geometry(pairs)
        logits: Tensor = self.rest(first if extra is None else first + extra)
        return logits


def attended(encoder: nn.TransformerEncoder, tokens: Tensor, present: Tensor) -> Tensor:
    """(B, S, W) tokens through an encoder without dropout whose layers normalise first; present (B, S).

    As torch computes it, but without turning the batch round and taking queries, keys and values apart by copies: a tenth of the
    time with gradients. Without these it is as fast as torch's own kernel, whose last digits are others: a model that
    is compared to its teacher starts exactly at it.
    """
    for layer in encoder.layers:
        tokens = tokens + _attention(layer.self_attn, layer.norm1(tokens), present)
        tokens = tokens + layer.linear2(functional.relu(layer.linear1(layer.norm2(tokens))))
    return tokens


def _attention(attention: nn.MultiheadAttention, tokens: Tensor, present: Tensor) -> Tensor:
    batch, size, width = tokens.shape
    joined = functional.linear(tokens, attention.in_proj_weight, attention.in_proj_bias)
    asked, keys, values = (
        joined.view(batch, size, 3, attention.num_heads, width // attention.num_heads).permute(2, 0, 3, 1, 4).unbind()
    )
    found = functional.scaled_dot_product_attention(asked, keys, values, attn_mask=present[:, None, None])
    mixed: Tensor = attention.out_proj(found.transpose(1, 2).reshape(batch, size, width))
    return mixed


def pairs_of(present: Tensor) -> Tensor:
    """(B, N) to (B, N, N): pairs of two different ones that are present."""
    return present.unsqueeze(1) & present.unsqueeze(2) & ~torch.eye(present.shape[1], dtype=torch.bool)


def zero(layer: nn.Module) -> None:
    """Start a linear layer at zero, so that what it adds to is undisturbed at first."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        layers += [nn.ReLU()] if i else []
        layers.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*layers)
