"""The search for neighbors: what it finds against all products, and what it costs in large tables."""

from __future__ import annotations

import random

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer

from kinfolk.linking import candidates, ngrams, search_space
from kinfolk.linking.candidates import nearest
from kinfolk.linking.ngrams import character_ngrams
from kinfolk.linking.spaces import Space, tfidf_space


def _texts(num: int, alphabet: str = "abcde1", seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    return [
        " ".join("".join(draw.choices(alphabet, k=draw.randint(1, 8))) for _ in range(draw.randint(0, 5)))
        for _ in range(num)
    ]


@pytest.mark.parametrize("size", [3, 4, 5, 6, 9])
@pytest.mark.parametrize("texts", [["", "a", "ab cde f", "山田 太郎", "", *_texts(200)], ["ab cde"], ["", "ab"]])
def test_ngrams_of_every_length_equal_scikit_learn(texts: list[str], size: int) -> None:
    slow = CountVectorizer(analyzer="char_wb", ngram_range=(size, size), lowercase=False).fit_transform(texts)
    fast = character_ngrams(texts, size)
    assert fast.shape == slow.shape
    assert ((fast @ fast.T) != (slow @ slow.T).astype(np.float32)).nnz == 0


def test_long_ngrams_of_large_alphabets_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = _texts(200, "".join(chr(0x4E00 + i) for i in range(3000)))
    direct = character_ngrams(texts, 7)  # 3,000 ** 7 does not fit into 64 bits
    slow = CountVectorizer(analyzer="char_wb", ngram_range=(7, 7), lowercase=False).fit_transform(texts)
    assert direct.shape == slow.shape
    monkeypatch.setattr(ngrams, "_DIRECT_TABLE", 10)
    assert (character_ngrams(texts, 7) != direct).nnz == 0


def test_nearest_equals_all_products() -> None:
    space = tfidf_space(_texts(60), _texts(80, seed=1))
    products = (space.left @ space.right.T).toarray()
    rows, found, similarity = nearest(space.left, space.right, 5)
    for row, product in enumerate(products):
        best = np.sort(product[product > 0])[::-1][:5]
        assert similarity[rows == row] == pytest.approx(best, abs=1e-6)
        assert product[found[rows == row]] == pytest.approx(best, abs=1e-6)


def test_a_search_in_parts_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    space = tfidf_space(_texts(60), _texts(80, seed=1))
    whole = nearest(space.left, space.right, 5)
    monkeypatch.setattr(candidates, "QUERIES_AT_A_TIME", 7)
    assert all(np.array_equal(a, b) for a, b in zip(whole, nearest(space.left, space.right, 5), strict=True))
    assert [len(a) for a in nearest(space.left[:0], space.right, 5)] == [0, 0, 0]


def test_a_search_touches_no_more_than_the_cap_and_the_rarest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    # Feature 0 is in every record of the corpus, features 1 and 2 in one each.
    corpus = sp.csr_matrix(np.array([[1, 1, 0]] + [[1, 0, 0]] * 8 + [[1, 0, 1]], np.float32))
    queries = sp.csr_matrix(np.array([[5, 1, 1], [1, 0, 0]], np.float32))
    monkeypatch.setattr(candidates, "POSTINGS_PER_RECORD", 5)
    rows, found, similarity = nearest(queries, corpus, 3)
    assert list(zip(rows.tolist(), sorted(found.tolist()), similarity.tolist(), strict=True)) == [
        (0, 0, 1.0),
        (0, 9, 1.0),
    ]


def test_common_values_are_cut_off_the_same_way_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["north coast"] * 300 + _texts(100)
    monkeypatch.setattr(candidates, "POSTINGS_PER_RECORD", 500)
    space = tfidf_space(texts, texts)
    first, second = nearest(space.left, space.right, 5), nearest(space.left, space.right, 5)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert np.bincount(first[0]).max() <= 5


def test_postings_are_the_features_shared_by_all_pairs() -> None:
    space = tfidf_space(_texts(30), _texts(50, seed=1))
    has_left, has_right = ((m.toarray() > 0).astype(int) for m in (space.left, space.right))
    assert search_space.postings_per_record(space) == pytest.approx((has_left @ has_right.T).sum() / 30)


def test_small_tables_are_searched_by_trigrams() -> None:
    texts = _texts(50)
    trigrams = tfidf_space(texts, texts)
    assert search_space.search_space(texts, texts, trigrams) is trigrams
    nothing = tfidf_space([], [])
    assert search_space.search_space([], [], nothing) is nothing


@pytest.mark.parametrize("sample", [100, 10_000])
def test_ngrams_are_the_shortest_that_cost_little(monkeypatch: pytest.MonkeyPatch, sample: int) -> None:
    left, right = _texts(400), _texts(900, seed=1)
    cost = {size: search_space.postings_per_record(tfidf_space(left, right, size)) for size in range(3, 7)}
    monkeypatch.setattr(search_space, "_SAMPLE", sample)
    for size in (4, 5, 6):
        monkeypatch.setattr(search_space, "POSTINGS_PER_RECORD", 1.3 * cost[size] if size < 6 else 0)
        space = search_space.search_space(left, right, tfidf_space(left, right))
        expected = tfidf_space(left, right, size)
        assert _equal(space, expected), (sample, size, cost)


def _equal(a: Space, b: Space) -> bool:
    return a.left.shape == b.left.shape and (a.left != b.left).nnz == 0 and (a.right != b.right).nnz == 0
