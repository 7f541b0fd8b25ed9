"""What the report of a training needs to know of its images: which are shown, where they lie, who their neighbors are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kinfolk.data.images import Images
from kinfolk.evaluation.embedding_map import EmbeddingMap, embedding_map
from kinfolk.evaluation.nearest import Nearest, nearest

if TYPE_CHECKING:
    from kinfolk.methods.model import Model

Rows = npt.NDArray[np.int64]

_SEARCHED, _ON_MAP, _QUERIES, _NEIGHBORS = 4000, 600, 12, 5


@dataclass(frozen=True, eq=False)
class TrainingSummary:
    """A sample of the images and what the encoder makes of it.

    Attributes:
        images: the sample, in random order.
        total: how many images there are.
        map: where the first images of the sample lie.
        queries: rows of the sample whose neighbors are shown, int64 (queries,).
        neighbors: of these, among the whole sample.
    """

    images: Images
    total: int
    map: EmbeddingMap
    queries: Rows
    neighbors: Nearest

    def label(self, row: int) -> str | None:
        """The label of an image of the sample; None where there are no labels."""
        return None if self.images.labels is None else str(self.images.label_names[int(self.images.labels[row])])

    @property
    def same_label(self) -> npt.NDArray[np.bool_] | None:
        """Which neighbors have the label of their image, (queries, neighbors); None where there are no labels."""
        labels = self.images.labels
        return None if labels is None else labels[self.neighbors.rows] == labels[self.queries][:, None]


def training_summary(model: Model, images: Images) -> TrainingSummary:
    """Encode a sample of the images; what is in it follows from the seed of the training.

    Args:
        model: what was trained.
        images: to draw from, at least one.
    """
    seed = int(model.about["seed"])
    rows = np.random.default_rng(seed).permutation(len(images))[:_SEARCHED]
    sample = Images(
        images.pixels[rows],
        tuple(images.names[row] for row in rows),
        None if images.labels is None else images.labels[rows],
        images.label_names,
    )
    vectors = model.encode(sample)
    queries = even_choice(sample.labels, len(sample), _QUERIES)
    return TrainingSummary(
        sample,
        len(images),
        embedding_map(vectors[:_ON_MAP], seed=seed),
        queries,
        nearest(vectors, queries, k=_NEIGHBORS),
    )


def even_choice(labels: Sequence[int] | npt.NDArray[np.int64] | None, total: int, wanted: int) -> Rows:
    """The first items, or the first of each label in turn, so that each label is there as often as it can be.

    Args:
        labels: (total,), or None.
        total: how many items there are.
        wanted: how many to choose; fewer where there are fewer.
    """
    if labels is None:
        return np.arange(min(wanted, total), dtype=np.int64)
    codes = np.asarray(labels)
    by_label = np.argsort(codes, kind="stable")
    first = np.searchsorted(codes[by_label], codes[by_label])
    turn = np.empty(total, np.int64)
    turn[by_label] = np.arange(total) - first
    chosen = np.argsort(turn, kind="stable")[:wanted]
    return chosen[np.argsort(codes[chosen], kind="stable")]
