"""Every kind, found in the registry, against brute force under the filters it serves; and what it says of those it does not."""

from __future__ import annotations

import inspect
import re
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.filters import Expression, col, everything, nothing
from kinfolk.search.kinds import Kind, find_kind, kind, kinds
from kinfolk.search.metric import Metric

NUM, DIM, QUERIES, K = 2000, 24, 30, 10
SHARES = {"1 %": 0.01, "10 %": 0.1, "50 %": 0.5}
COLUMNS = {"EM": "kind", "R": "year", "EMIS": "tags"}

# 200 rows, cells or multiples of k. The beam of faiss' walk holds rows that fail, too: at 1 % it takes all rows to have k that pass.
EFFORT = {"hnsw-selector": NUM}
# Rows that pass and are more than two links from each other are islands to ACORN-1, however long it walks; clusters make more of them.
FLOOR = {"acorn-1": 0.9}


def drawn_table(rng: np.random.Generator, num: int) -> tuple[np.ndarray, pa.Table]:
    """Rows in clusters and attributes that know nothing of them, but for one tag and ``cluster``; ``rare`` is on three rows."""
    clusters = rng.integers(40, size=num)
    vectors = rng.normal(size=(40, DIM))[clusters] + 0.15 * rng.normal(size=(num, DIM))
    kind_of = rng.choice(["1 %", "10 %", "50 %", "other", None], p=[0.01, 0.1, 0.5, 0.37, 0.02], size=num)
    kind_of[rng.choice(num, size=3, replace=False)] = "rare"
    tags = [[tag for tag, share in SHARES.items() if rng.random() < share] for _ in range(num)]
    for row in range(num):
        tags[row] += [f"cluster {clusters[row]}"] if row % 3 else []
    for row in rng.choice(num, size=3, replace=False):
        tags[row].append("rare")
    years = [None if row % 50 == 0 else int(year) for row, year in enumerate(rng.integers(10_000, size=num))]
    years[1:4] = [20_000, 20_001, 20_002]
    return vectors, pa.table({"kind": pa.array(kind_of, pa.string()), "year": years, "tags": tags, "cluster": clusters})


