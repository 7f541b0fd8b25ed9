"""Scores that are known, so that no pair is scored twice: those of the anchor queries, and those that searches asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np

from kinfolk.search.cross_encoder.cur import Floats, Rows
from kinfolk.search.cross_encoder.scorer import Advance, Calls


class KnownScores:
    """Scores by query and column.

    Args:
        calls: scores what is not known.
        queries: the anchor queries, as JSON.
        anchor_scores: R, their scores, float64 (num queries, num columns).

    Attributes:
        anchor_scores: as given; an anchor query that is searched for costs no call.
    """

    def __init__(self, calls: Calls, queries: Sequence[str], anchor_scores: Floats) -> None:
        self.anchor_scores = anchor_scores
        self._calls = calls
        self._anchor_row = {text: row for row, text in enumerate(queries)}
        self._searched: dict[str, dict[int, float]] = {}

    @property
    def queries(self) -> list[str]:
        """The anchor queries, as JSON."""
        return list(self._anchor_row)

    def asking(
        self, queries: Sequence[str], items: Sequence[str], total: int, advance: Advance | None
    ) -> Callable[[Rows, Rows], Floats]:
        """What scores pairs of rows of ``queries`` and columns, in batches; every batch is known from then on.

        Args:
            queries: as JSON, all different.
            items: of the columns, as JSON.
            total: pairs that will be asked for.
            advance: told the share of them that is done.
        """
        asked, done = [json.loads(text) for text in queries], 0

        def score(rows: Rows, columns: Rows) -> Floats:
            nonlocal done
            scores = np.empty(len(rows))
            missing = []
            for at, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
                known = self._lookup(queries[row], column)
                if known is None:
                    missing.append(at)
                else:
                    scores[at] = known
            done += len(rows) - len(missing)
            for start in range(0, len(missing), self._calls.batch_size):
                if advance is not None:
                    advance(done / total)
                batch = missing[start : start + self._calls.batch_size]
                pairs = [(int(rows[at]), int(columns[at])) for at in batch]
                scores[batch] = self._calls.score(
                    [asked[row] for row, _ in pairs], [json.loads(items[column]) for _, column in pairs]
                )
                for at, (row, column) in zip(batch, pairs, strict=True):
                    self._searched.setdefault(queries[row], {})[column] = float(scores[at])
                done += len(batch)
            return scores

        return score

    def _lookup(self, query: str, column: int) -> float | None:
        if query in self._anchor_row:
            return float(self.anchor_scores[self._anchor_row[query], column])
        return self._searched.get(query, {}).get(column)
