"""Hard negatives: who they are, who they never are, and how they are drawn in training."""

from dataclasses import replace

import numpy as np
import pytest

from kinfolk.data.same_text import same_text
from kinfolk.data.texts import Texts
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.methods.texts.mined import mine_texts
from kinfolk.methods.texts.negatives import Mining, mine_negatives

FRUIT = Texts(
    (
        ("red apple", "green apple", "blue car", "red car", "RED  apple"),
        ("an apple that is red", "an apple, green", "a blue car", "a car in red", "red fruit"),
    ),
    np.arange(5),
    labels=np.array([0, 0, 1, 1, 0]),
)
# Cosines with the anchor of item 0: its positive .9, then .88, .6, .1; the other anchors see the same documents.
NEARNESS = dict(zip(FRUIT.columns[1], (0.9, 0.88, 0.1, 0.6, 0.5), strict=True))


def encode(texts):
    """Anchors on one axis; documents at the angles above."""
    return np.array([(c := NEARNESS.get(text, 1.0), (1 - c * c) ** 0.5) for text in texts], np.float32)


def random_pairs(rng, num: int = 60) -> Texts:
    words = np.array(["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op"])
    columns = [tuple(" ".join(rng.choice(words, 3)) for _ in range(num)) for _ in range(2)]
    return Texts(tuple(columns), np.arange(num), labels=rng.integers(0, 5, num), groups=rng.integers(-1, 12, num))


def test_by_words_the_texts_that_share_most_and_none_known_to_belong() -> None:
    found = mine_negatives(FRUIT, by="bm25", mining=Mining(pool=2))
    assert found[2].tolist() == [3, -1], "'a car in red' alone shares a word with 'blue car'"
    assert set(found[0].tolist()) == {1, 3}, "'red fruit' belongs to the same text in capitals"
    assert mine_negatives(FRUIT, by="bm25", mining=Mining(pool=1, skip=1))[2].tolist() == [-1]
    # "car" weighs ln(1 + 3.5 / 2.5) = .88 and "blue" ln(1 + 4.5 / 1.5) = 1.39: about .39 of the score of the positive.
    for share, expected in ((0.5, 3), (0.3, -1)):
        limited = mine_negatives(FRUIT, by="bm25", mining=Mining(pool=1, most_share=share))
        assert limited[2].tolist() == [expected]


def test_by_model_no_text_that_is_nearly_as_near_as_the_positive() -> None:
    found = mine_negatives(FRUIT, by="model", encode=encode, mining=Mining(pool=3))
    assert found[0].tolist() == [3, 2, -1], "at most .95 x .9, so not the one at .88"
    free = mine_negatives(FRUIT, by="model", encode=encode, mining=Mining(pool=3, most_share=1.0))
    assert free[0].tolist() == [1, 3, 2]
    skipped = mine_negatives(FRUIT, by="model", encode=encode, mining=Mining(pool=3, most_share=1.0, skip=1))
    assert skipped[0].tolist() == [3, 2, -1]
    margin = mine_negatives(FRUIT, by="model", encode=encode, mining=Mining(pool=3, most_share=1.0, margin=0.5))
    assert margin[0].tolist() == [2, -1, -1]


def test_siblings_have_the_same_label_and_other_meaning() -> None:
    found = mine_negatives(FRUIT, by="siblings", mining=Mining(pool=3))
    assert found[0].tolist() == found[4].tolist() == [1, -1, -1]
    assert found[2].tolist() == [3, -1, -1]


def test_an_item_without_a_label_has_no_siblings_and_is_none() -> None:
    found = mine_negatives(replace(FRUIT, labels=np.array([0, 0, -1, -1, 0])), by="siblings")
    assert (found[2:4] == -1).all()
    assert not np.isin(found, [2, 3]).any()
    assert (found[0] >= 0).any()


