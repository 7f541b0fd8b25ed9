"""The index: equal to a search row by row through any history, as it was when a search began, and whole after any interruption."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kinfolk.errors import ConfigurationError, DataError, RunError
from kinfolk.search import Index, col, join, mine
from kinfolk.search.attributes import Attributes

DIM = 5
COLUMNS = pa.schema([("year", pa.int64()), ("tags", pa.list_(pa.string())), ("source", pa.string())])
YEARS = st.one_of(st.none(), st.integers(0, 4))
ROWS = st.fixed_dictionaries(
    {
        "year": YEARS,
        "tags": st.one_of(st.none(), st.lists(st.sampled_from("abc"), max_size=2)),
        "source": st.sampled_from("xy"),
    }
)
FILTERS = {
    "none": (None, lambda _: True),
    "range": (col("year").between(1, 2), lambda row: row["year"] in (1, 2)),
    "tag": (col("tags").contains("a"), lambda row: "a" in (row["tags"] or ())),
    "not": (~(col("source") == "x"), lambda row: row["source"] != "x"),
    "missing": (col("year").is_null(), lambda row: row["year"] is None),
    "both": ("year >= 2 AND 'b' IN tags", lambda row: (row["year"] or 0) >= 2 and "b" in (row["tags"] or ())),
    "nothing": (col("year") == 9, lambda _: False),
}


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, COLUMNS)


def brute_force(model: dict[int, tuple[np.ndarray, dict]], query: np.ndarray, k: int, passes) -> list[int]:
    """Ids of the rows nearest by cosine; few values of few dimensions, so that there are ties, which the first row wins."""

    def cosine(vector: np.ndarray) -> float:
        lengths = np.linalg.norm(vector.astype(float)) * np.linalg.norm(query.astype(float))
        return round(float(vector.astype(float) @ query.astype(float) / lengths), 6) if lengths else 0.0

    found = sorted((-cosine(vector), row_id) for row_id, (vector, row) in model.items() if passes(row))
    return [row_id for _, row_id in found[:k]]


class AnyHistory(RuleBasedStateMachine):
    """Rows come and go, change, are saved and opened again; what is found stays what a look at every row finds."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="index-")) / "index"
        self.model: dict[int, tuple[np.ndarray, dict]] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.folder.parent)

    @initialize(rows=st.lists(ROWS, max_size=8), seed=st.integers(0, 9))
    def begin(self, rows: list[dict], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        vectors = self.vectors(len(rows))
        self.index = Index.build(vectors, table(rows))
        self.model = dict(enumerate(zip(vectors, rows, strict=True)))
        self.next = len(rows)

    def vectors(self, num: int) -> np.ndarray:
        return self.rng.integers(-1, 2, (num, DIM)).astype(np.float32)

    @rule(rows=st.lists(ROWS, min_size=1, max_size=4))
    def add(self, rows: list[dict]) -> None:
        vectors = self.vectors(len(rows))
        self.index.add(vectors, table(rows))
        for pair in zip(vectors, rows, strict=True):
            self.model[self.next] = pair
            self.next += 1

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        gone = data.draw(st.lists(st.sampled_from(sorted(self.model)), min_size=1, max_size=3, unique=True))
        self.index.remove(gone)
        for row_id in gone:
            del self.model[row_id]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def update(self, data: st.DataObject) -> None:
        changed = data.draw(st.lists(st.sampled_from(sorted(self.model)), min_size=1, max_size=3, unique=True))
        rows = [data.draw(ROWS) for _ in changed]
        self.index.update(changed, table(rows))
        for row_id, row in zip(changed, rows, strict=True):
            self.model[row_id] = self.model[row_id][0], row

    @rule()
    def save(self) -> None:
        self.index.save(self.folder)

    @rule()
    def open_again(self) -> None:
        if self.index.folder is not None:
            self.index = Index.open(self.folder, verify=True)

    @rule(name=st.sampled_from(sorted(FILTERS)), k=st.integers(1, 12))
    def search(self, name: str, k: int) -> None:
        where, passes = FILTERS[name]
        queries = self.vectors(2)
        found = self.index.search(queries, k, where=where, exact=True)
        for query, ids in zip(queries, found.ids, strict=True):
            expected = brute_force(self.model, query, k, passes)
            assert ids.tolist() == expected + [None] * (k - len(expected))

    @invariant()
    def it_has_what_it_was_given(self) -> None:
        if hasattr(self, "index"):
            assert len(self.index) == len(self.model)


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=8, stateful_step_count=14, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def clustered() -> tuple[np.ndarray, pa.Table]:
    rng = np.random.default_rng(3)
    centers = rng.normal(size=(20, 32))
    group = rng.integers(20, size=3_000)
    vectors = (centers[group] + 0.5 * rng.normal(size=(3_000, 32))).astype(np.float32)
    return vectors, pa.table({"group": group, "year": rng.integers(1900, 2000, 3_000)})


@pytest.fixture(scope="module")
def index(clustered: tuple[np.ndarray, pa.Table]) -> Index:
    return Index.build(*clustered)


def test_queries_with_filters_of_their_own_find_what_each_finds_alone(index: Index, clustered) -> None:
    vectors, attributes = clustered
    filters = [None, col("year") < 1950, "year BETWEEN 1960 AND 1961", col("group") == 3, None, col("year") < 1950]
    queries = vectors[:6] + 0.1
    together = index.search(queries, 7, where=filters, exact=True)
    for place, where in enumerate(filters):
        alone = index.search(queries[place : place + 1], 7, where=where, exact=True)
        assert together.ids[place].tolist() == alone.ids[0].tolist()
        np.testing.assert_array_equal(together.scores[place], alone.scores[0])
    own = index.search(queries, 7, where=col("group") == mine("group"), own=attributes.slice(0, 6), exact=True)
    groups = attributes["group"].to_pylist()
    assert [[groups[row] for row in ids] for ids in own.ids] == [[groups[place]] * 7 for place in range(6)]


def test_what_it_says_of_itself_is_so(index: Index, clustered, tmp_path: Path) -> None:
    vectors, _ = clustered
    said = index.explain(vectors[0], where="year = 1950 AND year = 1951")
    assert said.passing == 0
    assert "exclude each other" in " ".join(said.notices) or "no row" in " ".join(said.notices).lower()
    said = index.explain(vectors[0], where=col("year") == 1950)
    years = clustered[1]["year"].to_numpy()
    assert said.passing == (years == 1950).sum()
    assert f"{said.passing:,} of 3,000 rows pass" in str(said)
    index.save(tmp_path)
    opened = Index.open(tmp_path)
    assert opened.stats().columns == {"group": "int64", "year": "int64"}
    assert opened.stats().sizes["vectors"] >= vectors.nbytes
    first = index.search(vectors[:3], 4, where=col("year") < 1950)
    assert opened.search(vectors[:3], 4, where=col("year") < 1950).ids.tolist() == first.ids.tolist()
    assert first.to_arrow().column_names == ["query", "rank", "id", "score"]
    assert first.to_arrow()["id"].to_pylist()[:4] == first.ids[0].tolist()


def test_removed_rows_are_not_counted(rng: np.random.Generator) -> None:
    index = Index.build(rng.normal(size=(10, 3)), {"odd": [row % 2 for row in range(10)]})
    index.remove([1, 2, 4])
    assert "no filter: 7 of 7 rows pass" in str(index.explain(np.ones(3)))
    assert "4 of 7 rows pass" in str(index.explain(np.ones(3), where=col("odd") == 1))
    assert (index.stats().num, index.stats().removed) == (7, 3)


def test_texts_are_ids_too(tmp_path: Path, rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(4, 3)).astype(np.float32)
    index = Index.build(vectors, {"kind": ["a", "b", "a", "b"]}, ids=["ä", "b", "c", ""])
    index.save(tmp_path)
    index = Index.open(tmp_path)
    index.add(vectors[:1], {"kind": ["z"]}, ids=["neu"])
    assert index.search(vectors[:1], 2, exact=True).ids.tolist() == [["ä", "neu"]]
    index.remove(["ä"])
    assert "ä" not in index
    assert Index.open(tmp_path).search(vectors[:1], 1, where=col("kind") == "z").ids.tolist() == [["neu"]]


def test_an_index_may_begin_empty_in_a_folder(tmp_path: Path, rng: np.random.Generator) -> None:
    """Whether ids are texts or numbers is known when the first come."""
    vectors = rng.normal(size=(3, 4)).astype(np.float32)
    index = Index.build(np.empty((0, 4)), pa.table({"kind": pa.array([], pa.string())}))
    index.save(tmp_path)
    index.add(vectors, {"kind": ["a", "b", "a"]}, ids=["x", "y", "z"])
    for one in (index, Index.open(tmp_path)):
        assert one.search(vectors[:1], 3, where=col("kind") == "b").ids.tolist() == [["y", None, None]]
        assert one.search(vectors, 1).ids.tolist() == [["x"], ["y"], ["z"]]
    index.remove(["x", "y", "z"])
    index.save()
    index.add(vectors[:1], {"kind": ["c"]}, ids=[7])
    assert Index.open(tmp_path, verify=True).search(vectors[:1], 2).ids.tolist() == [[7, None]]


def test_rows_may_come_one_at_a_time(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(150, 3)).astype(np.float32)
    one_by_one = Index.build(vectors[:1], {"row": [0]})
    for row in range(1, 150):
        one_by_one.add(vectors[row : row + 1], {"row": [row]})
    together = Index.build(vectors, {"row": list(range(150))})
    for where in (None, col("row") >= 70):
        found = one_by_one.search(vectors[:20], 5, where=where, exact=True)
        assert found.ids.tolist() == together.search(vectors[:20], 5, where=where, exact=True).ids.tolist()


def test_eight_threads_search_while_rows_come_and_go(clustered) -> None:
    """A row that is in the index is found; one that was never in it, or was removed before the search, is not."""
    vectors, attributes = clustered
    index = Index.build(vectors[:1000], attributes.slice(0, 1000))
    done = False

    def look(seed: int) -> int:
        rng, looked = np.random.default_rng(seed), 0
        while not done or not looked:
            row = int(rng.integers(500, 1000))  # never removed
            found = index.search(vectors[row : row + 1], 3, where=col("year") == int(years[row]), exact=True)
            assert found.ids[0, 0] == row
            assert not any(row_id is not None and row_id < removed_before for row_id in found.ids[0])
            looked += 1
        return looked

    years, removed_before = attributes["year"].to_numpy(), 0
    with ThreadPoolExecutor(8) as pool:
        looking = [pool.submit(look, seed) for seed in range(8)]
        for step in range(40):
            index.add(vectors[1000 + step * 10 : 1010 + step * 10], attributes.slice(1000 + step * 10, 10))
            index.remove(list(range(step * 10, step * 10 + 10)))
        done = True
        assert all(one.result() for one in looking)
    assert len(index) == 1000
    everything = index.search(vectors[:1], 1000, exact=True).ids[0]
    assert sorted(everything) == list(range(400, 1400))


def change_for_ever(folder: Path, telling: Any) -> None:
    """Adds row after row, tells of each, and saves now and then."""
    index = Index.open(folder)
    for number in range(100, 10_000):
        index.add(np.full((1, 3), number, np.float32), {"number": [number]}, ids=[number])
        telling.send(number)
        if number % 5 == 0:
            index.save()


@pytest.mark.slow  # each process loads LanceDB anew
def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    kills = int(os.environ.get("KINFOLK_KILLS", "2"))
    context = multiprocessing.get_context("spawn")
    for kill in range(kills):
        folder = tmp_path / str(kill)
        Index.build(np.ones((1, 3), np.float32), {"number": [0]}, metric="l2").save(folder)
        known, telling = context.Pipe(duplex=False)
        process = context.Process(target=change_for_ever, args=(folder, telling))
        process.start()
        telling.close()
        assert known.poll(120)
        time.sleep(0.02 + 0.037 * kill)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        last = 99
        try:
            while True:
                last = known.recv()
        except EOFError:
            pass
        index = Index.open(folder)
        there = last if len(index) == last - 98 else last + 1  # one may be written and not yet told
        assert len(index) == there - 98
        found = index.search(np.full((1, 3), there, np.float32), 1, where=col("number") == there)
        assert found.ids.tolist() == [[there]]
        assert found.scores[0, 0] == 0


def test_what_does_not_fit_is_said_and_changes_nothing(tmp_path: Path, rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(4, 3)).astype(np.float32)
    index = Index.build(vectors, {"kind": ["a", "b", "a", "b"]})
    with pytest.raises(DataError, match="vectors must have the shape"):
        index.add(vectors[:, :2], {"kind": ["a"] * 4})
    with pytest.raises(DataError, match="vectors must be a table of numbers .*complex"):
        Index.build(vectors * 1j)
    with pytest.raises(DataError, match="vectors must hold finite numbers"):
        Index.build(np.full((2, 2), 1e300))
    with pytest.raises(DataError, match="Got 1 vectors, 1 ids, 2 rows of attributes"):
        index.add(vectors[:1], {"kind": ["a", "b"]})
    with pytest.raises(DataError, match="3 is in it. Remove it first"):
        index.add(vectors[:1], {"kind": ["a"]}, ids=[3])
    with pytest.raises(DataError, match="The attributes have the columns kind"):
        index.add(vectors[:1], {"sort": ["a"]})
    with pytest.raises(DataError, match="ids must be of one kind"):
        index.add(vectors[:1], {"kind": ["a"]}, ids=["x"])
    with pytest.raises(DataError, match="9 is not in it"):
        index.remove([9])
    with pytest.raises(DataError, match="Each id can be named once"):
        index.update([1, 1], {"kind": ["a", "b"]})
    with pytest.raises(ConfigurationError, match="needs a folder"):
        index.save()
    with pytest.raises(ConfigurationError, match="Give the attributes of queries as own"):
        index.search(vectors, where=col("kind") == mine("kind"))
    with pytest.raises(DataError, match="Got 4 queries and 1 filters"):
        index.search(vectors, where=[None])
    with pytest.raises(ConfigurationError, match=r"where must be a condition on columns, .* Got 5"):
        index.search(vectors, where=5)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"k must be at least 1 and a whole number\. Got 2\.5"):
        index.search(vectors, 2.5)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"threads must be at least 1, .* Got 0"):
        Index.build(vectors, threads=0)
    with pytest.raises(DataError, match=r"ids that are numbers must be below 2\*\*63"):
        Index.build(vectors, ids=np.arange(4, dtype=np.uint64) + 2**63)
    with pytest.raises(DataError, match="has a column __id of its own"):
        Index.build(vectors, {"__id": [1, 2, 3, 4]})
    with pytest.raises(DataError, match=r"cannot be written .*a\.b.*\. Rename that column\.$"):
        Index.build(vectors, {"a.b": [1, 2, 3, 4]}).save(tmp_path / "dotted")
    with pytest.raises(DataError, match="holds no index"):
        Index.open(tmp_path)
    assert len(index) == 4
    index.save(tmp_path)
    other = Index.open(tmp_path)
    index.remove([0])
    with pytest.raises(RunError, match="was changed by another process"):
        other.add(vectors[:1], {"kind": ["a"]})
    assert len(other) == 4
    assert len(Index.open(tmp_path)) == 3


