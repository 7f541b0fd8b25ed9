"""Search: queries, a corpus, and which documents people judged relevant. BM25 and TF-IDF stand in the same table.

A folder with three tables: ``docs`` (or ``corpus``), ``queries`` and ``qrels`` (or a folder ``qrels`` with ``test``), with the
names of columns of this project or of BEIR. The figures are those of trec_eval (see ``ranking``) on runs of 1,000 documents:
scores are compared in float32, of equal ones the document with the larger name comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from kinfolk.data import Records
from kinfolk.errors import DataError
from kinfolk.evaluation.bm25 import index_words
from kinfolk.evaluation.ranking import (
    average_precision_at,
    ndcg_at,
    rank_documents,
    ranked_rows,
    recall_at,
    reciprocal_rank_at,
)
from kinfolk.evaluation.spread import unit_rows
from kinfolk.evaluation.tasks.outcome import Encode, Outcome
from kinfolk.evaluation.tasks.reading import (
    column_named,
    filled_texts,
    finite_numbers,
    joined_texts,
    read_task_table,
    required_table,
    table_named,
)

_DEPTH = 1000  # documents of a run, as trec_eval's runs have
_CHUNK = 64  # queries whose scores of all documents are held at a time
_IDS = ("id", "_id")
_OF_QUERY = ("query_id", "query-id", *_IDS)
_OF_DOCUMENT = ("doc_id", "corpus-id", *_IDS)

Scores = npt.NDArray[np.floating]


@dataclass(frozen=True)
class SearchFigures:
    """How well a system finds what is relevant: means over the queries that have a relevant document.

    Attributes:
        system: the encoder, or a baseline.
        queries: how many.
        ndcg_at_10, recall_at_100, mrr, map: in [0, 1], the higher the better.
    """

    system: str
    queries: int
    ndcg_at_10: float
    recall_at_100: float
    mrr: float
    map: float


@dataclass(frozen=True, eq=False)
class Collection:
    """What is searched, by what, and what should be found.

    Attributes:
        documents: in ascending order of their names.
        queries: those that were judged.
        relevance: grades, sparse int64 (queries, documents).
        unjudged: queries that were left out.
    """

    documents: tuple[str, ...]
    queries: tuple[str, ...]
    relevance: sp.csr_matrix
    unjudged: int


def read_collection(folder: str | Path, *, columns: Sequence[str] = ()) -> Collection:
    """Read a collection.

    Args:
        folder: with the three tables.
        columns: of the documents, whose values together are their text; none takes title, abstract, text and body.

    Raises:
        DataError: a table is missing or cannot be used: an id twice, a judgment of what is not there, a grade that is no number.
        ConfigurationError: a column that does not exist.
    """
    place = Path(folder)
    if not place.is_dir():
        raise DataError(
            f"Retrieval needs a folder with the tables docs, queries and qrels. Got {place}, which is none."
        )
    docs = read_task_table(required_table(place, "docs", "corpus"))
    queries = read_task_table(required_table(place, "queries"))
    judged = _read_judgments(place)
    names, asked = _ids(docs, *_OF_DOCUMENT), _ids(queries, *_OF_QUERY)
    order = sorted(range(len(names)), key=names.__getitem__)
    texts = joined_texts(docs, columns, _OF_DOCUMENT)
    of_query = _places(judged, column_named(judged, *_OF_QUERY[:2]), asked, queries.name)
    of_document = _places(judged, column_named(judged, *_OF_DOCUMENT[:2]), [names[row] for row in order], docs.name)
    grades = finite_numbers(judged, column_named(judged, "relevance", "score"))
    if (grades != np.rint(grades)).any():
        raise DataError(
            f"{judged.name}: a grade of relevance must be a whole number. Got {grades[grades % 1 != 0][0]:g}."
        )
    _refuse_twice(judged, of_query * len(names) + of_document)
    table = sp.csr_matrix((grades.astype(np.int64), (of_query, of_document)), shape=(len(asked), len(names)))
    kept = np.unique(of_query)
    words = joined_texts(queries, (), _OF_QUERY)
    return Collection(
        documents=tuple(texts[row] for row in order),
        queries=tuple(words[row] for row in kept),
        relevance=table[kept],
        unjudged=len(asked) - len(kept),
    )


def search_figures(system: str, scores: Iterator[Scores], relevance: sp.csr_matrix) -> SearchFigures:
    """Judge the scores of all documents for each query.

    Args:
        system: its name.
        scores: tables (some queries, documents), one after the other; -inf for a document that is not found.
        relevance: grades, sparse (queries, documents).

    Raises:
        DataError: no query has a relevant document.
    """
    found = np.concatenate([rank_documents(part.astype(np.float32), k=_DEPTH) for part in scores])
    ranked = ranked_rows(found, relevance)
    return SearchFigures(
        system=system,
        queries=len(ranked.queries),
        ndcg_at_10=float(ndcg_at(ranked, 10).mean()),
        recall_at_100=float(recall_at(ranked, 100).mean()),
        mrr=float(reciprocal_rank_at(ranked).mean()),
        map=float(average_precision_at(ranked).mean()),
    )


def cosine_scores(queries: npt.NDArray[np.floating], documents: npt.NDArray[np.floating]) -> Iterator[Scores]:
    """Cosines, some queries at a time; a document without a vector (zeros) is not found."""
    asked, searched = unit_rows(queries), unit_rows(documents)
    blank = ~searched.any(axis=1)
    for start in range(0, len(asked), _CHUNK):
        table = asked[start : start + _CHUNK] @ searched.T
        table[:, blank] = -np.inf
        yield table


def bm25_scores(queries: Sequence[str], documents: Sequence[str]) -> Iterator[Scores]:
    """Scores of BM25 (see ``index_words``); a document that shares no word with the query is not found."""
    index = index_words(documents)
    for start in range(0, len(queries), _CHUNK):
        yield _only_positive(index.scores(queries[start : start + _CHUNK]))


def tfidf_scores(queries: Sequence[str], documents: Sequence[str]) -> Iterator[Scores]:
    """Cosines of TF-IDF over words, 1 + ln tf and smoothed idf; a document that shares no word with the query is not found."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True).fit(documents)
    table = vectorizer.transform(documents).T
    for start in range(0, len(queries), _CHUNK):
        yield _only_positive(vectorizer.transform(queries[start : start + _CHUNK]) @ table)