@cache
def data() -> tuple[np.ndarray, pa.Table, np.ndarray]:
    rng = np.random.default_rng(7)
    vectors, table = drawn_table(rng, NUM)
    near = vectors[rng.integers(NUM, size=QUERIES // 2)] + 0.1 * rng.normal(size=(QUERIES // 2, DIM))
    return vectors, table, np.concatenate([near, rng.normal(size=(QUERIES - len(near), DIM))])


@cache
def built(name: str, column: str | None) -> Kind:
    vectors, table, _ = data()
    return find_kind(name).make.build(vectors, table, column=column)


def index(name: str, filter_type: str) -> Kind:
    """The kind, built for a filter type if it has to be."""
    return built(name, COLUMNS[filter_type] if find_kind(name).of_one_column else None)


def filter_of(filter_type: str, share: str) -> Expression:
    if filter_type == "EM":
        return col("kind") == share
    if filter_type == "EMIS":
        return col("tags").contains(share)
    if share == "rare":
        return col("year") >= 20_000
    return {
        "1 %": col("year").between(5000, 5099),
        "10 %": col("year") < 1000,
        "50 %": col("year").between(2000, 7000),
    }[share]


def passes(where: Expression, table: pa.Table) -> np.ndarray:
    """Row by row, by the text of the filter in Python: another way than that of the package."""
    text = re.sub(r"col\('(\w+)'\)", r"row['\1']", repr(where))
    text = re.sub(r"row\['(\w+)'\]\.between\((\S+), (\S+)\)", r"(\2 <= row['\1'] <= \3)", text)
    text = re.sub(r"row\['(\w+)'\]\.contains\((.+?)\)", r"(\2 in row['\1'])", text)
    column = re.search(r"row\['(\w+)'\]", text)
    assert column is not None
    return np.array([row[column[1]] is not None and bool(eval(text, {"row": row})) for row in table.to_pylist()])


def brute_force(vectors: np.ndarray, queries: np.ndarray, mask: np.ndarray, metric: Metric = "cosine") -> np.ndarray:
    """Scores in float64, -inf where a row fails."""
    if metric == "l2":
        scores = -((queries[:, None] - vectors[None]) ** 2).sum(axis=2)
    else:
        lengths = np.linalg.norm(vectors, axis=1) if metric == "cosine" else np.ones(len(vectors))
        scores = queries @ (vectors / np.where(lengths > 0, lengths, 1)[:, None]).T
        scores = scores / np.linalg.norm(queries, axis=1)[:, None] if metric == "cosine" else scores
    return np.where(mask, scores, -np.inf)


def recall(rows: np.ndarray, scores: np.ndarray, k: int) -> float:
    """The share of the true neighbors that were found; a row that ties with the last one is as good as that."""
    true = np.sort(scores, axis=1)[:, ::-1][:, :k]
    wanted = np.isfinite(true).sum()
    found = sum(
        (scores[query, line[line >= 0]] >= true[query][np.isfinite(true[query])][-1] - 1e-5).sum()
        for query, line in enumerate(rows)
    )
    return float(found / wanted)


@cache
def truth(filter_type: str, share: str) -> np.ndarray:
    vectors, table, queries = data()
    return brute_force(vectors, queries, passes(filter_of(filter_type, share), table))


SERVED = [
    pytest.param(name, filter_type, id=f"{name} {filter_type}")
    for name, entry in kinds().items()
    for filter_type in COLUMNS
    if not entry.of_one_column or filter_type in entry.serves
]


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(("name", "filter_type"), SERVED)
def test_recall_is_that_of_brute_force(name: str, filter_type: str, share: str) -> None:
    where = filter_of(filter_type, share)
    rows, _ = index(name, filter_type).search(data()[2], K, where, effort=EFFORT.get(name, 200))
    assert recall(rows, truth(filter_type, share), K) >= FLOOR.get(name, 0.95)


def test_recall_of_acorn_1_has_a_ceiling_that_no_effort_lifts() -> None:
    """With M = 2 a row leads to 16 others in two links; if one in ten passes, hardly to one or two, and walks end soon."""
    vectors, table, queries = data()
    sparse = find_kind("acorn-1").make.build(vectors, table, neighbors=2)  # type: ignore[call-arg]
    for filter_type in COLUMNS:
        where = filter_of(filter_type, "10 %")
        most = recall(sparse.search(queries, K, where, effort=NUM)[0], truth(filter_type, "10 %"), K)
        assert recall(sparse.search(queries, K, where, effort=NUM // 4)[0], truth(filter_type, "10 %"), K) == most
        assert most < 0.6
        assert (
            recall(built("acorn-1", None).search(queries, K, where, effort=NUM)[0], truth(filter_type, "10 %"), K) > 0.9
        )


@pytest.mark.parametrize(("name", "filter_type"), SERVED)
def test_what_is_found_passes_comes_once_and_has_its_exact_score(name: str, filter_type: str) -> None:
    for share in SHARES:
        expected = truth(filter_type, share)
        rows, scores = index(name, filter_type).search(data()[2], K, filter_of(filter_type, share), effort=5)
        assert rows.dtype == np.int64
        assert rows.shape == scores.shape == (QUERIES, K)
        for query, (line, score) in enumerate(zip(rows, scores, strict=True)):
            found = line[line >= 0]
            assert len(set(found)) == len(found)
            np.testing.assert_allclose(score[: len(found)], expected[query, found], atol=1e-6)  # -inf where a row fails
            assert (np.diff(score[: len(found)]) <= 0).all()
            assert (line[len(found) :] == -1).all()
            assert (score[len(found) :] == -np.inf).all()


@pytest.mark.parametrize(("name", "filter_type"), SERVED)
def test_fewer_rows_than_wanted_may_pass_and_none(name: str, filter_type: str) -> None:
    _, table, queries = data()
    where = filter_of(filter_type, "rare")
    three = np.flatnonzero(passes(where, table))
    assert len(three) == 3
    rows, scores = index(name, filter_type).search(queries, K, where, effort=NUM)
    np.testing.assert_array_equal(np.sort(rows[:, :3], axis=1), np.tile(three, (QUERIES, 1)))
    assert (rows[:, 3:] == -1).all()
    assert np.isfinite(scores[:, :3]).all()
    assert (scores[:, 3:] == -np.inf).all()
    unheard = {"EM": col("kind") == "?", "R": col("year") > 90_000, "EMIS": col("tags").contains("?")}[filter_type]
    rows, _ = index(name, filter_type).search(queries, K, unheard, effort=NUM)
    assert (rows == -1).all()


@pytest.mark.parametrize(("name", "filter_type"), SERVED)
def test_more_effort_does_not_find_less(name: str, filter_type: str) -> None:
    found = []
    for effort in (1, 20, 100, 500, NUM):
        shares = []
        for share in SHARES:
            rows, _ = index(name, filter_type).search(data()[2], K, filter_of(filter_type, share), effort=effort)
            shares.append(recall(rows, truth(filter_type, share), K))
        found.append(np.mean(shares))
    assert (np.diff(found) >= -0.005).all(), found


@pytest.mark.parametrize("name", kinds())
def test_a_filter_that_goes_with_the_vectors_is_served_as_well(name: str) -> None:
    """Rows of one cluster pass, and queries are anywhere: their neighbors fail, and the way to the cluster leads past them."""
    vectors, table, queries = data()
    if find_kind(name).of_one_column and "EM" not in find_kind(name).serves:
        where, column = col("cluster").between(7, 8), "cluster"
    else:
        where, column = col("cluster") == 7, "cluster"
    rows, _ = built(name, column if find_kind(name).of_one_column else None).search(queries, K, where, effort=NUM)
    # Walks over rows that pass begin among them; a walk over all rows has to come by.
    assert recall(rows, brute_force(vectors, queries, passes(where, table)), K) >= 0.95


OTHERS = [
    col("kind") == "1 %",
    col("kind") != "1 %",
    col("kind").is_null(),
    col("year") < 1000,
    col("year").between(1, 5) | (col("year") > 7),
    (col("year") < 1000) & (col("kind") == "50 %"),
    ~(col("year") < 1000),
    col("tags").contains("1 %"),
    everything(),
]


@pytest.mark.parametrize("name", kinds())
def test_what_is_not_served_is_refused_in_a_sentence(name: str) -> None:
    entry = find_kind(name)
    _, _, queries = data()
    for filter_type, column in COLUMNS.items():
        if entry.of_one_column and filter_type not in entry.serves:
            continue
        made = index(name, filter_type)
        refused = [(where, made.serves(where)) for where in OTHERS]
        assert entry.of_one_column == any(sentence for _, sentence in refused)
        for where, sentence in refused:
            if sentence is None:
                rows, _ = made.search(queries[:3], K, where, effort=NUM)
                assert (rows[:, 0] >= 0).all()
                continue
            assert sentence.startswith(f"{name} was built for column '{column}' and serves ")
            assert sentence.endswith(".")
            assert repr(where) in sentence
            with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
                made.search(queries, K, where, effort=10)
        if not entry.of_one_column:
            break  # it is the same for every column


def test_labels_and_ranges_in_other_words() -> None:
    vectors, table, queries = data()
    tags, years = (
        table["tags"].to_pylist(),
        np.array([-1 if year is None else year for year in table["year"].to_pylist()]),
    )
    kinds_of_rows = table["kind"].to_pylist()
    both = np.array([{"10 %", "50 %"} <= set(row) for row in tags])
    either = np.array([bool({"1 %", "cluster 3"} & set(row)) for row in tags])
    cases = [
        ("ung", "tags", col("tags").contains_all(["10 %", "50 %"]), both),
        ("ung", "tags", col("tags").contains_any(["1 %", "cluster 3"]), either),
        ("ung", "kind", col("kind").is_in(["1 %", "rare"]), np.array([x in ("1 %", "rare") for x in kinds_of_rows])),
        ("serf", "year", col("year") > 9000, years > 9000),
        ("serf", "year", (col("year") >= 3000) & (col("year") < 3300), (years >= 3000) & (years < 3300)),
        ("serf", "year", col("year") == int(years[5]), years == years[5]),
    ]
    for name, column, where, mask in cases:
        rows, _ = built(name, column).search(queries, K, where, effort=200)
        expected = brute_force(vectors, queries, mask)
        assert recall(rows, expected, K) >= 0.95, where
        assert all(mask[line[line >= 0]].all() for line in rows), where
    assert built("ung", "tags").serves(col("tags").contains_all(["10 %", "50 %"])) is None
    assert (
        built("serf", "year").search(queries, K, (col("year") > 3000) & (col("year") < 3000), effort=9)[0] == -1
    ).all()


@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
@pytest.mark.parametrize("name", kinds())
def test_every_metric_and_the_same_seed_the_same_answer(name: str, metric: Metric) -> None:
    """Lengths differ by a factor of ten, and a few rows are zero."""
    rng = np.random.default_rng(3)
    vectors, table = drawn_table(rng, 300)
    vectors *= rng.uniform(0.3, 3, size=(300, 1))
    vectors[::60] = 0
    queries = rng.normal(size=(10, DIM))
    filter_type = next(iter(set(COLUMNS) & set(find_kind(name).serves)), "EM")
    column = COLUMNS[filter_type]
    where = filter_of(filter_type, "50 %")
    make = find_kind(name).make
    first = make.build(vectors, table, column=column, metric=metric, seed=5).search(queries, 5, where, effort=200)
    again = make.build(vectors, table, column=column, metric=metric, seed=5).search(queries, 5, where, effort=200)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    expected = brute_force(vectors, queries, passes(where, table), metric)
    assert recall(first[0], expected, 5) >= 0.95


@pytest.mark.parametrize("name", kinds())
def test_one_row_equal_rows_and_rows_without_a_value(name: str) -> None:
    make = find_kind(name).make
    lists = "R" not in find_kind(name).serves  # a column that the kind can be built for
    for num, values in ((1, [3]), (3, [None, None, None]), (150, [3] * 100 + [None] * 50)):
        column = pa.array([[] if value is None and row % 2 else value and [value] for row, value in enumerate(values)])
        table = pa.table({"a": column if lists else pa.array(values, pa.int64())})
        vectors = np.ones((num, 4))
        where = col("a").contains(3) if lists else col("a") >= 3
        rows, scores = make.build(vectors, table, column="a").search(np.ones((2, 4)), K, where, effort=200)
        there = min(K, sum(value is not None for value in values))
        assert ((rows >= 0).sum(axis=1) == there).all()
        np.testing.assert_allclose(scores[:, :there], 1, atol=1e-6)
        assert (rows < 100).all()


@pytest.mark.parametrize("name", kinds())
def test_what_cannot_be_built_or_asked_is_said(name: str) -> None:
    entry = find_kind(name)
    vectors, table, queries = data()
    with pytest.raises(DataError, match="Each vector needs one row of attributes"):
        entry.make.build(vectors[:-1], table, column="year")
    if entry.of_one_column:
        with pytest.raises(ConfigurationError, match=f"^{name} is built for the filters of one column. Name it"):
            entry.make.build(vectors, table)
        with pytest.raises((ConfigurationError, DataError), match="'yaer'"):
            entry.make.build(vectors[:50], table[:50], column="yaer")
    made = index(name, next(iter(set(COLUMNS) & set(entry.serves)), "EM"))
    with pytest.raises(ConfigurationError, match="k and effort must be at least 1. Got k=10 and effort=0."):
        made.search(queries, K, nothing(), effort=0)
    with pytest.raises(ConfigurationError, match="no column 'yaer'"):
        made.search(queries, K, "yaer = 3", effort=1)
    assert made.search(queries[:0], K, filter_of(_type_of(made), "1 %"), effort=1)[0].shape == (0, K)


def _type_of(made: Kind) -> str:
    column = getattr(made, "column", "kind")
    return next(filter_type for filter_type, name in COLUMNS.items() if name == column)


@pytest.mark.parametrize("name", kinds())
def test_every_whole_number_of_a_build_has_a_lowest_value(name: str) -> None:
    _, table, _ = data()
    vectors = np.random.default_rng(0).normal(size=(20, 4))
    make = find_kind(name).make
    numbers = [
        parameter
        for parameter, given in inspect.signature(make.build).parameters.items()
        if parameter not in ("vectors", "attributes", "column", "metric", "seed") and given.kind is given.KEYWORD_ONLY
    ]
    assert numbers
    for parameter in numbers:
        with pytest.raises(ConfigurationError, match=rf"\b{parameter}\b.* Got .*-1"):
            make.build(vectors, table[:20], column="year", **{parameter: -1})


def test_the_registry_knows_its_kinds_and_says_so() -> None:
    with pytest.raises(ConfigurationError, match=r"There is no kind 'hnws'. Known: acorn-1, .*, ung\."):
        find_kind("hnws")
    with pytest.raises(ConfigurationError, match="A kind named 'serf' exists already"):
        kind("serf", paper="", serves=("R",), effort="")(type("Other", (find_kind("ung").make,), {}))
    for name, entry in kinds().items():
        assert entry.summary.endswith(".")
        assert re.search(r"\b(19|20)\d\d\b", entry.paper), name
        assert repr(index(name, next(iter(set(COLUMNS) & set(entry.serves)), "EM"))).endswith("(2,000 rows of 24)")


def test_the_guide_lists_every_kind_with_its_effort() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "search.md").read_text(encoding="utf-8")
    for name, entry in kinds().items():
        line = next(line for line in guide.splitlines() if line.startswith(f"| `{name}` |"))
        assert entry.effort in line
