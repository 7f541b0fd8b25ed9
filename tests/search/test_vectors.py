"""A set of vectors: the recall it was asked for under any filter, exact answers, rows that come and go, saving, errors."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError, DataError, MissingExtraError
from kinfolk.search import graph
from kinfolk.search.calibration import Calibration
from kinfolk.search.kernels.subsets import bitmap_of, span_of, subset_of_bitmap, subset_of_ids
from kinfolk.search.planner import Part
from kinfolk.search.vectors import VectorSet

NUM, DIM, GROUPS = 4000, 48, 20


def clustered(rng: np.random.Generator, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors around centers, in fewer directions than they have values, and the center of each."""
    centers = np.random.default_rng(3).normal(size=(GROUPS, DIM))
    of = rng.integers(GROUPS, size=num)
    return centers[of] + rng.normal(size=(num, DIM)) * np.linspace(1.6, 0.1, DIM), of


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    return clustered(np.random.default_rng(1), NUM)


@pytest.fixture(scope="module")
def walkable(rows: tuple[np.ndarray, np.ndarray]) -> VectorSet:
    """With a graph, which the suite has faiss for."""
    return VectorSet.build(rows[0], graph=True, threads=1)


@pytest.fixture(scope="module", params=["cosine", "ip", "l2"])
def scanned(request: pytest.FixtureRequest, rows: tuple[np.ndarray, np.ndarray]) -> VectorSet:
    return VectorSet.build(rows[0], metric=request.param, graph=False, threads=1)


