"""Penalties, tolerance and the suggestion of a temperature."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import (
    cosines,
    effective_negatives,
    penalty_entropy,
    relative_penalties,
    similarity_gradients,
    suggest_temperature,
    tolerance,
)


def views(items: int, dim: int = 6, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(items, dim, generator=generator, dtype=torch.float64)
    return first, first + 0.5 * torch.randn(items, dim, generator=generator, dtype=torch.float64)


class TestPenalties:
    def test_known_answer(self) -> None:
        """Two negatives whose cosines differ by t log 3 share the push as 3 to 1."""
        similarity = torch.tensor([[1.0, 0.5 * math.log(3), 0.0], [0.0, 1.0, 0.0], [0.2, 0.2, 1.0]])
        shares = relative_penalties(similarity, temperature=0.5)
        expected = torch.tensor([[0, 0.75, 0.25], [0.5, 0, 0.5], [0.5, 0.5, 0]])
        torch.testing.assert_close(shares, expected)

    def test_are_the_slopes_of_the_negatives_over_that_of_the_positive(self) -> None:
        similarity = cosines(*views(8))
        slopes = similarity_gradients(similarity, temperature=0.2)
        shares = relative_penalties(similarity, temperature=0.2)
        torch.testing.assert_close(shares, slopes.negative / slopes.positive.abs()[:, None])

    def test_pull_is_the_sum_of_pushes_and_both_are_what_autograd_finds(self) -> None:
        similarity = cosines(*views(8)).requires_grad_()
        logits = similarity / 0.2
        (logits.logsumexp(1) - logits.diagonal()).sum().backward()
        slopes = similarity_gradients(similarity, temperature=0.2)
        torch.testing.assert_close(slopes.positive, similarity.grad.diagonal())
        torch.testing.assert_close(slopes.negative + slopes.positive.diag(), similarity.grad)
        torch.testing.assert_close(-slopes.positive, slopes.negative.sum(1))

    def test_errors(self) -> None:
        for wrong in (torch.ones(3, 2), torch.ones(1, 1), torch.ones(3, 3, dtype=torch.int64)):
            with pytest.raises(ConfigurationError, match="at least 2 items"):
                relative_penalties(wrong, temperature=0.1)
            with pytest.raises(ConfigurationError, match="at least 2 items"):
                similarity_gradients(wrong, temperature=0.1)


class TestEffectiveNegatives:
    @pytest.mark.parametrize("temperature", [0.01, 0.1, 1.0])
    @pytest.mark.parametrize("one_table", [True, False])
    def test_entropy_equals_that_of_the_penalties(self, temperature: float, one_table: bool) -> None:
        x, y = views(9)
        shares = relative_penalties(cosines(x, x if one_table else y), temperature=temperature)
        expected = torch.special.entr(shares).sum(1)
        found = penalty_entropy(x, None if one_table else y, temperature=temperature)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)

    def test_equal_negatives_all_count(self) -> None:
        torch.testing.assert_close(effective_negatives(torch.ones(6, 3), temperature=0.05), torch.full((6,), 5.0))

    def test_published_property_rises_with_the_temperature_from_one_to_all(self) -> None:
        x, y = views(40)
        counts = [effective_negatives(x, y, temperature=t) for t in (0.001, 0.03, 0.1, 0.3, 1.0, 1000.0)]
        for lower, higher in pairwise(counts):
            assert bool((lower <= higher).all())
        assert float(counts[0].mean()) < 1.5
        torch.testing.assert_close(counts[-1], torch.full((40,), 39.0, dtype=torch.float64), rtol=1e-5, atol=0)

    def test_half_precision_at_a_low_temperature_is_finite(self) -> None:
        x, y = (v.half() for v in views(9))
        found = penalty_entropy(x, y, temperature=0.01)
        exact = penalty_entropy(x.double(), y.double(), temperature=0.01)
        torch.testing.assert_close(found.double(), exact, rtol=1e-3, atol=1e-4)

    def test_one_item_has_no_negative(self) -> None:
        with pytest.raises(ConfigurationError, match="at least 2 items"):
            penalty_entropy(torch.ones(1, 3), temperature=0.1)


class TestTolerance:
    def test_known_answer(self) -> None:
        """Two at a right angle, two at sixty degrees, one alone: (0 + 0.5) / 2 over the pairs of a label."""
        angles = torch.tensor([0.0, 90.0, 0.0, 60.0, 10.0]).deg2rad()
        points, labels = torch.stack([angles.cos(), angles.sin()], 1), torch.tensor([4, 4, 7, 7, 9])
        assert float(tolerance(points, labels)) == pytest.approx(0.25, abs=1e-6)
        assert float(tolerance(points, labels, all_pairs=True)) == pytest.approx((5 + 2 * 0.5) / 25)

    @pytest.mark.parametrize("all_pairs", [True, False])
    def test_equals_a_slow_loop(self, all_pairs: bool) -> None:
        x, labels = views(12)[0], torch.arange(12) % 5
        cosine = normalize(x) @ normalize(x).T
        pairs = [
            float(cosine[i, j])
            for i in range(12)
            for j in range(12)
            if labels[i] == labels[j] and (all_pairs or i != j)
        ]
        assert float(tolerance(x, labels, all_pairs=all_pairs)) == pytest.approx(
            sum(pairs) / (144 if all_pairs else len(pairs))
        )

    def test_equal_rows_are_fully_tolerant_and_no_pair_gives_none(self) -> None:
        assert float(tolerance(torch.ones(4, 3), torch.zeros(4, dtype=torch.int64))) == pytest.approx(1)
        assert tolerance(torch.ones(4, 3), torch.arange(4)) is None


class TestSuggestedTemperature:
    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_gives_the_share_asked_for(self, share: float) -> None:
        x, y = views(60)
        found = suggest_temperature(x, y, share=share)
        assert float(effective_negatives(x, y, temperature=found).mean()) / 59 == pytest.approx(share, abs=1e-4)

    def test_negatives_that_lie_closer_together_ask_for_a_lower_one(self) -> None:
        x, _ = views(60)
        suggestions = [suggest_temperature(x + offset) for offset in (0.0, 1.0, 3.0)]
        assert suggestions == sorted(suggestions, reverse=True)

    def test_does_not_depend_on_order_or_length(self) -> None:
        x, _ = views(20)
        order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
        assert suggest_temperature(x[order] * 7) == pytest.approx(suggest_temperature(x), rel=1e-5)

    def test_errors(self) -> None:
        x, _ = views(5)
        with pytest.raises(ConfigurationError, match=r"share must be in \(1 / 4, 1\).*Got 0.2"):
            suggest_temperature(x, share=0.2)
        with pytest.raises(ConfigurationError, match="pushes 100% of its negatives, more than 50%"):
            suggest_temperature(torch.ones(5, 3))
        with pytest.raises(ConfigurationError, match="at least 3 items"):
            suggest_temperature(x[:2])
