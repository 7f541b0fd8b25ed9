"""The matcher: calibrated, no worse than its prior, and explained in full."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.calibration import expected_calibration_error
from kinfolk.linking.comparisons.competition import compare_rivals
from kinfolk.linking.comparisons.pair_features import PairFeatures
from kinfolk.linking.labels import UNKNOWN
from kinfolk.linking.map_logistic import sigmoid
from kinfolk.linking.matcher import Matcher
from kinfolk.linking.supervised import fit_matcher

Table = tuple[PairFeatures, NDArray[np.int8], NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]


def table(num_records: int = 400, rivals: int = 5, seed: int = 0) -> Table:
    """Every left record has its partner (same number) and a few wrong candidates; two comparisons and one word tell."""
    random = np.random.default_rng(seed)
    left = np.repeat(np.arange(num_records), rivals + 1)
    right = left.copy()
    wrong = np.arange(left.size) % (rivals + 1) > 0
    right[wrong] = (left[wrong] + random.integers(1, num_records, wrong.sum())) % num_records
    keys = np.unique(left * num_records + right)
    left, right = (keys // num_records).astype(np.int32), (keys % num_records).astype(np.int32)
    truth = (left == right).astype(np.int8)
    values = random.normal(size=(truth.size, 3)).astype(np.float32)
    values[:, 0] += 2.0 * truth
    values[:, 1] -= 1.0 * truth
    values[random.random(truth.size) < 0.2, 1] = np.nan
    word = sp.csr_matrix((random.random(truth.size) < np.where(truth == 1, 0.05, 0.5))[:, None].astype(np.float32))
    features = PairFeatures(values, ("name", "price", "noise"), ("name", "price", "noise"), word)
    prior = 1.5 * values[:, 0].astype(np.float64) - 3.0
    return features, truth, left, right, prior


def some_labels(truth: NDArray[np.int8], count: int, seed: int = 0) -> NDArray[np.int8]:
    labels = np.full(truth.size, UNKNOWN, dtype=np.int8)
    chosen = np.random.default_rng(seed).choice(truth.size, count, replace=False)
    labels[chosen] = truth[chosen]
    return labels


@pytest.fixture(scope="module")
def learned() -> tuple[Table, NDArray[np.int8], Matcher]:
    data = table()
    labels = some_labels(data[1], 800)
    return data, labels, fit_matcher(data[0], labels, data[2], data[3], prior=data[4])


def test_pairs_without_a_label_are_calibrated_and_well_ranked(
    learned: tuple[Table, NDArray[np.int8], Matcher],
) -> None:
    (_, truth, _, _, prior), labels, matcher = learned
    unseen = labels == UNKNOWN
    probability = sigmoid(matcher.log_odds)[unseen]
    assert expected_calibration_error(probability, truth[unseen]) < 0.03
    log_loss = -np.log(np.where(truth[unseen] == 1, probability, 1 - probability)).mean()
    before = sigmoid(prior)[unseen]
    assert log_loss < 0.7 * -np.log(np.where(truth[unseen] == 1, before, 1 - before)).mean()


def test_labeled_pairs_are_scored_by_models_that_did_not_see_them() -> None:
    """Comparisons that say nothing: scores seen in training would tell the labels apart, out-of-fold scores cannot."""
    random = np.random.default_rng(1)
    truth = (random.random(600) < 0.3).astype(np.int8)
    rows = np.arange(600, dtype=np.int32)
    features = PairFeatures(random.normal(size=(600, 4)).astype(np.float32), tuple("abcd"), tuple("abcd"))
    score = fit_matcher(features, truth, rows, rows, exclusive=False).log_odds
    concordant = (score[truth == 1][:, None] > score[truth == 0][None, :]).mean()
    assert 0.4 < concordant < 0.6


def test_no_labels_change_nothing_for_pairs_the_assignment_keeps() -> None:
    features, truth, left, right, prior = table()
    score = fit_matcher(features, some_labels(truth, 0), left, right, prior=prior).log_odds
    kept = compare_rivals(prior, left, right)[:, 2] == 1
    np.testing.assert_allclose(score[kept], prior[kept])
    assert (score[~kept] < prior[~kept]).all()
    many_to_many = fit_matcher(features, some_labels(truth, 0), left, right, prior=prior, exclusive=False)
    np.testing.assert_allclose(many_to_many.log_odds, prior)


@pytest.mark.parametrize("count", [0, 1, 10])
def test_a_handful_of_labels_leaves_the_order_of_the_prior(count: int) -> None:
    features, truth, left, right, prior = table()
    score = fit_matcher(features, some_labels(truth, count), left, right, prior=prior).log_odds
    rank, expected = score.argsort().argsort(), prior.argsort().argsort()
    assert np.corrcoef(rank, expected)[0, 1] > 0.8


def test_same_seed_same_matcher(learned: tuple[Table, NDArray[np.int8], Matcher]) -> None:
    (features, _, left, right, prior), labels, matcher = learned
    again = fit_matcher(features, labels, left, right, prior=prior)
    np.testing.assert_array_equal(matcher.log_odds, again.log_odds)


@pytest.mark.parametrize("with_prior", [True, False])
def test_contributions_add_up_to_the_log_odds_and_noise_says_least(with_prior: bool) -> None:
    features, truth, left, right, prior = table(seed=2)
    given = prior if with_prior else None
    matcher = fit_matcher(features, some_labels(truth, 600), left, right, prior=given)
    rows = np.arange(0, truth.size, 7)
    base, labels, parts = matcher.contributions(rows)
    np.testing.assert_allclose(base + parts.sum(axis=1), matcher.log_odds[rows], atol=1e-6)
    mean = dict(zip(labels, np.abs(parts).mean(axis=0), strict=True))
    assert mean["noise"] < min(mean["name"], mean["price"], mean["rivals"])


def test_two_labels_of_each_class_are_needed_without_a_prior() -> None:
    features, truth, left, right, _ = table()
    labels = np.full(truth.size, UNKNOWN, dtype=np.int8)
    labels[np.flatnonzero(truth == 1)[:1]] = 1
    labels[np.flatnonzero(truth == 0)[:50]] = 0
    with pytest.raises(ConfigurationError, match="two labeled matches.*Got 1 and 50"):
        fit_matcher(features, labels, left, right)


def test_wrong_input_is_named() -> None:
    features, truth, left, right, _ = table()
    wrong = truth.copy()
    wrong[4] = 7
    with pytest.raises(DataError, match="Pair 5 has 7"):
        fit_matcher(features, wrong, left, right)
    with pytest.raises(DataError, match="left must hold one value"):
        fit_matcher(features, truth, left[1:], right)
