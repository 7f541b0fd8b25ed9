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
