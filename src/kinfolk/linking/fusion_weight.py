"""How much the image of a record counts beside its text: chosen on validation records, for groups and for links.

The weight that serves best differs from the one an encoder was trained with, and moves the best cut with it: the two are
chosen together (Arora, Yang, Jheng & Dell, 2023, arXiv 2304.03464, who search both at random). Here every weight of a grid
is tried with every cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.encoders.pooling import pool
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.linking.tree import Linkage, linkage_tree
from kinfolk.linking.tree_cut import Agreement, Cut, choose_cut
from kinfolk.search.exact import exact_search

WEIGHTS = tuple(step / 20 for step in range(21))

Sides = tuple[npt.ArrayLike, npt.ArrayLike]


@dataclass(frozen=True)
class WeightAndCut:
    """The weight of the image and the cut that agree best with labels.

    Attributes:
        weight: of the image, in [0, 1]; the text has the rest.
        cut: the cut that goes with it, and its score.
        scores: the best score of each weight that was tried, in the order of the grid.
    """

    weight: float
    cut: Cut
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Weight:
    """The weight of the image with which most queries find a true match first.

    Attributes:
        weight: of the image, in [0, 1]; the text has the rest.
        accuracy: share of queries whose nearest record is a true match, in [0, 1].
        accuracies: of each weight that was tried, in the order of the grid.
    """

    weight: float
    accuracy: float
    accuracies: tuple[float, ...]


def choose_weight_and_cut(
    image: npt.ArrayLike,
    text: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    weights: Sequence[float] = WEIGHTS,
    linkage: Linkage = "single",
    by: Agreement = "adjusted_rand",
    advance: Callable[[float], None] | None = None,
) -> WeightAndCut:
    """Choose the weight of the image and the cut of the tree together, by the labels of validation records.

    Of equally good weights the one nearest 0.5 is taken, then the lower. Never give labels that the result is judged by.

    Args:
        image, text: (n, dim), unit rows; a row of zeros where a record has none.
        labels: the true group of each record, int (n,); -1 where it is not known.
        weights: the grid, each in [0, 1]; by default in steps of 0.05.
        linkage: as in ``linkage_tree``.
        by: as in ``choose_cut``.
        advance: told the share of the work that is done.

    Raises:
        ConfigurationError: a grid that is empty or leaves [0, 1], another linkage or measure.
        DataError: tables or labels that do not fit.
    """
    _check(weights)
    cuts = []
    for number, weight in enumerate(weights):
        tree = linkage_tree(pool([image, text], [weight, 1 - weight]), linkage=linkage)
        cuts.append(choose_cut(tree, labels, by=by))
        if advance is not None:
            advance((number + 1) / len(weights))
    scores = tuple(cut.score for cut in cuts)
    best = _best(weights, scores)
    return WeightAndCut(float(weights[best]), cuts[best], scores)


def choose_weight(
    queries: Sides,
    references: Sides,
    query_labels: npt.ArrayLike,
    reference_labels: npt.ArrayLike,
    *,
    weights: Sequence[float] = WEIGHTS,
) -> Weight:
    """Choose the weight of the image by how often the nearest reference of a validation query is a true match.

    Of equally good weights the one nearest 0.5 is taken, then the lower. Queries without a match are left out: no weight
    could find it.

    Args:
        queries, references: image and text of each, (n, dim) and (m, dim), unit rows; a row of zeros where there is none.
        query_labels, reference_labels: what each stands for, (n,) and (m,), integers or texts; a reference is a true match
            of a query of the same label, and there may be several. A query of label -1 is not known, and is left out.
        weights: the grid, each in [0, 1]; by default in steps of 0.05.

    Raises:
        ConfigurationError: a grid that is empty or leaves [0, 1].
        DataError: tables or labels that do not fit, or no query with a match.
    """
    _check(weights)
    wanted, offered = np.asarray(query_labels), np.asarray(reference_labels)
    expected = (len(np.asarray(queries[0])),), (len(np.asarray(references[0])),)
    if (wanted.shape, offered.shape) != expected:
        raise DataError(
            f"Labels must be one a row: {expected[0]} and {expected[1]}. Got {wanted.shape}, {offered.shape}."
        )
    matched = np.isin(wanted, offered)
    if wanted.dtype.kind in "iu":
        matched &= wanted != -1
    if not matched.any():
        raise DataError(
            "choose_weight needs queries with the label of a reference. No label is in both; compare their kinds."
        )
    accuracies = []
    for weight in weights:
        shares = [weight, 1 - weight]
        found = exact_search(pool(queries, shares)[matched], pool(references, shares), k=1).rows[:, 0]
        accuracies.append(float(((found >= 0) & (offered[found] == wanted[matched])).mean()))
    best = _best(weights, accuracies)
    return Weight(float(weights[best]), accuracies[best], tuple(accuracies))


def _check(weights: Sequence[float]) -> None:
    if not len(weights) or not all(0 <= weight <= 1 for weight in weights):
        raise ConfigurationError(f"weights must be one number at least, each in [0, 1]. Got {list(weights)}.")


def _best(weights: Sequence[float], scores: Sequence[float]) -> int:
    # Rounded, so that 0.45 and 0.55 are equally near.
    return max(range(len(weights)), key=lambda i: (scores[i], -round(abs(weights[i] - 0.5), 9), -weights[i]))
