"""An index is a set: what it answers depends on what it holds, not on how that came there."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kinfolk.data import write_table
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search import ExemplarIndex, Neighbors, VectorSpace
from kinfolk.search.ids import Ids

SPACE = VectorSpace("model-1", 24, {"image": 0.6, "text": 0.4})


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def vectors(rng: np.random.Generator) -> np.ndarray:
    vectors = unit(rng.normal(size=(60, 24)))
    vectors[40:50] = vectors[:10]  # equal vectors under other ids
    vectors[50] = 0
    return vectors


@pytest.fixture
def queries(vectors: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=(30, 24))
    return np.concatenate([vectors[:10], unit(noise), np.zeros((1, 24), np.float32)])


NAMES = [f"r{number * 37 % 60}" for number in range(60)]
CLASSES = [None if number % 5 == 0 else f"c{number % 7}" for number in range(60)]


@pytest.fixture
def index(vectors: np.ndarray) -> ExemplarIndex:
    return ExemplarIndex.build(NAMES, vectors, space=SPACE, classes=CLASSES)


def assert_same(first: Neighbors, second: Neighbors) -> None:
    for name in ("ids", "classes", "similarities"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("k", [1, 7, 100])
def test_one_by_one_in_any_order_equals_building(
    index: ExemplarIndex, vectors: np.ndarray, queries: np.ndarray, k: int
) -> None:
    grown = ExemplarIndex(SPACE)
    for row in np.random.default_rng(3).permutation(60):
        grown.add([NAMES[row]], vectors[row : row + 1], classes=[CLASSES[row]])
    assert_same(grown.search(queries, k), index.search(queries, k))


def test_removing_equals_building_without_and_adding_again_restores(
    index: ExemplarIndex, vectors: np.ndarray, queries: np.ndarray
) -> None:
    before = index.search(queries, 60)
    gone = [0, 59, 3, 41, 17]
    kept = [row for row in range(60) if row not in gone]
    index.remove([NAMES[row] for row in gone])
    fresh = ExemplarIndex.build(
        [NAMES[r] for r in kept], vectors[kept], space=SPACE, classes=[CLASSES[r] for r in kept]
    )
    assert len(index) == 55
    assert NAMES[3] not in index
    assert_same(index.search(queries, 60), fresh.search(queries, 60))
    index.add([NAMES[row] for row in gone], vectors[gone], classes=[CLASSES[row] for row in gone])
    assert_same(index.search(queries, 60), before)


def test_saved_and_opened_gives_the_same_answers_and_the_same_file(
    index: ExemplarIndex, vectors: np.ndarray, queries: np.ndarray, tmp_path: Path
) -> None:
    opened = ExemplarIndex.open(index.save(tmp_path / "a"))
    assert opened.space == SPACE
    assert opened.ids == sorted(NAMES)
    assert_same(opened.search(queries, 9), index.search(queries, 9))
    backwards = ExemplarIndex.build(NAMES[::-1], vectors[::-1], space=SPACE, classes=CLASSES[::-1])
    backwards.save(tmp_path / "b")
    first, second = (next((tmp_path / name).iterdir()).read_bytes() for name in "ab")
    assert first == second
    opened.remove(NAMES[1:])
    opened.save(tmp_path / "a")
    assert ExemplarIndex.open(tmp_path / "a").ids == NAMES[:1]


def test_whole_numbers_are_ids_too(vectors: np.ndarray, tmp_path: Path) -> None:
    index = ExemplarIndex.build(np.arange(60)[::-1], vectors, space=SPACE)
    assert index.search(vectors[:1], 2).ids.tolist() == [[19, 59]]  # equal vectors, the smaller id first
    assert ExemplarIndex.open(index.save(tmp_path)).search(vectors[:1], 2).ids.tolist() == [[19, 59]]


@pytest.mark.parametrize("make", [np.array, pa.array, tuple])
def test_ids_may_come_in_an_array(vectors: np.ndarray, make: Callable[[list[str]], Ids]) -> None:
    assert ExemplarIndex.build(make(NAMES), vectors, space=SPACE).ids == sorted(NAMES)


def test_nearest_is_the_first_of_search_or_none(index: ExemplarIndex, queries: np.ndarray) -> None:
    first = index.search(queries, 1)
    always = index.nearest(queries)
    np.testing.assert_array_equal(always.ids, first.ids[:, 0])
    assert always.ids[-1] is None  # nothing is known of the query
    cut = float(np.sort(always.similarities)[20])
    some = index.nearest(queries, threshold=cut)
    refused = always.similarities < cut
    assert (some.ids[refused] == None).all()  # noqa: E711
    assert (some.classes[refused] == None).all()  # noqa: E711
    np.testing.assert_array_equal(some.ids[~refused], always.ids[~refused])
    np.testing.assert_array_equal(some.similarities, always.similarities)


def test_known_classes() -> None:
    space = VectorSpace("m", 2)
    index = ExemplarIndex.build(["a1", "a2", "b"], [[1, 0], [0, 1], [-1, 0]], space=space, classes=["A", "A", "B"])
    found = index.search([[0.6, 0.8]], 3)
    assert found.ids.tolist() == [["a2", "a1", "b"]]
    assert found.classes.tolist() == [["A", "A", "B"]]
    np.testing.assert_allclose(found.similarities, [[0.8, 0.6, -0.6]], atol=1e-7)


def test_an_exemplar_of_zeros_is_kept_and_never_found(index: ExemplarIndex, queries: np.ndarray) -> None:
    assert NAMES[50] in index
    found = index.search(queries[:1], 60)
    assert NAMES[50] not in found.ids
    assert found.ids[0, -1] is None
    assert np.isneginf(found.similarities[0, -1])
    index.remove([NAMES[50]])


def test_an_empty_index_finds_nothing_and_can_be_saved(tmp_path: Path) -> None:
    opened = ExemplarIndex.open(ExemplarIndex(SPACE).save(tmp_path))
    assert len(opened) == 0
    assert opened.nearest(np.eye(24)[:2]).ids.tolist() == [None, None]
    opened.add([1], np.eye(24)[:1])
    assert opened.nearest(np.eye(24)[:2]).ids.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("ids", "rows", "message"),
    [
        (["x", "y", "x"], slice(3), "'x' came twice"),
        (["x", "r3", "y"], slice(3), "'r3' came twice"),
        (["x", "y"], slice(3), "2 ids, 3 vectors, 2 classes"),
        ([1, 2, 3], slice(3), "The index has 'r0', and 1 was added"),
        (["x", None, "y"], slice(3), "1 missing"),
        ([0.5, 1.5, 2.5], slice(3), "Got double"),
        (["x", 2, "y"], slice(3), "all of one kind"),
        ([True, False], slice(2), "Got bool"),
    ],
)
def test_what_cannot_be_added_leaves_the_index_as_it_was(
    index: ExemplarIndex, vectors: np.ndarray, queries: np.ndarray, ids: list[str], rows: slice, message: str
) -> None:
    before = index.search(queries, 5)
    with pytest.raises(DataError, match=message):
        index.add(ids, vectors[rows])
    assert len(index) == 60
    assert_same(index.search(queries, 5), before)


def test_what_cannot_be_removed_leaves_the_index_as_it_was(index: ExemplarIndex) -> None:
    for ids, message in ((["r1", "nobody"], "'nobody' is not in it"), (["r1", "r1"], "name each once")):
        with pytest.raises(DataError, match=message):
            index.remove(ids)
    assert len(index) == 60


def test_vectors_and_queries_that_are_refused(index: ExemplarIndex, vectors: np.ndarray) -> None:
    nan = vectors[:1].copy()
    nan[0, 3] = np.nan
    with pytest.raises(DataError, match="Row 1 has the length nan"):
        index.add(["new"], nan)
    with pytest.raises(DataError, match="queries must hold unit vectors"):
        index.search(2 * vectors[:1], 1)
    with pytest.raises(DataError, match=r"queries must have the shape \(num, 24\)\. Got \(2, 23\)"):
        index.search(vectors[:2, 1:], 1)
    with pytest.raises(ConfigurationError, match="k must be at least 1. Got 0"):
        index.search(vectors[:1], 0)
    with pytest.raises(ConfigurationError, match="threshold must be a cosine"):
        index.nearest(vectors[:1], threshold=float("nan"))
    with pytest.raises(DataError, match="classes must be texts"):
        index.add(["new"], vectors[:1], classes=[3])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            VectorSpace("model-2", 24, SPACE.weights),
            "the model of the index is 'model-1', that of the vectors 'model-2'",
        ),
        (VectorSpace("model-1", 25, SPACE.weights), "the width of the index is 24, that of the vectors 25"),
        (VectorSpace("model-1", 24, {"image": 1.0}), r"the weights of the index is \{'image': 0.6, 'text': 0.4\}"),
    ],
)
def test_vectors_of_another_space_are_refused(
    index: ExemplarIndex, vectors: np.ndarray, other: VectorSpace, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        index.add(["new"], vectors[:1], space=other)
    with pytest.raises(ConfigurationError, match=message):
        index.nearest(vectors[:1], space=other)
    assert_same(index.search(vectors[:1], 1, space=SPACE), index.search(vectors[:1], 1))


def test_a_folder_without_an_index_and_a_broken_one(index: ExemplarIndex, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no index: there is no exemplars.parquet"):
        ExemplarIndex.open(tmp_path)
    path = index.save(tmp_path) / "exemplars.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"exemplars\.parquet cannot be read as an index"):
        ExemplarIndex.open(tmp_path)


def test_another_parquet_file_is_no_index(index: ExemplarIndex, tmp_path: Path) -> None:
    path = index.save(tmp_path) / "exemplars.parquet"
    table = pq.read_table(path)
    (about,) = table.schema.metadata.values()
    for metadata in (
        None,
        {b"kinfolk_exemplars": about.replace(b'"dim": 24', b'"dim": 25')},
        {b"kinfolk_exemplars": about.replace(b'"format": 1', b'"format": 2')},
    ):
        write_table(table.replace_schema_metadata(metadata), path)
        with pytest.raises(DataError, match="cannot be read as an index"):
            ExemplarIndex.open(tmp_path)
