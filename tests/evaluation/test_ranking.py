"""Ranking measures: known answers, a slow reference, and the rules of trec_eval for ties and missing judgments."""

import math

import numpy as np
import pytest
import scipy.sparse as sp

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation import (
    average_precision_at,
    ndcg_at,
    precision_at,
    rank_documents,
    ranked_rows,
    ranked_run,
    recall_at,
    reciprocal_rank_at,
)


def test_known_answer() -> None:
    """Found: relevant, not, not judged, grade 2; a third relevant document was not found."""
    run = {"q": {"a": 4.0, "b": 3.0, "c": 2.0, "d": 1.0}}
    ranked = ranked_run(run, {"q": {"a": 1, "b": 0, "d": 2, "e": 1}})
    ideal = 2 + 1 / math.log2(3) + 1 / 2
    assert ndcg_at(ranked, 10).tolist() == pytest.approx([(1 + 2 / math.log2(5)) / ideal])
    assert ndcg_at(ranked, 1).tolist() == pytest.approx([1 / 2])
    assert recall_at(ranked, 10).tolist() == pytest.approx([2 / 3])
    assert recall_at(ranked, 3).tolist() == pytest.approx([1 / 3])
    assert precision_at(ranked, 10).tolist() == [0.2]
    assert average_precision_at(ranked).tolist() == pytest.approx([(1 + 2 / 4) / 3])
    assert average_precision_at(ranked, 3).tolist() == pytest.approx([1 / 3])
    assert reciprocal_rank_at(ranked).tolist() == [1]
    assert ranked.queries.tolist() == ["q"]


def test_the_first_relevant_document_counts_up_to_the_cut() -> None:
    ranked = ranked_run({"q": {"a": 3.0, "b": 2.0, "c": 1.0}}, {"q": {"c": 1}})
    assert reciprocal_rank_at(ranked).tolist() == pytest.approx([1 / 3])
    assert reciprocal_rank_at(ranked, 2).tolist() == [0]


def test_of_equal_scores_the_larger_name_comes_first() -> None:
    run = {"q": {"d1": 1.0, "d2": 1.0, "d10": 1.0}}  # as text, d10 is between the other two
    first = [reciprocal_rank_at(ranked_run(run, {"q": {name: 1}}))[0] for name in ("d2", "d10", "d1")]
    assert first == pytest.approx([1, 1 / 2, 1 / 3])
    assert rank_documents(np.ones((1, 4)), k=3).tolist() == [[3, 2, 1]]


def test_scores_of_a_run_are_compared_in_single_precision() -> None:
    ranked = ranked_run({"q": {"a": 1.0 + 1e-12, "b": 1.0}}, {"q": {"b": 1}})
    assert reciprocal_rank_at(ranked).tolist() == [1]


def test_queries_without_a_relevant_document_are_left_out_and_counted() -> None:
    run = {"found": {"a": 1.0}, "unjudged": {"a": 1.0}, "irrelevant": {"a": 1.0}}
    judgments = {"found": {"a": 1}, "irrelevant": {"a": 0, "b": -1}, "nothing": {"a": 1}}
    ranked = ranked_run(run, judgments)
    assert ranked.queries.tolist() == ["found", "nothing"]
    assert ranked.skipped == 2
    assert ndcg_at(ranked, 10).tolist() == [1, 0]
    assert average_precision_at(ranked).tolist() == [1, 0]


def test_equals_a_slow_reference(rng: np.random.Generator) -> None:
    scores = rng.integers(0, 30, size=(40, 60)).astype(float)
    grades = rng.integers(-1, 4, size=(40, 60)) * (rng.random((40, 60)) < 0.1)
    grades[3] = 0
    found = rank_documents(scores, k=25)
    ranked = ranked_rows(found, sp.csr_array(grades))
    assert ranked.skipped == int((grades.max(axis=1) < 1).sum())
    for place, query in enumerate(ranked.queries):
        order = sorted(range(60), key=lambda d: (-scores[query, d], -d))[:25]
        assert found[query].tolist() == order
        gains = [max(0, int(grades[query, d])) for d in order]
        relevant = sorted((int(g) for g in grades[query] if g > 0), reverse=True)
        for k in (1, 5, 10, 25, 100):
            best = sum(g / math.log2(r + 2) for r, g in enumerate(relevant[:k]))
            assert ndcg_at(ranked, k)[place] == pytest.approx(
                sum(g / math.log2(r + 2) for r, g in enumerate(gains[:k])) / best
            )
            assert recall_at(ranked, k)[place] == pytest.approx(sum(g > 0 for g in gains[:k]) / len(relevant))
            assert precision_at(ranked, k)[place] == pytest.approx(sum(g > 0 for g in gains[:k]) / k)
            total, hits = 0.0, 0
            for rank, gain in enumerate(gains[:k], 1):
                hits += gain > 0
                total += hits / rank if gain > 0 else 0
            assert average_precision_at(ranked, k)[place] == pytest.approx(total / len(relevant))


def test_names_do_not_matter_without_ties(rng: np.random.Generator) -> None:
    scores = rng.normal(size=12)
    new_names = rng.permutation(12)
    values = []
    for names in (range(12), new_names):
        run = {"q": {f"d{name:02}": score for name, score in zip(names, scores, strict=True)}}
        judgments = {"q": {f"d{name:02}": int(place % 3 == 0) for place, name in enumerate(names)}}
        values.append(ndcg_at(ranked_run(run, judgments), 5)[0])
    assert values[0] == pytest.approx(values[1])


def test_what_is_not_found_has_no_rank() -> None:
    scores = np.array([[0.5, -np.inf, 0.7], [-np.inf] * 3])
    found = rank_documents(scores, k=5)
    assert found.tolist() == [[2, 0, -1], [-1, -1, -1]]
    ranked = ranked_rows(found, sp.csr_array([[1, 1, 0], [0, 0, 1]]))
    assert recall_at(ranked, 5).tolist() == [0.5, 0]
    assert recall_at(ranked_rows(found[1:], sp.csr_array([[0, 0, 1]])), 5).tolist() == [0]
    assert rank_documents(np.zeros((2, 0)), k=3).shape == (2, 0)


def test_says_what_is_wrong() -> None:
    relevance = sp.csr_array([[1, 0]])
    ranked = ranked_rows(np.array([[0]]), relevance)
    with pytest.raises(ConfigurationError, match="k must be at least 1. Got 0"):
        ndcg_at(ranked, 0)
    for documents, message in [
        ([[2]], "rows in"),
        ([[0], [1]], "a row for each"),
        ([[1, 1]], "Query 1 found one twice"),
    ]:
        with pytest.raises(DataError, match=message):
            ranked_rows(np.array(documents), relevance)
    with pytest.raises(DataError, match="No query has a relevant document"):
        ranked_run({"q": {"a": 1.0}}, {"q": {"a": 0}})
    with pytest.raises(DataError, match="Query 'q' has NaN"):
        ranked_run({"q": {"a": math.nan}}, {"q": {"a": 1}})
    with pytest.raises(DataError, match="scores must be numbers"):
        rank_documents(np.array([[math.nan]]), k=1)
