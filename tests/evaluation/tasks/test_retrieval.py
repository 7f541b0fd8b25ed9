"""Search: figures by hand, beside slow references, in both forms of a collection."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from kinfolk.errors import DataError
from kinfolk.evaluation import average_precision_at, index_words, ndcg_at, ranked_run, recall_at, reciprocal_rank_at
from kinfolk.evaluation.tasks.retrieval import SearchFigures, evaluate_retrieval, read_collection

ANGLES = {"north": 0, "apple pie": 10, "pear": 20, "plum cake": 50, "fig": 90, "south": 100}
DOCS = "doc_id,title,abstract,year\nd1,apple,pie,1990\nd2,pear,,1991\nd10,plum,cake,1992\nd4,fig,,1993\n"
QUERIES = "query_id,text\nq1,north\nq2,south\nq3,fig\n"
QRELS = "query_id,doc_id,relevance\nq1,d2,1\nq1,d10,2\nq2,d4,1\nq2,d1,0\n"


@pytest.fixture
def collection(written, tmp_path: Path) -> Path:
    for name, text in (("docs.csv", DOCS), ("queries.csv", QUERIES), ("qrels.csv", QRELS)):
        written(f"fruit/{name}", text)
    return tmp_path / "fruit"


def test_known_answer(on_circle, collection) -> None:
    """q1 finds d1, d2, d10, d4, of which d2 (grade 1) and d10 (grade 2) are relevant; q2 finds d4 first."""
    found = evaluate_retrieval(on_circle(ANGLES), collection, name="circle")
    row = found.tables["search"][0]
    first = (1 / math.log2(3) + 2 / math.log2(4)) / (2 + 1 / math.log2(3))
    assert row == SearchFigures(
        system="circle",
        queries=2,
        ndcg_at_10=pytest.approx((first + 1) / 2),
        recall_at_100=1.0,
        mrr=pytest.approx((1 / 2 + 1) / 2),
        map=pytest.approx(((1 / 2 + 2 / 3) / 2 + 1) / 2),
    )
    assert [row.system for row in found.tables["search"]] == ["circle", "BM25", "TF-IDF"]
    assert found.notes == ("1 queries were not judged; they were left out.",)


def test_of_equal_scores_the_larger_name_comes_first(on_circle, collection) -> None:
    """As text d4 > d2 > d10 > d1: d4 is first, and d2, the second, is the first relevant one."""
    row = evaluate_retrieval(on_circle(dict.fromkeys(ANGLES, 0)), collection, name="same").tables["search"][0]
    assert row.mrr == pytest.approx((1 / 2 + 1) / 2)


def test_the_order_of_the_rows_does_not_matter(on_circle, collection, written) -> None:
    before = evaluate_retrieval(on_circle(ANGLES), collection, name="x")
    head, *rows = DOCS.splitlines()
    written("fruit/docs.csv", "\n".join([head, *rows[::-1]]))
    assert evaluate_retrieval(on_circle(ANGLES), collection, name="x") == before


def test_a_collection_in_the_form_of_beir_is_the_same(on_circle, collection, written, tmp_path: Path) -> None:
    docs = [line.split(",") for line in DOCS.splitlines()[1:]]
    lines = [json.dumps({"_id": d[0], "title": d[1], "text": d[2], "metadata": {"year": d[3]}}) for d in docs]
    written("beir/corpus.jsonl", "\n".join(lines))
    asked = [line.split(",") for line in QUERIES.splitlines()[1:]]
    written("beir/queries.jsonl", "\n".join(json.dumps({"_id": q, "text": text}) for q, text in asked))
    judged = QRELS.splitlines()[1:]
    written("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\n" + "\n".join(j.replace(",", "\t") for j in judged))
    written("beir/qrels/train.tsv", "query-id\tcorpus-id\tscore\nq3\td1\t1\n")
    encode = on_circle(ANGLES)
    assert evaluate_retrieval(encode, tmp_path / "beir", name="x") == evaluate_retrieval(encode, collection, name="x")


def test_a_blank_document_is_not_found(words, collection, written) -> None:
    written("fruit/docs.csv", DOCS + "d5,,,1994\n")
    written("fruit/qrels.csv", "query_id,doc_id,relevance\nq3,d5,1\nq3,d4,1\n")
    row = evaluate_retrieval(words, collection, name="words").tables["search"][0]
    assert (row.recall_at_100, row.mrr) == (0.5, 1.0)


def test_columns_of_the_documents_can_be_named(collection) -> None:
    assert read_collection(collection).documents == ("apple pie", "plum cake", "pear", "fig")
    assert read_collection(collection, columns=("year", "title")).documents[0] == "1990 apple"


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("qrels.csv", QRELS + "q1,d77,1\n", "qrels.csv, column doc_id, row 5: 'd77' must be an id of docs.csv"),
        ("qrels.csv", QRELS + "q9,d1,1\n", "column query_id, row 5: 'q9' must be an id of queries.csv"),
        ("qrels.csv", QRELS + "q1,d2,1\n", "qrels.csv, row 5: a query and a document are judged once"),
        ("qrels.csv", QRELS + "q1,d4,0.5\n", "a grade of relevance must be a whole number. Got 0.5"),
        ("qrels.csv", "query_id,doc_id,relevance\nq1,d1,0\n", "No query has a relevant document"),
        (
            "docs.csv",
            DOCS + "d1,again,,1990\n",
            "docs.csv, column doc_id, row 5: each id must occur once. Got 'd1' again",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(on_circle, collection, written, file, text, says) -> None:
    written(f"fruit/{file}", text)
    with pytest.raises(DataError, match=says):
        evaluate_retrieval(on_circle({**ANGLES, "again": 0}), collection, name="x")


def test_a_missing_table_is_named(on_circle, collection) -> None:
    (collection / "docs.csv").unlink()
    with pytest.raises(DataError, match=r"must hold a table named docs or corpus .*It holds qrels.csv and queries.csv"):
        evaluate_retrieval(on_circle(ANGLES), collection, name="x")
    with pytest.raises(DataError, match="needs a folder"):
        evaluate_retrieval(on_circle(ANGLES), collection / "queries.csv", name="x")


def test_bm25_and_the_encoder_are_judged_as_a_run_by_names(words, written, tmp_path: Path, rng) -> None:
    """Equality with runs of names and scores, read and ordered by ``ranked_run``."""
    vocabulary = [f"w{number}" for number in range(30)]
    documents = {f"d{row}": " ".join(rng.choice(vocabulary, 6)) for row in range(40)}
    queries = {f"q{row}": " ".join(rng.choice(vocabulary, 3)) for row in range(8)}
    judged = {
        query: {str(d): int(rng.integers(0, 3)) for d in rng.choice(list(documents), 5, False)} for query in queries
    }
    written("c/docs.csv", "doc_id,text\n" + "\n".join(f"{name},{text}" for name, text in documents.items()))
    written("c/queries.csv", "query_id,text\n" + "\n".join(f"{name},{text}" for name, text in queries.items()))
    lines = [f"{query},{d},{grade}" for query, grades in judged.items() for d, grade in grades.items()]
    written("c/qrels.csv", "query_id,doc_id,relevance\n" + "\n".join(lines))
    dense, lexical, _ = evaluate_retrieval(words, tmp_path / "c", name="words").tables["search"]

    cosines = words(list(queries.values())) @ words(list(documents.values())).T
    scores = index_words(list(documents.values())).scores(list(queries.values())).toarray()
    for row, table in ((dense, cosines), (lexical, np.where(scores > 0, scores, np.nan))):
        run = {
            query: {name: float(s) for name, s in zip(documents, table[place], strict=True) if not np.isnan(s)}
            for place, query in enumerate(queries)
        }
        ranked = ranked_run(run, judged)
        assert row.ndcg_at_10 == pytest.approx(ndcg_at(ranked, 10).mean())
        assert row.recall_at_100 == pytest.approx(recall_at(ranked, 100).mean())
        assert row.mrr == pytest.approx(reciprocal_rank_at(ranked).mean())
        assert row.map == pytest.approx(average_precision_at(ranked).mean())
