"""The matcher of a finished run as a scorer of any pair of its records, candidates or not.

A run judges a pair among its rivals. What searches by a scorer of pairs (``kinfolk.search.cross_encoder``) asks about one pair alone:
so a logistic model of the comparisons of a pair learns from the probabilities that the run gave its candidates. What labels
taught the run is in these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from kinfolk.data import Records
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.linking.alignment import COMPARED_ROLES, FieldPair, columns_of, common_role
from kinfolk.linking.compare import Comparisons, compare, prepare_fields, whole_texts
from kinfolk.linking.design import Design, standardize
from kinfolk.linking.links import EVIDENCE, Links
from kinfolk.linking.map_logistic import fit_map_logistic
from kinfolk.linking.spaces import tfidf_space

_SPREAD = 3.0  # standard deviation of the prior of a weight: holds those apart that always go together


class MatcherScorer:
    """Log-odds that two records of the tables of a run are the same thing, for any pair.

    They are those of a model that learned from the run's probabilities of its candidates: of fields, the whole record and codes, as
    ``link`` compares them without an encoder. Images are not compared. Every call reads both tables: ask for many pairs at a
    time (``batch_size`` of a cross-encoder index).

    Args:
        links: a finished run, from ``link`` or ``load``, with at least two candidates.

    Attributes:
        fingerprint: changes with the tables and with what was learned.

    Raises:
        ConfigurationError: there are too few candidates to learn from, or ids that several records share.
    """

    def __init__(self, links: Links) -> None:
        self._left, self._right = links.left, links.right
        self._rows = _rows_by_id(links.left), _rows_by_id(links.right)
        if links.scores.num_rows < 2:
            raise ConfigurationError(
                f"A scorer learns from the candidates of a run, at least two. Got {links.scores.num_rows}."
            )
        texts = whole_texts(links.left), whole_texts(links.right)
        self._whole = (*texts, tfidf_space(*texts))
        self._fields = prepare_fields(links.left, links.right, _compared(links))
        candidates = (links.scores.column(side).to_numpy() for side in ("left", "right"))
        design = standardize(self._compare(*candidates))
        rows = design.rows(np.arange(len(design.values)))
        probability = links.scores.column("probability").to_numpy()
        width = rows.shape[1] + 1
        self._weights = fit_map_logistic(
            np.column_stack([np.ones(len(rows)), rows]), probability, np.zeros(width), np.full(width, _SPREAD)
        )
        self._scale = replace(design, values=np.empty((0, len(design.owners)), np.float32))

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits."""
        tables = f"{self._left.fingerprint()} {self._right.fingerprint()}"
        return hashlib.blake2b(tables.encode() + self._weights.tobytes(), digest_size=16).hexdigest()

    def __call__(self, left_ids: Sequence[object], right_ids: Sequence[object]) -> np.ndarray:
        """Log-odds of pairs, float64 (n,).

        Args:
            left_ids, right_ids: of records of the two tables, n each.

        Raises:
            DataError: no record has an id.
        """
        rows = [
            np.array([_row(rows, name, records) for name in ids], dtype=np.int32)
            for rows, ids, records in zip(self._rows, (left_ids, right_ids), (self._left, self._right), strict=True)
        ]
        design: Design = replace(self._scale, values=self._compare(*rows).values)
        return np.asarray(self._weights[0] + design.rows(np.arange(len(rows[0]))) @ self._weights[1:])

    def _compare(self, left: np.ndarray, right: np.ndarray) -> Comparisons:
        return compare(self._left, self._right, self._fields, self._whole, left, right)


def _compared(links: Links) -> list[FieldPair]:
    """The fields that the run compared, by what its scores are called."""
    pairs = []
    for column in links.scores.column_names:
        if column.startswith(EVIDENCE):
            left, right = columns_of(column.removeprefix(EVIDENCE), links.left, links.right)
            if links.left.roles.get(left) in COMPARED_ROLES and links.right.roles.get(right) in COMPARED_ROLES:
                pairs.append(FieldPair(left, right, common_role(links.left, left, links.right, right)))
    return pairs


def _rows_by_id(records: Records) -> dict[object, int]:
    ids = records.ids.to_pylist()
    rows = {name: row for row, name in enumerate(ids)}
    if len(rows) < len(ids):
        raise ConfigurationError(f"A scorer tells records by their ids. In {records.name} some share one.")
    return rows


def _row(rows: dict[object, int], name: object, records: Records) -> int:
    if name not in rows:
        raise DataError(f"{records.name} has no record with id {name!r}: the scorer knows those of its run alone.")
    return rows[name]
