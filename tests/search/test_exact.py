"""Exact search: a slow reference, and answers that nothing around them moves."""

import numpy as np
import pytest

from kinfolk.search import exact
from kinfolk.search.exact import exact_search


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def by_sorting(queries: np.ndarray, exemplars: np.ndarray, k: int) -> list[list[int]]:
    """Every product summed alone in float64; equal ones in the order of rows."""
    rows = []
    for query in queries.astype(float):
        product = [-(query * exemplar).sum() for exemplar in exemplars.astype(float)]
        rows.append(sorted(range(len(exemplars)), key=lambda row: (product[row], row))[:k])
    return rows


@pytest.mark.parametrize("k", [1, 3, 40, 60])
def test_equals_sorting_every_product(rng: np.random.Generator, k: int) -> None:
    exemplars, queries = unit(rng.normal(size=(40, 7))), unit(rng.normal(size=(25, 7)))
    exemplars[20:30] = exemplars[:10]  # ties
    found = exact_search(queries, exemplars, k=k)
    assert [[row for row in rows if row >= 0] for rows in found.rows.tolist()] == by_sorting(queries, exemplars, k)
    assert (found.rows[:, 40:] == -1).all()
    assert (found.similarities[:, 40:] == -np.inf).all()


@pytest.mark.parametrize("dim", [3, 64, 300])
def test_differences_below_float32_are_told_apart(rng: np.random.Generator, dim: int) -> None:
    # Exemplars one bit away from each other: their products in float32 come out in any order.
    base = unit(rng.normal(size=(1, dim)))
    exemplars = np.repeat(base, 60, axis=0)
    exemplars[np.arange(1, 60), rng.integers(0, dim, 59)] *= np.float32(1 + 2**-23)
    queries = unit(base + 0.1 * rng.normal(size=(8, dim)))
    assert exact_search(queries, exemplars, k=5).rows.tolist() == by_sorting(queries, exemplars, 5)


def test_a_query_alone_and_an_exemplar_alone_have_the_same_bits(rng: np.random.Generator) -> None:
    exemplars, queries = unit(rng.normal(size=(37, 129))), unit(rng.normal(size=(11, 129)))
    found = exact_search(queries, exemplars, k=37)
    for row, query in enumerate(queries):
        alone = exact_search(query[None], exemplars, k=37)
        np.testing.assert_array_equal(alone.rows[0], found.rows[row])
        for place, exemplar in enumerate(found.rows[row]):
            pair = exact_search(query[None], exemplars[exemplar][None], k=1)
            assert pair.similarities[0, 0] == found.similarities[row, place]


def test_blocks_change_nothing(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    exemplars, queries = unit(rng.normal(size=(50, 16))), unit(rng.normal(size=(23, 16)))
    whole = exact_search(queries, exemplars, k=50)
    monkeypatch.setattr(exact, "_SCORES", 150)
    monkeypatch.setattr(exact, "_ROWS", 7)
    parts = exact_search(queries, exemplars, k=50)
    np.testing.assert_array_equal(parts.rows, whole.rows)
    np.testing.assert_array_equal(parts.similarities, whole.similarities)


def test_equal_products_go_by_rank() -> None:
    exemplars = np.tile(np.float32([1, 0]), (4, 1))
    found = exact_search(exemplars[:1], exemplars, k=3, rank=np.array([3, 0, 2, 1]))
    assert found.rows.tolist() == [[1, 3, 2]]


def test_zeros_find_nothing_and_are_not_found() -> None:
    exemplars = np.float32([[0, 0], [-1, 0]])
    found = exact_search(np.float32([[1, 0], [0, 0]]), exemplars, k=2)
    assert found.rows.tolist() == [[1, -1], [-1, -1]]
    assert found.similarities.tolist() == [[-1, -np.inf], [-np.inf, -np.inf]]


def test_no_exemplars_and_no_queries() -> None:
    none = np.zeros((0, 2), np.float32)
    assert exact_search(np.float32([[1, 0]]), none, k=2).rows.tolist() == [[-1, -1]]
    assert exact_search(none, np.float32([[1, 0]]), k=2).rows.shape == (0, 2)
