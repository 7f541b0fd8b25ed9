"""The nearest vectors of either side, in blocks: equal to a slow search, with every product made once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinfolk.linking import near_vectors
from kinfolk.linking.near_vectors import Near, nearest_between, nearest_within

AT_ONCE = pytest.mark.parametrize("at_once", [1, 35, 1 << 24])


class Counting(np.ndarray):
    """An array that counts the inner products that are made of it."""

    made = 0

    def __matmul__(self, other: np.ndarray) -> Any:
        Counting.made += len(self) * other.shape[1]
        return np.asarray(self) @ np.asarray(other)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    monkeypatch.setattr(Counting, "made", 0)
    return Counting


def unit(rows: int, rng: np.random.Generator) -> np.ndarray:
    vectors = rng.normal(size=(rows, 6)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def check(found: Near, cosines: np.ndarray, k: int) -> None:
    """What was found is what sorting all products finds, best first."""
    slow = [
        (query, row) for query, of in enumerate(cosines) for row in np.argsort(-of, kind="stable")[:k] if of[row] > 0
    ]
    queries, rows, products = found
    assert list(zip(queries.tolist(), rows.tolist(), strict=True)) == slow
    np.testing.assert_allclose(products, cosines[queries, rows], rtol=1e-5)


@AT_ONCE
@pytest.mark.parametrize("k", [1, 3, 30])
def test_two_tables_in_blocks_equal_a_slow_search(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, at_once: int, k: int
) -> None:
    monkeypatch.setattr(near_vectors, "_PRODUCTS_AT_ONCE", at_once)
    left, right = unit(17, rng), unit(11, rng)
    left[4] = right[7] = 0
    found = nearest_between(left, right, k)
    check(found.of_left, left @ right.T, k)
    check(found.of_right, right @ left.T, k)


@AT_ONCE
@pytest.mark.parametrize("k", [1, 3, 30])
def test_one_table_in_blocks_equals_a_slow_search(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, at_once: int, k: int
) -> None:
    monkeypatch.setattr(near_vectors, "_PRODUCTS_AT_ONCE", at_once)
    vectors = unit(17, rng)
    vectors[4] = 0
    check(nearest_within(vectors, k), vectors @ vectors.T, k)


def test_every_product_is_made_once_and_shares_of_them_are_told(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, counting: type[Counting]
) -> None:
    monkeypatch.setattr(near_vectors, "_PRODUCTS_AT_ONCE", 20 * 4)
    left, right = unit(30, rng).view(counting), unit(20, rng).view(counting)
    told: list[tuple[float, int]] = []
    nearest_between(left, right, 3, lambda share: told.append((share, Counting.made)))
    assert told[-1] == (1, 30 * 20)
    assert [share for share, _ in told] == pytest.approx([min(1, made / 600) for _, made in told])
    assert len(told) == 8


def test_within_one_table_half_of_the_products_are_made(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, counting: type[Counting]
) -> None:
    monkeypatch.setattr(near_vectors, "_PRODUCTS_AT_ONCE", 30)  # one row at a time
    told: list[tuple[float, int]] = []
    nearest_within(unit(30, rng).view(counting), 3, lambda share: told.append((share, Counting.made)))
    pairs = 30 * 31 // 2  # each record with itself, too
    assert told[-1] == (1, pairs)
    assert [share for share, _ in told] == pytest.approx([made / pairs for _, made in told], abs=0.05)
    assert len(told) == 30


@pytest.mark.parametrize(("num_left", "num_right"), [(0, 3), (3, 0), (0, 0)])
def test_a_table_without_records_finds_nothing(rng: np.random.Generator, num_left: int, num_right: int) -> None:
    assert len(nearest_between(unit(num_left, rng), unit(num_right, rng), 2).pairs(num_right)) == 0
    assert len(nearest_within(unit(0, rng), 2)[0]) == 0


def test_of_equal_ones_as_many_as_are_asked_for_are_found() -> None:
    equal = np.ones((9, 1), np.float32)
    found = nearest_between(equal[:4], equal, 2)
    assert np.bincount(found.of_left[0]).tolist() == [2] * 4
    assert np.bincount(found.of_right[0]).tolist() == [2] * 9
