"""A small set of made-up images: stripes of four directions, in noise; a label each."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinfolk.data.images import Images, read_images


@pytest.fixture(scope="session")
def stripes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 pictures of 16 x 16, in a folder for each direction."""
    folder = tmp_path_factory.mktemp("stripes")
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:16, :16]
    for number in range(160):
        angle = number % 4
        direction = np.pi * angle / 4
        wave = np.sin((np.cos(direction) * x + np.sin(direction) * y) * 1.6 + rng.uniform(0, 6))
        color = rng.uniform(0.3, 1, 3)
        pixels = 128 + 90 * wave[..., None] * color + rng.normal(0, 12, (16, 16, 3))
        place = folder / f"direction{angle}"
        place.mkdir(exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(place / f"{number:03}.png")
    return folder


@pytest.fixture(scope="session")
def stripes(stripes_folder: Path) -> Images:
    return read_images(stripes_folder, size=16, label="folder")