def test_an_index_that_another_process_changed_is_not_saved_with_rows_of_both(tmp_path: Path, rng) -> None:
    """Its arrays would be those of before, and its rows those of after."""
    vectors = rng.normal(size=(4, 3)).astype(np.float32)
    Index.build(vectors, {"kind": ["a", "b", "a", "b"]}).save(tmp_path / "first")
    late = Index.open(tmp_path / "first")
    Index.open(tmp_path / "first").update([0], {"kind": ["z"]})
    with pytest.raises(RunError, match="was changed by another process"):
        late.save(tmp_path / "second")
    Index.build(vectors[:2], {"sort": [1, 2]}).save(tmp_path / "first")
    with pytest.raises(RunError, match="was changed by another process"):
        late.save(tmp_path / "second")
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize("graph", [True, False])
def test_what_was_asked_of_the_graph_holds_when_the_index_is_built_anew(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, graph: bool
) -> None:
    pytest.importorskip("faiss", reason="needs kinfolk[search]: faiss is not installed")
    monkeypatch.setattr("kinfolk.search.building.GRAPH_FROM", 40)
    index = Index.build(rng.normal(size=(90, 4)), graph=graph, threads=1)
    index.remove(list(range(40)))
    index.save(tmp_path)
    assert index.stats().graph is graph
    index = Index.open(tmp_path)
    index.remove(list(range(40, 60)))
    index.save()
    assert (index.stats().removed, index.stats().graph) == (0, graph)
    shutil.rmtree(tmp_path / "arrays")
    assert Index.open(tmp_path).stats().graph is graph


