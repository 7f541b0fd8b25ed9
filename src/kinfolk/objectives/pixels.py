"""Which pixels of two crops show the same place: the geometry under the losses on feature maps.

A crop is a box (x0, y0, x1, y1) of the image, in any unit; a mirrored crop has x0 > x1. The pixel in row r and column c of
its H x W feature map is centered at::

    x = x0 + (c + 1/2) (x1 - x0) / W,     y = y0 + (r + 1/2) (y1 - y0) / H

and the distance of two pixels is that of their centers over the larger of the two diagonals of a pixel. Pixels less than a
threshold apart are positives of each other. Pixels are counted row by row: r W + c.

Source: Xie, Lin, Zhang, Cao, Lin & Hu, "Propagate yourself", CVPR 2021, arXiv 2011.10043, section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import as_computed, unit


def pixel_distances(boxes: Tensor, other_boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Distance of each pixel of one crop and each pixel of the other, (items, H W, H W), without gradient.

    Args:
        boxes, other_boxes: x0, y0, x1, y1 of both crops of each item, floating-point (items, 4).
        size: height and width of the feature maps.

    Raises:
        ConfigurationError: boxes of another shape, or without area.
    """
    _check_boxes(boxes, len(boxes))
    _check_boxes(other_boxes, len(boxes))
    centers, diagonals = _pixels_of(boxes, size)
    other_centers, other_diagonals = _pixels_of(other_boxes, size)
    apart = torch.cdist(centers, other_centers, compute_mode="donot_use_mm_for_euclid_dist")
    return apart / torch.maximum(diagonals, other_diagonals)[:, None, None]


def positive_pixels(boxes: Tensor, other_boxes: Tensor, size: tuple[int, int], *, threshold: float = 0.7) -> Tensor:
    """Which pixels of two crops are positives of each other, bool (items, H W, H W).

    Args:
        boxes, other_boxes, size: see ``pixel_distances``.
        threshold: distance below which they are, in (0, inf), in diagonals of a pixel. Strictly below, as in the authors'
            code; the paper writes at most.

    Raises:
        ConfigurationError: boxes of another shape, or without area.
    """
    return pixel_distances(boxes, other_boxes, size) < threshold


def _pixels_of(boxes: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Centers (items, H W, 2) and diagonals (items,) of the pixels of a crop."""
    boxes = as_computed(boxes.detach())
    height, width = size
    starts, steps = boxes[:, :2], (boxes[:, 2:] - boxes[:, :2]) / boxes.new_tensor([width, height])
    rows, columns = torch.meshgrid(
        torch.arange(height, device=boxes.device), torch.arange(width, device=boxes.device), indexing="ij"
    )
    grid = torch.stack([columns, rows], dim=-1).flatten(0, 1) + 0.5  # (H W, 2), x before y as in a box
    return starts[:, None] + grid * steps[:, None], torch.linalg.vector_norm(steps, dim=1)


def _check_boxes(boxes: Tensor, items: int) -> None:
    if boxes.shape != (items, 4) or not boxes.is_floating_point():
        raise ConfigurationError(
            f"boxes must be a floating-point tensor of shape ({items}, 4) for each crop: x0, y0, x1, y1. "
            f"Got {boxes.dtype} of shape {tuple(boxes.shape)}."
        )
    sides = boxes[:, 2:] - boxes[:, :2]
    flat = ((sides == 0) | ~sides.isfinite()).any(1).nonzero()
    if len(flat):
        item = int(flat[0])
        raise ConfigurationError(
            f"A box must have a width and a height other than 0. Got {boxes[item].tolist()} for item {item}."
        )


def split_boxes(boxes: Tensor, items: int) -> tuple[Tensor, Tensor]:
    """Boxes of the first and of the second crop, both (items, 4).

    Args:
        boxes: of both crops, (items, 2, 4).
        items: how many there must be.

    Raises:
        ConfigurationError: they have another shape.
    """
    if boxes.shape != (items, 2, 4):
        raise ConfigurationError(
            f"boxes must have shape ({items}, 2, 4): items, crops, and x0, y0, x1, y1. Got {tuple(boxes.shape)}."
        )
    return boxes[:, 0], boxes[:, 1]


def check_maps(maps: Sequence[Tensor], names: Sequence[str]) -> None:
    """Refuse feature maps that are not floats of one shape (items, channels, height, width).

    Args:
        maps: tensors that should be.
        names: what the messages call them.

    Raises:
        ConfigurationError: they are not, or there is no item.
    """
    for tensor, name in zip(maps, names, strict=True):
        if tensor.ndim != 4 or not tensor.is_floating_point() or not tensor.numel():
            raise ConfigurationError(
                f"{name} must be a floating-point tensor of shape (items, channels, height, width) that is not empty. "
                f"Got {tensor.dtype} of shape {tuple(tensor.shape)}."
            )
        if tensor.shape != maps[0].shape:
            raise ConfigurationError(
                f"{names[0]} and {name} must have one shape (items, channels, height, width). "
                f"Got {tuple(maps[0].shape)} and {tuple(tensor.shape)}."
            )
        if (tensor.dtype == torch.float64) != (maps[0].dtype == torch.float64):
            raise ConfigurationError(
                f"{names[0]} and {name} must both be float64, or neither. Got {maps[0].dtype} and {tensor.dtype}. Convert one."
            )


def both_ways(
    one_way: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
    maps: tuple[Tensor, Tensor],
    targets: tuple[Tensor, Tensor],
    boxes: Tensor,
) -> tuple[Tensor, Tensor]:
    """A loss of the first crop's maps with the second's targets, and of the second's maps with the first's targets.

    Args:
        one_way: takes maps, targets and the boxes of both, (items, 4).
        maps, targets: of the first and of the second crop, (items, channels, height, width).
        boxes: of both crops, (items, 2, 4).

    Raises:
        ConfigurationError: shapes that do not fit.
    """
    check_maps((*maps, *targets), ("first", "second", "first_targets", "second_targets"))
    of_first, of_second = split_boxes(boxes, len(maps[0]))
    return one_way(maps[0], targets[1], of_first, of_second), one_way(maps[1], targets[0], of_second, of_first)


def unit_pixels(maps: Tensor) -> Tensor:
    """Unit vectors of the pixels of feature maps, (items, H W, channels)."""
    return unit(maps.flatten(2).mT)
