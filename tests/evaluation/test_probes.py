"""Values known by thought."""

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.grouping import agreement, kmeans_agreement
from kinfolk.evaluation.linear import few_label_accuracy, linear_accuracy
from kinfolk.evaluation.reciprocal_rank import class_reciprocal_rank, mean_reciprocal_rank
from kinfolk.evaluation.segmentation import mean_iou, pixel_probe


def two_clouds(rng: np.random.Generator, num: int = 60) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(num) % 2
    return rng.normal(size=(num, 4)) + 8 * labels[:, None], labels


def test_a_line_tells_two_clouds_apart(rng: np.random.Generator) -> None:
    vectors, labels = two_clouds(rng)
    others, of_others = two_clouds(rng)
    assert linear_accuracy(vectors, labels, others, of_others) == 1.0
    assert linear_accuracy(vectors * 1e3 + 5, labels, others * 1e3 + 5, of_others) == 1.0, "scale does not matter"
    few = few_label_accuracy(vectors, labels, others, of_others, per_class=2, draws=4)
    assert (few.labels, few.mean, few.deviation) == (2, 1.0, 0.0)


def test_labels_by_chance_are_told_by_chance(rng: np.random.Generator) -> None:
    vectors, labels = rng.normal(size=(400, 3)), rng.integers(0, 2, 400)
    assert linear_accuracy(vectors[:200], labels[:200], vectors[200:], labels[200:]) == pytest.approx(0.5, abs=0.1)


def test_names_of_clusters_do_not_matter(rng: np.random.Generator) -> None:
    labels = np.array([0, 0, 1, 1])
    same = agreement(np.array([7, 7, 3, 3]), labels)
    assert (same.nmi, same.ari) == (pytest.approx(1.0), pytest.approx(1.0))
    crossed = agreement(np.array([0, 1, 0, 1]), labels)
    assert crossed.nmi == pytest.approx(0.0)
    vectors, of_vectors = two_clouds(rng)
    vectors -= 4  # clouds in opposite directions, as unit vectors are clustered
    assert kmeans_agreement(vectors, of_vectors).ari == pytest.approx(1.0)


def test_reciprocal_ranks() -> None:
    candidates = np.eye(3)
    assert mean_reciprocal_rank(candidates, candidates) == 1.0
    queries = np.array([[1.0, 0.5, 0.0], [1.0, 0.5, 0.0], [1.0, 0.5, 0.0]])
    assert mean_reciprocal_rank(queries, candidates) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert mean_reciprocal_rank(np.ones((4, 2)), np.ones((4, 2))) == pytest.approx(1 / 4), "ties count against it"
    grouped = mean_reciprocal_rank(np.ones((4, 2)), np.ones((4, 2)), groups=np.array([0, 0, 1, 1]))
    assert grouped == pytest.approx(1 / 3), "what is of one group is no rival"


def test_the_nearest_of_a_class_is_looked_for_among_others_too() -> None:
    vectors, labels = np.eye(4)[[0, 0, 1, 2]] + 0.1 * np.eye(4)[[3, 2, 3, 3]], np.array([0, 0, 1, 1])
    alone = class_reciprocal_rank(vectors, labels)
    assert class_reciprocal_rank(vectors, labels, others=-vectors) == alone
    assert class_reciprocal_rank(vectors, labels, others=vectors) < alone


def test_intersection_over_union() -> None:
    truth = np.array([[0, 0, 1], [1, 1, 9]])
    said = np.array([[0, 1, 1], [1, 1, 0]])
    assert mean_iou(said, truth, ignore=9) == pytest.approx((1 / 2 + 3 / 4) / 2)
    assert mean_iou(truth, truth) == 1.0
    with pytest.raises(ConfigurationError, match="No pixel counts"):
        mean_iou(truth, np.full((2, 3), 9), ignore=9)


def test_what_cannot_be_measured_is_said(rng: np.random.Generator) -> None:
    vectors, labels = two_clouds(rng)
    with pytest.raises(ConfigurationError, match="two classes"):
        linear_accuracy(vectors, labels * 0, vectors, labels)
    with pytest.raises(ConfigurationError, match="a label each"):
        linear_accuracy(vectors, labels[1:], vectors, labels)
    with pytest.raises(ConfigurationError, match="one shape"):
        mean_reciprocal_rank(vectors, vectors[1:])


def test_a_map_that_shows_the_classes_is_read_wholly(rng: np.random.Generator) -> None:
    classes = rng.integers(0, 3, (6, 4, 5)).repeat(2, 1).repeat(2, 2)  # places of 2 x 2 pixels
    maps = np.stack([classes[:, ::2, ::2] == label for label in range(3)], axis=1) * 5.0
    assert pixel_probe(maps[:4], classes[:4], maps[4:], classes[4:]) == 1.0
    blind = pixel_probe(np.zeros_like(maps[:4]), classes[:4], np.zeros_like(maps[4:]), classes[4:])
    assert blind < 0.4, "a map that shows nothing leaves the commonest class"
    with pytest.raises(ConfigurationError, match="do not divide"):
        pixel_probe(maps, classes[:, :7], maps, classes)


def test_what_the_probes_cannot_compare_is_said(rng: np.random.Generator) -> None:
    vectors, labels = two_clouds(rng)
    with pytest.raises(ConfigurationError, match="of one dim. Got 4 and 3"):
        linear_accuracy(vectors, labels, vectors[:, :3], labels)
    with pytest.raises(ConfigurationError, match=r"clusters must be in \[1, 60\].* Got 61"):
        kmeans_agreement(vectors, labels, clusters=61)
    with pytest.raises(ConfigurationError, match="must be finite"):
        mean_reciprocal_rank(vectors, vectors * np.nan)
    classes = np.arange(8).reshape(2, 2, 2) % 2
    maps = rng.normal(size=(2, 3, 2, 2))
    with pytest.raises(ConfigurationError, match="Got fewer in the 1 places"):
        pixel_probe(maps, classes, maps, classes, most_pixels=1)
    with pytest.raises(ConfigurationError, match="of one dim"):
        pixel_probe(maps, classes, maps[:, :2], classes)