def test_filters_that_nothing_passes_turn_the_attributes_over_once(
    clustered: tuple[np.ndarray, pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While rows wait to be turned over, each notice did so for all rows."""
    vectors, attributes = clustered
    index = Index.build(vectors[:-1], attributes.slice(0, 2_999))
    index.add(vectors[-1:], attributes.slice(2_999))
    turned, append = [], Attributes.append
    monkeypatch.setattr(Attributes, "append", lambda old, table: turned.append(len(old)) or append(old, table))
    found = index.search(vectors[:9], where=[col("year") == 3000 + row for row in range(9)])
    assert len(found.notices) == 9
    assert turned == [2_999]


def test_an_index_has_one_copy_of_its_vectors(rng: np.random.Generator) -> None:
    vectors = np.ascontiguousarray(rng.normal(size=(900, 4096)), dtype=np.float32)
    Index.build(vectors[:2], graph=False)  # compiles
    tracemalloc.start()
    Index.build(vectors, graph=False)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1.5 * vectors.nbytes  # divided by their lengths, and the codes


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "b", "c"], pa.string_view()),
        pa.array(["a", "b", "c"]).dictionary_encode(),
        pa.array([["a"], [], None], pa.large_list(pa.string())),
    ],
    ids=["string view", "dictionary", "list"],
)
def test_columns_of_every_type_change_and_are_kept(tmp_path: Path, rng: np.random.Generator, column: pa.Array) -> None:
    field = pa.field("c", column.type, nullable=column.null_count > 0)
    rows = pa.Table.from_arrays([column], schema=pa.schema([field]))
    vectors = rng.normal(size=(5, 3)).astype(np.float32)
    index = Index.build(vectors[:3], rows)
    index.add(vectors[3:], rows.slice(0, 2))
    index.update([1], rows.slice(2, 1))
    index.save(tmp_path)
    index.update([0], rows.slice(1, 1))
    opened = Index.open(tmp_path)
    assert opened.schema == index.schema
    values = [column[row].as_py() for row in (1, 2, 2, 0, 1)]
    for one in (index, opened):
        for where, missing in ((col("c").is_null(), True), (~col("c").is_null(), False)):
            found = one.search(vectors[:1], 5, where=where, exact=True).ids[0]
            expected = [row for row, value in enumerate(values) if (value is None) == missing]
            assert sorted(row for row in found if row is not None) == expected


def test_a_join_finds_for_every_row_what_its_own_conditions_leave(clustered, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, attributes = clustered
    left, own = vectors[:300] + 0.01, attributes.slice(0, 300)
    where = (col("group") == mine("group")) & col("year").between(mine("year") - 20, mine("year") + 20)
    shares: list[float] = []
    found = join(
        left,
        vectors,
        4,
        where=where,
        left_attributes=own,
        right_attributes=attributes,
        exact=True,
        advance=shares.append,
    )
    assert shares == [1.0]
    group, year = (attributes[name].to_numpy() for name in ("group", "year"))
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (left, vectors)]
    cosines = units[0] @ units[1].T
    for row in range(300):
        passes = (group == group[row]) & (np.abs(year - year[row]) <= 20)
        expected = np.flatnonzero(passes)[np.argsort(-cosines[row, passes], kind="stable")[:4]]
        assert [row_id for row_id in found.ids[row] if row_id is not None] == expected.tolist()
    index = Index.build(vectors, attributes)
    again = join(left, index, 4, where=where, left_attributes=own, exact=True)
    assert again.ids.tolist() == found.ids.tolist()
    twice = pa.concat_tables([own, own])
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["kinfolk.search.join"], "_BLOCK", 300)
        with pytest.raises(
            DataError, match=r"left_attributes must have a row for each .* Got 600 rows and 300 vectors"
        ):
            join(left, index, 4, where=where, left_attributes=twice)
    with pytest.raises(ConfigurationError, match="Leave right_attributes out"):
        join(left, index, right_attributes=attributes)


def test_what_a_graph_is_walked_for_comes_as_a_bitmap_and_is_found_the_same(clustered) -> None:
    vectors, attributes = clustered
    walked = Index.build(vectors, attributes, graph=True)
    scanned = Index.build(vectors, attributes, graph=False)
    for where in (col("year") < 1960, col("year") < 1905, ~(col("group") == 3), col("group") == 3):
        found = [index.search(vectors[:5], 6, where=where, exact=True).ids.tolist() for index in (walked, scanned)]
        assert found[0] == found[1]
