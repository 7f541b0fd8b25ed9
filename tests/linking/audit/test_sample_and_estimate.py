"""The sample can be extended, its estimates are unbiased, and its intervals hold."""

import numpy as np
import pytest

from kinfolk.linking.audit.estimate import estimate_from_answers, total_of
from kinfolk.linking.audit.posterior import draw_totals
from kinfolk.linking.audit.recalibrate import recalibrate
from kinfolk.linking.audit.sample import draw_sample


def toy(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """3,000 candidate pairs of which the best 200 are links; the probabilities are too high by 1 in log-odds."""
    log_odds = np.concatenate([rng.normal(3, 1, 200), rng.normal(-5, 2, 2800)])
    probability = 1 / (1 + np.exp(-log_odds - 1))
    true = rng.random(3000) < 1 / (1 + np.exp(-log_odds))
    return probability, np.arange(3000) < 200, true


def test_a_larger_sample_begins_with_the_smaller_one(rng: np.random.Generator) -> None:
    probability, link, _ = toy(rng)
    long = draw_sample(probability, link, 500, seed=3).drawn
    assert draw_sample(probability, link, 60, seed=3).drawn.tolist() == long[:60].tolist()
    assert len(set(long.tolist())) == 500
    assert draw_sample(probability, link, 60, seed=4).drawn.tolist() != long[:60].tolist()


def test_every_round_asks_once_in_every_stratum_and_all_pairs_can_be_drawn(rng: np.random.Generator) -> None:
    probability, link, _ = toy(rng)
    sample = draw_sample(probability, link, 24)
    assert np.bincount(sample.stratum[sample.drawn]).tolist() == [2] * 12
    assert sample.linked.tolist() == [True] * 6 + [False] * 6
    assert sorted(draw_sample(probability, link, 10**6).drawn.tolist()) == list(range(3000))


def test_doubtful_pairs_are_drawn_more_often(rng: np.random.Generator) -> None:
    probability, link, _ = toy(rng)
    sample = draw_sample(probability, link, 60)
    sizes = np.bincount(sample.stratum)
    assert (np.diff(sizes[6:]) > 0).all()  # the less likely, the larger the stratum


def test_totals_are_unbiased(rng: np.random.Generator) -> None:
    probability, link, true = toy(rng)
    found = []
    for seed in range(600):
        sample = draw_sample(probability, link, 60, seed=seed)
        found.append([total_of(sample, sample.drawn, true[sample.drawn], part).value for part in (True, False)])
    error = np.std(found, axis=0) / np.sqrt(len(found))
    truth = np.array([true[link].sum(), true[~link].sum()])
    assert (np.abs(np.mean(found, axis=0) - truth) < 4 * error).all()


def test_intervals_hold_although_the_probabilities_are_off(rng: np.random.Generator) -> None:
    probability, link, true = toy(rng)
    truth = true[link].mean(), true[link].sum() / true.sum(), 2 * true[link].sum() / (link.sum() + true.sum())
    held = []
    for seed in range(60):
        sample = draw_sample(probability, link, 60, seed=seed)
        estimate = estimate_from_answers(sample, sample.drawn, true[sample.drawn])
        assert estimate is not None
        figures = (estimate.precision, estimate.recall, estimate.f1)
        held.append([f.low <= value <= f.high for f, value in zip(figures, truth, strict=True)])
    assert (np.mean(held, axis=0) >= 0.9).all()


def test_judging_everything_gives_the_truth(rng: np.random.Generator) -> None:
    probability, link, true = toy(rng)
    few = np.concatenate([np.arange(40), np.arange(200, 300)])
    sample = draw_sample(probability[few], link[few], 10**6)
    estimate = estimate_from_answers(sample, sample.drawn, true[few][sample.drawn])
    assert estimate is not None
    precision = true[few][:40].mean()
    assert [estimate.precision.low, estimate.precision.value, estimate.precision.high] == pytest.approx([precision] * 3)
    assert estimate.num_matches.value == true[few].sum()
    assert estimate.source == "audit"


def test_all_yes_and_all_no_leave_room_below_and_reach_the_bound(rng: np.random.Generator) -> None:
    probability, link, _ = toy(rng)
    sample = draw_sample(probability, link, 60)
    estimate = estimate_from_answers(sample, sample.drawn, link[sample.drawn])
    assert estimate is not None
    for figure in (estimate.precision, estimate.recall, estimate.f1):
        assert figure.value == figure.high == 1.0
        assert 0.5 < figure.low < 1.0


def test_no_estimate_before_both_parts_are_judged(rng: np.random.Generator) -> None:
    probability, link, _ = toy(rng)
    sample = draw_sample(probability, link, 60)
    links_only = sample.drawn[link[sample.drawn]]
    assert estimate_from_answers(sample, links_only, np.ones(len(links_only), dtype=bool)) is None
    everything = np.ones(len(link), dtype=bool)
    all_linked = draw_sample(probability, everything, 60)
    assert estimate_from_answers(all_linked, all_linked.drawn, np.ones(60, dtype=bool)) is not None


def test_a_part_judged_wholly_has_a_known_total() -> None:
    log_odds, answers = np.array([2.0, 1.0, -1.0]), np.array([True, False, True])
    assert set(draw_totals(log_odds, np.zeros(3, dtype=np.int64), np.arange(3), answers)) == {2.0}
    nothing = np.zeros(0)
    assert set(draw_totals(nothing, nothing.astype(np.int64), nothing.astype(np.int64), nothing.astype(bool))) == {0.0}


def test_recalibration_finds_the_shift_and_is_the_identity_without_answers(rng: np.random.Generator) -> None:
    log_odds = rng.normal(0, 3, 4000)
    answers = rng.random(4000) < 1 / (1 + np.exp(-(0.7 * log_odds - 1)))
    fitted = recalibrate(1 / (1 + np.exp(-log_odds)), answers)
    assert [fitted.intercept, fitted.slope] == pytest.approx([-1.0, 0.7], abs=0.15)
    assert fitted.stated(float(fitted(np.array([0.3]))[0])) == pytest.approx(0.3)
    identity = recalibrate(np.zeros(0), np.zeros(0, dtype=bool))
    assert identity(np.array([0.2, 0.9])) == pytest.approx([0.2, 0.9])
