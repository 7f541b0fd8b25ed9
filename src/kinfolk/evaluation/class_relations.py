"""How classes relate in a method that learns a gate, a soft choice of dimensions, for each pair of them.

Source of the gates: Wu, Atito, Feng, Mo, Kittler & Awais, "Rethinking positive pairs in contrastive learning", 2024,
arXiv 2410.18200. Both figures drawn from them here are definitions of this project.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassRelations:
    """What the gates of all pairs say of the classes; both are symmetric where the gates are.

    Attributes:
        likeness: (classes, classes), in [-1, 1]: correlation, over the dimensions, of the gate of each class with itself
            and that of the other one. High where two classes are described by the same dimensions.
        overlap: (classes, classes), in [0, 1]: mean gate of the pair, the share of all dimensions in which it is compared.
    """

    likeness: Matrix
    overlap: Matrix


def class_relations(gates: Iterable[npt.NDArray[np.floating]]) -> ClassRelations:
    """Both matrices, from the gates of one class after the other, so that never all of them are in memory.

    Args:
        gates: for each class its gates with all classes, (classes, dim) in [0, 1]; an array (classes, classes, dim) will do.

    Raises:
        ConfigurationError: there are no classes, or the shapes do not fit.
    """
    own, overlap = [], []
    for number, of_class in enumerate(gates):
        if of_class.ndim != 2 or number >= len(of_class):
            raise ConfigurationError(
                f"The gates of a class must be (classes, dim), for as many classes as there are. Got {of_class.shape} for "
                f"class {number}."
            )
        own.append(of_class[number].astype(np.float64))
        overlap.append(of_class.mean(1, dtype=np.float64))
    if not own or any(len(row) != len(own) for row in overlap):
        raise ConfigurationError(
            f"Each of {len(own)} classes needs gates with all of them. Got {[*map(len, overlap)]}."
        )
    return ClassRelations(_correlation(np.stack(own)), np.stack(overlap))


def block_order(likeness: Matrix) -> npt.NDArray[np.int64]:
    """An order of the classes in which those that are alike stand side by side: the leaves of average linkage.

    Args:
        likeness: symmetric (classes, classes), at most 1; distance is 1 minus it.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(likeness) < 3:
        return np.arange(len(likeness))
    distance = np.maximum(1 - (likeness + likeness.T) / 2, 0)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance), "average", optimal_ordering=True)
    return np.asarray(leaves_list(tree), np.int64)


def _correlation(rows: Matrix) -> Matrix:
    """Of each row with each; 0 with a row that is the same everywhere, and 1 of every row with itself."""
    centered = rows - rows.mean(1, keepdims=True)
    length = np.linalg.norm(centered, axis=1, keepdims=True)
    unit = np.divide(centered, length, out=np.zeros_like(centered), where=length > 1e-12)
    found: Matrix = np.clip(unit @ unit.T, -1, 1)
    np.fill_diagonal(found, 1)
    return found
