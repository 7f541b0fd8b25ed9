"""The lowest layer of an HNSW graph, built by faiss and read as one array of links.

Malkov and Yashunin 2018 (arXiv 1603.09320). faiss builds; the walk is the package's own, so that it can look at the filter,
read codes of one byte, and run beside other searches.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from kinfolk.errors import MissingExtraError

Links: TypeAlias = npt.NDArray[np.int32]

_NEIGHBORS = 16  # M of the paper; the lowest layer has twice as many links a row
_BREADTH = 100  # efConstruction of the paper


def can_build() -> bool:
    """Whether faiss is installed."""
    return find_spec("faiss") is not None


def build_links(
    vectors: npt.NDArray[np.float32], late: npt.NDArray[np.int64], *, inner_product: bool
) -> tuple[Links, Links]:
    """Build the graph twice: without some rows, on which a search can be tried as on rows never seen, and with them.

    The rows that come late are added to the graph of the others, so both together cost one build.

    Args:
        vectors: float32 (num, dim).
        late: rows that come late.
        inner_product: near is a high inner product instead of a short distance.

    Returns:
        The links without and with the late rows, int32 (num, 32): neighbors first, then -1.

    Raises:
        MissingExtraError: faiss is not installed.
    """
    if not can_build():
        raise MissingExtraError("A graph of the vectors (graph=True)", "search")
    import faiss

    num = len(vectors)
    early = np.setdiff1d(np.arange(num), late)
    metric = faiss.METRIC_INNER_PRODUCT if inner_product else faiss.METRIC_L2
    index = faiss.IndexHNSWFlat(vectors.shape[1], _NEIGHBORS, metric)
    index.hnsw.efConstruction = _BREADTH
    index.add(vectors[early])
    order = np.concatenate([early, late])
    before = lowest_layer(index, order, num)
    if len(late):
        index.add(vectors[late])
    return before, lowest_layer(index, order, num)


def lowest_layer(index: object, order: npt.NDArray[np.int64], num: int) -> Links:
    """The links of the lowest layer, in numbers of rows instead of numbers of insertion."""
    import faiss

    graph = index.hnsw  # type: ignore[attr-defined]
    width, inserted = graph.nb_neighbors(0), index.ntotal  # type: ignore[attr-defined]
    starts = faiss.vector_to_array(graph.offsets)[:inserted].astype(np.int64)
    neighbors = faiss.vector_to_array(graph.neighbors)[starts[:, None] + np.arange(width)]
    links = np.full((num, width), -1, dtype=np.int32)
    links[order[:inserted]] = np.where(neighbors >= 0, order[neighbors], -1)
    return links
