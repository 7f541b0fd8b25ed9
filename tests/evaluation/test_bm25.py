"""BM25: the formula by hand, a slow loop, and two classic collections."""

import csv
import gzip
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation import index_words, lower_words, ndcg_at, ranked_run, recall_at

DOCUMENTS = ["The red fox", "a red, red house", "", "blue sky", "fox fox fox in a house"]


def test_known_answer() -> None:
    """ "sky" stands in one of five documents, once among two words; the mean length is 3."""
    found = index_words(DOCUMENTS).search(["SKY!"], k=3)
    weight = math.log(1 + 4.5 / 1.5) / (1 + 0.9 * (0.6 + 0.4 * 2 / 3))
    assert found.rows.tolist() == [[3, -1, -1]]
    np.testing.assert_allclose(found.scores, [[weight, 0, 0]])


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.2, 1.0), (0.0, 0.4), (2.0, 0.0)])
def test_equals_a_slow_reference(k1: float, b: float) -> None:
    queries = ["red fox fox", "house", "unknown words", "in a sky"]
    got = index_words(DOCUMENTS, k1=k1, b=b).scores(queries).toarray()
    bags = [Counter(lower_words(text)) for text in DOCUMENTS]
    mean = sum(bag.total() for bag in bags) / len(bags)
    for row, query in enumerate(queries):
        for column, bag in enumerate(bags):
            expected = 0.0
            for word in lower_words(query):
                having = sum(word in other for other in bags)
                norm = k1 * (1 - b + b * bag.total() / mean)
                if bag[word]:
                    expected += math.log(1 + (5 - having + 0.5) / (having + 0.5)) * bag[word] / (bag[word] + norm)
            assert got[row, column] == pytest.approx(expected)


def test_search_is_the_order_of_the_scores(rng: np.random.Generator) -> None:
    vocabulary = [f"w{n}" for n in range(40)]
    texts = [" ".join(rng.choice(vocabulary, size=rng.integers(1, 20))) for _ in range(300)]
    queries = [" ".join(rng.choice(vocabulary, size=4)) for _ in range(150)]  # more than are searched at a time
    index = index_words(texts)
    found, scores = index.search(queries, k=7), index.scores(queries).toarray()
    for row, all_scores in enumerate(scores):
        best = sorted(range(300), key=lambda d: (-all_scores[d], -d))[:7]
        assert found.rows[row].tolist() == best
        np.testing.assert_array_equal(found.scores[row], all_scores[best])


@pytest.mark.parametrize(("name", "expected"), [("ret-cisi", (0.318, 0.393)), ("ret-cacm", (0.371, 0.575))])
def test_two_classic_collections(name: str, expected: tuple[float, float], data_folder: Path) -> None:
    """nDCG@10 and recall@100 with plain words of title and abstract, as a loop over the formula gives them."""
    tables = {}
    for table in ("docs.csv.gz", "queries.csv", "qrels.csv"):
        path = data_folder / name / table
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            tables[table.split(".")[0]] = list(csv.DictReader(file))
    names = [row["doc_id"] for row in tables["docs"]]
    index = index_words([f"{row['title']} {row['abstract']}" for row in tables["docs"]])
    found = index.search([row["text"] for row in tables["queries"]], k=100)
    run = {
        query["query_id"]: {names[row]: score for row, score in zip(rows, scores, strict=True) if row >= 0}
        for query, rows, scores in zip(tables["queries"], found.rows, found.scores, strict=True)
    }
    judgments: dict[str, dict[str, int]] = {}
    for row in tables["qrels"]:
        judgments.setdefault(row["query_id"], {})[row["doc_id"]] = int(row["relevance"])
    ranked = ranked_run(run, judgments)
    assert (ndcg_at(ranked, 10).mean(), recall_at(ranked, 100).mean()) == pytest.approx(expected, abs=0.001)


def test_words_are_taken_apart_as_asked() -> None:
    index = index_words(["Fox", "fox"], words=str.split)
    assert index.search(["fox"], k=2).rows.tolist() == [[1, -1]]


def test_no_query_and_more_results_than_documents() -> None:
    index = index_words(["a", "b"])
    assert index.search([], k=9).rows.shape == (0, 2)
    assert index.search(["", "b a"], k=9).rows.tolist() == [[-1, -1], [1, 0]]


def test_says_what_is_wrong() -> None:
    for settings in ({"k1": -1}, {"b": 1.5}):
        with pytest.raises(ConfigurationError, match=r"k1 must be in \[0, inf\) and b in \[0, 1\]"):
            index_words(["a"], **settings)
    with pytest.raises(DataError, match="Got 2 documents without any"):
        index_words(["", "!"])
    with pytest.raises(ConfigurationError, match="k must be at least 1"):
        index_words(["a"]).search(["a"], k=0)
