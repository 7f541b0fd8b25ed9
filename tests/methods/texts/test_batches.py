"""Batches of texts: nothing twice in one, one corpus each, and what they are where nothing comes twice."""

from collections import Counter

import numpy as np
import pytest

from kinfolk.data.same_text import item_groups, item_keys
from kinfolk.data.texts import Texts
from kinfolk.errors import ConfigurationError
from kinfolk.methods.batches import EpochBatches
from kinfolk.methods.texts.batches import TextBatches, distinct_batches


def one_key(values: object) -> np.ndarray:
    return np.asarray(values, np.int64)[:, None]


def test_a_row_goes_into_the_first_batch_without_its_keys() -> None:
    assert distinct_batches([0, 1, 2, 3, 4], [[7, 7, 1, 2, 7]], 2) == [[0, 2], [1, 3]]
    assert distinct_batches(range(4), [[1, 2, 3, 4], [5, 5, 6, 3]], 2) == [[0, 2], [1, 3]], "keys of all kinds count"


def test_batches_where_nothing_comes_twice_are_those_of_other_data() -> None:
    plain, texts = EpochBatches(50, 8, seed=4), TextBatches(one_key(range(50)), 8, seed=4)
    for epoch in range(3):
        plain.set_epoch(epoch), texts.set_epoch(epoch)
        assert list(texts) == list(plain)


@pytest.mark.parametrize("seed", range(3))
def test_no_key_comes_twice_and_every_epoch_is_as_long(seed: int, rng) -> None:
    # A text that fills a third of the rows, many that come a few times, and groups.
    keys = np.column_stack(
        [np.where(rng.random(300) < 0.3, 0, rng.integers(0, 120, 300)), 200 + rng.integers(0, 60, 300)]
    )
    order = TextBatches(keys, 16, seed)
    for epoch in range(3):
        order.set_epoch(epoch)
        found = list(order)
        assert [len(rows) for rows in found] == [16] * (300 // 16)
        for rows in found:
            assert len(np.unique(keys[rows])) == 32
        assert list(order) == found, "the order follows from seed and epoch"


def test_corpora_are_not_mixed_and_drawn_by_their_sizes() -> None:
    corpora = np.repeat([0, 1], [900, 100])
    for coefficient, share in ((0.0, 0.5), (1.0, 0.9)):
        order = TextBatches(
            one_key(range(1000)), 5, seed=1, corpora=corpora, corpus_names=("a", "b"), coefficient=coefficient
        )
        drawn: Counter[int] = Counter()
        for epoch in range(5):
            order.set_epoch(epoch)
            for rows in order:
                assert len(set(corpora[rows])) == 1
                assert len(set(rows)) == 5
                drawn[int(corpora[rows[0]])] += 1
        assert drawn.total() == 1000
        assert drawn[0] / 1000 == pytest.approx(share, abs=0.05)  # three deviations of 1,000 draws


def test_a_batch_that_cannot_be_filled_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"the 20 items fill a batch in which no text .* Got 8"):
        TextBatches(one_key(np.arange(20) % 7), 8, seed=0)
    for keys, sizes in ((range(20), [19, 1]), ([*range(16), 7, 7, 7, 7], [16, 4])):
        with pytest.raises(ConfigurationError, match=f"Of the {sizes[1]} items of 'b' no two may stand in one"):
            TextBatches(one_key(keys), 8, 0, corpora=np.repeat([0, 1], sizes), corpus_names=("a", "b"))


def test_a_corpus_that_fills_no_batch_has_smaller_ones() -> None:
    keys, corpora = np.array([*range(33), 30, 31]), np.repeat([0, 1], [30, 5])
    order = TextBatches(one_key(keys), 5, seed=0, corpora=corpora, corpus_names=("a", "b"))
    found = [rows for epoch in range(5) for rows in (order.set_epoch(epoch), list(order))[1]]
    assert {(int(corpora[rows[0]]), len(rows)) for rows in found} == {(0, 5), (1, 3)}
    assert all(len(set(corpora[rows])) == 1 and len(set(keys[rows])) == len(rows) for rows in found)


def test_keys_of_texts_and_groups() -> None:
    texts = Texts((("One", "two", "three"), ("eins", " one ", "drei")), np.arange(3), groups=np.array([5, -1, 5]))
    keys = item_keys(texts)
    assert keys[0, 0] == keys[1, 1], "the same but for case and spaces, in another column"
    assert keys[0, 2] == keys[2, 2]
    assert len(np.unique(keys)) == 7
    assert item_groups(texts).tolist() == keys[:, 2].tolist()
    alone = Texts((("a", "A", "b"),), np.arange(3))
    assert item_groups(alone).tolist() == [0, 0, 1]
