"""The label-free path from two tables to links."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

import kinfolk
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.decide import best_expected_cut
from kinfolk.linking.match import loss_of_losers
from kinfolk.linking.ngrams import character_ngrams, words
from kinfolk.linking.normalization import normalize
from kinfolk.linking.rivals import Contest
from kinfolk.linking.spaces import tfidf_space

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


@pytest.fixture(scope="module")
def links() -> kinfolk.Links:
    return kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv")


def test_accents_width_case_and_punctuation_do_not_count() -> None:
    assert normalize(["Café  “Zoë”, №", "ＡＢ-12", "", "a\nb"]) == ["cafe zoe no", "ab 12", "", "a b"]
    assert normalize(["が"]) == ["が"]  # marks of other scripts stay


def test_ngrams_equal_a_slow_count() -> None:
    texts = ["ab abc", "", "x", "abab ab"]
    slow = [[f" {word} "[i : i + 3] for word in t.split() for i in range(len(word))] for t in texts]
    counts = character_ngrams(texts)
    assert counts.sum(axis=1).ravel().tolist() == [[len(g) for g in slow]]
    assert counts.shape[1] == len({g for row in slow for g in row})


def test_cosines_equal_scikit_learn() -> None:
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True)
    left, right = ["sony turntable pslx350h", "bose speaker"], ["sony pslx350h", "speakers by bose", "lens"]
    vectors = vectorizer.fit_transform(left + right)
    rows_left, rows_right = np.repeat(np.arange(2), 3), np.tile(np.arange(3), 2)
    ours = tfidf_space(left, right).similarity(rows_left, rows_right)
    assert ours == pytest.approx((vectors[:2] @ vectors[2:].T).toarray().ravel(), abs=1e-6)


def test_words_are_counted_once_each() -> None:
    counts, vocabulary = words(["b a b", "", "c"])
    assert {w: int(counts[0, i]) for i, w in enumerate(vocabulary) if w} == {"b": 2, "a": 1, "c": 0}


def test_margin_is_the_distance_to_the_best_rival() -> None:
    contest = Contest(Candidates(np.array([0, 0, 1]), np.array([0, 1, 1])), 2, 2)
    margins = contest.margins(np.array([3.0, 2.0, 1.0]), np.arange(3))
    assert margins[:2, 0].tolist() == [1.0, -1.0]  # left record 0: 3 against 2
    assert margins[2, 1] == -1.0  # right record 1: 1 against 2
    assert contest.winners(np.array([3.0, 2.0, 1.0]), np.arange(3)).tolist() == [0, 2]


def test_cut_maximizes_expected_f1() -> None:
    probability = np.array([0.9, 0.8, 0.3, 0.05])
    gains = [2 * probability[:k].sum() / (k + probability.sum()) for k in range(1, 5)]
    assert best_expected_cut(probability) == probability[int(np.argmax(gains))]
    assert best_expected_cut(np.zeros(0)) == 1.0


def test_nothing_is_linked_where_there_is_probably_no_match() -> None:
    assert best_expected_cut(np.array([1e-22])) == 1.0
    assert best_expected_cut(np.array([0.3])) == 1.0, "no match is likelier than the F1 of linking it: .7 against .46"
    assert best_expected_cut(np.array([0.6])) == 0.6
    assert best_expected_cut(np.array([0.3, 0.3, 0.3, 0.3])) == 0.3, "here one of four is one: .24 against .55"
    links = kinfolk.link([{"id": 1, "name": "John Smith"}], [{"id": 1, "name": "Jon Smith"}])
    assert len(links) == 0


def test_example_tables_are_linked(links: kinfolk.Links) -> None:
    assert links.evaluate(EXAMPLES / "matches.csv").f1 >= 0.95


def test_evidence_adds_up_to_the_probability(links: kinfolk.Links) -> None:
    evidence = [links.scores.column(c).to_numpy() for c in links.scores.column_names if c.startswith("evidence/")]
    total = links.prior + np.sum(evidence, axis=0)
    assert links.scores.column("probability").to_numpy() == pytest.approx(1 / (1 + np.exp(-total)), abs=1e-4)


def test_losers_hold_no_more_matches_than_winners_hold_non_matches() -> None:
    log_odds = np.array([14.0, 13.0, 2.0, 13.0, 12.5, -1.0])
    lost = np.array([False, False, False, True, True, True])
    shifted = log_odds[lost] - loss_of_losers(log_odds, lost)
    assert (1 / (1 + np.exp(-shifted))).sum() == pytest.approx((1 / (1 + np.exp(log_odds[~lost]))).sum(), rel=1e-6)
    assert loss_of_losers(np.array([0.0, -9.0]), np.array([False, True])) == 0.0


def test_every_record_is_linked_or_says_why(links: kinfolk.Links) -> None:
    linked = links.to_arrow()
    for side, records in (("left", links.left), ("right", links.right)):
        alone = links.unlinked.filter(pa.compute.equal(links.unlinked.column("side"), side))
        assert linked.num_rows + alone.num_rows == len(records)
        assert len(set(linked.column(f"{side}_id").to_pylist())) == linked.num_rows  # one-to-one


def test_a_run_goes_on_where_it_stopped_and_refuses_other_tables(tmp_path: Path, links: kinfolk.Links) -> None:
    kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv", run=tmp_path)
    for made_later in ("scores", "links", "unlinked"):
        (tmp_path / f"{made_later}.parquet").unlink()
    again = kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv", run=tmp_path)
    assert again.to_arrow().equals(links.to_arrow())
    with pytest.raises(kinfolk.RunError, match="another left table"):
        kinfolk.link(EXAMPLES / "right.csv", EXAMPLES / "right.csv", run=tmp_path)


@pytest.mark.parametrize("rows", [0, 1])
def test_tiny_tables_give_a_result(rows: int) -> None:
    table = {"id": ["a"][:rows], "name": ["Ada Lovelace"][:rows]}
    left = pa.table(table, schema=pa.schema([("id", pa.string()), ("name", pa.string())]))
    assert len(kinfolk.link(left, left)) <= rows


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "least"),
    [("er-abt-buy", 0.95), ("er-amazon-google", 0.70), ("er-dblp-acm", 0.985), ("er-restaurants", 0.87)],
)
def test_real_tables_without_labels(data_folder: Path, name: str, least: float) -> None:
    found = kinfolk.link(data_folder / name / "left.csv.gz", data_folder / name / "right.csv.gz")
    assert found.relation == "one-to-one"  # as read from the data
    assert found.evaluate(data_folder / name / "matches.csv").f1 >= least
    probability = found.scores.column("probability").to_numpy()
    pairs = Candidates(found.scores.column("left").to_numpy(), found.scores.column("right").to_numpy())
    won = Contest(pairs, len(found.left), len(found.right)).winners(probability, np.arange(len(probability)))
    lost = np.delete(probability, won)
    assert lost.sum() <= 1.1 * (1 - probability[won]).sum()  # 1.1: the last contest may differ from the model's own
