"""A slow scorer on the best candidates of a run: what it adds, and what it costs."""

import re
from collections import Counter

import numpy as np
import pytest

import kinfolk
from kinfolk.linking import rescore
from kinfolk.linking.comparisons.pair_features import PairFeatures
from kinfolk.linking.rescore import Rescored, best_of_each

NUM = 60


def partner(code: int) -> int:
    """A number of four digits for each number of four digits, without a digit in common except by chance."""
    return 1000 + 7919 * int(code) % 9000


class Twins:
    """Knows which records are the same thing: whose numbers follow a rule. It counts what it is asked."""

    fingerprint = "twins"

    def __init__(self, fails_after: int | None = None) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        self.fails_after = fails_after

    def __call__(self, left, right):
        if self.fails_after is not None and self.asked.total() >= self.fails_after:
            raise KeyboardInterrupt
        self.asked.update(zip(left, right, strict=True))
        pairs = [(int(a.split()[-1]), int(b.split()[-1])) for a, b in zip(left, right, strict=True)]
        return [4.0 if b == partner(a) else -4.0 for a, b in pairs]


@pytest.fixture
def tables():
    """Names that three records share, and a number that says nothing to whoever does not know the rule."""
    draw = np.random.default_rng(3)
    words = ["".join(draw.choice([*"abcdefghij"], 12)) for _ in range(NUM // 3)]
    codes = draw.choice(np.arange(1000, 10_000), NUM, replace=False)
    left = [{"id": f"l{n}", "name": f"{words[n // 3]} {codes[n]}"} for n in range(NUM)]
    right = [{"id": f"r{n}", "name": f"{words[n // 3]} {partner(codes[n])}"} for n in draw.permutation(NUM)]
    return left, right


def share_right(links: kinfolk.Links) -> float:
    return sum(row["left_id"][1:] == row["right_id"][1:] for row in links.to_arrow().to_pylist()) / NUM


def test_the_matcher_learns_what_the_score_is_worth(tables):
    without, with_it = (kinfolk.link(*tables, relation="one-to-one", **given) for given in ({}, {"rescore": Twins()}))
    assert share_right(without) < 0.6
    assert share_right(with_it) > 0.95
    assert "evidence/rescored" in with_it.scores.column_names
    assert [stage.name for stage in with_it.stages].count("rescore") == 1


def test_a_matcher_with_labels_learns_from_it_too():
    features = PairFeatures(np.array([[0.5], [0.7]], np.float32), ("cosine",), ("name",))
    with_score = Rescored(np.array([0.9, np.nan], np.float32), 1).add_to_features(features)
    assert with_score.names == ("cosine", "rescored: score")
    np.testing.assert_array_equal(with_score.values[:, 1], np.array([0.9, np.nan], np.float32))


def test_no_record_costs_more_than_its_calls(tables):
    scorer, calls = Twins(), 2
    links = kinfolk.link(*tables, relation="one-to-one", rescore=scorer, rescore_calls=calls)
    candidates = Counter(links.scores.column("left").to_pylist())
    assert Counter(a for a, _ in scorer.asked) == {
        tables[0][row]["name"]: min(calls, number) for row, number in candidates.items()
    }
    assert set(scorer.asked.values()) == {1}


def test_without_a_scorer_nothing_changes(tables):
    plain, none = (
        kinfolk.link(*tables, relation="one-to-one"),
        kinfolk.link(*tables, relation="one-to-one", rescore="none", rescore_calls=3),
    )
    assert plain.scores.equals(none.scores)


def test_where_matching_says_nothing_the_most_similar_are_scored():
    left = np.zeros(3, int)
    assert best_of_each(left, np.full(3, 0.1), 1, similarity=np.array([0.2, 0.5, 0.3])).tolist() == [1]


def test_the_most_probable_of_each_record_are_chosen():
    left = np.array([0, 0, 0, 1, 2, 2])
    probability = np.array([0.2, 0.9, 0.9, 0.1, 0.3, 0.4])
    assert best_of_each(left, probability, 1, similarity=probability).tolist() == [1, 3, 5]
    assert best_of_each(left, probability, 2, similarity=probability).tolist() == [1, 2, 3, 4, 5]


def test_a_killed_run_asks_for_nothing_twice(tables, tmp_path, monkeypatch):
    monkeypatch.setattr("kinfolk.search.cross_encoder.parts.PAIRS_A_PART", 64)
    monkeypatch.setattr(rescore, "_BATCH", 32)
    plain = Twins()
    whole = kinfolk.link(*tables, relation="one-to-one", rescore=plain)
    killed, resumed = Twins(fails_after=150), Twins()
    with pytest.raises(KeyboardInterrupt):
        kinfolk.link(*tables, relation="one-to-one", rescore=killed, run=tmp_path)
    links = kinfolk.link(*tables, relation="one-to-one", rescore=resumed, run=tmp_path)
    assert links.scores.equals(whole.scores)
    assert 0 < resumed.asked.total() == plain.asked.total() - killed.asked.total() // 64 * 64
    with pytest.raises(kinfolk.RunError, match="another rescore"):
        kinfolk.link(*tables, relation="one-to-one", rescore=Twins(), rescore_calls=3, run=tmp_path)
    with pytest.raises(kinfolk.RunError, match="another rescore"):
        kinfolk.link(*tables, relation="one-to-one", run=tmp_path)


def test_a_score_that_is_no_number_is_said_with_its_pair(tables):
    name = tables[0][0]["name"]
    with pytest.raises(kinfolk.DataError, match=rf"Got nan for the pair of the query '{re.escape(name)}'"):
        kinfolk.link(
            *tables, relation="one-to-one", rescore=lambda left, _: [np.nan if a == name else 0.0 for a in left]
        )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rescore": 7}, "rescore must be the folder or name .* Got int"),
        ({"rescore": "no_such_module_of_mine:score"}, "function score of the Python module no_such_module_of_mine"),
        ({"rescore": "./nowhere"}, "cross-encoder must be a folder or a model's name"),
        ({"rescore": Twins(), "rescore_calls": 0}, "rescore_calls must be at least 1. Got 0"),
        ({"rescore": lambda left, _: [0.0] * len(left), "run": "folder"}, "needs an attribute 'fingerprint'"),
    ],
)
def test_what_cannot_rescore_is_said(tables, given, said, tmp_path):
    if "run" in given:
        given = given | {"run": tmp_path}
    with pytest.raises(kinfolk.ConfigurationError, match=said):
        kinfolk.link(*tables, relation="one-to-one", **given)
