"""Random resized crops of a batch, each image with a box of its own, and the boxes kept: pixel-level methods need them.

A box is (left, top, right, bottom) in shares of the image, [0, 1]. **A flipped crop has left > right**: where a pixel of
the view lies in the image follows from its box alone, mirrored or not.

Resizing is bilinear with a triangle filter that widens where the view has fewer pixels than its box, so that nothing
aliases; it is what Pillow does for ``resize(size, BILINEAR, box=box)``. Two evaluations of the same filter: where the
view has more pixels than the box, the filter has two taps, and ``grid_sample`` is fastest; where it has fewer, the rows
and the columns are mixed by two small matrices an image.

Source: the sampling of boxes is that of Szegedy et al., "Going deeper with convolutions", CVPR 2015, arXiv 1409.4842,
section 6, with the ten tries that are usual since.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.views.draws import Range, check_range_of, log_uniform, uniform
from kinfolk.views.pixels import as_given, check_images, per_image, to_float

_TRIES = 10


def draw_boxes(
    num: int,
    *,
    scale: Range = (0.08, 1.0),
    ratio: Range = (3 / 4, 4 / 3),
    aspect: float = 1.0,
    generator: torch.Generator,
) -> Tensor:
    """Boxes of random area, shape and place, not flipped.

    Args:
        num: number of images.
        scale: area of a box as a share of the image, evenly distributed in this range, in (0, 1].
        ratio: width by height of a box in pixels; its logarithm is evenly distributed in this range.
        aspect: width by height of the images in pixels.
        generator: where the random numbers come from.

    Returns:
        float32 (num, 4). Where ten tries give no box that fits into the image, the box is the largest one in the
        middle whose ratio is in the range.

    Raises:
        ConfigurationError: a range that is not possible.
    """
    check_range_of("scale", scale, least=1e-6, most=1.0)
    check_range_of("ratio", ratio, least=1e-3, most=1e3)
    area = uniform(num * _TRIES, scale, generator=generator).view(num, _TRIES)
    relative = log_uniform(num * _TRIES, ratio, generator=generator).view(num, _TRIES) / aspect
    widths, heights = (area * relative).sqrt(), (area / relative).sqrt()
    fits = (widths <= 1) & (heights <= 1)
    first = fits.int().argmax(dim=1, keepdim=True)
    fallback = min(max(aspect, ratio[0]), ratio[1]) / aspect
    found = fits.any(dim=1)
    width = torch.where(found, widths.gather(1, first)[:, 0], min(1.0, fallback))
    height = torch.where(found, heights.gather(1, first)[:, 0], min(1.0, 1 / fallback))
    left = torch.where(found, uniform(num, (0.0, 1.0), generator=generator), 0.5) * (1 - width)
    top = torch.where(found, uniform(num, (0.0, 1.0), generator=generator), 0.5) * (1 - height)
    return torch.stack([left, top, left + width, top + height], dim=1).clamp_(max=1)


def whole_boxes(num: int) -> Tensor:
    """Boxes that are the whole image, float32 (num, 4)."""
    return torch.tensor([0.0, 0.0, 1.0, 1.0]).repeat(num, 1)


def flip_boxes(boxes: Tensor, flipped: Tensor) -> Tensor:
    """The boxes with left and right exchanged where ``flipped``, a bool an image, says so."""
    return torch.where(flipped[:, None], boxes[:, [2, 1, 0, 3]], boxes)


def crop(images: Tensor, boxes: Tensor, size: int | tuple[int, int]) -> Tensor:
    """What is in the boxes, resized; mirrored where left > right.

    Args:
        images: uint8 or floats (images, channels, height, width).
        boxes: (images, 4), see above.
        size: height and width of the views; one number for squares.

    Returns:
        Tensor (images, channels, *size) of the type of ``images``.

    Raises:
        ConfigurationError: a box that leaves the image or has no area; a size below 1.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 1:
        raise ConfigurationError(f"size must be at least 1. Got {height} x {width}.")
    pixels = to_float(images)
    _check_boxes(boxes, len(images))
    boxes = boxes.to(pixels)
    box_width = (boxes[:, 2] - boxes[:, 0]).abs() * pixels.shape[3]
    box_height = (boxes[:, 3] - boxes[:, 1]).abs() * pixels.shape[2]
    reduced = (box_width > width) | (box_height > height)
    if not reduced.any():
        result = _interpolate(pixels, boxes, height, width)
    elif reduced.all():
        result = _average(pixels, boxes, height, width)
    else:
        result = pixels.new_empty(len(pixels), pixels.shape[1], height, width)
        result[reduced] = _average(pixels[reduced], boxes[reduced], height, width)
        result[~reduced] = _interpolate(pixels[~reduced], boxes[~reduced], height, width)
    return as_given(result.clamp_(0, 1), images.dtype)  # weights sum to 1 but for the last digit


def flip(images: Tensor, flipped: Tensor) -> Tensor:
    """The images, mirrored left to right where ``flipped``, a bool an image, says so."""
    check_images(images)
    return torch.where(per_image(flipped, images, "flipped").bool(), images.flip(3), images)


def _interpolate(pixels: Tensor, boxes: Tensor, height: int, width: int) -> Tensor:
    """Two taps a direction."""
    left, top, right, bottom = boxes.unbind(1)
    # grid_sample counts from -1 to 1; pairs of floats lie in memory as complex numbers do, which are made in one pass
    across = (_centers(left, right, width)[:, None, :] * 2 - 1).expand(-1, height, -1)
    down = (_centers(top, bottom, height)[:, :, None] * 2 - 1).expand(-1, -1, width)
    grid = torch.view_as_real(torch.complex(across, down))
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _average(pixels: Tensor, boxes: Tensor, height: int, width: int) -> Tensor:
    """As many taps as the filter is wide."""
    left, top, right, bottom = boxes.unbind(1)
    rows = _filter(top, bottom, height, pixels.shape[2])
    columns = _filter(left, right, width, pixels.shape[3])
    return rows[:, None] @ pixels @ columns[:, None].mT


def _filter(start: Tensor, stop: Tensor, to: int, given: int) -> Tensor:
    """Share of each given pixel in each pixel of the view, along one direction, (images, to, given)."""
    centers = _centers(start, stop, to) * given - 0.5
    radius = ((stop - start).abs() * given / to).clamp_(min=1)[:, None, None]
    distance = (torch.arange(given, device=start.device, dtype=start.dtype) - centers[:, :, None]).abs_()
    weights = (1 - distance / radius).clamp_(min=0)
    return weights / weights.sum(dim=2, keepdim=True)


def _centers(start: Tensor, stop: Tensor, to: int) -> Tensor:
    """Where the centers of the view's pixels lie along one direction, in shares of the image, (images, to)."""
    steps = (torch.arange(to, device=start.device, dtype=start.dtype) + 0.5) / to
    return start[:, None] + steps * (stop - start)[:, None]


def _check_boxes(boxes: Tensor, num: int) -> None:
    if boxes.shape != (num, 4):
        raise ConfigurationError(f"boxes must be of shape ({num}, 4), one an image. Got {tuple(boxes.shape)}.")
    inside = (boxes >= 0) & (boxes <= 1)
    if not inside.all() or (boxes[:, 0] == boxes[:, 2]).any() or (boxes[:, 1] >= boxes[:, 3]).any():
        raise ConfigurationError(
            "A box must be (left, top, right, bottom) in shares of the image, in [0, 1], with an area, and with top < bottom."
        )