def filters(of: np.ndarray, queries_of: np.ndarray, rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """By name, the rows that pass for each query."""
    random = {share: np.flatnonzero(rng.random(NUM) < share) for share in (0.02, 0.1, 0.5, 1)}
    own = {group: np.flatnonzero(of == group) for group in range(GROUPS)}
    others = {group: np.flatnonzero(of != group) for group in range(GROUPS)}
    some = rng.random(NUM) < 0.3
    return {
        **{f"random {share}": [rows] * len(queries_of) for share, rows in random.items()},
        "correlated": [own[group] for group in queries_of],
        "anti-correlated": [others[group] for group in queries_of],
        "anti-correlated and strict": [others[group][some[others[group]]] for group in queries_of],
    }


def recall_of(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([np.isin(t[t >= 0], f).mean() for f, t in zip(found, truth, strict=True)]))


@pytest.mark.parametrize("asked", [0.8, 0.95, 0.99])
def test_the_recall_asked_for_is_kept_under_every_filter(
    scanned: VectorSet, rows: tuple[np.ndarray, np.ndarray], asked: float
) -> None:
    rng = np.random.default_rng(11)
    queries, queries_of = clustered(rng, 100)
    for name, passing in filters(rows[1], queries_of, rng).items():
        subsets = [subset_of_ids(ids) for ids in passing]
        truth = scanned.search_each(queries, 10, subsets, exact=True, threads=1).rows
        for part in (None, Part.CODES, Part.ONE_BIT):
            hits = scanned.search_each(queries, 10, subsets, recall=asked, part=part, threads=2)
            assert recall_of(hits.rows, truth) >= asked - 0.01, (name, part)


@pytest.mark.parametrize("asked", [0.8, 0.95])
def test_walks_keep_the_recall_or_are_not_chosen(
    walkable: VectorSet, rows: tuple[np.ndarray, np.ndarray], asked: float
) -> None:
    rng = np.random.default_rng(12)
    queries, queries_of = clustered(rng, 100)
    walked = 0
    for name, passing in filters(rows[1], queries_of, rng).items():
        subsets = [subset_of_bitmap(bitmap_of(ids, NUM)) for ids in passing]
        truth = walkable.search_each(queries, 10, subsets, exact=True).rows
        hits = walkable.search_each(queries, 10, subsets, recall=asked)
        assert recall_of(hits.rows, truth) >= asked - 0.01, name
        if name in ("random 0.5", "random 1"):
            hits = walkable.search_each(queries, 10, subsets, recall=asked, part=Part.WALK)
            walked += sum(plan.part is Part.WALK for plan in hits.plans)
            assert recall_of(hits.rows, truth) >= asked - 0.01, name
    assert walked == 200


def test_exact_answers_are_the_same_alone_in_a_batch_and_by_every_part(scanned: VectorSet) -> None:
    rng = np.random.default_rng(5)
    queries, _ = clustered(rng, 30)
    ids = np.sort(rng.choice(NUM, 700, replace=False))
    together = scanned.search(queries, 5, ids=ids, exact=True, part=Part.PRODUCT)
    for hits in (
        scanned.search(queries, 5, bitmap=bitmap_of(ids, NUM), recall=1.0, part=Part.EXACT),
        scanned.search_each(queries, 5, [subset_of_ids(ids[::-1])] * 30, exact=True),
    ):
        np.testing.assert_array_equal(hits.rows, together.rows)
        np.testing.assert_array_equal(hits.scores, together.scores)
    for place, query in enumerate(queries):
        alone = scanned.search(query[None], 5, ids=ids, exact=True)
        np.testing.assert_array_equal(alone.scores[0], together.scores[place])


def test_estimated_answers_are_the_same_alone_in_a_batch_and_on_many_threads(scanned: VectorSet) -> None:
    queries, _ = clustered(np.random.default_rng(6), 12)
    batch = scanned.search_each(queries, 5, [span_of(0, NUM)] * 12, recall=0.8, part=Part.ONE_BIT, threads=3)
    with ThreadPoolExecutor(4) as pool:
        alone = list(
            pool.map(lambda query: scanned.search(query[None], 5, recall=0.8, part=Part.ONE_BIT).rows[0], queries)
        )
    np.testing.assert_array_equal(batch.rows, alone)


def test_scores_are_in_the_units_of_the_metric() -> None:
    table = np.array([[3.0, 4.0], [0.0, 0.0], [-3.0, 4.0]])
    query = np.array([[6.0, 8.0]])
    expected = {
        "cosine": [1.0, 0.28, 0.0, -np.inf],
        "ip": [50.0, 14.0, 0.0, -np.inf],
        "l2": [5.0, 97**0.5, 10.0, np.inf],
    }
    for metric, scores in expected.items():
        hits = VectorSet.build(table, metric=metric, graph=False).search(query, 4)  # type: ignore[arg-type]
        np.testing.assert_allclose(np.sort(hits.scores[0]), np.sort(scores), rtol=1e-6)
        assert hits.rows[0, 0] == 0
        assert hits.rows[0, 3] == -1


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_constant_vectors_and_zeros_are_measured_and_found(metric: str) -> None:
    table = np.full((1200, 20), 3.25)
    table[600:] = 0
    built = VectorSet.build(table, metric=metric, graph=True, threads=1)  # type: ignore[arg-type]
    for exact in (False, True):
        hits = built.search(np.full((1, 20), 3.25), 3, exact=exact)
        assert (hits.rows < 600).all()
        np.testing.assert_allclose(hits.scores, 1 if metric == "cosine" else 0, atol=1e-6)
    assert hits.rows.tolist() == [[0, 1, 2]]
    assert built.search(np.full((1, 20), 3.25), 2, ids=np.arange(700, 1200), part=Part.ONE_BIT).rows.tolist() == [
        [700, 701]
    ]


def test_a_slice_of_an_order_is_the_rows_it_holds(scanned: VectorSet) -> None:
    rng = np.random.default_rng(8)
    queries, _ = clustered(rng, 4)
    order = rng.permutation(NUM)
    copy = scanned.lines_in(order)
    for recall in (0.9, 1.0):
        span = scanned.search(queries, 5, span=span_of(100, 3000, copy), recall=recall)
        ids = scanned.search(queries, 5, ids=order[100:3000], recall=recall)
        np.testing.assert_array_equal(span.rows, ids.rows)
    mixed = scanned.search_each(
        queries[:2], 5, [span_of(100, 3000, copy), span_of(0, NUM)], recall=0.9, part=Part.ONE_BIT
    )
    np.testing.assert_array_equal(
        mixed.rows[0], scanned.search(queries[:1], 5, span=span_of(100, 3000, copy), recall=0.9).rows[0]
    )


def test_rows_come_and_go(rows: tuple[np.ndarray, np.ndarray], walkable: VectorSet) -> None:
    table, _ = rows
    grown = VectorSet.from_arrays(walkable.arrays(), walkable.facts())
    before = grown.search(table[:3], 4, exact=True)
    grown.append(table[:2])
    grown.append(table[5:6])
    grown.remove([0, NUM])
    assert (len(grown), grown.num_alive) == (NUM + 3, NUM + 1)
    for part in (None, Part.CODES, Part.ONE_BIT, Part.EXACT, Part.WALK):
        hits = grown.search(table[[0, 1, 5]], 2, recall=0.99, part=part)
        assert hits.rows[1:].tolist() == [[1, NUM + 1], [5, NUM + 2]], part  # of equal ones the lower row first
        assert not np.isin(hits.rows, [0, NUM]).any(), part
    np.testing.assert_array_equal(
        walkable.search(table[:3], 4, exact=True).rows, before.rows
    )  # what it came from is as it was
    everything = VectorSet.build(np.empty((0, 3)), metric="l2")
    assert everything.search(np.ones((1, 3)), 2).rows.tolist() == [[-1, -1]]
    everything.append(np.eye(3))
    assert everything.search(np.array([[0.0, 1.0, 0.0]]), 1).rows.tolist() == [[1]]


def test_an_index_opened_from_files_answers_alike(walkable: VectorSet, tmp_path: Path) -> None:
    queries, _ = clustered(np.random.default_rng(2), 20)
    for name, array in walkable.arrays().items():
        np.save(tmp_path / f"{name}.npy", array)
    mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in walkable.arrays()}
    opened = VectorSet.from_arrays(mapped, json.loads(json.dumps(walkable.facts())))
    shifted = np.empty(mapped["lines"].size + 1, dtype=np.uint64)[1:].reshape(mapped["lines"].shape)
    shifted[:] = mapped["lines"]
    assert VectorSet.from_arrays({**mapped, "lines": shifted}, walkable.facts()).arrays()["lines"].ctypes.data % 64 == 0
    opened.append(np.zeros((1, DIM)))
    for part in (Part.ONE_BIT, Part.WALK):
        found = opened.search(queries, 5, recall=0.9, part=part).rows
        np.testing.assert_array_equal(found, walkable.search(queries, 5, recall=0.9, part=part).rows)


