"""Vectors that are searched under any filter, with a recall to ask for instead of parameters to set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.answer import Hits, Search
from kinfolk.search.bitmaps import other_bits
from kinfolk.search.building import store
from kinfolk.search.calibration import Calibration
from kinfolk.search.kernels.subsets import (
    OrderedLines,
    Subset,
    read_only,
    span_of,
    subset_of_bitmap,
    subset_of_ids,
)
from kinfolk.search.metric import Floats, Metric, known_metric, stored_form
from kinfolk.search.parts import ScratchPool, num_threads
from kinfolk.search.planner import Part
from kinfolk.search.stored import Room, Stored, aligned, derived, lines_of, with_dead

_PER_ROW = ("vectors", "lines", "lengths", "codes", "code_numbers")


class VectorSet:
    """Vectors, what makes their search fast, and what was measured about both.

    Rows are numbered from 0 in the order they came and keep their number. Searches may run in any number of threads, also while rows are
    added or deleted: a search sees the rows that were there when it began.

    A row is missed only as ``recall`` allows. ``recall=1`` or ``exact=True`` gives exactly the rows with the best exact scores, of equal
    ones the lowest row, whatever the filter, the batch and the part that answers (see ``kernels.exact``).
    """

    def __init__(self, stored: Stored, calibration: Calibration, graph: bool | None = None) -> None:
        self._stored = stored
        self._calibration = calibration
        self._graph = graph  # what was asked for
        self._scratch = ScratchPool()
        self._writing = Lock()
        self._room = Room()

    @classmethod
    def build(
        cls,
        vectors: npt.ArrayLike,
        *,
        metric: Metric = "cosine",
        seed: int = 0,
        graph: bool | None = None,
        threads: int | None = None,
    ) -> Self:
        """Store vectors; with a graph that takes minutes for a million rows, without it seconds.

        Args:
            vectors: (num, dim), finite. For ``cosine`` a row of zeros has the cosine 0 with everything. For the other metrics a table of
                float32 is kept and not copied: do not write to it afterwards.
            metric: ``cosine``, ``ip`` (inner product) or ``l2`` (Euclidean distance).
            seed: of the rotation, the sample, and the rows that are held out to measure recall. The graph is the same for a
                seed only if faiss builds it with one thread (``faiss.omp_set_num_threads``).
            graph: whether to build a graph for weak filters; None builds one from 20,000 rows on, if faiss is installed.
            threads: that encode rows; None takes all processors. faiss has a setting of its own.

        Raises:
            DataError: vectors of another shape, or not finite, with the row.
            ConfigurationError: an unknown metric.
            MissingExtraError: ``graph=True``, and faiss is not installed.
        """
        metric = known_metric(metric)
        table = stored_form(vectors, name="vectors", metric=metric)
        return cls.over(table, metric=metric, seed=seed, graph=graph, threads=threads)

    @classmethod
    def over(
        cls, table: Floats, *, metric: Metric, seed: int = 0, graph: bool | None = None, threads: int | None = None
    ) -> Self:
        """As ``build``, of vectors that ``stored_form`` gave, or ``table``: they are kept as they are, and not copied."""
        return cls(*store(read_only(table), metric, seed=seed, graph=graph, threads=num_threads(threads)), graph)

    def __len__(self) -> int:
        """Rows, deleted ones included: the length of a bitmap."""
        return self._stored.num

    def __repr__(self) -> str:
        stored = self._stored
        graph = f"a graph of {len(stored.links):,}" if stored.has_graph else "no graph"
        return f"VectorSet({stored.alive:,} rows of {stored.dim}, {stored.metric}, {graph})"

    @property
    def metric(self) -> Metric:
        """What near means."""
        return self._stored.metric

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self._stored.dim

    @property
    def graph(self) -> bool | None:
        """Whether a graph was asked for; None leaves it to the number of rows."""
        return self._graph

    @property
    def has_graph(self) -> bool:
        """Whether weak filters may be answered by a walk; without faiss they are scanned."""
        return self._stored.has_graph

    @property
    def num_alive(self) -> int:
        """Rows that were not deleted."""
        return self._stored.alive

    @property
    def num_waiting(self) -> int:
        """Rows that came after the graph was built; 0 where there is none."""
        return self._stored.num_unlinked if self.has_graph else 0

    def alive_bitmap(self) -> npt.NDArray[np.uint64] | None:
        """Bits of the rows that were not deleted, uint64 (ceil(len(self) / 64),); None where none was."""
        dead = self._stored.dead
        return other_bits(dead, self._stored.num) if len(dead) else None

    def table(self) -> npt.NDArray[np.float32]:
        """The vectors as they are kept, deleted ones included, float32 (num, dim); for ``cosine`` of length 1."""
        return self._stored.vectors

    def at_this_moment(self) -> Self:
        """The same set, which later changes of this one do not reach; it is to be searched only."""
        snapshot = type(self)(self._stored, self._calibration, self._graph)
        snapshot._scratch = self._scratch
        return snapshot

    def search(
        self,
        queries: npt.ArrayLike,
        k: int,
        *,
        ids: npt.NDArray[np.integer] | None = None,
        bitmap: npt.NDArray[np.uint64] | None = None,
        span: Subset | None = None,
        recall: float = 0.95,
        exact: bool = False,
        part: Part | None = None,
        threads: int | None = None,
    ) -> Hits:
        """Find the k nearest rows of each query among those that pass one filter.

        Args:
            queries: (queries, dim), finite.
            k: how many, at least 1; fewer are found where fewer pass.
            ids: the rows that pass, each once; at most one of ``ids``, ``bitmap`` and ``span`` is given, and without any all pass.
            bitmap: bits of the rows that pass, uint64 (ceil(len(self) / 64),), the lowest bit first.
            span: a slice of the rows, or of lines that ``lines_in`` copied, from ``span_of``.
            recall: share of the true neighbors to find, on average over queries, in (0, 1]; kept within 0.01.
            exact: the same as ``recall=1``.
            part: the part that must answer, to compare parts; None lets the planner choose.
            threads: for batches; None takes all processors.

        Raises:
            DataError: queries of another shape, or not finite, with the row; rows or bitmaps that do not fit this set.
            ConfigurationError: k below 1, a recall outside (0, 1], several filters, or a part that cannot answer this.
        """
        if sum(form is not None for form in (ids, bitmap, span)) > 1:
            raise ConfigurationError("A filter comes as ids, as a bitmap, or as a span. Got several of them; give one.")
        subset = span
        if ids is not None:
            subset = subset_of_ids(ids)
        elif bitmap is not None:
            subset = subset_of_bitmap(bitmap)
        return self.answer(self.formed(queries), k, subset, recall=1.0 if exact else recall, part=part, threads=threads)

    def search_each(
        self,
        queries: npt.ArrayLike,
        k: int,
        subsets: Sequence[Subset],
        *,
        recall: float = 0.95,
        exact: bool = False,
        part: Part | None = None,
        threads: int | None = None,
    ) -> Hits:
        """Find the k nearest rows of each query among those that pass its own filter, all in one go.

        Args:
            queries, k, recall, exact, part, threads: as for ``search``.
            subsets: the rows that pass, one subset a query, from ``subset_of_ids``, ``subset_of_bitmap`` or ``span_of``. Queries under the
                same filter should share the object.

        Raises:
            DataError: as ``search``; or another number of subsets than of queries.
            ConfigurationError: as ``search``.
        """
        table, recall = self.formed(queries), 1.0 if exact else recall
        return self.answer(table, k, list(subsets), recall=recall, part=part, threads=threads)

    def formed(self, queries: npt.ArrayLike) -> Floats:
        """Queries checked and in the form that ``answer`` takes, float32 (queries, dim).

        Raises:
            DataError: another shape, or a number that is not finite, with its row.
        """
        return stored_form(queries, name="queries", metric=self._stored.metric, dim=self._stored.dim)

    def answer(
        self,
        table: Floats,
        k: int,
        subsets: Subset | list[Subset] | None,
        *,
        recall: float,
        part: Part | None = None,
        threads: int | None = None,
    ) -> Hits:
        """As ``search``, or of several subsets ``search_each``, for queries from ``formed``."""
        stored = self._stored
        require_k(k)
        if not 0 < recall <= 1:
            raise ConfigurationError(f"recall must be above 0 and at most 1. Got {recall}.")
        search = Search(stored, self._calibration, self._scratch, k, recall, part, num_threads(threads))
        if not isinstance(subsets, list):
            return search.shared(table, span_of(0, stored.num) if subsets is None else subsets)
        if len(subsets) != len(table):
            raise DataError(f"Each query needs one subset. Got {len(table)} queries and {len(subsets)} subsets.")
        return search.each(table, subsets)

    def append(self, vectors: npt.ArrayLike) -> None:
        """Add rows at the end, at the cost of their own number.

        The graph does not get them: a walk scores each, until the set is built anew.

        Raises:
            DataError: vectors of another shape, or not finite, with the row; nothing is added then.
        """
        with self._writing:
            old = self._stored
            table = stored_form(vectors, name="vectors", metric=old.metric, dim=old.dim)
            lines, codes, numbers, lengths = derived(table, old.mean, old.signs, squared=old.squared, threads=1)
            room = self._room
            self._stored = replace(
                old,
                vectors=room.append("vectors", old.vectors, table),
                lines=room.append("lines", old.lines, lines),
                lengths=room.append("lengths", old.lengths, lengths),
                codes=room.append("codes", old.codes, codes),
                code_numbers=room.append("code_numbers", old.code_numbers, numbers),
                dead=with_dead(old.dead, np.empty(0, dtype=np.int64), old.num + len(table))
                if len(old.dead)
                else old.dead,
            )

    def remove(self, rows: Sequence[int] | npt.NDArray[np.integer]) -> None:
        """Delete rows: they are never found again and keep their numbers. Deleting a row again changes nothing.

        Raises:
            DataError: a row that is not there.
        """
        with self._writing:
            gone = np.asarray(rows, dtype=np.int64)
            wrong = np.flatnonzero((gone < 0) | (gone >= self._stored.num))
            if wrong.size:
                raise DataError(f"Rows are numbered from 0 to {self._stored.num - 1}. Got {gone[wrong[0]]}.")
            self._stored = replace(self._stored, dead=with_dead(self._stored.dead, gone, self._stored.num))

    def lines_in(self, order: npt.NDArray[np.integer]) -> OrderedLines:
        """Copy the lines in the order of an attribute, so that a range of it is scanned like a book; 64 bytes a row to 384 dimensions.

        Args:
            order: rows, each at most once, int32.
        """
        checked = np.ascontiguousarray(order, dtype=np.int32)
        if checked.size and not 0 <= checked.min() <= checked.max() < self._stored.num:
            raise DataError(
                f"order must list rows from 0 to {self._stored.num - 1}. Got {checked.min()} .. {checked.max()}."
            )
        return OrderedLines(checked, lines_of(self._stored.lines, checked))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Everything as arrays by name, to be saved; ``facts`` has the rest."""
        stored = self._stored
        names = ("mean", "signs", "sample", "links", "dead", *_PER_ROW)
        return {name: getattr(stored, name) for name in names}

    def facts(self) -> dict[str, Any]:
        """The metric, whether a graph was asked for, and the calibration, as numbers, lists and dicts."""
        return {"metric": self.metric, "graph": self._graph, "calibration": self._calibration.as_json()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any]) -> Self:
        """Open what ``arrays`` and ``facts`` gave; arrays may be memory-mapped files, which are read as they are needed.

        Lines that do not begin at a multiple of 64 bytes are copied; those of a mapped file of ``numpy.save`` do.
        """
        arrays = {**arrays, "lines": aligned(arrays["lines"])}
        stored = Stored(metric=known_metric(facts["metric"]), **arrays)
        return cls(stored, Calibration.from_json(facts["calibration"]), facts.get("graph"))


def require_k(k: object) -> None:
    """Raise a ConfigurationError unless k is a whole number of at least 1."""
    if not isinstance(k, int | np.integer):
        raise ConfigurationError(f"k must be at least 1 and a whole number. Got {k!r}.")
    if k < 1:
        raise ConfigurationError(f"k must be at least 1. Got {k}.")
