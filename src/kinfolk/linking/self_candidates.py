"""Candidate pairs within one table: records whose values, of the whole record or of one field, are near each other.

The search runs over distinct values and not over records: a name that 300 records share is looked up once, and its
records do not crowd each other out of the nearest few. Records of two near values are then paired up to a few each;
what this leaves out of a large group is added when the group is known (``complete_groups``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from kinfolk.linking.candidates import Candidates, nearest, union
from kinfolk.linking.compare import Field
from kinfolk.linking.near_vectors import nearest_within
from kinfolk.linking.search_space import search_space
from kinfolk.linking.spaces import Space, tfidf_space

_WHOLE_RECORD_K, _FIELD_K = 15, 5
_VECTORS_K = 5
_PARTNERS = 4  # records of a near value that one record is paired with
_LARGEST_GROUP = 1500  # records of a group that is compared pair by pair

_Pairs = tuple[np.ndarray, np.ndarray]
_Search = Callable[[np.ndarray, np.ndarray, Callable[[float], None]], _Pairs]


def candidates_within(
    whole: Sequence[str],
    fields: Sequence[Field],
    seen: Sequence[tuple[Sequence[str], np.ndarray]] = (),
    *,
    advance: Callable[[float], None] = lambda _: None,
) -> Candidates:
    """Pairs of one table worth comparing, left row < right row.

    Args:
        whole: one normalized text a record.
        fields: the fields of the table compared with itself; those with the role "text" find candidates.
        seen: what encoders see: the values they saw, "" for nothing, and their vectors, float32 (records, dim).
        advance: told the share that is done.
    """
    searches: list[tuple[Sequence[str], _Search]] = [
        (whole, partial(_near_by_ngrams, _WHOLE_RECORD_K)),
        *((field.left, partial(_near_by_ngrams, _FIELD_K)) for field in fields if field.pair.role == "text"),
        *((values, partial(_near_by_vectors, vectors)) for values, vectors in seen),
    ]
    lists: list[_Pairs] = []
    for done, (texts, search) in enumerate(searches):
        advance(done / len(searches))
        lists += _near_records(
            texts,
            search,
            lambda share, done=done: advance((done + share) / len(searches)),  # type: ignore[misc]
        )
    return in_order([a for a, _ in lists], [b for _, b in lists], len(whole))


def complete_groups(candidates: Candidates, groups: np.ndarray, largest: int = _LARGEST_GROUP) -> Candidates:
    """Add every pair of records of one group.

    Args:
        candidates: the pairs so far.
        groups: group of each record, int64 (records,).
        largest: groups of more records than this are left as they are.
    """
    order = np.argsort(groups, kind="stable")
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    lefts, rights = [candidates.left], [candidates.right]
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        if 2 < size <= largest:
            members = order[start : start + size]
            i, j = np.triu_indices(size, 1)
            lefts.append(members[i])
            rights.append(members[j])
    return in_order(lefts, rights, len(groups))


def complete_between(candidates: Candidates, groups: np.ndarray, log_odds: np.ndarray) -> Candidates:
    """Add every pair within a group, and between two groups whose compared pairs say on average that they are one.

    Grouping counts a pair that was never compared among the surest non-matches, and so keeps apart what was hardly
    compared. Groups of up to 1,500 records together are completed.

    Args:
        candidates: the pairs so far.
        groups: group of each record, int64 (records,).
        log_odds: of each pair, float64 (pairs,).
    """
    _, member_of = np.unique(groups, return_inverse=True)
    order, size = np.argsort(member_of, kind="stable"), np.bincount(member_of)
    start = np.cumsum(size) - size
    ends = np.sort(np.column_stack([member_of[candidates.left], member_of[candidates.right]]), axis=1)
    between, pair = np.unique(ends, axis=0, return_inverse=True)
    mean = np.bincount(pair.reshape(-1), log_odds, minlength=len(between)) / np.bincount(pair.reshape(-1))
    lefts, rights = [candidates.left], [candidates.right]
    for a, b in between[mean >= 0].tolist():
        if size[a] + size[b] <= _LARGEST_GROUP:
            first, second = order[start[a] : start[a] + size[a]], order[start[b] : start[b] + size[b]]
            lefts.append(np.repeat(first, len(second)))
            rights.append(np.tile(second, len(first)))
    return in_order(lefts, rights, len(groups))


def in_order(left: Sequence[np.ndarray], right: Sequence[np.ndarray], size: int) -> Candidates:
    """Pairs of rows of one table, each once and the smaller row first; no record is paired with itself."""
    if not left:
        return Candidates(np.zeros(0, np.int32), np.zeros(0, np.int32))
    a, b = np.concatenate(left), np.concatenate(right)
    apart = a != b
    return union([np.minimum(a, b)[apart]], [np.maximum(a, b)[apart]], max(1, size))


def _near_by_ngrams(k: int, values: np.ndarray, _first: np.ndarray, _advance: Callable[[float], None]) -> _Pairs:
    trigrams = tfidf_space(values.tolist(), []).left
    space = search_space(values.tolist(), values.tolist(), Space(trigrams, trigrams))
    a, b, _ = nearest(space.left, space.right, k + 1)  # each value finds itself first
    return a, b


def _near_by_vectors(
    vectors: np.ndarray, _values: np.ndarray, first: np.ndarray, advance: Callable[[float], None]
) -> _Pairs:
    return nearest_within(vectors[first], _VECTORS_K + 1, advance)[:2]  # each value finds itself first


def _near_records(texts: Sequence[str], search: _Search, advance: Callable[[float], None]) -> Iterator[_Pairs]:
    """Pairs of records whose values are equal or near.

    Args:
        texts: the value of each record.
        search: given the distinct values and the first record of each, finds pairs of near ones by their numbers.
        advance: told the share of the search that is done.
    """
    values, first_of, value_of = np.unique(
        np.array(texts, dtype=object).astype(str), return_index=True, return_inverse=True
    )
    filled = values != ""
    if not filled.any():
        return
    a, b = search(values, first_of, advance)
    near = (a != b) & filled[a] & filled[b]
    a, b = np.minimum(a, b)[near], np.maximum(a, b)[near]
    shared = np.flatnonzero((np.bincount(value_of, minlength=len(values)) > 1) & filled)
    first, second = np.concatenate([a, shared]), np.concatenate([b, shared])
    yield _pair_records(value_of, len(values), first, second)
    yield _pair_records(value_of, len(values), second, first)


def _pair_records(
    value_of: np.ndarray, num_values: int, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pair each record of the first values with a few of the second, in turn, so that no record is left out."""
    order = np.argsort(value_of, kind="stable")
    counts = np.bincount(value_of, minlength=num_values)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    partners = np.minimum(_PARTNERS, counts[second])
    total = counts[first] * partners
    pair = np.repeat(np.arange(len(first)), total)
    step = np.arange(total.sum()) - np.repeat(np.cumsum(total) - total, total)
    member, turn = step // partners[pair], step % partners[pair]
    stride = np.maximum(1, counts[second] // partners)[pair]
    other = np.where((first == second)[pair], member + 1 + turn, member + turn * stride) % counts[second][pair]
    return order[starts[first[pair]] + member], order[starts[second[pair]] + other]
