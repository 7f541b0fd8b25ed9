"""Stores vectors: the lines, the graph if there is to be one, and what is measured about them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kinfolk.search.calibration import QUERIES, Calibration
from kinfolk.search.graph import build_links, can_build
from kinfolk.search.kernels.rotation import random_signs
from kinfolk.search.measure import FEW, calibrate, without_measuring
from kinfolk.search.metric import Floats, Metric
from kinfolk.search.stored import NONE_DEAD, Stored, derived, with_dead

GRAPH_FROM = 20_000  # rows; below, a scan of all of them takes no more than twice a walk's time, and no time to build
_SAMPLE = 1024  # rows of the sample


def store(table: Floats, metric: Metric, *, seed: int, graph: bool | None, threads: int) -> tuple[Stored, Calibration]:
    """Derive everything a search needs, and measure it with rows that are held out.

    Args:
        table: in the form of ``stored_form``.
        metric: ``cosine``, ``ip`` or ``l2``.
        seed: of the rotation, the sample and the rows that are held out.
        graph: whether to build one; None builds one from GRAPH_FROM rows on, if faiss is installed.
        threads: that encode rows.

    Raises:
        MissingExtraError: ``graph=True``, and faiss is not installed.
    """
    num, dim = table.shape
    rng = np.random.default_rng(seed)
    order = rng.permutation(num)
    held = np.sort(order[: QUERIES if num >= FEW else 0])
    sample = np.sort(order[len(held) : len(held) + _SAMPLE])
    mean = table.mean(axis=0, dtype=np.float64).astype(np.float32) if num else np.zeros(dim, dtype=np.float32)
    links = before = np.empty((0, 0), dtype=np.int32)
    if graph or (graph is None and num >= GRAPH_FROM and can_build()):
        before, links = build_links(table, held, inner_product=metric == "ip")
    signs = random_signs(dim, seed)
    lines, codes, numbers, lengths = derived(table, mean, signs, squared=metric == "l2", threads=threads)
    stored = Stored(metric, table, lines, mean, signs, lengths, sample, links, codes, numbers, NONE_DEAD)
    if num < FEW:
        return stored, without_measuring()
    unseen = replace(stored, links=before, dead=with_dead(NONE_DEAD, held, num))
    return stored, calibrate(unseen, held, rng)
