"""Search under a slow scorer: what is found, what it costs, and what is kept."""

from collections import Counter

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError, DataError, RunError
from kinfolk.search.cross_encoder import CrossEncoderIndex
from kinfolk.search.cross_encoder import parts as parts_of

QUERIES, ITEMS = [f"query {n}" for n in range(60)], [f"item {n}" for n in range(150)]


class Table:
    """A scorer that looks scores up, and counts the pairs it is asked for."""

    def __init__(self, scores: np.ndarray, fingerprint: str = "table", fails_after: int | None = None) -> None:
        self.scores, self.fingerprint, self.fails_after = scores, fingerprint, fails_after
        self.asked: Counter[tuple[str, str]] = Counter()
        self.batches: list[int] = []

    def __call__(self, queries, items):
        self.batches.append(len(queries))
        if self.fails_after is not None and self.asked.total() >= self.fails_after:
            raise KeyboardInterrupt
        self.asked.update(zip(queries, items, strict=True))
        return [self.scores[int(q.split()[1]), int(i.split()[1])] for q, i in zip(queries, items, strict=True)]


@pytest.fixture
def scores(rng):
    """Scores of rank 6 with noise: an approximation is good and not exact."""
    return rng.normal(size=(60, 6)) @ rng.normal(size=(6, 150)) + 0.05 * rng.normal(size=(60, 150))


@pytest.fixture
def table(scores):
    return Table(scores)


@pytest.fixture
def index(table):
    return CrossEncoderIndex(table).build(QUERIES[:30], ITEMS)


def best_of(scores, query, k):
    return [int(n) for n in np.argsort(-scores[query])[:k]]


def test_building_asks_for_every_pair_once(table):
    index = CrossEncoderIndex(table).build(QUERIES[:30], ITEMS)
    assert index.calls == len(table.asked) == 30 * 150
    assert set(table.asked.values()) == {1}


@pytest.mark.parametrize("rounds", [1, 2, 4, 7])
def test_a_search_costs_its_calls_exactly_and_finds_the_best_of_them(scores, table, index, rounds):
    table.asked.clear()
    found = index.search(QUERIES[30:], 5, calls=26, rounds=rounds)
    asked = Counter(query for query, _ in table.asked.elements())
    assert set(asked.values()) == {26}
    assert found.calls == table.asked.total() == 30 * 26
    for row, query in enumerate(range(30, 60)):
        scored = [int(item.split()[1]) for asked_by, item in table.asked if asked_by == QUERIES[query]]
        best = sorted(scored, key=lambda item: -scores[query, item])[:5]
        assert found.ids[row].tolist() == best
        np.testing.assert_array_equal(found.scores[row], scores[query, best])


def test_rounds_find_what_chance_does_not(scores, index):
    true = [best_of(scores, query, 5) for query in range(30, 60)]
    shares = {}
    for rounds in (1, 2, 4):
        ids = index.search(QUERIES[30:], 5, calls=30, rounds=rounds).ids
        shares[rounds] = np.mean([len({*row} & {*best}) / 5 for row, best in zip(ids, true, strict=True)])
    assert shares[1] < 0.35
    assert shares[2] > 0.9
    assert shares[4] > 0.9


@pytest.mark.parametrize("calls", [150, 10_000])
def test_as_many_calls_as_items_are_exact(scores, index, calls):
    found = index.search(QUERIES[30:33], 10, calls=calls)
    assert found.ids.tolist() == [best_of(scores, query, 10) for query in (30, 31, 32)]
    assert found.calls == 3 * 150


def test_no_pair_is_scored_twice(table, index):
    first = index.search(QUERIES[30:40], 5, calls=20)
    table.asked.clear()
    again = index.search(QUERIES[30:40], 5, calls=20)
    assert (again.calls, table.asked.total()) == (0, 0)
    np.testing.assert_array_equal(again.ids, first.ids)
    index.search(QUERIES[35:45] * 2, 5, calls=40, rounds=3)
    assert set(table.asked.values()) == {1}


def test_an_anchor_query_costs_nothing(scores, index):
    found = index.search(QUERIES[:2], 3, calls=150)
    assert found.calls == 0
    assert found.ids.tolist() == [best_of(scores, query, 3) for query in (0, 1)]