@pytest.mark.parametrize("by", ["bm25", "model", "siblings", "random"])
def test_a_negative_is_never_known_to_belong(by: str, rng) -> None:
    texts = random_pairs(rng)
    vectors: dict[str, np.ndarray] = {}
    for text in {*texts.columns[0], *texts.columns[1]}:
        vector = rng.normal(size=8)
        vectors[text] = (vector / np.linalg.norm(vector)).astype(np.float32)

    def encode(some):
        return np.stack([vectors[text] for text in some])

    found = mine_negatives(
        texts, by=by, encode=encode, mining=Mining(pool=5, most_share=1.0 if by == "model" else None)
    )
    assert found.shape == (60, 5)
    assert (found >= 0).any(axis=1).mean() > 0.4
    anchors, positives = ([same_text(text) for text in column] for column in texts.columns)
    for item, row in enumerate(found.tolist()):
        mine = [positives[one] for one in row if one >= 0]
        assert len(set(mine)) == len(mine)
        belongs = {anchors[item], *(positives[at] for at in range(60) if anchors[at] == anchors[item])}
        if texts.groups[item] >= 0:
            belongs |= {positives[at] for at in range(60) if texts.groups[at] == texts.groups[item]}
        assert belongs.isdisjoint(mine)
    assert np.array_equal(
        found,
        mine_negatives(texts, by=by, encode=encode, mining=Mining(pool=5, most_share=1.0 if by == "model" else None)),
    )


@pytest.mark.parametrize("by", ["bm25", "random"])
def test_negatives_are_of_the_same_corpus_also_where_it_is_small(by: str, rng) -> None:
    corpora = np.repeat([0, 1], [52, 8])
    texts = replace(random_pairs(rng), corpora=corpora, corpus_names=("large", "small"), groups=None)
    found = mine_negatives(texts, by=by, mining=Mining(pool=3))
    assert (found[corpora == 1] >= 0).any(axis=1).all()
    mined = found >= 0
    assert (corpora[found][mined] == np.broadcast_to(corpora[:, None], found.shape)[mined]).all()


def test_the_order_of_pairs_does_not_change_their_negatives_by_words() -> None:
    order = np.array([3, 0, 4, 2, 1])
    found, moved = (mine_negatives(texts, by="bm25", mining=Mining(pool=1)) for texts in (FRUIT, FRUIT.take(order)))
    for place, item in enumerate(order):
        assert moved[place, 0] == -1 == found[item, 0] or order[moved[place, 0]] == found[item, 0]


def test_a_draw_takes_what_belongs_to_nothing_in_the_batch_and_follows_from_the_seed() -> None:
    mined = mine_texts(FRUIT, by="bm25", mining=Mining(pool=2), encode=None, seed=0)
    assert mined.with_hard == 5
    assert len(mined.texts) == 5
    # Of item 0 the mined ones are those of items 1 and 3: with 3 in the batch there is one left.
    for epoch in range(6):
        assert mined.draw([0, 3], epoch)[0] == FRUIT.columns[1][1]
    alone = {mined.draw([0], epoch)[0] for epoch in range(12)}
    assert alone == {FRUIT.columns[1][1], FRUIT.columns[1][3]}
    assert mined.draw([0, 2], 1) == mined.draw([0, 2], 1)


def test_without_hard_share_any_text_is_drawn(rng) -> None:
    texts = random_pairs(rng)
    mined = mine_texts(texts, by="bm25", mining=Mining(hard_share=0.0), encode=None, seed=0)
    easy = mine_negatives(texts, by="random", seed=0)
    for row in range(10):
        drawn = mined.draw([row], 0)[0]
        assert drawn in {mined.documents[place] for place in easy[row] if place >= 0}


def test_what_cannot_be_mined_is_said() -> None:
    with pytest.raises(ConfigurationError, match="which column holds the positives"):
        mine_negatives(Texts(FRUIT.columns[:1], FRUIT.rows), by="bm25")
    with pytest.raises(ConfigurationError, match="need labels"):
        mine_negatives(replace(FRUIT, labels=None), by="siblings")
    with pytest.raises(ConfigurationError, match="Give encode"):
        mine_negatives(FRUIT, by="model")
    with pytest.raises(ConfigurationError, match="bm25, model, siblings, random. Got 'magic'"):
        mine_negatives(FRUIT, by="magic")
    same = replace(FRUIT, groups=np.zeros(5, np.int64))
    with pytest.raises(DataError, match="None of the 5 pairs has a negative"):
        mine_texts(same, by="bm25", mining=Mining(), encode=None, seed=0)
    for bad in ({"pool": 0}, {"depth": 3}, {"most_share": 0.0}, {"margin": -1}, {"hard_share": 2}):
        with pytest.raises(ConfigurationError, match="Got"):
            Mining(**bad)
