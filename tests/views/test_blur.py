import math

import numpy as np
import pytest
import torch
from torch import Tensor

from kinfolk import ConfigurationError
from kinfolk.views import blur_kernel, gaussian_blur


def slow_blur(image: np.ndarray, sigma: float, kernel: int) -> np.ndarray:
    """Every pixel as the weighted mean of its square neighborhood, the nearest pixel beyond the border."""
    reach = kernel // 2
    shifts = range(-reach, reach + 1)
    weights = {(a, b): math.exp(-(a * a + b * b) / (2 * sigma * sigma)) for a in shifts for b in shifts}
    total = sum(weights.values())
    _, height, width = image.shape
    result = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            for (a, b), weight in weights.items():
                row, column = min(max(y + a, 0), height - 1), min(max(x + b, 0), width - 1)
                result[:, y, x] += weight / total * image[:, row, column]
    return result


@pytest.mark.parametrize("kernel", [1, 3, 7, 15])
def test_blur_is_the_weighted_mean_of_the_neighborhood(images: Tensor, kernel: int) -> None:
    sigmas = torch.tensor([0.1, 0.6, 1.0, 2.0, 50.0], dtype=torch.float64)
    result = gaussian_blur(images, sigmas, kernel=kernel)
    for image, sigma, found in zip(images, sigmas.tolist(), result, strict=True):
        np.testing.assert_allclose(found, slow_blur(image.numpy(), sigma, kernel), atol=1e-12)


def test_only_images_with_a_sigma_change(images: Tensor) -> None:
    result = gaussian_blur(images, torch.tensor([1.0, 0.0, 1.0, 0.0, 1e-30]), kernel=5)
    assert torch.equal(result[[1, 3, 4]], images[[1, 3, 4]])
    assert not torch.equal(result[2], images[2])


def test_a_plain_image_stays_plain() -> None:
    plain = torch.full((1, 3, 2, 1), 200, dtype=torch.uint8)
    assert torch.equal(gaussian_blur(plain, torch.ones(1), kernel=9), plain)


def test_the_kernel_is_a_tenth_of_the_side() -> None:
    assert [blur_kernel(side) for side in (8, 32, 64, 96, 224)] == [3, 3, 7, 9, 23]


def test_impossible_settings_are_refused(images: Tensor) -> None:
    with pytest.raises(ConfigurationError, match="odd number of pixels. Got 4"):
        gaussian_blur(images, torch.ones(5), kernel=4)
    with pytest.raises(ConfigurationError, match="sigma must be 0 or more"):
        gaussian_blur(images, -torch.ones(5), kernel=3)
