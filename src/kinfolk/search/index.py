"""The index: vectors with attributes, searched under any filter, in memory or in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.attributes import Attributes
from kinfolk.search.filters.of_queries import Filter
from kinfolk.search.found import Explanation, IndexStats, Nearest
from kinfolk.search.given import as_attributes, in_columns, require_one_each
from kinfolk.search.growing import GrowingAttributes
from kinfolk.search.id_column import IdColumn
from kinfolk.search.ids import Id, Ids, id_list
from kinfolk.search.index_folder import attributes_of, create_folder, open_folder, write_folder
from kinfolk.search.lance_rows import ROW, LanceRows, rows_table
from kinfolk.search.memory_rows import MemoryRows
from kinfolk.search.metric import Metric, known_metric, stored_form
from kinfolk.search.moment import Moment
from kinfolk.search.vectors import VectorSet

_MOST_REMOVED, _MOST_WAITING = 0.3, 0.25  # shares of the rows from which saving builds the index anew


class Index:
    """Vectors under ids, with attributes to filter by.

    Searches may run in any number of threads while one adds, removes or updates: each sees the index as it was when it began. An
    index that was opened from a folder, or saved to one, writes each change there before it returns; ``save`` then only makes the next
    opening quick.

    Build one with ``Index.build`` or ``Index.open``.
    """

    def __init__(self, moment: Moment, rows: MemoryRows | LanceRows) -> None:
        self._vectors = moment.vectors  # to which changes are made; a moment has them as they were
        self._moment = replace(moment, vectors=moment.vectors.at_this_moment())
        self._rows = rows
        self._changing = Lock()
        self._row_of: dict[Id, int] | None = None  # made when an id is first looked up

    @classmethod
    def build(
        cls,
        vectors: npt.ArrayLike,
        attributes: object = None,
        *,
        ids: Ids | None = None,
        metric: Metric = "cosine",
        seed: int = 0,
        graph: bool | None = None,
        threads: int | None = None,
    ) -> Self:
        """Make an index in memory.

        Args:
            vectors: (num, dim), finite. For ``ip`` and ``l2`` a table of float32 is kept and not copied: do not write to it
                afterwards.
            attributes: a table with a row for each vector: Arrow, pandas, polars, or a dict of lists; its columns hold numbers,
                texts, dates, times, true and false, or lists of these. None for none.
            ids: texts or whole numbers, all different; None numbers the rows from 0.
            metric, seed, graph, threads: as of ``VectorSet.build``.

        Raises:
            DataError: vectors that are not finite, or of a shape that does not fit; attributes or ids that do not.
            ConfigurationError: an unknown metric.
            MissingExtraError: ``graph=True``, and faiss is not installed.
        """
        form = stored_form(vectors, name="vectors", metric=known_metric(metric))
        num = len(form)
        table = as_attributes(attributes, num)
        named = IdColumn.numbers(0, num) if ids is None else IdColumn.of(ids)
        require_one_each(num, len(named), len(table))
        turned = GrowingAttributes.over(Attributes.of_rows(table, num))
        stored = VectorSet.over(form, metric=metric, seed=seed, graph=graph, threads=threads)
        numbers = np.arange(num, dtype=np.int64)
        return cls(
            Moment(stored, turned, named, numbers, num), MemoryRows(rows_table(numbers, named.to_arrow(), form, table))
        )

    @classmethod
    def open(cls, folder: str | Path, *, verify: bool = False) -> Self:
        """Open an index that ``save`` wrote, in milliseconds: large arrays are mapped, and read as they are needed.

        After changes that were not followed by ``save``, opening makes up for them, which costs by what came, and by all attributes.

        Args:
            folder: of the index.
            verify: hold all files to their checksums, which reads them.

        Raises:
            DataError: the folder holds no index, or a broken one.
            MissingExtraError: rows are to be read, and lancedb is not installed.
        """
        return cls(*open_folder(Path(folder), verify=verify))

    def __len__(self) -> int:
        return self._moment.vectors.num_alive

    def __contains__(self, row_id: object) -> bool:
        with self._changing:
            return row_id in self._places()

    def __repr__(self) -> str:
        vectors, names = self._moment.vectors, ", ".join(self.schema.names) or "none"
        return f"Index({len(self):,} rows of {vectors.dim}, {vectors.metric}, attributes {names}, {self.folder or 'in memory'})"

    @property
    def folder(self) -> Path | None:
        """Where it is kept; None where it is only in memory."""
        return self._rows.folder if isinstance(self._rows, LanceRows) else None

    @property
    def schema(self) -> pa.Schema:
        """Of the attributes."""
        return self._moment.attributes.schema

    def search(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        where: Filter | Sequence[Filter | None] | None = None,
        own: object = None,
        recall: float = 0.95,
        exact: bool = False,
        threads: int | None = None,
    ) -> Nearest:
        """Find the k nearest rows of each query among those that pass its filter.

        Args:
            queries: (queries, dim), finite.
            k: how many, at least 1; fewer are found only where fewer rows pass.
            where: one filter for all queries, or one for each, None for no filter. See ``col``; ``mine`` is the query's own attribute.
            own: attributes of the queries, a table with a row for each, where the filter asks for them.
            recall: share of the true neighbors to find, on average over queries, in (0, 1]; kept within 0.01.
            exact: exactly the nearest; of equal scores the row that came first.
            threads: for batches; None takes all processors.

        Raises:
            DataError: queries of another shape, or not finite.
            ConfigurationError: k or recall out of range; a filter that does not fit the columns.
            MissingExtraError: a filter in SQL, and sqlglot is not installed.
        """
        return self._moment.search(queries, k, where=where, own=own, recall=recall, exact=exact, threads=threads)

    @property
    def moment(self) -> Moment:
        """The index as it is now, which later changes do not reach, for several searches of the same rows."""
        return self._moment

    def explain(
        self,
        query: npt.ArrayLike,
        k: int = 10,
        *,
        where: Filter | None = None,
        recall: float = 0.95,
        exact: bool = False,
    ) -> Explanation:
        """How a query is answered: what passes, which part answers and why, and what it took.

        Args:
            query: (dim,).
            k, where, recall, exact: as of ``search``.

        Raises:
            DataError, ConfigurationError, MissingExtraError: as ``search``.
        """
        return self._moment.explain(query, k, where=where, recall=recall, exact=exact)

    def add(self, vectors: npt.ArrayLike, attributes: object = None, *, ids: Ids | None = None) -> None:
        """Add rows; in a folder they are on disk when this returns. A call that raises adds nothing.

        Args:
            vectors, attributes: as of ``build``, with the columns that the index has.
            ids: as of ``build``; None gives each row the number that it is kept under, where ids are numbers.

        Raises:
            DataError: vectors, attributes or ids that do not fit.
            RunError: another process changed the folder.
        """
        with self._changing:
            now = self._moment
            form = stored_form(vectors, name="vectors", metric=now.vectors.metric, dim=now.vectors.dim)
            num, first = len(form), now.next_number
            table = as_attributes(attributes, num)
            named = IdColumn.numbers(first, first + num) if ids is None else IdColumn.of(ids)
            require_one_each(num, len(named), len(table))
            places = self._places()
            listed = named.to_arrow().to_pylist()
            there = next((value for value in listed if value in places), None)
            if there is not None:
                raise DataError(
                    f"Each id may be in the index once, and {there!r} is in it. Remove it first, or update it."
                )
            grown = now.attributes.append(table, num)
            all_ids = now.ids.followed_by(named)
            numbers = np.arange(first, first + num, dtype=np.int64)
            if not num:
                return
            rows = rows_table(numbers, named.to_arrow(), form, in_columns(table, self.schema))
            if isinstance(self._rows, LanceRows) and named.are_texts != now.ids.are_texts:
                self._rows.begin(rows)
            else:
                self._rows.append(rows)
            self._vectors.append(form)
            places.update(zip(listed, range(len(now.ids), len(all_ids)), strict=True))
            self._moment = Moment(
                self._vectors.at_this_moment(), grown, all_ids, np.concatenate([now.numbers, numbers]), first + num
            )

    def remove(self, ids: Ids) -> None:
        """Remove rows; in a folder they are gone from the disk when this returns. A call that raises removes nothing.

        Raises:
            DataError: an id that is not in the index, or that is named twice.
            RunError: another process changed the folder.
        """
        with self._changing:
            now, places = self._moment, self._places()
            gone = self._known(ids)
            if not gone:
                return
            rows = np.array([places[value] for value in gone])
            self._rows.remove(now.numbers[rows].tolist())
            self._vectors.remove(rows)
            for value in gone:
                del places[value]
            self._moment = replace(now, vectors=self._vectors.at_this_moment())

    def update(self, ids: Ids, attributes: object) -> None:
        """Give rows other attributes; in a folder they are on disk when this returns. Vectors stay.

        Args:
            ids: of the rows.
            attributes: a table with all columns and a row for each id.

        Raises:
            DataError: an id that is not in the index, or that is named twice; attributes that do not fit.
            RunError: another process changed the folder.
        """
        with self._changing:
            now, places = self._moment, self._places()
            rows = np.array([places[value] for value in self._known(ids)], dtype=np.int64)
            table = as_attributes(attributes, len(rows))
            require_one_each(len(rows), len(rows), len(table))
            changed = now.attributes.update(rows, table)
            if not len(rows) or not self.schema.names:
                return
            self._rows.replace(in_columns(table, self.schema).append_column(ROW, pa.array(now.numbers[rows])))
            self._moment = replace(now, attributes=changed, ordered={})

    def save(self, folder: str | Path | None = None) -> Path:
        """Write the index to a folder, in place of one that is there; or, where it is kept in one, make the next opening quick.

        Rows that were removed are dropped, and the graph is built anew, where they are many or many rows came since; what ``build``
        was told of the graph holds for that, too.

        Args:
            folder: where to; None where it is kept already.

        Raises:
            DataError: the folder cannot be written to.
            ConfigurationError: no folder is known.
            RunError: another process changed the folder.
            MissingExtraError: lancedb is not installed.
        """
        with self._changing:
            place = self.folder if folder is None else Path(folder)
            if place is None:
                raise ConfigurationError("An index that is only in memory needs a folder to be saved to. Give one.")
            here = isinstance(self._rows, LanceRows) and self._rows.folder.resolve() == place.resolve()
            if not here or self._is_worn():
                self._make_anew()
            if isinstance(self._rows, LanceRows) and here:
                self._rows.tidy()
                write_folder(self._moment, self._rows)
            else:
                self._rows = create_folder(place, self._moment, attributes_of(self._rows.read()))
            return place

    def stats(self) -> IndexStats:
        """What the index holds, and how many bytes each part takes."""
        now = self._moment
        arrays = now.vectors.arrays()
        sizes = {
            "vectors": arrays["vectors"].nbytes,
            "codes": sum(arrays[name].nbytes for name in ("lines", "codes", "code_numbers")),
            "graph": arrays["links"].nbytes,
            "attributes": sum(array.nbytes for array in now.attributes.first.arrays().values()),
            "codes in the order of a column": sum(
                copy.lines.nbytes + copy.order.nbytes for copy in now.ordered.values()
            ),
        }
        return IndexStats(
            num=now.vectors.num_alive,
            removed=len(now.ids) - now.vectors.num_alive,
            waiting=now.vectors.num_waiting,
            dim=now.vectors.dim,
            metric=now.vectors.metric,
            columns={field.name: str(field.type) for field in self.schema},
            sizes=sizes,
            graph=now.vectors.has_graph,
            folder=str(self.folder or ""),
            version=self._rows.version if isinstance(self._rows, LanceRows) else 0,
        )

    def _is_worn(self) -> bool:
        """Whether so many rows were removed, or came after the graph, that a new one is worth its time."""
        num, vectors = len(self._moment.ids), self._vectors
        return num - vectors.num_alive > _MOST_REMOVED * num or vectors.num_waiting > _MOST_WAITING * num

    def _make_anew(self) -> None:
        """Drop removed rows and build what follows from the others; nothing changes where none was removed and none waits."""
        now, alive = self._moment, self._moment.alive()
        if len(alive) == len(now.ids) and not self._vectors.num_waiting:
            return
        old = self._vectors
        self._vectors = VectorSet.over(old.table()[alive], metric=old.metric, graph=old.graph)
        self._row_of = None
        self._moment = Moment(
            self._vectors.at_this_moment(),
            now.attributes.take(alive),
            now.ids.take(alive),
            now.numbers[alive],
            now.next_number,
        )

    def _places(self) -> dict[Id, int]:
        """The row of each id that was not removed."""
        if self._row_of is None:
            alive = self._moment.alive()
            self._row_of = dict(zip(self._moment.ids.at(alive).tolist(), alive.tolist(), strict=True))
        return self._row_of

    def _known(self, ids: Ids) -> list[Id]:
        """Ids that are all in the index, each once.

        Raises:
            DataError: one is not, or comes twice.
        """
        listed, places = id_list(ids), self._places()
        unknown = next((value for value in listed if value not in places), None)
        if unknown is not None:
            raise DataError(f"Only rows that are in the index can be changed. {unknown!r} is not in it.")
        if len(set(listed)) != len(listed):
            raise DataError("Each id can be named once. Some came twice; name each once.")
        return listed
