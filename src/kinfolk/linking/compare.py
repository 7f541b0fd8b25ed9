"""What is compared of a pair: a few similarities for each field, for the whole record, and for its codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kinfolk.data import Records, Role
from kinfolk.linking.alignment import COMPARED_ROLES, FieldPair
from kinfolk.linking.normalization import normalize, squash
from kinfolk.linking.spaces import Space, information_space, tfidf_space

WHOLE_RECORD = "whole record"
CODES = "codes"
MEANING = "meaning"  # what a text encoder sees
LEARNED = "learned"
RESCORED = "rescored"  # what a slow scorer of pairs says
SHORT_TEXT = 30  # mean characters up to which the edit distance of the whole value says something
MIN_DISTINCTNESS = 0.3  # fields with fewer distinct values per record find no candidates of their own
_ONE_PIECE = 5  # mean words up to which a value is one piece of evidence, like a name, and not a description


@dataclass(frozen=True)
class Comparisons:
    """All comparisons of a set of pairs.

    Attributes:
        labels: for each column the field (or part of the record) it belongs to.
        values: float32 (pairs, columns), larger = more alike for all but "conflict"; NaN where a side is missing.
        shown: for each label the column whose value people are shown, or -1.
        capacity: float64 (pairs,): the most log-odds that agreement on the comparable fields can carry.
        by_vectors: the labels that compare what an encoder sees, or what a scorer of pairs says, and not letters.
    """

    labels: tuple[str, ...]
    values: np.ndarray
    shown: dict[str, int]
    capacity: np.ndarray
    by_vectors: tuple[str, ...] = ()

    def with_vectors(
        self, label: str, cosines: Sequence[np.ndarray], capacity: np.ndarray | float = 0.0
    ) -> Comparisons:
        """The comparisons with cosines of vectors, of which people are shown the first.

        Args:
            label: what they compare.
            cosines: float32 (pairs,) each, NaN where a side is missing.
            capacity: the log-odds they can carry beside what was compared already, (pairs,).
        """
        return Comparisons(
            self.labels + (label,) * len(cosines),
            np.column_stack([self.values, *cosines]),
            {**self.shown, label: self.values.shape[1]},
            self.capacity + capacity,
            (*self.by_vectors, label),
        )

    def shown_values(self) -> dict[str, np.ndarray]:
        """For each label that shows a similarity its values, float32 (pairs,)."""
        return {label: self.values[:, column] for label, column in self.shown.items() if column >= 0}

    def first_columns(self) -> list[list[int]]:
        """Columns by whose mean pairs may be told apart before anything is learned: n-grams, or else vectors of one kind.

        Tables in two languages share letters by chance only, and these must not outvote what an encoder sees.
        """
        alone = [self.shown[label] for label in self.by_vectors]
        letters = [column for column in self.shown.values() if column >= 0 and column not in alone]
        return [letters, *([column] for column in alone)]


@dataclass(frozen=True)
class Field:
    """One pair of columns, prepared for comparison."""

    pair: FieldPair
    left: list[str]
    right: list[str]
    space: Space

    @property
    def distinctness(self) -> float:
        """Distinct values per record, in (0, 1]."""
        return len({*self.left, *self.right}) / max(1, len(self.left) + len(self.right))


def prepare_fields(left: Records, right: Records, pairs: Sequence[FieldPair]) -> tuple[Field, ...]:
    """Normalize the values of each pair of columns and build their n-gram space; columns empty on a side are left out."""
    fields = []
    for pair in pairs:
        texts = normalize(_written(left, pair.left, pair.role)), normalize(_written(right, pair.right, pair.role))
        if any(texts[0]) and any(texts[1]):
            fields.append(Field(pair, *texts, tfidf_space(*texts)))
    return tuple(fields)


def _written(records: Records, field: str, role: Role) -> list[str]:
    """Values as they are compared: dates in one form (unreadable ones as they stand), everything else as given."""
    texts = records.texts(field)
    if role != "date":
        return texts
    days = records.dates(field)
    return [text if np.isnan(day) else str(np.datetime64(int(day), "D")) for text, day in zip(texts, days, strict=True)]


def whole_texts(records: Records) -> list[str]:
    """All compared values of each record in one normalized text."""
    columns = [records.texts(field) for field in records.fields(*COMPARED_ROLES)]
    return normalize([" ".join(values) for values in zip(*columns, strict=True)]) if columns else [""] * len(records)


def compare(
    left: Records,
    right: Records,
    fields: Sequence[Field],
    whole: tuple[list[str], list[str], Space],
    rows_left: np.ndarray,
    rows_right: np.ndarray,
    advance: Callable[[float], None] | None = None,
) -> Comparisons:
    """Compare pairs of records in every field, as a whole, and in their codes.

    Args:
        left, right: the tables.
        fields: the prepared fields.
        whole: whole-record texts of both tables and their n-gram space.
        rows_left, rows_right: the pairs, int32 (pairs,).
        advance: told the share that is done.
    """
    table = _Columns(rows_left, rows_right)
    texts_left, texts_right, space = whole
    table.add(WHOLE_RECORD, space.similarity(rows_left, rows_right), show=True)
    table.add(WHOLE_RECORD, tfidf_space(squash(texts_left), squash(texts_right), 4).similarity(rows_left, rows_right))
    for values in shared_information(information_space(texts_left, texts_right), rows_left, rows_right):
        table.add(WHOLE_RECORD, values)
    codes = information_space(texts_left, texts_right, codes_only=True)
    shared = codes.similarity(rows_left, rows_right)
    only_left, only_right = codes.norms()[0][rows_left] - shared, codes.norms()[1][rows_right] - shared
    if codes.left.nnz and codes.right.nnz:
        table.add(CODES, shared)
        table.add(CODES, np.minimum(only_left, only_right))
    capacity = np.zeros(len(rows_left))
    for done, field in enumerate(fields, start=1):
        if advance is not None:
            advance(done / (len(fields) + 1))
        missing = ~(_filled(field.left)[rows_left] & _filled(field.right)[rows_right])
        _compare_field(table, left, right, field, missing)
        capacity += np.where(missing, 0.0, _capacity(field))
    if len(fields) < 2:
        capacity[:] = np.inf
    return Comparisons(tuple(table.labels), np.column_stack(table.values), table.shown, capacity)


class _Columns:
    """Columns of comparisons as they are made."""

    def __init__(self, rows_left: np.ndarray, rows_right: np.ndarray) -> None:
        self.rows_left, self.rows_right = rows_left, rows_right
        self.labels: list[str] = []
        self.values: list[np.ndarray] = []
        self.shown: dict[str, int] = {}

    def add(self, label: str, values: np.ndarray, missing: np.ndarray | None = None, *, show: bool = False) -> None:
        column = values.astype(np.float32)
        if missing is not None:
            column = np.where(missing, np.float32(np.nan), column)
        if show:
            self.shown[label] = len(self.values)
        self.labels.append(label)
        self.values.append(column)


def _compare_field(table: _Columns, left: Records, right: Records, field: Field, missing: np.ndarray) -> None:
    label, rows_left, rows_right = field.pair.label, table.rows_left, table.rows_right
    table.add(label, field.space.similarity(rows_left, rows_right), missing, show=True)
    if field.pair.role == "number":  # 0 is how price lists write unknown
        a, b = left.numbers(field.pair.left)[rows_left], right.numbers(field.pair.right)[rows_right]
        table.add(label, relative_closeness(a, b), ~(np.isfinite(a) & np.isfinite(b)) | (a == 0) | (b == 0))
        return
    mean_length = np.mean([len(t) for t in (*field.left, *field.right) if t])
    if mean_length <= SHORT_TEXT:
        table.add(label, edit_similarity(field, rows_left, rows_right), missing)
    if field.pair.role == "text" and mean_length >= 6:
        squashed = tfidf_space(squash(field.left), squash(field.right), 4)
        table.add(label, squashed.similarity(rows_left, rows_right), missing)
        shared, containment, _ = shared_information(information_space(field.left, field.right), rows_left, rows_right)
        table.add(label, containment, missing)
        table.add(label, shared, missing)


def shared_information(
    space: Space, rows_left: np.ndarray, rows_right: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Information shared (nats), as a share of the poorer record, and as a share of both."""
    shared = space.similarity(rows_left, rows_right)
    norms_left, norms_right = space.norms()
    a, b = norms_left[rows_left], norms_right[rows_right]
    return shared, shared / np.maximum(np.minimum(a, b), 1e-6), shared / np.maximum(a + b - shared, 1e-6)


