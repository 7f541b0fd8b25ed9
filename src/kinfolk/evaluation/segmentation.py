"""Intersection over union of classes of pixels, and the linear probe on frozen feature maps that it judges."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError


def mean_iou(predicted: npt.NDArray[np.integer], truth: npt.NDArray[np.integer], *, ignore: int | None = None) -> float:
    """Mean over the classes of the truth of |both| / |either|, in [0, 1].

    Args:
        predicted, truth: a class for each pixel, of one shape.
        ignore: class of the truth whose pixels do not count.

    Raises:
        ConfigurationError: different shapes, or no pixel that counts.
    """
    if predicted.shape != truth.shape:
        raise ConfigurationError(f"Each pixel needs a prediction. Got shapes {predicted.shape} and {truth.shape}.")
    counted = np.ones(truth.shape, bool) if ignore is None else truth != ignore
    said, true = predicted[counted], truth[counted]
    if not true.size:
        raise ConfigurationError(f"No pixel counts: all are of the class {ignore} that is left out.")
    shares = []
    for label in np.unique(true):
        both = ((said == label) & (true == label)).sum()
        either = ((said == label) | (true == label)).sum()
        shares.append(both / either)
    return float(np.mean(shares))


def pixel_probe(
    train_maps: npt.NDArray[np.floating],
    train_classes: npt.NDArray[np.integer],
    maps: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
    *,
    ignore: int | None = None,
    most_pixels: int = 50_000,
    seed: int = 0,
) -> float:
    """Mean intersection over union of a linear classifier on each place of frozen feature maps, in [0, 1].

    The classifier learns from the class in the middle of each place; its answers are enlarged to the size of the images by
    repetition, and judged there.

    Args:
        train_maps, maps: features, (images, dim, rows, columns).
        train_classes, classes: of each pixel, (images, height, width); height and width are multiples of rows and columns.
        ignore: class whose pixels neither teach nor count.
        most_pixels: places to learn from at most, drawn at random.
        seed: of the draw.

    Raises:
        ConfigurationError: shapes that do not fit, or fewer than two classes to learn.
    """
    from sklearn.linear_model import LogisticRegression

    known, taught = _places(train_maps, train_classes)
    if ignore is not None:
        known, taught = known[taught != ignore], taught[taught != ignore]
    if maps.ndim != 4 or maps.shape[1] != train_maps.shape[1]:
        raise ConfigurationError(f"Both maps must be of one dim. Got shapes {train_maps.shape} and {maps.shape}.")
    chosen = np.random.default_rng(seed).permutation(len(known))[: max(most_pixels, 0)]
    if len(np.unique(taught[chosen])) < 2:
        raise ConfigurationError(
            f"A classifier needs two classes or more to learn. Got fewer in the {len(chosen):,} places drawn."
        )
    mean, deviation = known[chosen].mean(0), known[chosen].std(0)
    scale = np.where(deviation > 0, deviation, 1.0)
    model = LogisticRegression(C=0.1, max_iter=200).fit((known[chosen] - mean) / scale, taught[chosen])
    asked, _ = _places(maps, classes)
    images, _, rows, columns = maps.shape
    said = model.predict((asked - mean) / scale).reshape(images, rows, columns)
    tall, wide = classes.shape[1] // rows, classes.shape[2] // columns
    return mean_iou(said.repeat(tall, 1).repeat(wide, 2), classes, ignore=ignore)


def _places(
    maps: npt.NDArray[np.floating], classes: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.integer]]:
    """Features of every place, (places, dim), and the class in its middle, (places,)."""
    if maps.ndim != 4 or classes.ndim != 3 or len(maps) != len(classes):
        raise ConfigurationError(
            "Maps must be (images, dim, rows, columns) with classes (images, height, width). "
            f"Got {maps.shape} and {classes.shape}."
        )
    (rows, columns), (height, width) = maps.shape[2:], classes.shape[1:]
    if height % rows or width % columns:
        raise ConfigurationError(f"{height} x {width} pixels do not divide into {rows} x {columns} places.")
    tall, wide = height // rows, width // columns
    middle = classes[:, tall // 2 :: tall, wide // 2 :: wide]
    return maps.transpose(0, 2, 3, 1).reshape(-1, maps.shape[1]), middle.reshape(-1)
