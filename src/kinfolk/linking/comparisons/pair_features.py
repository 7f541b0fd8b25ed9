"""The comparisons a matcher learns from: every family, over every field and the whole record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kinfolk.data.records import Records
from kinfolk.errors import DataError
from kinfolk.linking.compare import CODES as CODES_LABEL
from kinfolk.linking.compare import WHOLE_RECORD, Field
from kinfolk.linking.comparisons.codes import CODES, code_weights, compare_codes
from kinfolk.linking.comparisons.competition import NEIGHBORS, compare_neighbors
from kinfolk.linking.comparisons.overlap import overlap
from kinfolk.linking.comparisons.terms import Terms, clean, terms_of
from kinfolk.linking.comparisons.token_evidence import token_evidence
from kinfolk.linking.match import RIVALS
from kinfolk.linking.spaces import Space


@dataclass(frozen=True)
class PairFeatures:
    """Comparisons of pairs, one row a pair.

    Attributes:
        values: float32, shape (n, num_features); NaN where a comparison does not apply.
        names: what each column is, distinct.
        groups: what people are told the column belongs to (a field, "codes", "rivals", "whole record").
        tokens: sparse evidence of single terms, shape (n, num_terms), or None.
    """

    values: NDArray[np.float32]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    tokens: sp.csr_matrix | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not (self.values.shape[1] == len(self.names) == len(self.groups)):
            raise DataError(
                f"Pair features need one name and one group for each column. Got values of shape {self.values.shape}, "
                f"{len(self.names)} names, {len(self.groups)} groups."
            )
        if self.tokens is not None and self.tokens.shape[0] != len(self.values):
            raise DataError(f"Token evidence must have {len(self.values)} rows. Got {self.tokens.shape[0]}.")

    def __len__(self) -> int:
        return len(self.values)

    def with_columns(self, group: str, columns: Mapping[str, NDArray[np.float32]]) -> PairFeatures:
        """The comparisons with more columns of one group, by name, each of shape (n,)."""
        return PairFeatures(
            np.column_stack([self.values, *columns.values()]),
            (*self.names, *columns),
            self.groups + (group,) * len(columns),
            self.tokens,
        )

    def take(self, rows: NDArray[np.int64]) -> PairFeatures:
        """Give some of the pairs, in the given order."""
        tokens = None if self.tokens is None else self.tokens[rows]
        return PairFeatures(self.values[rows], self.names, self.groups, tokens)


def pair_features(
    left: Records,
    right: Records,
    fields: Sequence[Field],
    whole: Space,
    left_rows: NDArray[np.int32],
    right_rows: NDArray[np.int32],
) -> PairFeatures:
    """Compare pairs of records in every way that helped on the development sets.

    Args:
        left, right: the two tables.
        fields: the prepared fields; those with the role "number" or "date" are compared as numbers, the others as text.
        whole: n-grams of the whole records.
        left_rows, right_rows: row numbers of each pair, shape (n,).

    Returns:
        About 18 columns a text field, 4 a number, and 50 for the whole record, its codes and its rivals.
    """
    build = _Columns()
    views: list[tuple[str, list[str], list[str], Space]] = []
    everything: tuple[list[list[str]], list[list[str]]] = ([], [])
    for field in fields:
        pair = field.pair
        here, there = ([clean(text) for text in r.texts(c)] for r, c in ((left, pair.left), (right, pair.right)))
        everything[0].append(here)
        everything[1].append(there)
        if pair.role in ("number", "date"):
            read = Records.numbers if pair.role == "number" else Records.dates
            ours, theirs = read(left, pair.left)[left_rows], read(right, pair.right)[right_rows]
            build.number(pair.label, ours, theirs, ratio=pair.role == "number")
        else:
            views.append((pair.label, here, there, field.space))
    texts_left, texts_right = ([" ".join(parts).strip() for parts in zip(*side, strict=True)] for side in everything)
    if not fields:
        texts_left, texts_right = ([""] * len(table) for table in (left, right))
    main = views[0][0] if views else WHOLE_RECORD
    if len(fields) != 1 or not views:
        views.append((WHOLE_RECORD, texts_left, texts_right, whole))
    for name, here, there, grams in views:
        terms = terms_of(here, there)
        build.words(name, terms, left_rows, right_rows)
        if name in (main, views[-1][0]):
            build.add(RIVALS, f"{name}: grams ", NEIGHBORS, compare_neighbors(grams, left_rows, right_rows))
            build.groups[-len(NEIGHBORS)] = name  # the cosine itself belongs to the field
        else:
            build.add(name, f"{name}: grams ", ("similarity",), _similarity(grams, left_rows, right_rows)[:, None])
    build.add(RIVALS, "words ", NEIGHBORS, compare_neighbors(_word_space(terms), left_rows, right_rows))
    build.add(CODES_LABEL, "codes ", CODES, compare_codes(texts_left, texts_right, left_rows, right_rows))
    tokens = token_evidence(terms, left_rows, right_rows)
    return PairFeatures(np.column_stack(build.columns), tuple(build.names), tuple(build.groups), tokens)


class _Columns:
    """Columns as they come in, with their names and groups."""

    def __init__(self) -> None:
        self.columns: list[NDArray[np.float32]] = []
        self.names: list[str] = []
        self.groups: list[str] = []

    def add(self, group: str, prefix: str, names: Sequence[str], values: NDArray[np.float64]) -> None:
        for name, column in zip(names, values.T, strict=True):
            self.columns.append(column.astype(np.float32))
            self.names.append(prefix + name)
            self.groups.append(group)

    def words(self, name: str, terms: Terms, left: NDArray[np.int32], right: NDArray[np.int32]) -> None:
        mass = overlap(terms, left, right)
        ours, theirs = mass[:, 0] + mass[:, 1], mass[:, 0] + mass[:, 2]
        missing = (ours <= 0) | (theirs <= 0)
        with np.errstate(all="ignore"):
            shares = np.column_stack(
                [
                    mass[:, 0] / ours,
                    mass[:, 0] / theirs,
                    mass[:, 0] / (ours + theirs - mass[:, 0]),
                    np.log((ours + 1) / (theirs + 1)),
                ]
            )
        both = np.hstack([mass, shares])
        both[missing] = np.nan
        labels = ("shared", "left only", "right only", "heaviest shared", "heaviest left only", "heaviest right only",
                  "word cosine", "left contained", "right contained", "jaccard", "length ratio")  # fmt: skip
        self.add(name, f"{name}: ", labels, both)
        self.add(name, f"{name}: ", ("missing",), ((ours <= 0) + 2.0 * (theirs <= 0))[:, None])
        for kind, weights in zip(("numbers", "mixed"), code_weights(terms), strict=True):
            counts = overlap(terms, left, right, weights)[:, :3]
            clash = np.minimum(counts[:, 1], counts[:, 2])[:, None]
            counted = [f"{kind} {what}" for what in ("shared", "left only", "right only", "conflict")]
            self.add(name, f"{name}: ", counted, np.hstack([counts, clash]))

    def number(self, name: str, here: NDArray[np.float64], there: NDArray[np.float64], *, ratio: bool) -> None:
        gap = np.abs(here - there)
        columns = [gap, np.where(np.isnan(gap), np.nan, gap < 1e-9)]
        labels = ["difference", "equal"]
        if ratio:
            # Zero is how shops write "no price"; a ratio with it says nothing.
            with np.errstate(all="ignore"):
                log = np.where((here > 0) & (there > 0), np.log(here / there), np.nan)
            columns += [log, np.abs(log)]
            labels += ["log ratio", "absolute log ratio"]
        self.add(name, f"{name}: ", labels, np.column_stack(columns))


def _word_space(terms: Terms) -> Space:
    from sklearn.preprocessing import normalize

    weigh = sp.diags(terms.idf.astype(np.float32))
    left, right = (normalize((side @ weigh).tocsr()) for side in (terms.left, terms.right))
    return Space(left, right)


def _similarity(grams: Space, left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.float64]:
    missing = (np.diff(grams.left.indptr)[left] == 0) | (np.diff(grams.right.indptr)[right] == 0)
    return np.where(missing, np.nan, grams.similarity(left, right))