def test_the_same_seed_measures_and_answers_the_same(rows: tuple[np.ndarray, np.ndarray]) -> None:
    one, other = (VectorSet.build(rows[0], seed=4, graph=False, threads=threads) for threads in (1, 2))
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name])
    first, second = (Calibration.from_json(built.facts()["calibration"]).errors for built in (one, other))
    assert first == second


def test_without_faiss_everything_is_scanned(
    rows: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "can_build", lambda: False)
    monkeypatch.setattr("kinfolk.search.building.can_build", lambda: False)
    monkeypatch.setattr("kinfolk.search.building.GRAPH_FROM", 10)
    built = VectorSet.build(rows[0][:1200], threads=1)
    assert not built.has_graph
    assert "no graph" in repr(built)
    with pytest.raises(MissingExtraError, match=r"kinfolk\[search\]"):
        VectorSet.build(rows[0][:1200], graph=True)


def test_a_plan_says_what_happened(scanned: VectorSet) -> None:
    hits = scanned.search(np.ones((2, DIM)), 3, ids=np.empty(0, dtype=np.int32))
    assert [plan.reason for plan in hits.plans] == ["No row passes the filter."] * 2
    assert scanned.search(np.empty((0, DIM)), 3).rows.shape == (0, 3)
    plan = scanned.search(np.ones((1, DIM)), 3, ids=np.arange(50)).plans[0]
    assert (plan.part, plan.size, plan.rows) == (Part.EXACT, 50, 50)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (np.array([[0.0, 1.0], [np.nan, 1.0]]), r"vectors must hold finite .* Row 2 has the length nan"),
        (np.array([[0.0, 1.0], [0.0, 1.0], [-np.inf, 1.0]]), r"Row 3 has the length inf"),
        (np.array([[1e30, 1.0]]), r"no longer than 1e\+18"),
        (np.ones(3), r"must have the shape \(num, dim\). Got \(3,\)"),
        (np.empty((2, 0)), r"Got \(2, 0\)"),
        ([["a"]], r"must be a table of numbers"),
    ],
)
@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_vectors_that_cannot_be_stored_are_refused(metric: str, wrong: object, what: str) -> None:
    with pytest.raises(DataError, match=what):
        VectorSet.build(wrong, metric=metric)  # type: ignore[arg-type]


def test_filters_that_do_not_fit_are_refused(scanned: VectorSet) -> None:
    query, words = np.ones((1, DIM)), -(-NUM // 64)
    for wrong, what in (
        ({"ids": np.array([0, NUM])}, r"rows from 0 to 3999. Got 0 to 4000"),
        ({"ids": np.array([-1, 2])}, r"Got -1 to 2"),
        ({"bitmap": np.zeros(words + 1, dtype=np.uint64)}, r"4000 rows has 63 words. Got 64"),
        ({"bitmap": np.full(words, 2**64 - 1, dtype=np.uint64)}, r"no bit after row 3999"),
        ({"span": span_of(5, NUM + 1)}, r"within 0 and 4000. Got 5 to 4001"),
    ):
        with pytest.raises(DataError, match=what):
            scanned.search(query, 2, **wrong)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"order must list rows"):
        scanned.lines_in(np.array([NUM]))
    with pytest.raises(DataError, match=r"one subset. Got 1 queries and 2 subsets"):
        scanned.search_each(query, 2, [span_of(0, 1)] * 2)
    with pytest.raises(DataError, match=r"queries must have the shape \(num, 48\). Got \(1, 3\)"):
        scanned.search(np.ones((1, 3)), 2)
    with pytest.raises(DataError, match=r"numbered from 0 to 3999. Got 4000"):
        scanned.remove([NUM])
    with pytest.raises(ConfigurationError, match=r"k must be at least 1. Got 0"):
        scanned.search(query, 0)
    with pytest.raises(ConfigurationError, match=r"recall must be above 0"):
        scanned.search(query, 1, recall=1.2)
    with pytest.raises(ConfigurationError, match=r"Got several"):
        scanned.search(query, 1, ids=np.arange(3), span=span_of(0, 3))
    with pytest.raises(ConfigurationError, match=r"metric must be one of cosine, ip, l2"):
        VectorSet.build(query, metric="dot")  # type: ignore[arg-type]
