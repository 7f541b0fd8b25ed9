"""One graph in which the rows of every label can be walked without a step on others.

Gollapudi et al. 2023, "Filtered-DiskANN: graph algorithms for approximate nearest neighbor search with filters" (WWW), FilteredVamana:
each label has a row where its walks begin (FindMedoid); rows are inserted by walks over those that share a label with them; and a
link is left out only where a nearer neighbor leads on to the same labels. What differs from the paper stands in ``vamana``.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.search.kinds.collection import Collection
from kinfolk.search.kinds.labels import Labels
from kinfolk.search.kinds.one_label import OfOneLabel
from kinfolk.search.kinds.registry import kind
from kinfolk.search.kinds.vamana import check_parameters, insert
from kinfolk.search.kinds.walks import Graph
from kinfolk.search.metric import Metric

_DRAWN = 100  # rows of a label of which the one is taken that begins fewest walks; tau of FindMedoid


@kind(
    "filtered-vamana",
    paper="Gollapudi, Karia, Sivashankar, Krishnaswamy et al. 2023, Filtered-DiskANN: graph algorithms for approximate nearest neighbor "
    "search with filters (WWW)",
    serves=("EM", "EMIS"),
    effort="rows of the label that the walk keeps (L)",
)
class FilteredVamana(OfOneLabel):
    """Walks from a row of the label over rows of the label, in a graph that was built for that."""

    @classmethod
    def build(
        cls,
        vectors: npt.ArrayLike,
        attributes: pa.Table,
        *,
        column: str | None = None,
        metric: Metric = "cosine",
        seed: int = 0,
        degree: int = 64,
        breadth: int = 90,
        alpha: float = 1.2,
    ) -> Self:
        """Build the graph; ``degree`` and ``breadth`` are R and L of the paper. The rest as ``Kind.build``."""
        column = cls.checked_column(column)
        check_parameters({"degree": degree, "breadth": breadth}, alpha)
        collection = Collection.of(vectors, attributes, metric)
        labels = Labels.of(attributes, column)
        rng = np.random.default_rng(seed)
        entries = entries_of(labels, collection.num, rng)
        num, dim = collection.points.shape
        links = np.full((num, degree), -1, dtype=np.int32)
        insert(
            collection.points.reshape(-1),
            dim,
            labels.starts,
            labels.codes,
            entries,
            rng.permutation(num),
            breadth,
            alpha**2,
            links,
        )
        return cls(collection, column, labels, entries, Graph.of(links))


def entries_of(labels: Labels, num: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """For each label a row of it to begin with, such that no row begins the walks of many: FindMedoid of the paper.

    Returns:
        int64 (labels,); every label is of some row.
    """
    begins = np.zeros(num, dtype=np.int64)
    entries = np.empty(labels.num, dtype=np.int64)
    for code, rows in enumerate(labels.rows()):
        drawn = rng.choice(rows, size=min(len(rows), _DRAWN), replace=False)
        entries[code] = drawn[begins[drawn].argmin()]
        begins[entries[code]] += 1
    return entries
