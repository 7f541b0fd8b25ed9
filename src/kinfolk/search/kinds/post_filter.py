"""Search without the filter, drop what fails, fetch more where too little is left.

The oldest way, and that of indexes that know no filters: a plain HNSW graph (Malkov and Yashunin 2018, arXiv 1603.09320) gives k' > k rows.
Where less than k of them pass, k' is doubled for that query. The cost is about ``k / (share that passes * lift)`` rows: it dies of strict
filters and of those that point away from the query. Once k' would be all rows, the rows that pass are compared one by one.
"""

from __future__ import annotations

import numpy as np

from kinfolk.search.filters.expression import Expression
from kinfolk.search.kinds.faiss_parts import load_faiss
from kinfolk.search.kinds.interface import Rows
from kinfolk.search.kinds.plain_graph import OverPlainGraph
from kinfolk.search.kinds.registry import kind
from kinfolk.search.metric import Floats
from kinfolk.search.passing import Passing


@kind(
    "post-filter",
    paper="Malkov and Yashunin 2018, Efficient and robust approximate nearest neighbor search using hierarchical navigable small world "
    "graphs (arXiv 1603.09320), for the graph",
    serves=("any",),
    effort="rows fetched at first, in multiples of k",
    extra="search",
)
class PostFilter(OverPlainGraph):
    """Fetches more neighbors than are wanted, and drops those that do not pass."""

    def candidates(self, points: Floats, k: int, where: Expression, passing: Passing, effort: int) -> Rows:  # noqa: ARG002
        """The first k of the fetched rows that pass."""
        faiss = load_faiss()
        num = self.collection.num
        passes = np.zeros(num + 1, dtype=np.bool_)  # the last for -1, which is no row
        passes[passing.as_ids()] = True
        found = np.full((len(points), k), -1, dtype=np.int64)
        unanswered, fetch = np.arange(len(points)), k * effort
        while unanswered.size and fetch < num:
            params = faiss.SearchParametersHNSW(efSearch=fetch)
            _, fetched = self._index.search(points[unanswered], fetch, params=params)
            kept = passes[fetched]
            enough = kept.sum(axis=1) >= k
            for query, rows, passed in zip(unanswered[enough], fetched[enough], kept[enough], strict=True):
                found[query] = rows[passed][:k]
            unanswered, fetch = unanswered[~enough], 2 * fetch
        if unanswered.size:
            ids = passing.as_ids().astype(np.int64)
            most = min(k, len(ids))
            _, places = faiss.knn(points[unanswered], self.collection.points[ids], most)
            found[unanswered, :most] = ids[places]
        return found
