"""Every part against a slow reference: scores summed one after the other, rows sorted by score and number."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
import pytest

import kinfolk
from kinfolk.search import parts
from kinfolk.search.kernels.byte_products import QUERIES, ROWS, UNSIGNED, byte_products, pack_rows
from kinfolk.search.kernels.lines import aligned_lines
from kinfolk.search.kernels.one_bit import needed_errors
from kinfolk.search.kernels.rotation import random_signs
from kinfolk.search.kernels.shared_codes import search_codes
from kinfolk.search.kernels.shared_filter import search_shared
from kinfolk.search.kernels.subsets import (
    OrderedLines,
    Subset,
    bitmap_of,
    rows_of,
    span_of,
    subset_of_bitmap,
    subset_of_ids,
)
from kinfolk.search.metric import Metric, stored_form
from kinfolk.search.parts import ScratchPool, run_code_scan, run_exact, run_one_bit, run_shared, run_walk
from kinfolk.search.stored import NONE_DEAD, Stored, derived, lines_of, with_dead

EVERYTHING = 40.0  # errors; nothing is implausible then, and a one-bit scan is exact


def stored_from(
    vectors: np.ndarray, metric: Metric, dead: tuple[int, ...] = (), links: np.ndarray | None = None
) -> Stored:
    table = stored_form(vectors, name="vectors", metric=metric)
    mean, signs = table.mean(axis=0), random_signs(table.shape[1], 0)
    lines, codes, numbers, lengths = derived(table, mean, signs, squared=metric == "l2", threads=1)
    gone = with_dead(NONE_DEAD, np.array(dead), len(table)) if dead else NONE_DEAD
    no_links = np.empty((0, 0), dtype=np.int32)
    sample = np.arange(min(8, len(table)))
    links = no_links if links is None else links
    return Stored(metric, table, lines, mean, signs, lengths, sample, links, codes, numbers, gone)


def slow_scores(query: np.ndarray, rows: np.ndarray, squared: bool) -> np.ndarray:
    """Sum i is of the terms i, i + 32, i + 64 ..., and the 32 sums are halved until one is left."""
    terms = np.zeros((len(rows), -(-len(query) // 32) * 32))
    terms[:, : len(query)] = (query.astype(float) - rows) ** 2 if squared else query.astype(float) * rows
    sums = np.zeros((len(rows), 32))
    for start in range(0, terms.shape[1], 32):
        sums += terms[:, start : start + 32]
    while sums.shape[1] > 1:
        sums = sums[:, : sums.shape[1] // 2] + sums[:, sums.shape[1] // 2 :]
    return -sums[:, 0] if squared else sums[:, 0]


def by_sorting(stored: Stored, queries: np.ndarray, subset: Subset, k: int) -> tuple[np.ndarray, np.ndarray]:
    rows, scores = np.full((len(queries), k), -1), np.full((len(queries), k), -np.inf)
    gone = rows_of(subset_of_bitmap(stored.dead)) if len(stored.dead) else np.empty(0, dtype=np.int64)
    passing = np.setdiff1d(rows_of(subset), gone)
    for place, query in enumerate(queries):
        score = slow_scores(query, stored.vectors[passing], stored.squared)
        best = np.lexsort((passing, -score))[:k]
        rows[place, : len(best)], scores[place, : len(best)] = passing[best], score[best]
    return rows, scores


def chain(num: int, width: int = 4) -> np.ndarray:
    """Links to the rows beside each, a graph that is connected."""
    near = np.arange(num)[:, None] + np.array([-2, -1, 1, 2])[:width]
    return np.where((near >= 0) & (near < num), near, near % num).astype(np.int32)


def forms_of(rows: np.ndarray, stored: Stored) -> dict[str, Subset]:
    order = np.concatenate([rows[::-1], np.setdiff1d(np.arange(stored.num), rows)]).astype(np.int32)
    return {
        "ids": subset_of_ids(rows),
        "bitmap": subset_of_bitmap(bitmap_of(rows, stored.num)),
        "span of an order": span_of(0, len(rows), OrderedLines(order, lines_of(stored.lines, order))),
    }


def answers(stored: Stored, queries: np.ndarray, subset: Subset, k: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Every part, told to be exact."""
    many, ordered = len(queries), subset.ordered
    listed = subset if ordered is None else subset_of_ids(rows_of(subset))
    order = {} if ordered is None else {"lines": ordered.lines, "order": ordered.order}
    found = {
        "exact scan": run_exact(stored, queries, [listed] * many, k, 1),
        "code scan": run_code_scan(stored, queries, [listed] * many, k, 1, certain=True, pool=ScratchPool()),
        "one-bit scan": run_one_bit(
            stored, queries, [subset] * many, k, 2, errors=EVERYTHING, pool=ScratchPool(), **order
        )[:2],
        "shared product": run_shared(stored, queries, listed, k, 1),
    }
    if stored.has_graph:
        bitmap = subset_of_bitmap(bitmap_of(rows_of(subset), stored.num))
        found["walk"] = run_walk(
            stored, queries, [bitmap] * many, k, 1, breadths=np.full(many, stored.num),
            least_near=np.zeros(many, dtype=np.int64), pool=ScratchPool(),
        )[:2]  # fmt: skip
    return found


