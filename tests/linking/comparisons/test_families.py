"""Each family of comparisons, against answers known by thought and against slow loops."""

import numpy as np
import pytest
import scipy.sparse as sp

from kinfolk.data import read_records
from kinfolk.linking.alignment import FieldPair
from kinfolk.linking.compare import prepare_fields, whole_texts
from kinfolk.linking.comparisons.codes import CODES, code_weights, compare_codes
from kinfolk.linking.comparisons.competition import NEIGHBORS, NOTHING, compare_neighbors, compare_rivals
from kinfolk.linking.comparisons.overlap import OVERLAP, overlap
from kinfolk.linking.comparisons.pair_features import pair_features
from kinfolk.linking.comparisons.terms import clean, split_codes, split_words, terms_of
from kinfolk.linking.comparisons.token_evidence import token_evidence
from kinfolk.linking.spaces import Space, tfidf_space

ZERO = np.zeros(1, dtype=np.int32)


def code_row(left: str, right: str) -> dict[str, float]:
    return dict(zip(CODES, compare_codes([left], [right], ZERO, ZERO)[0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Andr &#233; Gamache", "andr é gamache"), ("ÉCOLE", "ecole"), ("AT&amp;T", "at&t"), ("a & b", "a & b")],
)
def test_clean_removes_case_accents_and_entities(text: str, expected: str) -> None:
    # "é" of an entity is read first and loses its accent like any other.
    assert clean(text) == clean(expected)
    assert clean(text).isascii()


def test_words_numbers_and_codes_are_told_apart() -> None:
    assert split_words("abv 7.00 % v8.5 kx-tg9342t") == ["abv", "7", "v8", "5", "kx", "tg9342t"]
    assert split_codes("kx-tg9342t 120gb mb739ll/a 50mm 010-10823-03 2007 dvd") == [
        "kxtg9342t",
        "mb739lla",
        "mb739ll",
        "0101082303",
    ]
    numbers, mixed = code_weights(terms_of(["2007 3.5 sr71 jet"], [""]))
    assert numbers.tolist() == [1, 1, 0, 0]
    assert mixed.tolist() == [0, 0, 0, 1]


def test_overlap_equals_sets() -> None:
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(list("abcdefgh"), size=random.integers(0, 6))) for _ in range(30)]
    terms = terms_of(texts[:15], texts[15:])
    weight = dict(zip(terms.vocabulary, terms.idf, strict=True))
    left, right = (x.ravel().astype(np.int32) for x in np.meshgrid(np.arange(15), np.arange(15)))
    given = dict(zip(OVERLAP, overlap(terms, left, right).T, strict=True))
    for row, (i, j) in enumerate(zip(left, right, strict=True)):
        a, b = set(texts[i].split()), set(texts[15 + j].split())
        for column, words in (("shared", a & b), ("left_only", a - b), ("right_only", b - a)):
            assert given[column][row] == pytest.approx(sum(weight[w] for w in words))
        assert given["heaviest_left"][row] == pytest.approx(max((weight[w] for w in a - b), default=0.0))
        assert np.isnan(given["cosine"][row]) == (not a or not b)
        if a == b and a:
            assert given["cosine"][row] == pytest.approx(1.0)


def test_codes_written_differently_are_one_code() -> None:
    row = code_row("panasonic kx-tg9342t phone", "panasonic kxtg9342t")
    assert row["equal"] == row["best_match"] == row["same_start"] == row["left_found"] == 1
    assert row["longest_common"] == len("kxtg9342t")


def test_related_contradicting_and_absent_codes() -> None:
    related = code_row("samsung tr72bx", "samsung tr72b")
    assert related["equal"] == 0
    assert related["best_match"] == 1  # the shorter one is wholly inside
    assert related["same_start"] == pytest.approx(5 / 6)
    assert (related["left_found"], related["right_found"]) == (0, 1)
    assert code_row("denon dvd2930", "sony kdl40v")["best_match"] < 0.3
    absent = code_row("black stand", "samsung tr72b")
    assert np.isnan([absent["best_match"], absent["left_found"]]).all()
    assert absent["right_count"] == 1