def relative_closeness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """One minus the difference of two numbers as a share of the larger, in [0, 1]; NaN where either is."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        closeness: np.ndarray = 1 - np.abs(a - b) / np.maximum(np.abs(a), np.abs(b))
    return np.asarray(np.clip(closeness, 0, 1))


def edit_similarity(field: Field, rows_left: np.ndarray, rows_right: np.ndarray) -> np.ndarray:
    """Share of the characters of two values that need no edit, in [0, 1]: float32 (pairs,)."""
    from rapidfuzz import fuzz, process

    values_left, values_right = np.array(field.left, dtype=object), np.array(field.right, dtype=object)
    scores = process.cpdist(values_left[rows_left], values_right[rows_right], scorer=fuzz.ratio, dtype=np.float32)
    return np.asarray(scores) / 100


def _filled(texts: list[str]) -> np.ndarray:
    return np.fromiter((t != "" for t in texts), dtype=bool, count=len(texts))


def _capacity(field: Field) -> float:
    """How many nats agreement in this field can carry: no value is rarer than one in as many as there are.

    A name or a street is one piece of evidence; a description is several.
    """
    filled = max(sum(t != "" for t in field.left), sum(t != "" for t in field.right))
    if field.pair.role != "text":
        return float(np.log(max(1, len({*field.left, *field.right} - {""}))))
    mean_words = np.mean([t.count(" ") + 1 for t in (*field.left, *field.right) if t])
    return float(np.log(max(1, filled)) * (1 if mean_words <= _ONE_PIECE else 3))
