"""What holds for every operation: type, range, gray images, and parameters of its own for each image."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from kinfolk import ConfigurationError, views

NUM = 5


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


BOXES = numbers(0, 0, 1, 1, 0.1, 0.2, 0.7, 0.9, 0.9, 0, 0.2, 1, 0.3, 0.3, 0.4, 0.5, 1, 0, 0, 1).view(NUM, 4)
CHOSEN = torch.tensor([True, False, True, True, False])
FACTORS = numbers(0, 0.5, 1, 1.3, 1.8)
TURNS = numbers(0, 0.1, -0.5, 0.25, -0.125)
ANGLES = numbers(0, 3, -20, 90, 180)
SHARES = numbers(0, 0.2, 0.5, 0.9, 1)
TEXTURE = torch.rand(NUM, 1, 11, 14, generator=torch.Generator().manual_seed(3))
ORDER = torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [0, 3, 2, 1]])

# Each takes a batch and the rows of the parameters to use.
OPERATIONS: dict[str, Callable[[Tensor, slice], Tensor]] = {
    "crop larger": lambda x, rows: views.crop(x, BOXES[rows], (30, 20)),
    "crop smaller": lambda x, rows: views.crop(x, BOXES[rows], 5),
    "flip": lambda x, rows: views.flip(x, CHOSEN[rows]),
    "brightness": lambda x, rows: views.brightness(x, FACTORS[rows]),
    "contrast": lambda x, rows: views.contrast(x, FACTORS[rows]),
    "saturation": lambda x, rows: views.saturation(x, FACTORS[rows]),
    "turn_hue": lambda x, rows: views.turn_hue(x, TURNS[rows]),
    "grayscale": lambda x, rows: views.grayscale(x, CHOSEN[rows]),
    "solarize": lambda x, rows: views.solarize(x, SHARES[rows]),
    "color_jitter": lambda x, rows: views.color_jitter(
        x, views.Jitter(FACTORS[rows], FACTORS.flip(0)[rows], FACTORS.roll(2)[rows], TURNS[rows], ORDER[rows])
    ),
    "gaussian_blur": lambda x, rows: views.gaussian_blur(x, FACTORS[rows], kernel=7),
    "rotate": lambda x, rows: views.rotate(x, ANGLES[rows], skew=TURNS[rows] * 40),
    "rotate filled": lambda x, rows: views.rotate(x, ANGLES[rows], fill=0.7),
    "stain_paper": lambda x, rows: views.stain_paper(x, TEXTURE[rows], SHARES[rows]),
    "fade_ink": lambda x, rows: views.fade_ink(x, TEXTURE[rows], SHARES[rows]),
    "bleed_through": lambda x, rows: views.bleed_through(x, x.flip(3), SHARES[rows]),
    "speckle": lambda x, rows: views.speckle(x, TEXTURE[rows], SHARES[rows]),
}
ALL = slice(0, NUM)

operations = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())


@operations
def test_each_image_has_its_own_parameters(operation, images: Tensor) -> None:
    together = operation(images, ALL)
    apart = torch.cat([operation(images[i : i + 1], slice(i, i + 1)) for i in range(NUM)])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-12)


@operations
def test_parameters_differ_where_images_do_not(operation, images: Tensor) -> None:
    result = operation(images[3:4].expand(NUM, -1, -1, -1), ALL)
    assert len(torch.unique(result, dim=0)) > 1


@operations
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floats_keep_their_type_and_range(operation, images: Tensor, dtype: torch.dtype) -> None:
    result = operation(images.to(dtype), ALL)
    assert result.dtype == dtype
    assert 0 <= result.min() <= result.max() <= 1
    # two digits of bfloat16; edges of solarize and hue are steep, so that a few pixels may fall on the other side
    near = (result.double() - operation(images, ALL)).abs() < 0.05
    assert near.double().mean() > 0.98


@operations
def test_bytes_stay_bytes_and_agree_with_floats(operation, images: Tensor) -> None:
    given = (images * 255).round().to(torch.uint8)
    result = operation(given, ALL)
    assert result.dtype == torch.uint8
    difference = (result.double() / 255 - operation(given.double() / 255, ALL)).abs()
    # half a step of rounding; solarize may put a byte on its threshold on the other side
    assert (difference <= 0.5 / 255 + 1e-6).double().mean() > 0.99


@operations
def test_gray_images_are_those_of_three_equal_channels(operation, gray_images: Tensor) -> None:
    result = operation(gray_images, ALL)
    assert result.shape[1] == 1
    of_three = operation(gray_images.expand(-1, 3, -1, -1), ALL)
    torch.testing.assert_close(result.expand(-1, 3, -1, -1), of_three, rtol=0, atol=1e-12)


@operations
def test_what_is_given_is_not_changed(operation, images: Tensor) -> None:
    before = images.clone()
    operation(images, ALL)
    assert torch.equal(images, before)


@operations
def test_shape_is_kept_unless_cropped(operation, images: Tensor, request: pytest.FixtureRequest) -> None:
    expected = {"crop larger": (5, 3, 30, 20), "crop smaller": (5, 3, 5, 5)}
    name = request.node.callspec.id
    assert operation(images, ALL).shape == expected.get(name, images.shape)


def test_what_is_no_batch_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"of shape \(images, channels, height, width\).*Got shape \(3, 8, 8\)"
    ):
        views.brightness(torch.rand(3, 8, 8), torch.ones(3))
    with pytest.raises(ConfigurationError, match=r"none of them 0. Got shape \(0, 3, 8, 8\)"):
        views.brightness(torch.rand(0, 3, 8, 8), torch.ones(0))
    with pytest.raises(ConfigurationError, match="uint8 in .* Got torch.int64"):
        views.brightness(torch.ones(2, 3, 8, 8, dtype=torch.int64), torch.ones(2))
    with pytest.raises(ConfigurationError, match=r"factor must hold 2 values, one an image. Got \(3,\)"):
        views.brightness(torch.rand(2, 3, 8, 8), torch.ones(3))
    with pytest.raises(ConfigurationError, match="1 channel .* or 3 .* Got 4"):
        views.saturation(torch.rand(2, 4, 8, 8), torch.ones(2))
