"""An index of unit vectors under ids, searched exactly by inner product: reference records, or examples of each class.

An index is a set. What it answers, and the file it is saved to, depend on what it holds and on nothing else: not on
the order in which exemplars came, on those that came and went, or on how many were added at a time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.data.atomic import write_table
from kinfolk.data.unit_vectors import UnitVectors, unit_vectors
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.exact import exact_search
from kinfolk.search.ids import Id, Ids, id_list
from kinfolk.search.space import VectorSpace

_FILE = "exemplars.parquet"
_ABOUT = b"kinfolk_exemplars"
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Neighbors:
    """The exemplars that are nearest to each query, nearest first; of equally near ones the smallest id comes first.

    Attributes:
        ids: object (queries, k), or (queries,) from ``nearest``; None where nothing was found.
        classes: of the exemplars, in the same shape; None where nothing was found or an exemplar has no class.
        similarities: float64 in the same shape, cosines in [-1, 1] up to rounding; -inf where there was no exemplar.
    """

    ids: npt.NDArray[np.object_]
    classes: npt.NDArray[np.object_]
    similarities: npt.NDArray[np.float64]


class ExemplarIndex:
    """Unit vectors with ids, and with classes where several of them stand for one thing.

    It has state, unlike most of the package: adding a record to a list of a million would otherwise copy the million.
    A call that raises leaves the index as it was.

    Args:
        space: what the vectors are made by; vectors that say they are of another one are refused.
    """

    def __init__(self, space: VectorSpace) -> None:
        self.space = space
        self._ids: list[Id] = []
        self._classes: list[str | None] = []
        self._row_of: dict[Id, int] = {}
        self._vectors: UnitVectors = np.empty((0, space.dim), dtype=np.float32)  # the rows past len(self) are spare
        self._rank: npt.NDArray[np.int64] | None = None  # place of each row in the order of ids; None until asked for

    @classmethod
    def build(
        cls, ids: Ids, vectors: npt.ArrayLike, *, space: VectorSpace, classes: Sequence[str | None] | None = None
    ) -> Self:
        """Make an index of these exemplars; arguments and errors are those of ``add``."""
        index = cls(space)
        index.add(ids, vectors, classes=classes)
        return index

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, exemplar_id: object) -> bool:
        return exemplar_id in self._row_of

    def __repr__(self) -> str:
        return f"ExemplarIndex({len(self):,} exemplars, model {self.space.model!r}, dim {self.space.dim})"

    @property
    def ids(self) -> list[Id]:
        """The ids of all exemplars, sorted."""
        return sorted(self._ids)

    def add(
        self,
        ids: Ids,
        vectors: npt.ArrayLike,
        *,
        classes: Sequence[str | None] | None = None,
        space: VectorSpace | None = None,
    ) -> None:
        """Add exemplars, at the cost of their own number and not of the index's.

        Args:
            ids: n texts or n whole numbers, of the same kind as those in the index and not among them.
            vectors: (n, dim), unit rows; a row of zeros, of which nothing is known, is kept and never found.
            classes: what each exemplar is an example of; None gives them no class.
            space: where the vectors are from, to be held against the space of the index; None vouches for them.

        Raises:
            ConfigurationError: the vectors are of another space.
            DataError: ids that are missing, repeated or of another kind; vectors of another shape, or not unit vectors;
                lengths that differ.
        """
        if space is not None:
            self.space.require(space)
        added, names = id_list(ids), [None] * len(ids) if classes is None else list(classes)
        table = unit_vectors(vectors, name="vectors", dim=self.space.dim)
        if not len(added) == len(table) == len(names):
            raise DataError(
                f"Each exemplar needs one id, one vector and, if any, one class. Got {len(added)} ids, {len(table)} vectors, "
                f"{len(names)} classes."
            )
        if not all(name is None or isinstance(name, str) for name in names):
            raise DataError("classes must be texts, or None for an exemplar without a class. Convert them with str().")
        if added and self._ids and type(added[0]) is not type(self._ids[0]):
            raise DataError(
                f"ids must be of one kind. The index has {self._ids[0]!r}, and {added[0]!r} was added. Convert them first."
            )
        places = {value: row for row, value in enumerate(added, len(self))}
        repeated = next((value for value in added if value in self._row_of), None)
        if len(places) != len(added):
            repeated = next(value for row, value in enumerate(added, len(self)) if places[value] != row)
        if repeated is not None:
            raise DataError(
                f"Each id may be in the index once. {repeated!r} came twice. Remove it first, or give exemplars of one "
                "thing ids of their own and a class in common."
            )
        self._reserve(len(self) + len(added))
        self._vectors[len(self) : len(self) + len(added)] = table
        self._ids += added
        self._classes += names
        self._row_of |= places
        self._rank = None

    def remove(self, ids: Ids) -> None:
        """Remove exemplars, at the cost of their own number.

        Raises:
            DataError: an id that is not in the index, or that is named twice.
        """
        removed = id_list(ids)
        unknown = next((value for value in removed if value not in self._row_of), None)
        if unknown is not None:
            raise DataError(f"Only ids that are in the index can be removed. {unknown!r} is not in it.")
        if len(set(removed)) != len(removed):
            raise DataError("Each id can be removed once. Some came twice; name each once.")
        for value in removed:
            # The last exemplar moves into the gap: where a row stands changes no answer.
            row, last = self._row_of.pop(value), len(self) - 1
            if row != last:
                self._vectors[row] = self._vectors[last]
                self._ids[row], self._classes[row] = self._ids[last], self._classes[last]
                self._row_of[self._ids[row]] = row
            del self._ids[last], self._classes[last]
        self._rank = None

    def search(self, queries: npt.ArrayLike, k: int, *, space: VectorSpace | None = None) -> Neighbors:
        """Find the k nearest exemplars of each query, exactly, in blocks of 64 MB.

        Args:
            queries: (queries, dim), unit rows; a row of zeros finds nothing.
            k: how many, at least 1; where fewer can be found, None fills the rest.
            space: where the queries are from, to be held against the space of the index; None vouches for them.

        Raises:
            ConfigurationError: k below 1, or queries of another space.
            DataError: queries of another shape, or not unit vectors.
        """
        if space is not None:
            self.space.require(space)
        if k < 1:
            raise ConfigurationError(f"k must be at least 1. Got {k}.")
        table = unit_vectors(queries, name="queries", dim=self.space.dim)
        found = exact_search(table, self._vectors[: len(self)], k=k, rank=self._ranks())
        ids, classes = (np.full(found.rows.shape, None, dtype=object) for _ in range(2))
        for place, row in np.ndenumerate(found.rows):
            if row >= 0:
                ids[place], classes[place] = self._ids[row], self._classes[row]
        return Neighbors(ids, classes, found.similarities)

    def nearest(
        self, queries: npt.ArrayLike, *, threshold: float | None = None, space: VectorSpace | None = None
    ) -> Neighbors:
        """Find the nearest exemplar of each query, or none where its cosine is below the threshold.

        Args:
            queries: (queries, dim), unit rows; a row of zeros finds none.
            threshold: lowest cosine of an answer, as ``kinfolk.evaluation.none_threshold`` chooses it; None answers always.
            space: as in ``search``.

        Returns:
            Arrays of the shape (queries,). The cosine of the nearest exemplar stays where it was too low for an answer.

        Raises:
            ConfigurationError: a threshold that is NaN, or queries of another space.
            DataError: queries of another shape, or not unit vectors.
        """
        if threshold is not None and np.isnan(threshold):
            raise ConfigurationError("threshold must be a cosine, or None to answer always. Got nan.")
        best = self.search(queries, 1, space=space)
        ids, classes, similarities = best.ids[:, 0], best.classes[:, 0], best.similarities[:, 0]
        if threshold is not None:
            ids[similarities < threshold] = None
            classes[similarities < threshold] = None
        return Neighbors(ids, classes, similarities)

    def save(self, folder: str | Path) -> Path:
        """Write the index as one Parquet file with the columns id, class and vector; equal indexes give equal files.

        An index that is there already is replaced in one step: whoever opens the folder gets the old one or the new one.

        Raises:
            DataError: the folder cannot be written to.
        """
        order = np.argsort(self._ranks())
        cells = pa.array(self._vectors[order].reshape(-1))
        table = pa.table(
            {
                "id": pa.array([self._ids[row] for row in order]),
                "class": pa.array([self._classes[row] for row in order], pa.string()),
                "vector": pa.FixedSizeListArray.from_arrays(cells, self.space.dim),
            }
        )
        about = {
            "format": _FORMAT,
            "model": self.space.model,
            "dim": self.space.dim,
            "weights": dict(self.space.weights),
        }
        write_table(table.replace_schema_metadata({_ABOUT: json.dumps(about)}), Path(folder) / _FILE)
        return Path(folder)

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Read an index that ``save`` wrote; it gives the same answers.

        Raises:
            DataError: the folder holds no index, or a broken one.
        """
        import pyarrow.parquet as pq

        path = Path(folder) / _FILE
        try:
            with path.open("rb") as file:
                table = pq.read_table(file)
            about = json.loads((table.schema.metadata or {})[_ABOUT])
            if about.pop("format") != _FORMAT:
                raise ValueError("the format of another version")
            space = VectorSpace(**about)
            ids, classes, vectors = (table.column(name) for name in ("id", "class", "vector"))
            cells = vectors.combine_chunks().flatten().to_numpy().reshape(-1, space.dim)
            return cls.build(ids, cells, space=space, classes=classes.to_pylist())
        except FileNotFoundError:
            raise DataError(
                f"{folder} holds no index: there is no {_FILE}. Give a folder that an index was saved to."
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
            raise DataError(
                f"{path} cannot be read as an index ({type(error).__name__}: {error}). Build and save it again."
            ) from error

    def _reserve(self, rows: int) -> None:
        if rows > len(self._vectors):
            # Half as much again each time, so that adding one by one copies each vector a few times only.
            larger = np.empty((max(rows, len(self) + len(self) // 2), self.space.dim), dtype=np.float32)
            larger[: len(self)] = self._vectors[: len(self)]
            self._vectors = larger

    def _ranks(self) -> npt.NDArray[np.int64]:
        if self._rank is None:
            self._rank = np.empty(len(self), dtype=np.int64)
            self._rank[[self._row_of[value] for value in self.ids]] = np.arange(len(self))
        return self._rank