@pytest.mark.parametrize("dim", [1, 7, 64, 384, 385, 1000])
@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
def test_all_parts_equal_brute_force_in_ids_and_bits(rng: np.random.Generator, metric: Metric, dim: int) -> None:
    vectors = rng.normal(size=(150, dim)) + 0.5
    vectors[100:120] = vectors[:20]  # ties
    vectors[[30, 31]] = 0
    stored = stored_from(vectors, metric, dead=(3, 99, 149), links=chain(150))
    queries = stored_form(np.concatenate([vectors[[3, 105, 31]], rng.normal(size=(1, dim))]), name="q", metric=metric)
    for size, k in ((70, 5), (4, 9)):  # enough rows, and fewer than asked for
        rows = np.sort(rng.choice(150, size, replace=False))
        for form, subset in forms_of(rows, stored).items():
            for part, (found, scores) in answers(stored, queries, subset, k).items():
                expected, expected_scores = by_sorting(stored, queries, subset, k)
                np.testing.assert_array_equal(found, expected, err_msg=f"{part}, {form}")
                np.testing.assert_array_equal(scores, expected_scores, err_msg=f"{part}, {form}")


@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
def test_constant_vectors_are_found_in_the_order_of_rows(metric: Metric) -> None:
    stored = stored_from(np.full((300, 20), 3.25), metric, dead=(1,))
    queries = stored.vectors[:2]
    for part, (found, _) in answers(stored, queries, span_of(0, 300), 4).items():
        assert found.tolist() == [[0, 2, 3, 4]] * 2, part
    assert (
        run_one_bit(stored, queries, [span_of(0, 300)] * 2, 4, 1, errors=0.5, pool=ScratchPool())[0].tolist()
        == [[0, 2, 3, 4]] * 2
    )


def test_nothing_passes_and_nothing_is_found(rng: np.random.Generator) -> None:
    stored = stored_from(rng.normal(size=(70, 9)), "ip", links=chain(70))
    for subset in forms_of(np.empty(0, dtype=np.int64), stored).values():
        for part, (found, scores) in answers(stored, stored.vectors[:3], subset, 2).items():
            assert (found == -1).all(), part
            assert (scores == -np.inf).all(), part


def test_a_scan_misses_only_what_its_errors_allow(rng: np.random.Generator) -> None:
    # Only a neighbor whose estimate is too low by more errors than are allowed for is missed.
    vectors = rng.normal(size=(2500, 24))
    subsets = [span_of(0, 2500), span_of(7, 2049), subset_of_ids(np.arange(0, 2500, 3))] * 2
    stored = stored_from(vectors, "l2", dead=(8,))
    queries = stored.vectors[:6] + np.float32(0.1)
    found = run_one_bit(stored, queries, subsets, 5, 2, errors=1.0, pool=ScratchPool())[0]
    for place, subset in enumerate(subsets):
        query = queries[place : place + 1]
        expected, scores = by_sorting(stored, query, subset, 5)
        needed = needed_errors(query, expected, scores, True, stored.lines.reshape(-1), stored.mean, stored.signs)[0]
        missed = ~np.isin(expected[0], found[place])
        assert (needed[missed] > 1.0).all()
        assert (~missed).sum() >= (needed <= 1.0).sum() > 0


@pytest.mark.parametrize("metric", ["ip", "l2"])
def test_the_estimate_of_a_line_is_unbiased_and_its_error_honest(rng: np.random.Generator, metric: Metric) -> None:
    # 10,000 pairs. What is needed to find the only row of a query is how far its estimate was too low, in errors.
    vectors = rng.normal(size=(10_000, 384)) * rng.uniform(0.2, 3, size=384) + rng.normal(size=384)
    stored = stored_from(vectors, metric)
    queries = (stored.vectors[rng.permutation(10_000)[:500]] + rng.normal(size=(500, 384))).astype(np.float32)
    rows = rng.integers(0, 10_000, size=(500, 20))
    low = np.empty(rows.shape)
    for t in range(20):
        scores = _scores(stored, queries, rows[:, t])[:, None]
        low[:, t] = needed_errors(
            queries,
            rows[:, t : t + 1].copy(),
            scores,
            stored.squared,
            stored.lines.reshape(-1),
            stored.mean,
            stored.signs,
        )[:, 0]
    # 20 pairs of a query share its rounding, so the deviation is that of the means of queries.
    assert abs(low.mean()) < 3 * low.mean(axis=1).std() / np.sqrt(500)
    assert 0.7 < low.std() < 1.1
    assert abs(np.mean(low > 1.645) - 0.05) < 0.05


