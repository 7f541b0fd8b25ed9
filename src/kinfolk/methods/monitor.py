"""What a training looks like from outside, epoch by epoch: neighbors, geometry, and a warning when it collapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kinfolk.data.images import Images
from kinfolk.evaluation.knn import knn_accuracy
from kinfolk.evaluation.spread import effective_rank
from kinfolk.methods.families import views_of
from kinfolk.methods.method import Method
from kinfolk.objectives import alignment, uniformity
from kinfolk.objectives.behavior import effective_negatives
from kinfolk.views import draw_views, to_float

_SAMPLE, _VOTERS = 512, 4000
_COLLAPSED_RANK, _COLLAPSED_COSINE = 2.0, 0.98
_TEMPERATURE = 0.2  # of the penalties, where the objective has none of its own


@dataclass(frozen=True)
class Geometry:
    """The space after an epoch, on a sample that stays the same.

    Attributes:
        alignment: mean squared distance of two views of an image, in [0, 4]; lower is better.
        uniformity: log of the mean Gaussian potential, at most 0; lower is more even.
        effective_rank: how many directions the vectors fill.
        effective_negatives: how many negatives share the push at the temperature of the objective, exp of the entropy.
        knn: accuracy of the 20 nearest neighbors, each image left out of its own vote; None without labels.
        tolerance: mean cosine of images of one label; None without labels.
    """

    alignment: float
    uniformity: float
    effective_rank: float
    effective_negatives: float
    knn: float | None = None
    tolerance: float | None = None

    def warning(self) -> str | None:
        """What is wrong with the space, in one sentence, or None."""
        if self.effective_rank < _COLLAPSED_RANK or self.uniformity > -2 * 2 * (1 - _COLLAPSED_COSINE):
            return (
                f"The embeddings have collapsed: effective rank {self.effective_rank:.1f}, uniformity "
                f"{self.uniformity:.2f}. Lower the learning rate, or take a method with negatives or prototypes."
            )
        return None

    def as_dict(self) -> Mapping[str, float]:
        """The measures that there are, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


class Monitor:
    """Measures an encoder on images that are fixed at the start.

    Args:
        images: the training images; a sample of them is measured.
        size: height and width in pixels at which the method sees them.
        seed: of the sample and of its views.
    """

    def __init__(self, images: Images, *, size: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(len(images), generator=generator).numpy()
        pixels = torch.from_numpy(images.pixels[rows[:_SAMPLE]])
        self._views = [v.images for v in draw_views(to_float(pixels), views_of("photo", size), generator=generator)]
        self._voters = torch.from_numpy(images.pixels[rows[:_VOTERS]])
        self._labels = None if images.labels is None else images.labels[rows[:_VOTERS]]

    @torch.no_grad()
    def measure(self, method: Method) -> Geometry:
        """The space of the encoder as it is now; the encoder is left in training or not as it was."""
        training = method.training
        method.eval()
        try:
            first, second = (method.encoder(view) for view in self._views)
            vectors = None if self._labels is None else _encode(method.encoder, self._voters)
        finally:
            method.train(training)
        temperature = getattr(getattr(method, "objective", None), "temperature", _TEMPERATURE)
        geometry = Geometry(
            alignment(first, second).item(),
            uniformity(first).item(),
            effective_rank(first.numpy(force=True)),
            effective_negatives(first, second, temperature=temperature).mean().item(),
        )
        if vectors is None or self._labels is None:
            return geometry
        return Geometry(
            geometry.alignment,
            geometry.uniformity,
            geometry.effective_rank,
            geometry.effective_negatives,
            knn_accuracy(vectors, self._labels),
            tolerance_of(vectors, self._labels),
        )


def tolerance_of(vectors: np.ndarray, labels: np.ndarray) -> float | None:
    """Mean cosine of two different vectors of one label; None where no label has two."""
    from kinfolk.objectives.behavior import tolerance

    found = tolerance(torch.from_numpy(vectors), torch.from_numpy(labels))
    return None if found is None else float(found)


def _encode(encoder: torch.nn.Module, images: Tensor) -> np.ndarray:
    parts = [encoder(to_float(part)) for part in images.split(256)]
    vectors: np.ndarray = torch.cat(parts).float().numpy(force=True)
    return vectors
