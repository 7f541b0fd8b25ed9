"""Cuts of a tree: by labels against trying every cut, and without labels on mixtures of known groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.clusters import compare_labels
from kinfolk.linking.tree import Tree, linkage_tree
from kinfolk.linking.tree_cut import choose_cut, stable_cut


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def mixture(sizes: list[int], spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Groups of these sizes around random directions, and the group of each record."""
    draw = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    center = unit(draw.normal(size=(len(sizes), 32)))[labels]
    return unit(center + spread / np.sqrt(32) * draw.normal(size=center.shape)), labels


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    num=st.integers(2, 25),
    known=st.floats(0.3, 1),
    by=st.sampled_from(["adjusted_rand", "pairwise_f1"]),
)
def test_no_other_cut_is_better(seed: int, num: int, known: float, by: str) -> None:
    draw = np.random.default_rng(seed)
    vectors = unit(draw.normal(size=(num, 3)))[draw.integers(0, num, num)]  # some are equal
    labels = np.where(draw.random(num) < known, draw.integers(0, 5, num), -1)
    labels[:2] = 0, 1
    tree = linkage_tree(vectors)
    chosen = choose_cut(tree, labels, by=by)
    kept = labels >= 0

    def score(cut: float) -> float:
        return float(getattr(compare_labels(tree.labels(cut)[kept], labels[kept]), by))

    assert chosen.score == max(score(cut) for cut in [0.0, *tree.distance])
    assert chosen.score == score(chosen.cut) == score(chosen.low)
    if by == "adjusted_rand":
        assert chosen.score == pytest.approx(adjusted_rand_score(labels[kept], tree.labels(chosen.cut)[kept]))
    assert chosen.low <= chosen.cut <= chosen.high
    assert chosen.high == 2 or score(chosen.high) != chosen.score


def chain(*distance: float) -> Tree:
    """Records in a row, each joined to the one before."""
    num = len(distance)
    return Tree(num + 1, np.arange(num), np.arange(1, num + 1), np.array(distance))


def test_known_answers() -> None:
    cut = choose_cut(chain(0.1, 0.5, 0.6), [0, 0, 1, 1])
    assert (cut.low, cut.high, cut.score) == (0.1, 0.5, pytest.approx(4 / 7))
    # Nothing is known of the third record: its join does not end the interval.
    cut = choose_cut(chain(0.1, 0.5, 0.6), [0, 0, -1, 1])
    assert (cut.cut, cut.low, cut.high, cut.score) == (0.35, 0.1, 0.6, 1.0)
    # No two records are one thing: below the first join, and no cut is below a join of equal records.
    assert choose_cut(chain(0.1, 0.5), [0, 1, 2]).cut == 0.05
    assert choose_cut(chain(0.0, 0.5), [0, 1, 2]).low == 0.0


def test_names_of_labels_do_not_matter() -> None:
    vectors, labels = mixture([4, 3, 6, 2, 1, 1], 0.8, 0)
    tree = linkage_tree(vectors)
    assert choose_cut(tree, labels) == choose_cut(tree, 1000 - 7 * labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 0], r"one integer a record, at least 0, or -1 where not known: \(3,\)\. Got int64, \(2,\)"),
        ([0.0, 1.0, 1.0], "Got float64"),
        ([0, 1, -2], "at least 0, or -1"),
        ([4, 4, -1], "two groups at least, or any high cut would be right. Got 1"),
        ([-1, -1, -1], "Got 0"),
    ],
)
def test_labels_that_cannot_choose(labels: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        choose_cut(chain(0.1, 0.5), labels)


def test_another_measure() -> None:
    with pytest.raises(ConfigurationError, match="by must be adjusted_rand or pairwise_f1. Got 'purity'"):
        choose_cut(chain(0.1), [0, 1], by="purity")  # type: ignore[arg-type]


def test_stability_by_hand() -> None:
    # Pairs (0, 1) and (2, 3) are born at 0.1 and 0.2 and die at 0.8, when all are one.
    tree = Tree(4, np.array([0, 2, 0]), np.array([1, 3, 2]), np.array([0.1, 0.2, 0.8]))
    cut = stable_cut(tree)
    assert (cut.low, cut.cut, cut.high) == (0.2, 0.5, 0.8)
    assert cut.score == pytest.approx(((0.8**0.5 - 0.1**0.5) ** 2 + (0.8**0.5 - 0.2**0.5) ** 2) / 2)


@pytest.mark.parametrize("method", ["single", "average"])
@pytest.mark.parametrize(
    ("sizes", "spread"),
    [
        ([10] * 30, 0.4),
        ([100] * 3, 0.4),
        ([2] * 40 + [1] * 320, 0.25),
        ([100, 50, 25, 12, 6, 3, 2] + [1] * 50, 0.4),
        ([2] * 100 + [1] * 100, 0.4),
    ],
    ids=["tens", "hundreds", "one record in five has a partner", "few large, many small", "pairs and singles"],
)
def test_groups_that_are_clearly_apart_are_found(sizes: list[int], spread: float, method: str) -> None:
    for seed in range(3):
        vectors, labels = mixture(sizes, spread, seed)
        tree = linkage_tree(vectors, linkage=method)
        found = tree.labels(stable_cut(tree).cut)
        assert compare_labels(found, labels).adjusted_rand > 0.85


def test_equal_records_and_unknown_ones_do_not_move_the_cut() -> None:
    vectors, labels = mixture([8] * 20 + [1] * 20, 0.4, 1)
    once = stable_cut(linkage_tree(vectors))
    assert compare_labels(linkage_tree(vectors).labels(once.cut), labels).adjusted_rand == 1.0
    for copies in (vectors, vectors[:30]):
        again = stable_cut(linkage_tree(np.concatenate([vectors, copies, np.zeros((9, 32), np.float32)])))
        assert (again.low, again.cut, again.high) == (once.low, once.cut, once.high)


@pytest.mark.parametrize("num", [0, 1, 2, 6])
def test_nothing_to_choose_from(num: int) -> None:
    with pytest.raises(DataError, match="closer within than to the rest"):
        stable_cut(linkage_tree(np.eye(6)[:num]))
