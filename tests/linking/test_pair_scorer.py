"""The matcher of a run as a scorer of any pair of its records."""

import numpy as np
import pytest

import kinfolk
from kinfolk.linking.pair_scorer import MatcherScorer
from kinfolk.search.cross_encoder import CrossEncoderIndex

NUM = 50


@pytest.fixture(scope="module")
def tables():
    """Names of two words and a year; the second table has a letter of each name wrong."""
    draw = np.random.default_rng(5)
    names = [" ".join("".join(draw.choice([*"abcdefgh"], 7)) for _ in range(2)) for _ in range(NUM)]
    years = draw.integers(1900, 2000, NUM)
    left = [{"id": f"l{n}", "name": name, "year": int(years[n])} for n, name in enumerate(names)]
    wrong = [name[:at] + "z" + name[at + 1 :] for name, at in zip(names, draw.integers(0, 7, NUM), strict=True)]
    right = [{"id": f"r{n}", "name": wrong[n], "year": int(years[n])} for n in range(NUM)]
    return left, right


@pytest.fixture(scope="module")
def links(tables, tmp_path_factory):
    return kinfolk.link(*tables, relation="one-to-one", run=tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def scorer(links):
    return MatcherScorer(links)


LEFT, RIGHT = [f"l{n}" for n in range(NUM)], [f"r{n}" for n in range(NUM)]


def test_the_same_thing_scores_above_everything_else(scorer):
    scores = scorer(np.repeat(LEFT, NUM).tolist(), RIGHT * NUM).reshape(NUM, NUM)
    assert scores.argmax(axis=1).tolist() == list(range(NUM))
    assert (np.diag(scores) > 0).all()
    assert (scores[~np.eye(NUM, dtype=bool)] < 0).all()


def test_a_pair_scores_the_same_whatever_is_asked_beside_it(scorer):
    together = scorer(LEFT[:5], RIGHT[1:6])
    alone = [scorer([left], [right])[0] for left, right in zip(LEFT[:5], RIGHT[1:6], strict=True)]
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_a_run_read_back_is_the_same_scorer(links, scorer, tmp_path):
    again = kinfolk.link(links.left, links.right, relation="one-to-one", run=tmp_path)
    read = MatcherScorer(kinfolk.load(tmp_path))
    assert again.scores.equals(links.scores)
    assert read.fingerprint == scorer.fingerprint
    np.testing.assert_array_equal(read(LEFT[:3], RIGHT[3:6]), scorer(LEFT[:3], RIGHT[3:6]))


def test_an_index_finds_by_it(scorer):
    index = CrossEncoderIndex(scorer).build(LEFT[:5], RIGHT, ids=RIGHT)
    found = index.search(LEFT[25:30], 2, calls=NUM)
    assert found.ids[:, 0].tolist() == RIGHT[25:30]


def test_records_that_cannot_be_told_are_said(scorer, tables):
    with pytest.raises(kinfolk.DataError, match="no record with id 'l99'"):
        scorer(["l99"], ["r0"])
    shared = [tables[0][0] | {"id": "l1"}, *tables[0][1:]]
    with pytest.raises(kinfolk.ConfigurationError, match="some share one"):
        MatcherScorer(kinfolk.link(shared, tables[1], left_id="id", right_id="id", relation="one-to-one"))
