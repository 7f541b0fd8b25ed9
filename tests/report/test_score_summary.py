import numpy as np
import pytest

from kinfolk.report.score_summary import (
    candidate_counts,
    eligible_pairs,
    evidence_spread,
    expected_curve,
    probability_bands,
    score_histogram,
    thin,
)


def test_every_pair_is_in_the_histogram_once(rng: np.random.Generator) -> None:
    probability = np.concatenate([rng.random(500), [0.0, 1.0, np.nan]])
    link = rng.random(503) < 0.3
    histogram = score_histogram(probability, link)
    assert (histogram.linked.sum(), histogram.other.sum()) == (link.sum(), (~link).sum())


def test_even_odds_fall_into_the_middle_of_the_histogram() -> None:
    histogram = score_histogram(np.array([0.5, 0.0, 1.0]), np.array([True, False, True]), num_bins=3)
    assert histogram.linked.tolist() == [0, 1, 1]
    assert histogram.other.tolist() == [1, 0, 0]


def test_expected_precision_and_recall_by_hand() -> None:
    curve = expected_curve(np.array([0.5, 1.0, 0.5]), num_matches=4)
    assert curve.cut.tolist() == [1.0, 0.5]
    assert curve.num_links.tolist() == [1, 3]
    assert curve.precision.tolist() == [1.0, 2 / 3]
    assert curve.recall.tolist() == [0.25, 0.5]
    assert curve.f1.tolist() == pytest.approx([0.4, 4 / 7])
    assert [curve.at(cut) for cut in (1.1, 1.0, 0.7, 0.5, 0.0)] == [None, 0, 0, 1, 1]


def test_recall_never_passes_one_when_an_audit_found_fewer_matches() -> None:
    assert expected_curve(np.array([0.9, 0.9]), num_matches=1).recall.max() == 1.0


def test_no_pairs_give_an_empty_curve() -> None:
    curve = expected_curve(np.zeros(0), num_matches=3)
    assert len(curve.cut) == 0
    assert curve.at(0.5) is None


def test_thinning_keeps_both_ends(rng: np.random.Generator) -> None:
    curve = expected_curve(rng.random(5000), num_matches=3000)
    kept = thin(curve, 100)
    assert len(kept) <= 102
    assert (kept[0], kept[-1]) == (0, len(curve.cut) - 1)


def test_pairs_that_lost_a_record_take_no_part_in_the_curve() -> None:
    # Left 0 is linked to right 0. Left 1 is free and has two candidates, of which the better one counts.
    left, right = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 2])
    probability, link = np.array([0.9, 0.8, 0.7, 0.3, 0.4]), np.array([True, False, False, False, False])
    assert eligible_pairs(left, right, probability, link, "one-to-one").tolist() == [True, False, False, False, True]
    assert eligible_pairs(left, right, probability, link, "many-to-one").tolist() == [True, False, True, False, False]
    assert eligible_pairs(left, right, probability, link, "one-to-many").tolist() == [True, True, False, False, True]
    assert eligible_pairs(left, right, probability, link, "many-to-many").all()


def test_bands_add_up_to_all_pairs_and_all_expected_matches(rng: np.random.Generator) -> None:
    probability, link = np.append(rng.random(300), [0.0, 1.0]), np.ones(302, dtype=bool)
    bands = probability_bands(probability, link)
    assert sum(b.num_pairs for b in bands) == sum(b.num_linked for b in bands) == 302
    assert sum(b.expected_matches for b in bands) == pytest.approx(probability.sum())
    assert all(b.low <= b.expected_matches / b.num_pairs <= b.high for b in bands if b.num_pairs)


def test_evidence_of_links_and_others_apart() -> None:
    spread = evidence_spread(
        "name", np.array([1.0, 3.0, 2.0, -1.0, np.nan]), np.array([True, True, True, False, False])
    )
    assert spread.linked == pytest.approx((1.1, 2.0, 2.9))
    assert spread.other == (-1.0, -1.0, -1.0)
    assert evidence_spread("name", np.zeros(1), np.array([True])).other is None


def test_candidates_a_record() -> None:
    assert candidate_counts(np.array([0, 0, 3]), 5).tolist() == [3, 1, 1]
    assert candidate_counts(np.zeros(0, dtype=np.int64), 0).tolist() == [0]