def test_batches_are_as_large_as_asked_and_change_nothing(scores):
    answers = []
    for batch_size in (7, 1000):
        table = Table(scores)
        index = CrossEncoderIndex(table, batch_size=batch_size).build(QUERIES[:30], ITEMS)
        answers.append(index.search(QUERIES[30:], 5, calls=20, strategy="softmax").ids)
        assert max(table.batches) == batch_size
    np.testing.assert_array_equal(*answers)


def test_progress_only_goes_forward(table):
    told: list[float] = []
    index = CrossEncoderIndex(table).build(QUERIES[:30], ITEMS, advance=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    told.clear()
    index.search(QUERIES[30:], 5, calls=40, advance=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_order_of_items_and_queries_changes_nothing(scores, index):
    shuffled = CrossEncoderIndex(Table(scores)).build(QUERIES[29::-1], ITEMS[::-1], ids=range(149, -1, -1))
    for given in ({}, {"strategy": "softmax"}, {"rounds": 2}):
        one, other = (of.search(QUERIES[30:40], 5, calls=24, **given) for of in (index, shuffled))
        np.testing.assert_array_equal(one.ids, other.ids)


def test_a_first_stage_is_scored_first(scores, table, index):
    """A first stage that knows the best items needs no more than one round; where it knows few, random ones fill up."""
    known = [best_of(scores, query, 8) for query in range(30, 60)]
    found = index.search(QUERIES[32:], 5, calls=8, rounds=1, first=known[2:])
    assert found.ids.tolist() == [row[:5] for row in known[2:]]
    table.asked.clear()
    index.search(QUERIES[30:32], 5, calls=12, rounds=1, first=[[], [3, 3, 4]])
    random, begun = ({item for asked, item in table.asked if asked == query} for query in QUERIES[30:32])
    assert len(random) == len(begun) == 12
    assert {"item 3", "item 4"} <= begun
    assert begun - {"item 3", "item 4"} <= random


def test_anchors_are_the_size_of_the_first_round(scores):
    found = {}
    for anchors in (None, 10, 19):
        table = Table(scores)
        CrossEncoderIndex(table, anchors=anchors).build(QUERIES[:30], ITEMS).search(QUERIES[30:], 5, calls=20, rounds=2)
        found[anchors] = table.asked
    assert found[None] == found[10] != found[19]
    with pytest.raises(ConfigurationError, match="more than the 30 anchors"):
        CrossEncoderIndex(Table(scores), anchors=30).build(QUERIES[:30], ITEMS).search(["query 31"], calls=30)


def test_equal_items_share_their_calls_and_are_all_found(scores):
    table = Table(scores)
    index = CrossEncoderIndex(table).build(QUERIES[:30], ITEMS + ITEMS[:20])
    assert index.calls == 30 * 150
    found = index.search(QUERIES[30:31], 4, calls=150)
    expected = [copy for item in best_of(scores, 30, 4) for copy in (item, *([150 + item] if item < 20 else []))]
    assert found.ids[0].tolist() == expected[:4]
    assert found.calls == 150


def test_items_may_be_added(scores, tmp_path):
    whole = CrossEncoderIndex(Table(scores)).build(QUERIES[:30], ITEMS)
    table = Table(scores)
    grown = CrossEncoderIndex(table).build(QUERIES[:30], ITEMS[:100])
    table.asked.clear()
    grown.add(ITEMS[100:])
    assert table.asked.total() == 30 * 50
    grown.add(ITEMS[:3])  # equal to others: free
    assert table.asked.total() == 30 * 50
    np.testing.assert_array_equal(
        grown.search(QUERIES[30:], 5, calls=20).scores[:, 0], whole.search(QUERIES[30:], 5, calls=20).scores[:, 0]
    )
    grown.save(tmp_path)
    opened = CrossEncoderIndex.open(tmp_path, table)
    given = {"calls": 20, "strategy": "softmax"}
    np.testing.assert_array_equal(
        opened.search(QUERIES[30:], 5, **given).ids, grown.search(QUERIES[30:], 5, **given).ids
    )


def test_an_opened_index_is_the_saved_one(scores, tmp_path):
    saved = CrossEncoderIndex(Table(scores), anchors=9, ridge=0.1, seed=4).build(
        QUERIES[:30], ITEMS, ids=[f"i{n}" for n in range(150)]
    )
    saved.save(tmp_path)
    table = Table(scores)
    opened = CrossEncoderIndex.open(tmp_path, table)
    assert table.asked.total() == 0
    one, other = (of.search(QUERIES[30:], 6, calls=30, strategy="softmax") for of in (saved, opened))
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.scores, other.scores)
    np.testing.assert_array_equal(saved.item_embeddings(9)[1], opened.item_embeddings(9)[1])


def test_a_killed_build_goes_on_and_ends_the_same(scores, tmp_path, monkeypatch):
    monkeypatch.setattr(parts_of, "PAIRS_A_PART", 512)
    killed = Table(scores, fails_after=2_300)
    with pytest.raises(KeyboardInterrupt):
        CrossEncoderIndex(killed).build(QUERIES[:30], ITEMS, folder=tmp_path)
    resumed = Table(scores)
    index = CrossEncoderIndex(resumed).build(QUERIES[:30], ITEMS, folder=tmp_path)
    assert (
        resumed.asked.total() == 30 * 150 - 2_048
    )  # four parts of 512; of the one that was being made nothing is kept
    assert [path.name for path in tmp_path.iterdir()] == ["cross_encoder.parquet"]
    plain = CrossEncoderIndex(Table(scores)).build(QUERIES[:30], ITEMS)
    np.testing.assert_array_equal(
        index.search(QUERIES[30:], 5, calls=20).ids, plain.search(QUERIES[30:], 5, calls=20).ids
    )
    finished = Table(scores)
    CrossEncoderIndex(finished).build(QUERIES[:30], ITEMS, folder=tmp_path)
    assert finished.asked.total() == 0


def test_a_changed_scorer_makes_the_index_invalid(scores, table, index, tmp_path):
    index.save(tmp_path)
    with pytest.raises(RunError, match="built with the scorer 'table', and the one given is 'other'"):
        CrossEncoderIndex.open(tmp_path, Table(scores, "other"))
    with pytest.raises(RunError, match="built with the scorer 'table'"):
        CrossEncoderIndex(Table(scores, "other")).build(QUERIES[:30], ITEMS, folder=tmp_path)
    table.fingerprint = "trained further"
    with pytest.raises(ConfigurationError, match="'table', which is now 'trained further'"):
        index.search(QUERIES[30:], calls=20)


def test_parts_of_another_scorer_are_refused(scores, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        CrossEncoderIndex(Table(scores, fails_after=0)).build(QUERIES[:30], ITEMS, folder=tmp_path)
    with pytest.raises(RunError, match="another scorer"):
        CrossEncoderIndex(Table(scores, "other")).build(QUERIES[:30], ITEMS, folder=tmp_path)


def test_another_index_in_the_folder_is_not_overwritten(table, tmp_path):
    CrossEncoderIndex(table).build(QUERIES[:30], ITEMS, folder=tmp_path)
    with pytest.raises(RunError, match="other items or queries"):
        CrossEncoderIndex(table).build(QUERIES[:30], ITEMS[:-1], folder=tmp_path)


def test_a_scorer_without_a_name_is_kept_nowhere(tmp_path):
    def length(queries, items):
        return [len(q) + len(i) for q, i in zip(queries, items, strict=True)]

    with pytest.raises(ConfigurationError, match=r"needs an attribute 'fingerprint'.*length has none"):
        CrossEncoderIndex(length).build(QUERIES[:2], ITEMS[:5], folder=tmp_path)
    named = CrossEncoderIndex(length, fingerprint="length").build(QUERIES[:2], ITEMS[:5], folder=tmp_path)
    opened = CrossEncoderIndex.open(tmp_path, length, fingerprint="length")
    np.testing.assert_array_equal(named.search(["x"], 2, calls=3).ids, opened.search(["x"], 2, calls=3).ids)


def test_a_score_that_is_no_number_is_refused_with_its_pair(scores):
    scores[41, 7] = np.nan
    index = CrossEncoderIndex(Table(scores)).build(QUERIES[:30], ITEMS)
    with pytest.raises(DataError, match="Got nan for the pair of the query 'query 41' and the item 'item 7'"):
        index.search(QUERIES[30:], calls=150)


@pytest.mark.parametrize(
    ("answer", "said"),
    [([1.0], r"one number a pair, \(2,\). Got shape \(1,\)"), (["a", "b"], "one number a pair. Got")],
)
def test_what_is_no_list_of_scores_is_said(answer, said):
    with pytest.raises(DataError, match=said):
        CrossEncoderIndex(lambda _, __: answer).build(["q"], ["a", "b"])


def test_one_item_and_one_query():
    index = CrossEncoderIndex(lambda queries, _: [3.5] * len(queries)).build(["q"], ["only"])
    found = index.search(["x"], 2, calls=2)
    assert found.ids.tolist() == [[0, None]]
    assert found.scores.tolist() == [[3.5, -np.inf]]


def test_a_constant_scorer_finds_the_first_items_it_scored():
    index = CrossEncoderIndex(lambda queries, _: np.ones(len(queries))).build(QUERIES[:20], ITEMS)
    assert index.search(["x"], 3, calls=150).ids.tolist() == [[0, 1, 2]]
    assert set(index.search(["x"], 3, calls=10).scores[0]) == {1.0}


def test_records_are_told_apart_by_content_and_not_by_the_order_of_fields():
    asked = []

    def price_and_name(queries, items):
        asked.extend(zip(queries, items, strict=True))
        return [float(q["price"] * i["price"]) for q, i in zip(queries, items, strict=True)]

    items = [{"name": "a", "price": 2}, {"price": 2, "name": "a"}, {"name": "b", "price": 3}]
    index = CrossEncoderIndex(price_and_name).build([{"price": 1}], items, ids=["a", "a again", "b"])
    assert len(asked) == 2
    assert index.search([{"price": 5}], 3, calls=3).ids.tolist() == [["b", "a", "a again"]]


def test_too_few_anchor_queries_are_explained(scores):
    few = CrossEncoderIndex(Table(scores)).build(QUERIES[:10], ITEMS)
    (note,) = few.search(QUERIES[30:31], 5, calls=40, rounds=4).notes
    assert "30 anchor items and 10 anchor queries" in note
    assert few.search(QUERIES[30:31], 5, calls=8, rounds=4).notes == ()
    damped = CrossEncoderIndex(Table(scores), ridge=0.1).build(QUERIES[:10], ITEMS)
    assert damped.search(QUERIES[30:31], 5, calls=40, rounds=4).notes == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"calls": 0}, "calls must be at least 1"),
        ({"calls": 5, "k": 0}, "k must be at least 1"),
        ({"calls": 5, "k": 6}, "only items that are scored can be found. Got 5 calls and k 6"),
        ({"calls": 20, "rounds": 0}, "rounds must be at least 1"),
        ({"calls": 20, "strategy": "best"}, "strategy must be one of topk, softmax"),
    ],
)
def test_impossible_searches_are_said(index, given, said):
    with pytest.raises(ConfigurationError, match=said):
        index.search(["query 31"], **given)


