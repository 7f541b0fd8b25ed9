"""The values of one column as labels of rows, and the filters that ask for labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.data.names import require_columns
from kinfolk.search.attributes.postings import Pairs
from kinfolk.search.attributes.values import Values
from kinfolk.search.filters.expression import Compare, Contains, Expression, In
from kinfolk.search.filters.values import Mine, Value
from kinfolk.search.kernels.subsets import read_only


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of each row, by number; none where the value is missing or the list is empty.

    Attributes:
        values: the label of each number.
        starts: int64 (num + 1,), where the labels of each row begin.
        codes: int64, the labels of one row behind those of another, ascending in each.
    """

    values: Values
    starts: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, attributes: pa.Table, column: str) -> Self:
        """The labels in a column of values or of lists.

        Raises:
            DataError: no such column.
        """
        require_columns([column], attributes.column_names, "The table of attributes")
        pairs = Pairs.of(attributes.column(column), name=column)
        num = max(len(pairs.values), 1)
        keys = np.unique(pairs.rows * num + pairs.codes)
        rows, codes = np.divmod(keys, num)
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=pairs.total))]).astype(np.int64)
        return cls(pairs.values, read_only(starts), read_only(codes.astype(np.int64)))

    @property
    def num(self) -> int:
        """How many labels there are."""
        return len(self.values)

    def code(self, value: Value) -> int:
        """The number of a label, -1 if no row has it."""
        return self.values.code(self.values.key(value))

    def rows(self) -> list[npt.NDArray[np.int64]]:
        """The rows of each label, ascending."""
        if not self.num:
            return []
        row_of = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        order = np.argsort(self.codes, kind="stable")
        return np.split(row_of[order], np.cumsum(np.bincount(self.codes, minlength=self.num))[:-1])


def one_label(where: Expression, column: str) -> Value | None:
    """The label that a filter asks for, by ``=`` or ``contains``; None if it asks something else."""
    match where:
        case Compare(name, "=", value) if name == column and not isinstance(value, Mine):
            return value
        case Contains(name, "one", values) if name == column and not isinstance(values, Mine):
            return values[0]
    return None


def label_sets(where: Expression, column: str) -> list[tuple[Value, ...]] | None:
    """The sets of labels a row must have all of, any one of the sets will do; None if a filter asks something else."""
    label = one_label(where, column)
    if label is not None:
        return [(label,)]
    match where:
        case Contains(name, "all", values) if name == column and not isinstance(values, Mine):
            return [values]
        case Contains(name, "any", values) | In(name, values) if name == column and not isinstance(values, Mine):
            return [(value,) for value in values]
    return None
