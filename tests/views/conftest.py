"""Batches that every operation is tried on: no two images alike, sides not equal, a hard edge and plain parts."""

from pathlib import Path

import pytest
import torch
from PIL import ImageFont
from torch import Tensor

from kinfolk.views import Font, find_fonts


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


@pytest.fixture(scope="session")
def latin(tmp_path_factory: pytest.TempPathFactory) -> Font:
    """The font inside Pillow, as a file: it is there on every machine, and has Latin letters only."""
    path: Path = tmp_path_factory.mktemp("fonts") / "latin.ttf"
    path.write_bytes(ImageFont.load_default(20).font_bytes)
    (font,) = find_fonts(places=[path], system=False)
    return font
