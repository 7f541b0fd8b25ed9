"""Which pixels of two crops show the same place."""

import math

import pytest
import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import pixel_distances, positive_pixels


def box(*corners: float) -> Tensor:
    return torch.tensor([corners], dtype=torch.float64)


def some_boxes(items: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.rand(items, 4, generator=generator, dtype=torch.float64) for _ in range(2))  # some are mirrored


def test_known_answer() -> None:
    """A 2 x 2 map of the unit square: neighbors are half a side apart, and a pixel's diagonal is half of the square's."""
    distances = pixel_distances(box(0, 0, 1, 1), box(0, 0, 1, 1), (2, 2))[0]
    side, diagonal = 1 / math.sqrt(2), 1.0
    expected = [
        [0, side, side, diagonal],
        [side, 0, diagonal, side],
        [side, diagonal, 0, side],
        [diagonal, side, side, 0],
    ]
    torch.testing.assert_close(distances, torch.tensor(expected, dtype=torch.float64))


def test_a_crop_of_the_left_half_meets_the_left_half() -> None:
    whole, left = box(0, 0, 1, 1), box(0, 0, 0.5, 1)
    positive = positive_pixels(left, whole, (1, 2), threshold=0.3)[0]
    # Columns of the left half are centered at 1/8 and 3/8, those of the whole at 1/4 and 3/4.
    assert positive.tolist() == [[True, False], [True, False]]


def test_threshold_is_not_reached_by_what_lies_on_it() -> None:
    one, moved = box(0, 0, 3, 4), box(0, 5, 3, 9)  # one pixel, 5 in diagonal, moved by 5
    assert not positive_pixels(one, moved, (1, 1), threshold=1.0).any()
    assert positive_pixels(one, moved, (1, 1), threshold=1.001).all()


def test_equals_a_slow_loop() -> None:
    first, second = some_boxes(3)
    height, width = 3, 5
    found = pixel_distances(first, second, (height, width))

    def center(of: Tensor, pixel: int) -> tuple[float, float]:
        x0, y0, x1, y1 = of.tolist()
        row, column = divmod(pixel, width)
        return x0 + (column + 0.5) * (x1 - x0) / width, y0 + (row + 0.5) * (y1 - y0) / height

    def diagonal(of: Tensor) -> float:
        x0, y0, x1, y1 = of.tolist()
        return math.hypot((x1 - x0) / width, (y1 - y0) / height)

    for item in range(3):
        larger = max(diagonal(first[item]), diagonal(second[item]))
        for i in range(height * width):
            for j in range(height * width):
                apart = math.dist(center(first[item], i), center(second[item], j))
                assert float(found[item, i, j]) == pytest.approx(apart / larger)


def test_a_mirrored_crop_has_its_columns_in_reverse() -> None:
    first, second = some_boxes(4)
    straight = pixel_distances(first, second, (3, 4))
    mirrored = pixel_distances(first, second[:, [2, 1, 0, 3]], (3, 4))
    torch.testing.assert_close(mirrored.unflatten(2, (3, 4)).flip(3).flatten(2), straight)


def test_neither_unit_nor_place_of_the_image_matters() -> None:
    first, second = some_boxes(4)
    expected = pixel_distances(first, second, (2, 3))
    torch.testing.assert_close(pixel_distances(first * 640 + 7, second * 640 + 7, (2, 3)), expected)
    torch.testing.assert_close(pixel_distances(second, first, (2, 3)), expected.mT)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (box(0.2, 0, 0.2, 1), r"width and a height other than 0. Got \[0.2, 0.0, 0.2, 1.0\] for item 0"),
        (box(0, 0.5, 1, 0.5), "width and a height other than 0"),
        (box(0, 0, math.nan, 1), "width and a height other than 0"),
        (torch.zeros(1, 3), r"shape \(1, 4\)"),
        (torch.ones(1, 4, dtype=torch.int64), "floating-point"),
    ],
)
def test_errors(wrong: Tensor, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        pixel_distances(box(0, 0, 1, 1), wrong, (2, 2))
