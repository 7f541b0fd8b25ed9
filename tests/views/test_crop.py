import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from kinfolk import ConfigurationError
from kinfolk.views import crop, draw_boxes, flip, flip_boxes, whole_boxes

BOXES = torch.tensor(
    [[0.0, 0.0, 1.0, 1.0], [0.1, 0.2, 0.7, 0.9], [0.25, 0.0, 0.5, 1.0], [0.31, 0.32, 0.43, 0.54], [0.0, 0.9, 1.0, 1.0]],
    dtype=torch.float64,
)


@pytest.mark.parametrize("size", [(5, 6), (11, 14), (30, 20), (6, 40), (1, 1)])
def test_resizing_is_that_of_pillow(images: Tensor, size: tuple[int, int]) -> None:
    result = crop(images, BOXES, size)
    height, width = images.shape[2:]
    for image, box, view in zip(images, BOXES, result, strict=True):
        pixels = (box * torch.tensor([width, height, width, height])).tolist()
        for channel, found in zip(image, view, strict=True):
            plane = Image.fromarray(channel.numpy().astype(np.float32))
            expected = np.asarray(plane.resize(size[::-1], Image.Resampling.BILINEAR, box=pixels))
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_whole_image_at_its_size_is_itself(images: Tensor) -> None:
    given = (images * 255).to(torch.uint8)
    assert torch.equal(crop(given, whole_boxes(5), (11, 14)), given)


@pytest.mark.parametrize("size", [5, 20])
def test_a_flipped_box_gives_the_mirror_image(images: Tensor, size: int) -> None:
    flipped = torch.tensor([True, False, True, False, True])
    result = crop(images, flip_boxes(BOXES, flipped), size)
    torch.testing.assert_close(result, flip(crop(images, BOXES, size), flipped), rtol=0, atol=1e-12)
    assert torch.equal(flip(images, flipped)[0], images[0].flip(2))
    assert torch.equal(flip(images, flipped)[1], images[1])


@pytest.mark.parametrize(("size", "exact"), [(13, 1e-6), (4, 5e-3)])
def test_boxes_say_where_a_pixel_of_the_view_lies(size: int, exact: float) -> None:
    """In an image whose values are its coordinates, every pixel of a view shows its place: the formula of PixPro.

    A view with fewer pixels than its box averages over whole pixels, which moves its places a little.
    """
    height, width = 16, 20
    x = ((torch.arange(width) + 0.5) / width).expand(height, width)
    y = ((torch.arange(height) + 0.5) / height)[:, None].expand(height, width)
    boxes = torch.tensor([[0.2, 0.3, 0.8, 0.7], [0.8, 0.25, 0.3, 0.75]])
    view = crop(torch.stack([x, y]).expand(2, 2, height, width), boxes, size)
    left, top, right, bottom = boxes[:, :, None, None].unbind(1)
    middle = (torch.arange(size) + 0.5) / size
    torch.testing.assert_close(view[:, 0], (left + middle * (right - left)).expand(2, size, size), rtol=0, atol=exact)
    torch.testing.assert_close(
        view[:, 1], (top + middle[:, None] * (bottom - top)).expand(2, size, size), rtol=0, atol=exact
    )


def test_boxes_have_the_areas_and_shapes_asked_for(generator: torch.Generator) -> None:
    boxes = draw_boxes(20_000, scale=(0.2, 0.6), ratio=(1.2, 1.8), aspect=1.5, generator=generator)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert 0 <= boxes.min() <= boxes.max() <= 1
    area, ratio = width * height, 1.5 * width / height
    assert 0.2 - 1e-5 <= area.min() <= area.max() <= 0.6 + 1e-5
    assert 1.2 - 1e-5 <= ratio.min() <= ratio.max() <= 1.8 + 1e-5
    # all of these fit at the first try, so that nothing is lost at the upper end
    assert float(area.mean()) == pytest.approx(0.4, abs=0.005)
    place = boxes[:, 0] / (1 - width)
    assert float(place.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(place.std()) == pytest.approx(12**-0.5, abs=0.01)


def test_all_of_a_square_is_found_by_the_first_try(generator: torch.Generator) -> None:
    boxes = draw_boxes(50, scale=(1.0, 1.0), ratio=(1.0, 1.0), generator=generator)
    torch.testing.assert_close(boxes, whole_boxes(50), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("aspect", "expected"),
    [(4.0, [1 / 3, 0.0, 2 / 3, 1.0]), (0.25, [0.0, 1 / 3, 1.0, 2 / 3]), (1.25, [0.0, 0.0, 1.0, 1.0])],
)
def test_where_no_box_fits_it_is_the_largest_in_the_middle(
    aspect: float, expected: list[float], generator: torch.Generator
) -> None:
    ratio = (0.75, 4 / 3)
    boxes = draw_boxes(3, scale=(0.9999, 1.0), ratio=ratio, aspect=aspect, generator=generator)
    torch.testing.assert_close(boxes, torch.tensor([expected] * 3), rtol=0, atol=1e-3)


def test_a_seed_gives_the_same_boxes() -> None:
    first, second, other = (draw_boxes(8, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert len(torch.unique(first, dim=0)) == 8


@pytest.mark.parametrize(
    "box", [[0.0, 0.0, 0.0, 1.0], [0.0, 0.5, 1.0, 0.5], [0.0, 0.6, 1.0, 0.5], [-0.1, 0.0, 1.0, 1.0]]
)
def test_boxes_without_area_or_outside_are_refused(box: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="A box must be"):
        crop(torch.rand(1, 3, 8, 8), torch.tensor([box]), 4)


def test_impossible_settings_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(ConfigurationError, match=r"boxes must be of shape \(2, 4\), one an image. Got \(3, 4\)"):
        crop(torch.rand(2, 3, 8, 8), whole_boxes(3), 4)
    with pytest.raises(ConfigurationError, match="size must be at least 1. Got 0 x 0"):
        crop(torch.rand(2, 3, 8, 8), whole_boxes(2), 0)
    with pytest.raises(ConfigurationError, match=r"scale must be two numbers, the lower first.* Got 0.5 and 0.2"):
        draw_boxes(2, scale=(0.5, 0.2), generator=generator)
    with pytest.raises(ConfigurationError, match="ratio must be two numbers"):
        draw_boxes(2, ratio=(0.0, 1.0), generator=generator)
