"""Which field of the left table is compared with which field of the right one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinfolk.data import Records, Role
from kinfolk.errors import ConfigurationError
from kinfolk.linking.normalization import normalize
from kinfolk.linking.spaces import tfidf_space

COMPARED_ROLES: tuple[Role, ...] = ("text", "number", "date", "category")
_MIN_LIFT = 0.1  # how much more alike two columns must be on likely matches than on chance pairs
_MAX_SEEDS = 2000


@dataclass(frozen=True)
class FieldPair:
    """Two columns that mean the same; compared by ``role``."""

    left: str
    right: str
    role: Role

    @property
    def label(self) -> str:
        """The name people see: "title", or "name = title" where the tables call it differently."""
        return self.left if self.left == self.right else f"{self.left} = {self.right}"


def columns_of(label: str, left: Records, right: Records) -> tuple[str, str]:
    """The columns of the left and the right table that the label of a field names: "photo", or "photo = picture"."""
    if label in left.roles and label in right.roles:
        return label, label
    left_name, _, right_name = label.partition(" = ")
    return left_name, right_name or left_name


def split_mapping(entries: Sequence[str]) -> list[tuple[str, str]]:
    """Read entries of the form "title" or "name=title" (left=right).

    Raises:
        ConfigurationError: an entry with an empty side.
    """
    pairs = []
    for entry in entries:
        left, _, right = entry.partition("=")
        pair = (left.strip(), (right or left).strip())
        if not all(pair):
            raise ConfigurationError(f"A field must be written as NAME or LEFT=RIGHT. Got {entry!r}.")
        pairs.append(pair)
    return pairs


def align_fields(
    left: Records,
    right: Records,
    *,
    given: Sequence[tuple[str, str]] = (),
    seeds: tuple[np.ndarray, np.ndarray],
) -> tuple[FieldPair, ...]:
    """Pair the columns of two tables: as given, then by equal names, then by content.

    Columns without a namesake are paired when their texts are more alike on likely matches than on chance pairs.

    Args:
        left, right: the tables.
        given: pairs (left column, right column) the user named.
        seeds: rows (left, right) of likely matches, such as mutual nearest neighbors by the whole record.
    """
    columns = left.fields(*COMPARED_ROLES), right.fields(*COMPARED_ROLES)
    pairs, free_left, free_right = _by_name(*columns, given)
    pairs += _alike(left, free_left, right, free_right, seeds)
    return tuple(FieldPair(a, b, common_role(left, a, right, b)) for a, b in pairs)


def align_images(left: Records, right: Records, *, given: Sequence[tuple[str, str]] = ()) -> tuple[FieldPair, ...]:
    """Pair the columns of images of two tables: as given, then by equal names, then those that are left if it is one each."""
    pairs, free_left, free_right = _by_name(left.fields("image"), right.fields("image"), given)
    if len(free_left) == len(free_right) == 1:
        pairs.append((free_left[0], free_right[0]))
    return tuple(FieldPair(a, b, "image") for a, b in pairs)


def _by_name(
    left: Sequence[str], right: Sequence[str], given: Sequence[tuple[str, str]]
) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """The given pairs of columns and those of one name, and the columns of either side that are in none."""
    pairs = list(dict.fromkeys(given))
    free_left = [f for f in left if f not in {a for a, _ in pairs}]
    free_right = [f for f in right if f not in {b for _, b in pairs}]
    by_name = {_plain(f): f for f in reversed(free_right)}
    for field in list(free_left):
        namesake = by_name.pop(_plain(field), None)
        if namesake is not None:
            pairs.append((field, namesake))
            free_left.remove(field)
            free_right.remove(namesake)
    return pairs, free_left, free_right


def _alike(
    left: Records, fields_left: list[str], right: Records, fields_right: list[str], seeds: tuple[np.ndarray, np.ndarray]
) -> list[tuple[str, str]]:
    rows_left, rows_right = (rows[:_MAX_SEEDS] for rows in seeds)
    if len(rows_left) < 10:
        return []
    sample_left, sample_right = left.take(rows_left), right.take(rows_right)
    numbers = np.arange(len(rows_left))
    lifts = []
    for a in fields_left:
        texts_a = normalize(sample_left.texts(a))
        for b in fields_right:
            space = tfidf_space(texts_a, normalize(sample_right.texts(b)))
            lift = space.similarity(numbers, numbers).mean() - space.similarity(numbers, np.roll(numbers, 1)).mean()
            if lift > _MIN_LIFT:
                lifts.append((float(lift), a, b))
    chosen: list[tuple[str, str]] = []
    for _, a, b in sorted(lifts, reverse=True):
        if all(a != x and b != y for x, y in chosen):
            chosen.append((a, b))
    return chosen


def common_role(left: Records, a: str, right: Records, b: str) -> Role:
    """The role by which two columns are compared: theirs, or text where they differ.

    Raises:
        ConfigurationError: there is no such column.
    """
    for records, field, side in ((left, a, "left"), (right, b, "right")):
        if field not in records.roles:
            raise ConfigurationError(
                f"'{field}' is not a column of the {side} table. It has: {', '.join(records.roles)}."
            )
    return left.roles[a] if left.roles[a] == right.roles[b] else "text"


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
