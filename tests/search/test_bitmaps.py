import numpy as np
import pytest

from kinfolk.search.bitmaps import (
    all_bits,
    bits_of,
    count_bits,
    flip_bits,
    keep_in_bitmap,
    keep_in_both,
    keep_in_span,
    other_bits,
    rows_of,
)
from kinfolk.search.order import Order

TOTALS = [1, 63, 64, 65, 1000]


def draw(rng: np.random.Generator, total: int, share: float) -> np.ndarray:
    return np.flatnonzero(rng.random(total) < share).astype(np.int32)


@pytest.mark.parametrize("total", TOTALS)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_bits_and_lists_are_the_same_sets(rng: np.random.Generator, total: int, share: float) -> None:
    rows, others = draw(rng, total, share), draw(rng, total, 0.5)
    bitmap, wanted = bits_of(rng.permutation(rows), total), set(others.tolist())
    slow = sum(1 << int(row) for row in rows)
    assert sum(int(word) << 64 * place for place, word in enumerate(bitmap)) == slow
    assert rows_of(bitmap, rows.size).tolist() == rows.tolist()
    assert count_bits(bitmap) == rows.size
    assert rows_of(other_bits(bitmap, total), total - rows.size).tolist() == sorted({*range(total)} - {*rows.tolist()})
    assert count_bits(all_bits(total)) == total
    assert keep_in_both(rows, others).tolist() == [row for row in rows.tolist() if row in wanted]
    shuffled = rng.permutation(rows)
    assert keep_in_bitmap(shuffled, bits_of(others, total)).tolist() == [
        row for row in shuffled.tolist() if row in wanted
    ]
    flip_bits(bitmap, others)
    assert rows_of(bitmap, count_bits(bitmap)).tolist() == sorted({*rows.tolist()} ^ wanted)


@pytest.mark.parametrize("total", TOTALS)
def test_a_slice_of_an_order_is_its_bitmap(rng: np.random.Generator, total: int) -> None:
    order = Order.build("a", rng.permutation(total).astype(np.int32))
    assert order.rows[order.place].tolist() == list(range(total))
    rows = draw(rng, total, 0.5)
    for start, stop in [(0, total), (0, 0), *(sorted(rng.integers(0, total + 1, 2)) for _ in range(30))]:
        expected = sorted(order.rows[start:stop].tolist())
        bitmap = order.bitmap(int(start), int(stop))
        assert rows_of(bitmap, len(expected)).tolist() == expected
        assert count_bits(bitmap) == len(expected)
        inside = [row for row in rows.tolist() if start <= order.place[row] < stop]
        assert keep_in_span(rows, order.place, int(start), int(stop)).tolist() == inside
