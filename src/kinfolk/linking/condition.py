"""Which pairs may be candidates at all: a condition on the right record's columns, with ``mine`` for the left record's own.

Left records with equal conditions form a group, and the right records that pass are found once for each: pairs that do not pass are
never made, so that nothing has to be found and then dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from kinfolk.data import Records
from kinfolk.data.names import require_columns
from kinfolk.data.typed_columns import typed_column
from kinfolk.linking.candidates import Rows
from kinfolk.linking.labels import Labels
from kinfolk.search.attributes import Attributes
from kinfolk.search.filters.binding import group_by_filter, names_of_mine
from kinfolk.search.filters.expression import leaves
from kinfolk.search.filters.of_queries import Filter, parsed


class PairCondition:
    """A condition on pairs of records.

    Args:
        where: on columns of the right table, as ``kinfolk.search.col`` makes it or as SQL.
        left, right: the tables; columns are read by their roles.

    Attributes:
        text: the condition, as Python that makes it: equal for equal conditions, however they were written.
        num_pairs: that pass.

    Raises:
        ConfigurationError: the condition cannot be read, names a column that is not there, or compares values of different types.
        DataError: a column of a type that cannot be compared.
        MissingExtraError: a text, and sqlglot is not installed.
    """

    def __init__(self, where: Filter, left: Records, right: Records) -> None:
        expression = parsed(where)
        assert expression is not None, "a condition is given"
        columns = list(dict.fromkeys(leaf.column for leaf in leaves(expression)))
        own = sorted(names_of_mine(expression))
        require_columns(columns, right.table.column_names, f"The right table, {right.name},")
        require_columns(own, left.table.column_names, f"The left table, {left.name}, of which mine speaks,")
        self.text, self._typed = repr(expression), where if isinstance(where, str) else repr(expression)
        self._num_left = len(left)
        self._attributes = Attributes.of_rows(
            pa.table({name: typed_column(right, name) for name in columns}), len(right)
        )
        if own:
            self._groups = group_by_filter(expression, pa.table({name: typed_column(left, name) for name in own}))
        else:
            self._groups = [(expression, np.arange(len(left), dtype=np.int32))]
        self.num_pairs = sum(len(rows) * self._attributes.select(bound).size for bound, rows in self._groups)

    def groups(self) -> Iterator[Rows]:
        """Left rows, each in one group at most, and the right rows that each of a group may be paired with; ascending, int32."""
        for bound, rows in self._groups:
            passing = self._attributes.select(bound)
            if passing.size:
                yield rows, passing.as_ids()

    def passes(self, rows_left: np.ndarray, rows_right: np.ndarray) -> np.ndarray:
        """Whether each of some pairs of rows passes: bool (pairs,)."""
        passes = np.zeros(len(rows_left), dtype=bool)
        order = np.argsort(rows_left, kind="stable")
        for rows, others in self.groups():
            starts, ends = (np.searchsorted(rows_left[order], rows, side=side) for side in ("left", "right"))
            for start, end in zip(starts[starts < ends], ends[starts < ends], strict=True):
                pairs = order[start:end]
                passes[pairs] = np.isin(rows_right[pairs], others)
        return passes

    def notes(self, judged: Labels | None) -> tuple[str, ...]:
        """What to tell of it, and of judged pairs that do not pass it."""
        refused = 0 if judged is None else int((~self.passes(judged.left, judged.right)).sum())
        left_out = (f"{refused:,} labeled pairs do not pass the condition; they were left out.",) if refused else ()
        if self.num_pairs:
            share = self.num_pairs / (self._num_left * len(self._attributes))
            return (
                f"Only pairs that pass {self._typed!r} were looked at: {self.num_pairs:,}, {share:.2%} of all.",
                *left_out,
            )
        why = " ".join(dict.fromkeys(note for bound, _ in self._groups[:1] for note in self._attributes.notices(bound)))
        return (f"No pair passes {self._typed!r}, so nothing can be linked. {why}".rstrip(), *left_out)