def test_a_code_is_found_where_the_other_shop_split_it() -> None:
    assert code_row("linksys ezxs88w", "linksys ezxs 88 w switch")["left_found"] == 1


def test_rivals_of_three_candidates() -> None:
    left, right = np.array([0, 0, 1], np.int32), np.array([0, 1, 1], np.int32)
    rivals = compare_rivals(np.array([3.0, 1.0, 2.0]), left, right)
    np.testing.assert_allclose(rivals[:, 0], [2.0, -2.0, 2.0 - NOTHING])
    np.testing.assert_allclose(rivals[:, 1], [3.0 - NOTHING, -1.0, 1.0])
    assert rivals[:, 2].tolist() == [1, 0, 1]
    assert compare_rivals(np.empty(0), ZERO[:0], ZERO[:0]).shape == (0, 3)


def test_neighbors_equal_a_dense_computation() -> None:
    random = np.random.default_rng(1)
    a, b = (np.abs(random.normal(size=(n, 6))) for n in (12, 9))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    left, right = (x.ravel().astype(np.int32) for x in np.meshgrid(np.arange(12), np.arange(9)))
    given = compare_neighbors(Space(*(sp.csr_matrix(x, dtype=np.float32) for x in (a, b))), left, right, k=4)
    columns = dict(zip(NEIGHBORS, given.T, strict=True))
    cosines = a @ b.T
    for row, (i, j) in enumerate(zip(left, right, strict=True)):
        cosine = cosines[i, j]
        means = np.sort(cosines[i])[-4:].mean() + np.sort(cosines[:, j])[-4:].mean()
        assert columns["similarity"][row] == pytest.approx(cosine, abs=1e-6)
        assert columns["left_margin"][row] == pytest.approx(cosine - np.delete(cosines[i], j).max(), abs=1e-6)
        assert columns["right_margin"][row] == pytest.approx(cosine - np.delete(cosines[:, j], i).max(), abs=1e-6)
        assert columns["csls"][row] == pytest.approx(2 * cosine - means, abs=1e-6)
        assert columns["left_rank"][row] == pytest.approx(np.log1p(min(4, (cosines[i] > cosine).sum())))


def test_token_evidence_puts_each_word_in_its_block() -> None:
    terms = terms_of(["adobe upgrade"], ["adobe mac"])
    evidence = token_evidence(terms, ZERO, ZERO).toarray()[0].reshape(3, 3) > 0
    assert terms.vocabulary == ("adobe", "mac", "upgrade")
    assert evidence.tolist() == [[True, False, False], [False, False, True], [False, True, False]]


def test_swapping_the_tables_swaps_the_sides() -> None:
    rows = [
        {"id": "1", "name": "Sony PSLX350H turntable", "price": 90.0},
        {"id": "2", "name": "Bose AM53BK", "price": 400.0},
    ]
    other = [{"id": "a", "name": "sony psx-lx350h", "price": 99.0}, {"id": "b", "name": "", "price": None}]
    left, right = read_records(rows, id="id", number=["price"]), read_records(other, id="id", number=["price"])
    i, j = np.array([0, 1, 0], np.int32), np.array([0, 0, 1], np.int32)
    pairs = [FieldPair("name", "name", "text"), FieldPair("price", "price", "number")]
    forward, backward = (
        pair_features(a, b, prepare_fields(a, b, pairs), tfidf_space(whole_texts(a), whole_texts(b)), rows_a, rows_b)
        for a, b, rows_a, rows_b in ((left, right, i, j), (right, left, j, i))
    )
    assert len(set(forward.names)) == len(forward.names)
    same = [
        k for k, name in enumerate(forward.names) if name.endswith(("cosine", "jaccard", "shared", "csls", "equal"))
    ]
    np.testing.assert_allclose(forward.values[:, same], backward.values[:, same], rtol=1e-5)
    ours, theirs = forward.names.index("name: left only"), backward.names.index("name: right only")
    np.testing.assert_allclose(forward.values[:, ours], backward.values[:, theirs])
    assert np.isnan(forward.values[2, forward.names.index("price: difference")])
    assert forward.values[0, forward.names.index("price: difference")] == 9.0