def evaluate_retrieval(encode: Encode, data: str | Path, *, name: str, columns: Sequence[str] = ()) -> Outcome:
    """Evaluate an encoder on a collection, beside BM25 and TF-IDF.

    Args:
        encode: texts to vectors.
        data: the folder of the collection.
        name: of the encoder.
        columns: see ``read_collection``.

    Raises:
        DataError, ConfigurationError: see ``read_collection``.
    """
    collection = read_collection(data, columns=columns)
    documents, queries, relevance = collection.documents, collection.queries, collection.relevance
    rows = (
        search_figures(name, cosine_scores(encode(queries), encode(documents)), relevance),
        search_figures("BM25", bm25_scores(queries, documents), relevance),
        search_figures("TF-IDF", tfidf_scores(queries, documents), relevance),
    )
    notes = [f"{collection.unjudged:,} queries were not judged; they were left out."] if collection.unjudged else []
    silent = len(queries) - rows[0].queries
    notes += [f"{silent:,} queries have no relevant document; they were left out."] if silent else []
    return Outcome({"search": rows}, tuple(notes))


def _only_positive(scores: sp.csr_matrix) -> Scores:
    table = scores.toarray()
    table[table <= 0] = -np.inf
    return np.asarray(table)


def _read_judgments(folder: Path) -> Records:
    inside = folder / "qrels"
    if inside.is_dir() and table_named(folder, "qrels") is None:
        return read_task_table(required_table(inside, "test"))
    return read_task_table(required_table(folder, "qrels"))


def _ids(records: Records, *names: str) -> list[str]:
    column = column_named(records, *names)
    ids = filled_texts(records, column)
    seen: set[str] = set()
    for row, name in enumerate(ids):
        if name in seen:
            raise DataError(
                f"{records.name}, column {column}, row {row + 1}: each id must occur once. Got {name!r} again. Remove one."
            )
        seen.add(name)
    return ids


def _places(judged: Records, column: str, ids: Sequence[str], table: str) -> npt.NDArray[np.int64]:
    number = {name: place for place, name in enumerate(ids)}
    wanted = filled_texts(judged, column)
    lost = [row for row, name in enumerate(wanted) if name not in number]
    if lost:
        raise DataError(
            f"{judged.name}, column {column}, row {lost[0] + 1}: {wanted[lost[0]]!r} must be an id of {table}, and is not "
            f"({len(lost):,} of {len(wanted):,} rows name such). Check that both tables write ids alike."
        )
    return np.array([number[name] for name in wanted], np.int64)


def _refuse_twice(judged: Records, keys: npt.NDArray[np.int64]) -> None:
    _, first = np.unique(keys, return_index=True)
    if len(first) < len(keys):
        again = np.setdiff1d(np.arange(len(keys)), first)[0]
        raise DataError(
            f"{judged.name}, row {again + 1}: a query and a document are judged once. Got them a second time. Remove one."
        )