def test_ids_that_cannot_be_are_said(index, table):
    with pytest.raises(DataError, match="'x' is not in it"):
        index.search(["query 31"], calls=20, first=[["x"]])
    with pytest.raises(DataError, match="for each of 1 queries. Got 2"):
        index.search(["query 31"], calls=20, first=[[], []])
    with pytest.raises(DataError, match="3 came twice"):
        index.add(["item 3"], ids=[3])
    with pytest.raises(DataError, match="Got 1 ids and 2 items"):
        CrossEncoderIndex(table).build(QUERIES[:1], ITEMS[:2], ids=[1])
    with pytest.raises(DataError, match="needs a query and an item. Got 0 and 1"):
        CrossEncoderIndex(table).build([], ITEMS[:1])


def test_nothing_built_is_said(table, tmp_path):
    with pytest.raises(ConfigurationError, match="Call build"):
        CrossEncoderIndex(table).search(["query 1"], calls=5)
    with pytest.raises(RunError, match="no cross-encoder index"):
        CrossEncoderIndex.open(tmp_path, table)
    (tmp_path / "cross_encoder.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(RunError, match="cannot be read"):
        CrossEncoderIndex.open(tmp_path, table)


def test_embeddings_give_the_approximation(scores, index):
    ids, embeddings = index.item_embeddings(12)
    approximate = scores[30:][:, ids] @ embeddings
    assert np.linalg.norm(approximate - scores[30:]) / np.linalg.norm(scores[30:]) < 0.2
