"""Small networks that several models are made of."""

import pytest
import torch
from torch import nn

from fail2progress.models.features import PAIR_FEATURES
from fail2progress.models.layers import PairDecoder, attended, pairs_of


def test_pairs_of_what_is_present_are_decoded_as_all_pairs_are_with_the_same_gradients() -> None:
    torch.manual_seed(0)
    decoder = PairDecoder(8, 16, PAIR_FEATURES)
    tokens, low = torch.randn(3, 5, 8, requires_grad=True), torch.rand(3, 5, 1, 3)
    box = torch.cat([low, low + torch.rand(3, 5, 1, 3)], dim=2)
    present = torch.tensor([[True] * 5, [True, False, True, True, False], [False, True, False, False, False]])
    pairs = pairs_of(present)
    assert pairs.sum(dim=(1, 2)).tolist() == [20, 6, 0]
    some, every = decoder(tokens, box, present), decoder(tokens, box)
    torch.testing.assert_close(some[pairs], every[pairs])
    assert not some[~pairs].any()
    one, other = (torch.autograd.grad(logits[pairs].square().sum(), [tokens, *decoder.parameters()]) for logits in (some, every))
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize("training", [True, False])
def test_what_is_attended_to_is_what_torch_says_with_the_same_gradients(training: bool) -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True, norm_first=True)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).train(training)
    tokens, present = torch.randn(3, 5, 16, requires_grad=True), torch.ones(3, 5, dtype=torch.bool)
    present[0, 3:] = present[1, 0] = False
    own, theirs = attended(encoder, tokens, present), encoder(tokens, src_key_padding_mask=~present)
    torch.testing.assert_close(own[present], theirs[present])
    adjusted = [tokens, *encoder.parameters()]
    assert attended(encoder, tokens[:0], present[:0]).shape == (0, 5, 16)
    slopes = [torch.autograd.grad(found[present].square().sum(), adjusted) for found in (own, theirs)]
    torch.testing.assert_close(*slopes)
