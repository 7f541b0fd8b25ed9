"""What kinds take from faiss: its HNSW graph, and its way to be told which rows pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from kinfolk.errors import ConfigurationError, MissingExtraError
from kinfolk.search.graph import Links, can_build, lowest_layer
from kinfolk.search.metric import Floats
from kinfolk.search.passing import Passing


@contextmanager
def one_thread() -> Iterator[None]:
    """Let faiss build with one thread: with several the graph depends on which is faster."""
    faiss = load_faiss()
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def require_faiss(name: str) -> None:
    """Raise where faiss is not installed.

    Raises:
        MissingExtraError: it is not.
    """
    if not can_build():
        raise MissingExtraError(f"The kind {name}", "search")


def load_faiss() -> Any:
    """The module, without its types, which say nothing of parameters of a search."""
    return import_module("faiss")


def build_hnsw(points: Floats, *, neighbors: int, breadth: int, seed: int) -> Any:
    """Build an HNSW graph (Malkov and Yashunin 2018, arXiv 1603.09320) for Euclidean distances.

    Args:
        points: float32 (num, dim).
        neighbors: M of the paper, links of a row in each layer; the lowest has twice as many.
        breadth: efConstruction of the paper.
        seed: of the layers.

    Returns:
        faiss' ``IndexHNSWFlat``.

    Raises:
        ConfigurationError: neighbors below 2, or breadth below 1.
    """
    if neighbors < 2 or breadth < 1:
        raise ConfigurationError(
            f"neighbors must be at least 2, and breadth at least 1. Got neighbors={neighbors} and breadth={breadth}."
        )
    faiss = load_faiss()
    index = faiss.IndexHNSWFlat(points.shape[1], neighbors)
    index.hnsw.efConstruction = breadth
    index.hnsw.rng = faiss.RandomGenerator(seed)
    with one_thread():
        index.add(points)
    return index


def layer_of(index: Any) -> Links:
    """The links of the lowest layer of an HNSW graph, int32 (num, 2 M): neighbors first, then -1."""
    return lowest_layer(index, np.arange(index.ntotal), index.ntotal)


def selector(passing: Passing) -> Any:
    """The rows that pass, as faiss asks for them."""
    return load_faiss().IDSelectorBitmap(passing.as_bitmap().view(np.uint8))
