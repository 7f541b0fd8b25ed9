"""Batches that every operation is tried on: no two images alike, sides not equal, a hard edge and plain parts."""

import pytest
import torch
from torch import Tensor


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(20230407)


@pytest.fixture
def images(generator: torch.Generator) -> Tensor:
    """float64 (5, 3, 11, 14) in [0, 1]."""
    batch = torch.rand(5, 3, 11, 14, generator=generator, dtype=torch.float64)
    batch[0, :, :4] = 0.5
    batch[1, :, :, 7:] = batch[1, :1, :, 7:]  # gray on the right
    batch[2] = batch[2].round()  # black, white and pure colors
    return batch


@pytest.fixture
def gray_images(images: Tensor) -> Tensor:
    return images[:, :1].clone()
