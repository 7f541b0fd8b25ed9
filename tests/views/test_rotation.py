import math

import numpy as np
import pytest
import torch
from torch import Tensor

from kinfolk import ConfigurationError
from kinfolk.views import rotate


def slow_rotate(image: np.ndarray, degrees: float, skew: float, fill: float | None) -> np.ndarray:
    """The point that each pixel came from, by inverting the matrix of the movement; then the four pixels around it."""
    _, height, width = image.shape
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    forward = np.array([[cos, sin], [-sin, cos]]) @ np.array([[1, math.tan(math.radians(skew))], [0, 1]])
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    result = np.empty_like(image)
    for y in range(height):
        for x in range(width):
            sx, sy = np.linalg.inv(forward) @ (np.array([x, y]) - middle) + middle
            value = np.zeros(len(image))
            for column in (math.floor(sx), math.floor(sx) + 1):
                for row in (math.floor(sy), math.floor(sy) + 1):
                    weight = (1 - abs(sx - column)) * (1 - abs(sy - row))
                    inside = 0 <= column < width and 0 <= row < height
                    if inside or fill is None:
                        value += weight * image[:, min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
                    else:
                        value += weight * fill
            result[:, y, x] = value
    return result


@pytest.mark.parametrize("fill", [None, 0.8])
def test_rotation_and_skew_are_those_of_a_loop(images: Tensor, fill: float | None) -> None:
    degrees = torch.tensor([0.0, 5.0, -33.0, 120.0, 2.0], dtype=torch.float64)
    skews = torch.tensor([10.0, 0.0, 20.0, -45.0, -3.0], dtype=torch.float64)
    result = rotate(images, degrees, skew=skews, fill=fill)
    for image, angle, skew, found in zip(images, degrees.tolist(), skews.tolist(), result, strict=True):
        np.testing.assert_allclose(found, slow_rotate(image.numpy(), angle, skew, fill), atol=1e-10)


def test_quarter_turns_are_exact() -> None:
    image = torch.randint(0, 256, (1, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    result = rotate(image.expand(3, -1, -1, -1), torch.tensor([0.0, 90.0, -180.0]))
    assert torch.equal(result[0], image[0])
    assert torch.equal(result[1], torch.rot90(image[0], 1, (1, 2)))  # counterclockwise
    assert torch.equal(result[2], torch.rot90(image[0], 2, (1, 2)))


def test_impossible_settings_are_refused(images: Tensor) -> None:
    with pytest.raises(ConfigurationError, match=r"fill must be in \[0, 1\]. Got 255"):
        rotate(images, torch.zeros(5), fill=255)
    with pytest.raises(ConfigurationError, match="between -90 and 90 degrees"):
        rotate(images, torch.zeros(5), skew=torch.full((5,), 90.0))
