"""Small networks that several models are made of."""

import torch

from fail2progress.models.features import PAIR_FEATURES
from fail2progress.models.layers import PairDecoder, pairs_of


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
