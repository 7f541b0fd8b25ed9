"""What is said of links without truth, and how wide."""

from __future__ import annotations

import numpy as np
import pytest

import kinfolk
from kinfolk.data.persons import Errors, generate_persons
from kinfolk.evaluation.interval import Interval
from kinfolk.linking.estimate import FEW_MATCHED_NOTE, estimate_from_probabilities
from kinfolk.linking.wrong_winners import best_stranger, careful_probability


def test_candidate_recall_scales_recall_and_the_number_of_matches_and_leaves_precision() -> None:
    probability, link = np.array([0.9, 0.8, 0.4, 0.1]), np.array([True, True, False, False])
    alone = estimate_from_probabilities(probability, link)
    assert alone.precision.value == pytest.approx(0.85)
    assert alone.recall.value == pytest.approx(1.7 / 2.2)
    share = Interval(0.5, 0.25, 1.0)
    scaled = estimate_from_probabilities(probability, link, candidate_recall=share)
    assert scaled.precision == alone.precision
    assert scaled.recall.value == pytest.approx(alone.recall.value / 2)
    assert scaled.recall.low == pytest.approx(alone.recall.low / 4)
    assert scaled.recall.high == pytest.approx(alone.recall.high)
    assert scaled.num_matches.value == pytest.approx(2 * alone.num_matches.value)
    assert scaled.f1.value == pytest.approx(2 * 1.7 / (2 + 4.4))
    assert scaled.candidate_recall == share


def test_doubt_widens_intervals_and_moves_no_value(rng: np.random.Generator) -> None:
    probability = rng.beta(4, 1, 500)
    link = probability > 0.5
    firm = estimate_from_probabilities(probability, link)
    doubtful = estimate_from_probabilities(probability, link, careful=probability * 0.5, lost=40.0)
    for name in ("precision", "recall", "f1", "num_matches"):
        sure, wide = getattr(firm, name), getattr(doubtful, name)
        assert sure.value == wide.value
        assert wide.low <= sure.low <= sure.value <= sure.high <= wide.high
    assert doubtful.precision.low == pytest.approx(probability[link].mean() / 2)
    assert doubtful.recall.low < firm.recall.low


def test_best_stranger_undoes_what_makes_him_second() -> None:
    mean = np.array([0.01, 0.3, 2.0])
    first = 1 - np.exp(-mean)
    second = 1 - np.exp(-mean) * (1 + mean)
    assert best_stranger(first, 1.0) == pytest.approx(first, rel=1e-3)  # every partner won: decoys are best strangers
    assert best_stranger(second, 0.0) == pytest.approx(first, rel=1e-3)
    assert best_stranger(0.3 * first + 0.7 * second, 0.3) == pytest.approx(first, rel=1e-3)


def test_careful_probability_is_right_where_strangers_are_alike(rng: np.random.Generator) -> None:
    # One record in ten has its partner, near score 8; the strangers of each are 30 scores with an exponential tail.
    strangers = np.sort(rng.exponential(1.0, (20_000, 30)), axis=1)[:, ::-1]
    matched = np.arange(20_000) < 2_000
    winners = np.where(matched, rng.normal(8.0, 1.0, 20_000), strangers[:, 0])
    decoys = np.where(matched, strangers[:, 0], strangers[:, 1])
    careful = careful_probability(winners, decoys, 0.1)
    chosen = winners > 5.6
    assert careful[chosen].mean() == pytest.approx(matched[chosen].mean(), abs=0.05)
    assert (decoys > 5.6).sum() < 0.3 * (~matched[chosen]).sum()  # decoys taken for first choices count too few
    assert (np.diff(careful[np.argsort(winners)]) >= 0).all()


def test_careful_probability_does_not_depend_on_order_or_scale(rng: np.random.Generator) -> None:
    winners, decoys = rng.normal(1, 1, 400), rng.normal(0, 1, 300)
    order = rng.permutation(400)
    once = careful_probability(winners, decoys, 0.4)
    assert careful_probability(winners[order], decoys[::-1], 0.4).tolist() == once[order].tolist()
    assert careful_probability(8 * winners, 8 * decoys, 0.4) == pytest.approx(once)
    assert careful_probability(winners, decoys[:0], 0.4).tolist() == [1.0] * 400
    assert len(careful_probability(winners[:0], decoys, 0.4)) == 0


def test_intervals_hold_the_truth_on_persons_where_a_third_has_a_partner() -> None:
    errors = Errors(typo=0.3, missing=0.15, moved=0.3, married=0.1)
    persons = generate_persons(1_500, overlap=0.3, seed=11, errors=errors)
    links = kinfolk.link(persons.left, persons.right)
    true = links.evaluate(persons.truth)
    for name in ("precision", "recall", "f1"):
        said = getattr(links.estimate, name)
        assert said.low <= getattr(true, name) <= said.high
    assert FEW_MATCHED_NOTE not in links.notes


def test_where_few_have_a_partner_the_user_is_warned() -> None:
    persons = generate_persons(1_500, overlap=0.05, seed=12)
    links = kinfolk.link(persons.left, persons.right)
    assert links.estimate.precision.value > links.evaluate(persons.truth).precision  # what the note warns of
    assert FEW_MATCHED_NOTE in links.notes
