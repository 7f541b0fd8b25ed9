"""Sources that ask each other, against a slow loop, and where that differs from asking all at once."""

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.reciprocal_rank import class_reciprocal_rank, source_reciprocal_rank


def slow(vectors, labels, sources, others, other_sources):
    ranks = []
    for row in range(len(vectors)):
        for source in set(sources.tolist()) - {sources[row]}:
            there = [at for at in range(len(vectors)) if sources[at] == source]
            own = [vectors[row] @ vectors[at] for at in there if labels[at] == labels[row]]
            rivals = [vectors[row] @ vectors[at] for at in there if labels[at] != labels[row]]
            rivals += [vectors[row] @ v for v, of in zip(others, other_sources, strict=True) if of == source]
            if own:
                ranks.append(1 / (1 + sum(rival >= max(own) for rival in rivals)))
    return float(np.mean(ranks)) if ranks else None


@pytest.mark.parametrize("num_sources", [1, 2, 3])
def test_each_record_asks_each_other_source_that_has_its_class(num_sources, rng):
    vectors, others = (rng.normal(size=(num, 3)) for num in (30, 20))
    vectors, others = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (vectors, others))
    labels, sources = rng.integers(0, 6, 30), rng.integers(0, num_sources, 30)
    of_others = rng.integers(0, num_sources + 1, 20)
    found = source_reciprocal_rank(vectors, labels, sources, others=others, other_sources=of_others)
    assert found == (pytest.approx(slow(vectors, labels, sources, others, of_others)) if num_sources > 1 else None)


def test_a_copy_in_the_same_source_helps_nobody_to_link():
    """Classes 0 and 1, each twice in the first source and once in the second, where the two are exchanged."""
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    labels, sources = np.array([0, 0, 1, 1, 0, 1]), np.array([0, 0, 0, 0, 1, 1])
    found = class_reciprocal_rank(vectors, labels)
    assert found == pytest.approx((4 / 2 + 2 / 4) / 6)  # the copy comes second, after the one that is exchanged
    # from the first source the right one comes second of two; from the second after both of the other class
    assert source_reciprocal_rank(vectors, labels, sources) == pytest.approx((4 / 2 + 2 / 3) / 6)
    right = np.array([0, 0, 1, 1, 1, 0])
    assert source_reciprocal_rank(vectors, right, sources) == 1


def test_lengths_that_differ_are_refused():
    with pytest.raises(ConfigurationError, match="of one length.*Got 3, 3 and 2"):
        source_reciprocal_rank(np.eye(3), np.arange(3), np.arange(2))
    with pytest.raises(ConfigurationError, match="finite"):
        source_reciprocal_rank(np.full((2, 2), np.nan), np.zeros(2, np.int64), np.arange(2))
