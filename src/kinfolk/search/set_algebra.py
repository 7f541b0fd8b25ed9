"""And, or, not of sets of rows, each by the form that costs least; the size of the result is exact.

Costs are counted in nanoseconds, from loops measured on one core: testing a row of a list 1, sorting one 8, a word of a
bitmap 0.3. They choose between ways to one result and need not be exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinfolk.search.bitmaps import (
    Bitmap,
    Rows,
    keep_in_bitmap,
    keep_in_both,
    keep_in_span,
    no_bits,
    num_words,
    other_bits,
    set_bits,
)
from kinfolk.search.passing import Passing, all_rows, no_rows, of_bitmap, of_ids, of_span

_TEST, _SORT, _WORD = 1.0, 8.0, 0.3


def intersect(parts: Sequence[Passing], total: int) -> Passing:
    """The rows in all parts: the shortest list with the rest tested row by row, or bitmaps ANDed, whichever is cheaper."""
    narrowed = _by_column(parts, total)
    if any(part.size == 0 for part in narrowed):
        return no_rows(total)
    kept = sorted((part for part in narrowed if part.size < total), key=lambda part: part.size)
    if len(kept) < 2:
        return kept[0] if kept else all_rows(total)
    base = next((part for part in kept if part.as_rows() is not None), None)
    if base is not None:
        # What is not ascending is sorted at the end, when it has become shorter.
        by_list = base.size * _TEST * (len(kept) - 1) + (0.0 if base.ids is not None else kept[0].size * _SORT)
        if by_list <= sum(_cost_of_bitmap(part) for part in kept) + 2 * len(kept) * num_words(total) * _WORD:
            return _tested(base, [part for part in kept if part is not base])
    bitmap = kept[0].as_bitmap() & kept[1].as_bitmap()
    for part in kept[2:]:
        bitmap &= part.as_bitmap()
    return of_bitmap(bitmap, total)


def unite(parts: Sequence[Passing], total: int) -> Passing:
    """The rows in at least one part: lists merged where they are short, bitmaps ORed otherwise."""
    if any(part.size == total for part in parts):
        return all_rows(total)
    kept = _joined([part for part in parts if part.size])
    if len(kept) < 2:
        return kept[0] if kept else no_rows(total)
    rows = [part.as_rows() for part in kept]
    if sum(part.size for part in kept) * _SORT <= 2 * num_words(total) * _WORD * len(kept):
        listed = [some for some in rows if some is not None]
        if len(listed) == len(kept):
            return of_ids(np.unique(np.concatenate(listed)), total)
    bitmap = no_bits(total)
    for part, some in zip(kept, rows, strict=True):
        _add(bitmap, part, some)
    return of_bitmap(bitmap, total)


def complement(part: Passing) -> Passing:
    """The rows that are not in the part; of a slice from the beginning or to the end, the rest is a slice."""
    if part.size in (0, part.total):
        return no_rows(part.total) if part.size else all_rows(part.total)
    if part.span is not None and part.order is not None:
        _, start, stop = part.span
        if start == 0:
            return of_span(part.order, stop, part.total)
        if stop == part.total:
            return of_span(part.order, 0, start)
    return Passing(part.total, part.total - part.size, bitmap=other_bits(part.as_bitmap(), part.total))


def _by_column(parts: Sequence[Passing], total: int) -> list[Passing]:
    """The parts with the slices of one column cut down to what they share."""
    others: list[Passing] = []
    spans: dict[str, Passing] = {}
    for part in parts:
        if part.span is None or part.order is None:
            others.append(part)
            continue
        column, start, stop = part.span
        known = spans.setdefault(column, part)
        if known is part or known.span is None:
            continue
        low, high = max(start, known.span[1]), min(stop, known.span[2])
        if low >= high:
            return [no_rows(total)]
        # Of two slices one of which is the other, the shorter keeps its list and its bitmap.
        whole = next((one for one in (part, known) if one.span == (column, low, high)), None)
        spans[column] = whole or of_span(part.order, low, high)
    return [*others, *spans.values()]


def _joined(parts: Sequence[Passing]) -> list[Passing]:
    """The parts with the slices of one column that touch or overlap made one."""
    others = [part for part in parts if part.span is None]
    joined: list[Passing] = []
    for part in sorted((part for part in parts if part.span is not None), key=lambda part: part.span or ("", 0, 0)):
        last = joined[-1] if joined else None
        if last is not None and last.span and part.span and part.order and last.span[0] == part.span[0]:
            (_, start, stop), (_, begin, end) = last.span, part.span
            if begin <= stop:
                joined[-1] = last if end <= stop else of_span(part.order, start, end)
                continue
        joined.append(part)
    return [*others, *joined]


def _tested(base: Passing, others: Sequence[Passing]) -> Passing:
    """The rows of one part that the others have, too."""
    rows, is_ascending = base.as_rows(), base.ids is not None
    assert rows is not None
    for part in others:
        if part.bitmap is not None:  # an eighth of a byte a row stays in the cache where 4 bytes do not
            rows = keep_in_bitmap(rows, part.bitmap)
        elif part.span is not None and part.order is not None:
            rows = keep_in_span(rows, part.order.place, part.span[1], part.span[2])
        else:
            rows, is_ascending = keep_in_both(rows if is_ascending else np.sort(rows), part.as_ids()), True
    return of_ids(rows if is_ascending else np.sort(rows), base.total)


def _add(bitmap: Bitmap, part: Passing, rows: Rows | None) -> None:
    if part.bitmap is None and rows is not None and rows.size * _TEST < bitmap.size * 2:
        set_bits(bitmap, rows)
    else:
        np.bitwise_or(bitmap, part.as_bitmap(), out=bitmap)


def _cost_of_bitmap(part: Passing) -> float:
    """Of making it where it is not there yet."""
    if part.bitmap is not None:
        return 0.0
    size = min(part.size, part.total / 32) if part.span is not None else part.size
    return size * _TEST + num_words(part.total) * _WORD
