"""What the network is told of each pixel, on images of any size."""

import pytest
import torch
from torch.nn import functional

from fail2progress.perception.segmentation.learned.features import _sums


@pytest.mark.parametrize("around", [9, 41])
@pytest.mark.parametrize("size", [(3, 50), (1, 1), (60, 7), (64, 48)])
def test_sums_of_neighbours_are_those_of_pooling_also_where_the_image_is_narrower(size: tuple[int, int], around: int) -> None:
    images = torch.rand((1, 2, *size), generator=torch.Generator().manual_seed(around))
    for axis, kernel in ((2, (around, 1)), (3, (1, around))):
        pooled = functional.avg_pool2d(images, kernel, 1, (kernel[0] // 2, kernel[1] // 2)) * around
        torch.testing.assert_close(_sums(images, around, axis), pooled, atol=1e-3, rtol=1e-4)
