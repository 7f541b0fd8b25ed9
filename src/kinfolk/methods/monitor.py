"""What a training looks like from outside, epoch by epoch: neighbors, geometry, and a warning when it collapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kinfolk.data.images import Images
from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.knn import knn_accuracy
from kinfolk.evaluation.spread import effective_rank
from kinfolk.methods.families import views_of
from kinfolk.methods.method import Method
from kinfolk.objectives import alignment, effective_negatives, suggest_temperature, tolerance, uniformity
from kinfolk.views import draw_views, to_float

_SAMPLE, _VOTERS, _AT_ONCE = 512, 4000, 256
_COLLAPSED_RANK = 2.0
_COLLAPSED_UNIFORMITY = -0.08  # that of vectors whose mean cosine is .98


@dataclass(frozen=True)
class Geometry:
    """The space after an epoch, on a sample that stays the same.

    All but ``knn`` and ``tolerance`` are of the embeddings that the objective sees; these two are of the encoder.

    Attributes:
        alignment: mean squared distance of two views of an image, in [0, 4]; lower is better.
        uniformity: log of the mean Gaussian potential, at most 0; lower is more even.
        effective_rank: how many directions the vectors fill.
        temperature: of the objective; None where it has none.
        negatives: of each image in the sample; None as above.
        effective_negatives: how many of the negatives share the push at this temperature, exp of the entropy; None as above.
        suggested_temperature: at which half of the negatives would; None as above, and where no temperature tells them apart.
        knn: accuracy of the 20 nearest neighbors, each image left out of its own vote; None without labels.
        tolerance: mean cosine of images of one label; None without labels.
    """

    alignment: float
    uniformity: float
    effective_rank: float
    temperature: float | None = None
    negatives: float | None = None
    effective_negatives: float | None = None
    suggested_temperature: float | None = None
    knn: float | None = None
    tolerance: float | None = None

    def warning(self) -> str | None:
        """What is wrong with the space, in one sentence, or None."""
        if self.effective_rank < _COLLAPSED_RANK or self.uniformity > _COLLAPSED_UNIFORMITY:
            return (
                f"The embeddings have collapsed: effective rank {self.effective_rank:.1f}, uniformity "
                f"{self.uniformity:.2f}. Lower the learning rate, or take a method with negatives or prototypes."
            )
        return None

    def as_dict(self) -> Mapping[str, float]:
        """The measures that there are, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


class Monitor:
    """Measures a method on images that are fixed at the start.

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
    def measure(self, method: Method) -> Geometry | None:
        """The space as it is now, or None where embeddings are not finite; the method is left in training or not as it was."""
        training = method.training
        method.eval()
        try:
            first, second = (method.embed(view.to(method.device)) for view in self._views)
            voters = None if self._labels is None else self._of_voters(method)
        finally:
            method.train(training)
        if not all(bool(table.isfinite().all()) for table in (first, second, voters) if table is not None):
            return None
        of_labels = {} if self._labels is None or voters is None else _by_labels(voters, self._labels)
        temperature = getattr(getattr(method, "objective", None), "temperature", None)
        of_temperature: dict[str, float | None] = {}
        if temperature is not None:
            of_temperature = {
                "temperature": float(temperature),
                "negatives": len(first) - 1,
                "effective_negatives": effective_negatives(first, second, temperature=temperature).mean().item(),
                "suggested_temperature": _suggested(first, second),
            }
        return Geometry(
            alignment(first, second).item(),
            uniformity(first).item(),
            effective_rank(first.float().numpy(force=True)),
            **of_temperature,
            **of_labels,
        )

    def _of_voters(self, method: Method) -> Tensor:
        parts = [method.encoder(part.to(method.device)) for part in self._voters.split(_AT_ONCE)]
        return torch.cat(parts).float().cpu()


def _by_labels(vectors: Tensor, labels: npt.NDArray[np.int64]) -> dict[str, float]:
    found = {"knn": knn_accuracy(vectors.numpy(), labels)}
    alike = tolerance(vectors, torch.from_numpy(labels))
    return found if alike is None else {**found, "tolerance": alike.item()}


def _suggested(first: Tensor, second: Tensor) -> float | None:
    """A temperature for these embeddings; None where they do not tell items apart, and no temperature would."""
    try:
        return suggest_temperature(first, second)
    except ConfigurationError:
        return None