def _scores(stored: Stored, queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    wide, near = queries.astype(float), stored.vectors[rows].astype(float)
    return -((wide - near) ** 2).sum(axis=1) if stored.squared else (wide * near).sum(axis=1)


def test_estimates_follow_the_true_products(rng: np.random.Generator) -> None:
    stored = stored_from(rng.normal(size=(3000, 384)), "ip")
    queries = rng.normal(size=(1, 384)).astype(np.float32)
    rows = np.arange(3000)[None]
    truth = _scores(stored, queries, rows[0])
    needed = needed_errors(
        queries,
        rows,
        np.append(truth, 0.0)[None, ::-1].copy(),
        False,
        stored.lines.reshape(-1),
        stored.mean,
        stored.signs,
    )
    # Of equal lengths the error is the same, so what is needed falls by what is estimated.
    assert np.corrcoef(-needed[0], truth)[0, 1] > 0.75


def test_a_shared_product_says_where_it_is_not_certain(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(400, 16)).astype(np.float32)
    vectors[50:100] = vectors[50]
    queries = vectors[[50, 200]]
    _, _, certain = search_shared(
        queries, span_of(0, 400), vectors, NONE_DEAD, k=3, half_squares=None, largest=float(np.linalg.norm(vectors, axis=1).max())
    )  # fmt: skip
    assert certain.tolist() == [False, True]


@pytest.mark.parametrize("certain", [False, True])
@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
@pytest.mark.parametrize(("dim", "num_queries", "k"), [(7, 1, 9), (384, 5, 9), (385, 70, 1), (64, 3, 300)])
def test_a_product_of_codes_finds_what_sorting_finds(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, metric: Metric, dim: int, num_queries: int, k: int, certain: bool
) -> None:  # fmt: skip
    monkeypatch.setattr(parts, "CODES_FROM", {False: 0, True: 0})
    monkeypatch.setattr(parts, "_AT_ONCE", 50)
    stored = stored_from(rng.normal(size=(1201, dim)) + 0.5, metric, dead=(3, 600), links=chain(1201))
    queries = stored_form(rng.normal(size=(num_queries, dim)), name="q", metric=metric)
    # One more than fits into a tile, fewer than are asked for, and an odd number.
    for rows in (np.arange(1201), np.sort(rng.choice(1201, 513, replace=False)), np.array([3, 5, 9])):
        for form, subset in forms_of(rows, stored).items():
            listed = subset if subset.ordered is None else subset_of_ids(rows_of(subset))
            found, scores = run_shared(stored, queries, listed, k, 1, certain=certain)
            expected, expected_scores = by_sorting(stored, queries, subset, k)
            np.testing.assert_array_equal(found, expected, err_msg=form)
            np.testing.assert_array_equal(scores, expected_scores, err_msg=form)


def test_an_exact_product_allows_for_all_that_codes_may_be_off(rng: np.random.Generator) -> None:
    # Every small value of the query is half a step, which its code takes for nothing, and one row has gained by all of them.
    dim, best = 128, 1234
    query = np.full((1, dim), 0.5, dtype=np.float32)
    rows = rng.integers(-20, 20, size=(2000, dim)).astype(np.float32)
    rows[best] = 20
    query[0, 0], rows[:, 0], rows[best, 0] = 127, np.linspace(127, 60, 2000), 120
    stored = stored_from(np.vstack([rows, -rows]), "ip")  # of mean 0
    everything = span_of(0, 4000)
    arrays = (stored.codes, stored.code_numbers, stored.mean, stored.lengths, stored.dead)
    for exact in (False, True):
        found, _, certain = search_codes(
            query, everything, stored.vectors, *arrays, k=5, squared=False, exact=exact, remembered=1000
        )
        assert certain.all()
        assert (best in found) == exact
    np.testing.assert_array_equal(found, by_sorting(stored, query, everything, 5)[0])
    scanned, _ = run_code_scan(stored, query, [everything], 5, 1, certain=True, pool=ScratchPool())
    np.testing.assert_array_equal(scanned, found)


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_rows_closer_than_codes_can_tell_are_told_apart_by_their_vectors(
    rng: np.random.Generator, metric: Metric
) -> None:
    vectors = rng.normal(size=(1200, 64))
    vectors[:300] = vectors[0] + rng.normal(size=(300, 64)) * 1e-3
    stored = stored_from(vectors, metric)
    queries = stored_form(vectors[[0, 7, 900]], name="q", metric=metric)
    everything = span_of(0, 1200)
    arrays = (stored.vectors, stored.codes, stored.code_numbers, stored.mean, stored.lengths, stored.dead)
    certain = search_codes(queries, everything, *arrays, k=9, squared=stored.squared, exact=False, remembered=23)[2]
    assert certain.tolist() == [False, False, True]
    found, scores = run_shared(stored, queries, everything, 9, 1, certain=False)
    expected, expected_scores = by_sorting(stored, queries, everything, 9)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(scores, expected_scores)


@pytest.mark.parametrize("width", [64, 448, 4096])
def test_products_of_bytes_are_those_of_whole_numbers(rng: np.random.Generator, width: int) -> None:
    queries = rng.integers(-127, 128, size=(QUERIES, width)).astype(np.int8)
    codes = rng.integers(-127, 128, size=(3 * ROWS, width)).astype(np.int8)
    listed = rng.permutation(3 * ROWS)[:ROWS]
    queries[0], codes[listed[0]] = 127, 127  # the largest sum there can be
    queries[1] = -127
    packed, out = np.zeros(ROWS * width, dtype=np.uint8), np.zeros((QUERIES, ROWS + 3), dtype=np.int32)
    pack_rows(codes.reshape(-1), listed, width, packed)
    _multiply(queries.reshape(-1), packed, width, out.reshape(-1), ROWS + 3)
    rows = codes[listed].astype(np.int64) + UNSIGNED
    np.testing.assert_array_equal(out[:, :ROWS], queries.astype(np.int64) @ rows.T)
    assert not out[:, ROWS:].any()


@nb.njit
def _multiply(queries: Any, rows: Any, width: int, out: Any, stride: int) -> None:
    byte_products(queries, 0, rows, 0, width, out, 0, stride)


def test_a_walk_finds_rows_the_graph_has_not(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(90, 12))
    stored = stored_from(vectors, "l2", links=chain(60))
    found, scores, _, seen = run_walk(
        stored, stored.vectors[[75, 10]], [span_of(0, 90)] * 2, 2, 1, breadths=np.array([60, 60]),
        least_near=np.array([0, 1]), pool=ScratchPool(),
    )  # fmt: skip
    expected, expected_scores = by_sorting(stored, stored.vectors[[75, 10]], span_of(0, 90), 2)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(scores, expected_scores)
    assert seen.tolist() == [60, 60]


def test_scratch_of_walks_starts_again_when_numbers_run_out(rng: np.random.Generator) -> None:
    stored = stored_from(rng.normal(size=(40, 5)), "ip", links=chain(40))
    pool = ScratchPool()

    def search() -> list[list[int]]:
        return run_walk(
            stored, stored.vectors[:4], [span_of(0, 40)] * 4, 3, 1, breadths=np.full(4, 40),
            least_near=np.zeros(4, dtype=np.int64), pool=pool,
        )[0].tolist()  # fmt: skip

    first = search()
    scratch = pool.lend(40, 0)
    scratch.epoch = np.iinfo(np.int32).max - 3
    pool.take_back(scratch, 0)
    assert search() == first
    assert pool.lend(40, 0).epoch < 10


def test_lines_begin_with_a_cache_line() -> None:
    for words in (8, 16, 72):
        assert aligned_lines(5, words).ctypes.data % 64 == 0


def answers_of_a_small_index() -> list[object]:
    rng = np.random.default_rng(7)
    stored = stored_from(rng.normal(size=(70, 67)), "l2", dead=(4,), links=chain(70))
    queries = stored.vectors[[4, 30]]
    subset = subset_of_bitmap(bitmap_of(np.arange(0, 70, 2), 70))
    exactly = {
        part: (found.tolist(), scores.tolist()) for part, (found, scores) in answers(stored, queries, subset, 3).items()
    }
    scan = run_one_bit(stored, queries, [subset, span_of(0, 70)], 3, 1, errors=0.8, pool=ScratchPool())
    narrow = run_walk(
        stored, queries, [subset, span_of(0, 70)], 3, 1, breadths=np.array([4, 5]),
        least_near=np.array([0, 0]), pool=ScratchPool(),
    )  # fmt: skip
    many = search_codes(
        queries, subset, stored.vectors, stored.codes, stored.code_numbers, stored.mean, stored.lengths, stored.dead,
        k=3, squared=True, exact=True, remembered=40,
    )[:2]  # fmt: skip
    likely = run_code_scan(stored, queries, [subset] * 2, 3, 1, certain=False, pool=ScratchPool())
    return [exactly, stored.lines.tolist(), *(part.tolist() for part in (*scan, *narrow, *many, *likely))]


def test_without_compilation_everything_is_the_same() -> None:
    code = "import test_parts as t; print(t.answers_of_a_small_index())"
    places = os.pathsep.join([str(Path(__file__).parent), str(Path(kinfolk.__file__).parents[1]), *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": places},
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(answers_of_a_small_index())
