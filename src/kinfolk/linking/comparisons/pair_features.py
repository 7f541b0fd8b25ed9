"""The comparisons a matcher learns from: every family, over every field and the whole record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kinfolk.data.records import Records
from kinfolk.errors import DataError
from kinfolk.linking.comparisons.codes import CODES, code_weights, compare_codes
from kinfolk.linking.comparisons.competition import NEIGHBORS, compare_neighbors
from kinfolk.linking.comparisons.overlap import overlap
from kinfolk.linking.comparisons.terms import Terms, clean, terms_of
from kinfolk.linking.comparisons.token_evidence import token_evidence

WHOLE = "whole record"
RIVALS = "rivals"


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

    def take(self, rows: NDArray[np.int64]) -> PairFeatures:
        """Give some of the pairs, in the given order."""
        tokens = None if self.tokens is None else self.tokens[rows]
        return PairFeatures(self.values[rows], self.names, self.groups, tokens)


def pair_features(
    left: Records,
    right: Records,
    left_rows: NDArray[np.int32],
    right_rows: NDArray[np.int32],
    *,
    fields: Sequence[tuple[str, str]],
) -> PairFeatures:
    """Compare pairs of records in every way that helped on the development sets.

    Args:
        left, right: the two tables.
        left_rows, right_rows: row numbers of each pair, shape (n,).
        fields: which column of the left table goes with which of the right one; columns with the role "number" or
            "date" on both sides are compared as numbers, the others as text.

    Returns:
        About 18 columns a text field, 4 a number, and 50 for the whole record, its codes and its rivals.
    """
    build = _Columns()
    texts: list[tuple[str, list[str], list[str]]] = []
    everything: tuple[list[list[str]], list[list[str]]] = ([], [])
    for ours, theirs in fields:
        here = [clean(text) for text in left.texts(ours)]
        there = [clean(text) for text in right.texts(theirs)]
        everything[0].append(here)
        everything[1].append(there)
        roles = {left.roles[ours], right.roles[theirs]}
        if roles == {"number"} or roles == {"date"}:
            read = Records.numbers if roles == {"number"} else Records.dates
            build.number(ours, read(left, ours)[left_rows], read(right, theirs)[right_rows], ratio=roles == {"number"})
        else:
            texts.append((ours, here, there))
    whole_left, whole_right = ([" ".join(parts).strip() for parts in zip(*side, strict=True)] for side in everything)
    views = [*texts]
    if len(fields) > 1:
        views.append((WHOLE, whole_left, whole_right))
    main = texts[0][0] if texts else WHOLE
    terms = None
    for name, here, there in views:
        terms = terms_of(here, there)
        grams = _char_grams(here, there)
        build.words(name, terms, left_rows, right_rows)
        if grams is None:
            continue
        if name in (main, views[-1][0]):
            build.add(RIVALS, f"{name}: grams ", NEIGHBORS, compare_neighbors(*grams, left_rows, right_rows))
            build.groups[-len(NEIGHBORS)] = name  # the cosine itself belongs to the field
        else:
            build.add(name, f"{name}: grams ", ("similarity",), _cosine(*grams, left_rows, right_rows)[:, None])
    if terms is not None:
        build.add(RIVALS, "words ", NEIGHBORS, compare_neighbors(*_word_vectors(terms), left_rows, right_rows))
        build.add("codes", "codes ", CODES, compare_codes(whole_left, whole_right, left_rows, right_rows))
    tokens = None if terms is None else token_evidence(terms, left_rows, right_rows)
    values = np.column_stack(build.columns) if build.columns else np.empty((len(left_rows), 0), np.float32)
    return PairFeatures(values, tuple(build.names), tuple(build.groups), tokens)


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


def _char_grams(left: Sequence[str], right: Sequence[str]) -> tuple[sp.csr_matrix, sp.csr_matrix] | None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True, dtype=np.float32)
    try:
        vectorizer.fit([*left, *right])
    except ValueError:  # no text at all: an empty vocabulary
        return None
    return vectorizer.transform(left).tocsr(), vectorizer.transform(right).tocsr()


def _word_vectors(terms: Terms) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    from sklearn.preprocessing import normalize

    weigh = sp.diags(terms.idf.astype(np.float32))
    return normalize((terms.left @ weigh).tocsr()), normalize((terms.right @ weigh).tocsr())


def _cosine(
    a: sp.csr_matrix, b: sp.csr_matrix, left: NDArray[np.int32], right: NDArray[np.int32]
) -> NDArray[np.float64]:
    products = np.asarray(a[left].multiply(b[right]).sum(axis=1), dtype=np.float64).ravel()
    missing = (np.diff(a.indptr)[left] == 0) | (np.diff(b.indptr)[right] == 0)
    return np.where(missing, np.nan, products)
