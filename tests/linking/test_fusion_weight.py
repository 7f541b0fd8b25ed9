"""The weight of the image, chosen together with the cut or by the first neighbor."""

import numpy as np
import pytest

from kinfolk.encoders.pooling import pool
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.clusters import compare_labels
from kinfolk.linking.fusion_weight import WEIGHTS, choose_weight, choose_weight_and_cut
from kinfolk.linking.tree import linkage_tree


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def sides(labels: np.ndarray, spreads: tuple[float, float], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Image and text of records: directions of their labels, seen with more noise or less."""
    centers = unit(np.random.default_rng(0).normal(size=(labels.max() + 1, 24)))
    draw = np.random.default_rng(seed)
    image, text = (unit(centers[labels] + s / 5 * draw.normal(size=(len(labels), 24))) for s in spreads)
    return image, text


LABELS = np.repeat(np.arange(20), 4)


def test_equals_trying_every_weight_and_cut() -> None:
    image, text = sides(LABELS, (0.6, 1.2), 1)
    image[::9], text[5::11] = 0, 0
    grid = (0.0, 0.2, 0.5, 0.8, 1.0)
    chosen = choose_weight_and_cut(image, text, LABELS, weights=grid)
    best = []
    for weight in grid:
        tree = linkage_tree(pool([image, text], [weight, 1 - weight]))
        best.append(max(compare_labels(tree.labels(cut), LABELS).adjusted_rand for cut in [0.0, *tree.distance]))
    assert chosen.scores == tuple(best)
    assert chosen.weight == grid[int(np.argmax(best))]
    assert chosen.cut.score == max(best)
    labels = linkage_tree(pool([image, text], [chosen.weight, 1 - chosen.weight])).labels(chosen.cut.cut)
    assert compare_labels(labels, LABELS).adjusted_rand == chosen.cut.score


@pytest.mark.parametrize(("spreads", "side"), [((0.5, 2.5), "image"), ((2.5, 0.5), "text")])
def test_the_side_with_less_noise_weighs_more(spreads: tuple[float, float], side: str) -> None:
    image, text = sides(LABELS, spreads, 2)
    by_groups = choose_weight_and_cut(image, text, LABELS).weight
    references = sides(np.arange(20), spreads, 3)
    by_links = choose_weight((image, text), references, LABELS, np.arange(20)).weight
    for weight in (by_groups, by_links):
        assert (weight > 0.5) == (side == "image")
        assert weight != 0.5


def test_the_sides_can_be_exchanged() -> None:
    image, text = sides(LABELS, (0.8, 1.4), 4)
    forth, back = (choose_weight_and_cut(*pair, LABELS) for pair in ((image, text), (text, image)))
    np.testing.assert_allclose(forth.scores, back.scores[::-1], atol=1e-12)


def test_of_equally_good_weights_the_one_nearest_one_half() -> None:
    image, text = sides(LABELS, (0.01, 0.01), 5)
    assert choose_weight_and_cut(image, text, LABELS).weight == 0.5
    assert choose_weight_and_cut(image, text, LABELS, weights=[1.0, 0.55, 0.45, 0.0]).weight == 0.45
    assert choose_weight((image, text), (image, text), LABELS, LABELS, weights=[0.1, 0.7, 0.95]).weight == 0.7


def test_progress_is_told() -> None:
    image, text = sides(LABELS, (0.5, 0.5), 6)
    shares: list[float] = []
    choose_weight_and_cut(image, text, LABELS, weights=[0.2, 0.6], advance=shares.append)
    assert shares == [0.5, 1.0]


def test_first_neighbors_counted_by_hand() -> None:
    east, north, nothing = [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]
    references = np.float32([east, north, north]), np.float32([east, north, nothing])
    # The images say east, north; the texts north, north. The third has neither, the fourth no match.
    queries = np.float32([east, north, nothing, east]), np.float32([north, north, nothing, east])
    chosen = choose_weight(queries, references, ["e", "n", "n", "w"], ["e", "n", "n"], weights=[0.0, 0.25, 0.75])
    assert chosen.accuracies == (1 / 3, 1 / 3, 2 / 3)
    assert (chosen.weight, chosen.accuracy) == (0.75, 2 / 3)


def test_queries_whose_label_is_not_known_are_left_out() -> None:
    image, text = sides(LABELS, (0.6, 1.2), 1)
    some = np.where(np.arange(len(LABELS)) % 3 == 0, -1, LABELS)
    known = some >= 0
    chosen = choose_weight((image, text), (image[::-1], text[::-1]), some, some[::-1])
    only = choose_weight((image[known], text[known]), (image[::-1], text[::-1]), LABELS[known], some[::-1])
    assert chosen == only


def test_the_grid_goes_from_text_to_image() -> None:
    assert (WEIGHTS[0], WEIGHTS[10], WEIGHTS[20]) == (0.0, 0.5, 1.0)


def test_errors() -> None:
    image, text = sides(LABELS, (0.5, 0.5), 7)
    for grid in ([], [0.5, 1.1], [float("nan")]):
        with pytest.raises(ConfigurationError, match=r"weights must be one number at least, each in \[0, 1\]"):
            choose_weight_and_cut(image, text, LABELS, weights=grid)
    with pytest.raises(DataError, match="one integer a record"):
        choose_weight_and_cut(image, text, LABELS[1:])
    with pytest.raises(DataError, match=r"Labels must be one a row: \(80,\) and \(80,\)\. Got \(79,\), \(80,\)"):
        choose_weight((image, text), (image, text), LABELS[1:], LABELS)
    with pytest.raises(DataError, match="No label is in both"):
        choose_weight((image, text), (image, text), LABELS, LABELS + 100)
