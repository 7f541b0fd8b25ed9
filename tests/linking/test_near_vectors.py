"""The nearest vectors of either side, in blocks: equal to a slow search, with every product made once."""

from __future__ import annotations

import numpy as np
import pytest

from kinfolk.linking import near_vectors, products
from kinfolk.linking.candidates import neighbors
from kinfolk.linking.near_vectors import nearest_between, nearest_within
from kinfolk.linking.products import Products
from kinfolk.linking.running_best import Near
from kinfolk.linking.spaces import tfidf_space

TILES = pytest.mark.parametrize("tile", [(1, 1), (5, 3), (512, 1024)])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of products of the tiles that are made."""
    sizes: list[int] = []
    of = Products.of

    def counted(self: Products, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        sizes.append(len(left) * len(right))
        return of(self, left, right)

    monkeypatch.setattr(Products, "of", counted)
    return sizes


def in_tiles(monkeypatch: pytest.MonkeyPatch, left: int, right: int) -> None:
    monkeypatch.setattr(near_vectors, "_LEFT_ROWS", left)
    monkeypatch.setattr(near_vectors, "_RIGHT_ROWS", right)


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


@TILES
@pytest.mark.parametrize("k", [1, 3, 30])
def test_two_tables_in_blocks_equal_a_slow_search(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, tile: tuple[int, int], k: int
) -> None:
    in_tiles(monkeypatch, *tile)
    left, right = unit(17, rng), unit(11, rng)
    left[4] = right[7] = 0
    found = nearest_between(left, right, k)
    check(found.of_left, left @ right.T, k)
    check(found.of_right, right @ left.T, k)


@TILES
@pytest.mark.parametrize("k", [1, 3, 30])
def test_one_table_in_blocks_equals_a_slow_search(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, tile: tuple[int, int], k: int
) -> None:
    in_tiles(monkeypatch, *tile)
    vectors = unit(17, rng)
    vectors[4] = 0
    check(nearest_within(vectors, k), vectors @ vectors.T, k)


def test_every_product_is_made_once_and_shares_of_them_are_told(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, made: list[int]
) -> None:
    in_tiles(monkeypatch, 4, 1024)
    told: list[tuple[float, int]] = []
    nearest_between(unit(30, rng), unit(20, rng), 3, lambda share: told.append((share, sum(made))))
    assert told[-1] == (1, 30 * 20)
    assert [share for share, _ in told] == pytest.approx([min(1, num / 600) for _, num in told])
    assert len(told) == 9


def test_within_one_table_half_of_the_products_are_made(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, made: list[int]
) -> None:
    in_tiles(monkeypatch, 1, 1024)
    told: list[tuple[float, int]] = []
    nearest_within(unit(30, rng), 3, lambda share: told.append((share, sum(made))))
    pairs = 30 * 31 // 2  # each record with itself, too
    assert told[-1] == (1, pairs)
    assert [share for share, _ in told] == pytest.approx([num / pairs for _, num in told], abs=0.05)
    assert len(told) == 30


def test_products_in_bfloat16_find_what_exact_ones_find(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    in_tiles(monkeypatch, 50, 30)
    left, right = rng.normal(size=(130, 384)).astype(np.float32), rng.normal(size=(110, 384)).astype(np.float32)
    left[20:60] = left[20]  # more equal ones than are kept
    right[:50] = left[20] + 1e-4 * right[:50]  # and more that only exact products tell apart
    plain, alone = nearest_between(left, right, 4), nearest_within(left, 4)
    monkeypatch.setattr(products, "_LARGE", 0)
    monkeypatch.setattr(products, "_has_bfloat16", lambda: True)
    rounded, alone_rounded = nearest_between(left, right, 4), nearest_within(left, 4)
    for found, same in zip(
        (*plain.of_left, *plain.of_right, *alone),
        (*rounded.of_left, *rounded.of_right, *alone_rounded),
        strict=True,
    ):
        np.testing.assert_array_equal(found, same)
    exact = left.astype(np.float64) @ right.astype(np.float64).T
    check(plain.of_left, exact, 4)
    check(plain.of_right, exact.T, 4)


@TILES
@pytest.mark.parametrize("k", [1, 3, 30])
def test_only_pairs_of_a_group_are_found(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, made: list[int], tile: tuple[int, int], k: int
) -> None:
    in_tiles(monkeypatch, *tile)
    left, right = unit(17, rng), unit(11, rng)
    groups = [(np.arange(0, 12, 2), np.array([1, 2, 5, 9])), (np.array([1, 3, 15]), np.array([0, 2, 10]))]
    passes = np.zeros((17, 11), bool)
    for rows, others in groups:
        passes[np.ix_(rows, others)] = True
    found = nearest_between(left, right, k, groups=lambda: groups)
    assert sum(made) == passes.sum()
    cosines = np.where(passes, left @ right.T, 0)
    check(found.of_left, cosines, k)
    check(found.of_right, cosines.T, k)


def test_ngrams_of_a_group_equal_a_slow_search(rng: np.random.Generator) -> None:
    words = np.array([f"{a}{b}x" for a in "abcdefg" for b in "hijklmn"])
    left, right = ([" ".join(rng.choice(words, 3)) for _ in range(num)] for num in (23, 19))
    space = tfidf_space(left, right)
    groups = [(np.arange(0, 20, 2), np.arange(5, 19)), (np.array([1, 3, 21]), np.array([0, 2, 7]))]
    passes = np.zeros((23, 19), bool)
    for rows, others in groups:
        passes[np.ix_(rows, others)] = True
    found = neighbors(space, 4, lambda: groups)
    cosines = np.where(passes, (space.left @ space.right.T).toarray(), 0)
    for (rows, others, values), of in ((found.of_left, cosines), (found.of_right, cosines.T)):
        np.testing.assert_allclose(values, of[rows, others], rtol=1e-5)
        best = -np.sort(-of, axis=1)[:, :4]
        np.testing.assert_allclose(values, best[best > 0], rtol=1e-5)


@pytest.mark.parametrize(("num_left", "num_right"), [(0, 3), (3, 0), (0, 0)])
def test_a_table_without_records_finds_nothing(rng: np.random.Generator, num_left: int, num_right: int) -> None:
    assert len(nearest_between(unit(num_left, rng), unit(num_right, rng), 2).pairs(num_right)) == 0
    assert len(nearest_within(unit(0, rng), 2)[0]) == 0


def test_of_equal_ones_as_many_as_are_asked_for_are_found() -> None:
    equal = np.ones((9, 1), np.float32)
    found = nearest_between(equal[:4], equal, 2)
    assert np.bincount(found.of_left[0]).tolist() == [2] * 4
    assert np.bincount(found.of_right[0]).tolist() == [2] * 9
