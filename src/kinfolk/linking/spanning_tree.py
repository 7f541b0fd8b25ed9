"""The minimum spanning tree of unit vectors under cosine distance: all that single linkage needs to know.

Prim's algorithm (1957) with every distance computed when it is needed: O(n^2 dim) time, O(n) memory beside the vectors.
The cosine distance of unit vectors is half the square of their Euclidean distance. Computed like that it is exactly 0
for equal vectors, the same both ways round, and keeps the small distances that 1 - cosine would lose to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from kinfolk.data.unit_vectors import UnitVectors

_PRODUCTS = 1 << 29  # of coordinates, in one compiled call: well under two seconds, after which Ctrl-C is heard


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of a spanning tree, shortest first.

    Attributes:
        first, second: its two records, int64 (edges,), the smaller first.
        distance: cosine distance, float64 (edges,), in [0, 2].
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    distance: npt.NDArray[np.float64]


def cosine_distances(
    vectors: UnitVectors, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Cosine distances of pairs of rows, with the bits that the spanning tree compares: float64 (pairs,)."""
    return np.asarray(_distances(vectors, left, right))


def spanning_tree(vectors: UnitVectors, *, advance: Callable[[float], None] | None = None) -> Edges:
    """Find the minimum spanning tree.

    Args:
        vectors: (n, dim), unit rows, none of zeros.
        advance: told the share of the work that is done.
    """
    num, dim = vectors.shape
    edges = max(num - 1, 0)
    outside = np.arange(1, num)
    inside, length = np.zeros(num, np.int64), np.full(num, np.inf)
    first, second, distance = np.empty(edges, np.int64), np.empty(edges, np.int64), np.empty(edges)
    done, last = 0, 0
    while done < edges:
        steps = min(edges - done, max(1, _PRODUCTS // ((edges - done) * dim)))
        last = _grow(vectors, last, outside, inside, length, done, steps, first, second, distance)
        done += steps
        if advance is not None:
            advance(1 - ((edges - done) / edges) ** 2)
    order = np.lexsort((second, first, distance))
    return Edges(first[order], second[order], distance[order])


# The sum may be split over the lanes of the processor, four times as fast; how, depends on dim alone.
@nb.njit(cache=True, fastmath={"reassoc"})
def _distance(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(len(a)):
        difference = np.float64(a[i]) - np.float64(b[i])
        total += difference * difference
    return 0.5 * total


@nb.njit(cache=True)
def _distances(vectors, left, right):  # type: ignore[no-untyped-def]
    distance = np.empty(len(left))
    for pair in range(len(left)):
        distance[pair] = _distance(vectors[left[pair]], vectors[right[pair]])
    return distance


@nb.njit(cache=True)
def _grow(vectors, last, outside, inside, length, done, steps, first, second, distance):  # type: ignore[no-untyped-def]
    """Add some edges. ``outside`` lists the records not in the tree yet; their shortest edge into it is to ``inside``."""
    for edge in range(done, done + steps):
        num_outside = len(length) - 1 - edge
        best = 0
        for place in range(num_outside):
            record = outside[place]
            d = _distance(vectors[last], vectors[record])
            if d < length[record]:
                length[record] = d
                inside[record] = last
            if length[record] < length[outside[best]]:
                best = place
        last = outside[best]
        first[edge] = min(last, inside[last])
        second[edge] = max(last, inside[last])
        distance[edge] = length[last]
        outside[best] = outside[num_outside - 1]
    return last
