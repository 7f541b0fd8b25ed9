"""The items of a cross-encoder index: ids, what each is, and which are equal and share a column of scores."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kinfolk.errors import DataError
from kinfolk.search.cross_encoder.cur import Rows
from kinfolk.search.ids import Id


class Items:
    """Items by row, and the different ones among them by column.

    Attributes:
        ids: of the rows.
        columns: of each row, the column of its text.
        texts: of the columns, each a text or record as JSON.
    """

    def __init__(self) -> None:
        self.ids: list[Id] = []
        self.columns: list[int] = []
        self.texts: list[str] = []
        self._column_of: dict[str, int] = {}
        self._row_of: dict[Id, int] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def check_ids(self, ids: Sequence[Id], num_items: int) -> None:
        """See that items can be added under these ids.

        Raises:
            DataError: too few or too many, of another kind than those that are there, or one that is there or comes twice.
        """
        if len(ids) != num_items:
            raise DataError(f"Each item needs one id. Got {len(ids)} ids and {num_items} items.")
        if ids and self.ids and type(ids[0]) is not type(self.ids[0]):
            raise DataError(
                f"ids must be of one kind. The index has {self.ids[0]!r}, and {ids[0]!r} was added. Give ids of that kind."
            )
        seen = set[Id]()
        for name in ids:
            if name in seen or name in self._row_of:
                raise DataError(
                    f"Each id may be in the index once. {name!r} came twice; give each item one of its own."
                )
            seen.add(name)

    def new(self, texts: Sequence[str]) -> list[str]:
        """Those of the texts that no item has yet, each once."""
        return [text for text in dict.fromkeys(texts) if text not in self._column_of]

    def add(self, ids: Sequence[Id], texts: Sequence[str]) -> None:
        """Add items under ids that were checked; new texts get the next columns, in the order of ``new``."""
        for name, text in zip(ids, texts, strict=True):
            if text not in self._column_of:
                self._column_of[text] = len(self.texts)
                self.texts.append(text)
            self._row_of[name] = len(self.ids)
            self.ids.append(name)
            self.columns.append(self._column_of[text])

    def first_rows(self) -> list[int]:
        """For each column the first row that has it."""
        found = dict(zip(reversed(self.columns), range(len(self) - 1, -1, -1), strict=True))
        return [found[column] for column in range(len(self.texts))]

    def rows_of_columns(self) -> list[list[int]]:
        """For each column all rows that have it, in their order."""
        rows: list[list[int]] = [[] for _ in self.texts]
        for row, column in enumerate(self.columns):
            rows[column].append(row)
        return rows

    def columns_of(self, ids: Sequence[Id]) -> list[int]:
        """The columns of some items, each column once.

        Raises:
            DataError: an id that is not there.
        """
        unknown = next((name for name in ids if name not in self._row_of), None)
        if unknown is not None:
            raise DataError(f"first must hold ids of items in the index. {unknown!r} is not in it.")
        return list(dict.fromkeys(self.columns[self._row_of[name]] for name in ids))

    def random_order(self, seed: int) -> Rows:
        """All columns in an order that depends on the texts and the seed alone."""
        numbers = [number_of(text, seed) for text in self.texts]
        return np.array(sorted(range(len(numbers)), key=numbers.__getitem__), dtype=np.int64)


def number_of(text: str, seed: int) -> int:
    """A random number that belongs to a text, under a seed."""
    digest = hashlib.blake2b(f"{seed}:{text}".encode(errors="surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def filled_up(columns: Sequence[int], order: npt.NDArray[np.int64], size: int) -> Rows:
    """The first columns, and where they are fewer than ``size``, the next ones of an order."""
    chosen = np.array(columns[:size], dtype=np.int64)
    if len(chosen) == size:
        return chosen
    return np.concatenate([chosen, order[~np.isin(order, chosen)][: size - len(chosen)]])
