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
    pairs = [FieldPair(a, b, _common_role(left, a, right, b)) for a, b in given]
    free_left = [f for f in left.fields(*COMPARED_ROLES) if f not in {p.left for p in pairs}]
    free_right = [f for f in right.fields(*COMPARED_ROLES) if f not in {p.right for p in pairs}]
    by_name = {_plain(f): f for f in reversed(free_right)}
    for field in list(free_left):
        namesake = by_name.pop(_plain(field), None)
        if namesake is not None:
            pairs.append(FieldPair(field, namesake, _common_role(left, field, right, namesake)))
            free_left.remove(field)
            free_right.remove(namesake)
    pairs += [
        FieldPair(a, b, _common_role(left, a, right, b)) for a, b in _alike(left, free_left, right, free_right, seeds)
    ]
    return tuple(pairs)


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


def _common_role(left: Records, a: str, right: Records, b: str) -> Role:
    for records, field, side in ((left, a, "left"), (right, b, "right")):
        if field not in records.roles:
            raise ConfigurationError(
                f"'{field}' is not a column of the {side} table. It has: {', '.join(records.roles)}."
            )
    return left.roles[a] if left.roles[a] == right.roles[b] else "text"


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
