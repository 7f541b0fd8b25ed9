"""A graph for each label by itself, laid on top of each other and pruned.

Gollapudi et al. 2023, "Filtered-DiskANN: graph algorithms for approximate nearest neighbor search with filters" (WWW), StitchedVamana: the
rows of each label get a Vamana graph of few links; a row has the links of all its labels; where that is too many, they are pruned so
that no label loses its way. The whole table has to be there, and the build costs as much as there are pairs of rows and labels.
Walks begin in the middle row of a label; the paper draws it as in FilteredVamana.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.search.kernels.subsets import read_only
from kinfolk.search.kinds.collection import Collection
from kinfolk.search.kinds.labels import Labels
from kinfolk.search.kinds.one_label import OfOneLabel
from kinfolk.search.kinds.registry import kind
from kinfolk.search.kinds.vamana import check_parameters, prune_lists, vamana
from kinfolk.search.kinds.walks import Graph
from kinfolk.search.metric import Metric


@kind(
    "stitched-vamana",
    paper="Gollapudi, Karia, Sivashankar, Krishnaswamy et al. 2023, Filtered-DiskANN: graph algorithms for approximate nearest neighbor "
    "search with filters (WWW)",
    serves=("EM", "EMIS"),
    effort="rows of the label that the walk keeps (L)",
)
class StitchedVamana(OfOneLabel):
    """Walks from the middle of a label over rows of the label, in the union of the graphs of all labels."""

    @classmethod
    def build(
        cls,
        vectors: npt.ArrayLike,
        attributes: pa.Table,
        *,
        column: str | None = None,
        metric: Metric = "cosine",
        seed: int = 0,
        small_degree: int = 32,
        small_breadth: int = 100,
        degree: int = 64,
        alpha: float = 1.2,
    ) -> Self:
        """Build the graphs of all labels and stitch them together.

        Args:
            vectors, attributes, column, metric, seed: as ``Kind.build``.
            small_degree, small_breadth: of the graph of one label, R_small and L_small of the paper.
            degree: of the stitched graph, R_stitched of the paper.
            alpha: of both.
        """
        column = cls.checked_column(column)
        check_parameters({"small_degree": small_degree, "small_breadth": small_breadth, "degree": degree}, alpha)
        collection = Collection.of(vectors, attributes, metric)
        labels = Labels.of(attributes, column)
        rng = np.random.default_rng(seed)
        entries = np.empty(labels.num, dtype=np.int64)
        pairs = [np.empty(0, dtype=np.int64)]
        num, dim = collection.points.shape
        for code, rows in enumerate(labels.rows()):
            links, entry = vamana(
                collection.points[rows], degree=small_degree, breadth=small_breadth, alpha=alpha, rng=rng
            )
            entries[code] = rows[entry]
            source, place = np.nonzero(links >= 0)
            pairs.append(rows[source] * num + rows[links[source, place]])
        sources, targets = np.divmod(np.unique(np.concatenate(pairs)), num)
        starts = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=num))]).astype(np.int64)
        stitched = np.full((num, degree), -1, dtype=np.int32)
        prune_lists(
            collection.points.reshape(-1),
            dim,
            labels.starts,
            labels.codes,
            read_only(starts),
            read_only(targets),
            alpha**2,
            stitched,
        )
        return cls(collection, column, labels, entries, Graph.of(stitched))
