"""Hard contrastive, simple and hard simple losses."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import (
    HardContrastive,
    HardSimple,
    InfoNCE,
    Simple,
    cosines,
    hard_contrastive,
    hard_negatives,
    hard_simple,
    uniformity,
)


def views(items: int, dim: int = 6, noise: float = 0.5, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(items, dim, generator=generator, dtype=torch.float64)
    return first, first + noise * torch.randn(items, dim, generator=generator, dtype=torch.float64)


def slow(x: Tensor, y: Tensor, temperature: float, top_k: int) -> tuple[float, float]:
    """Hard contrastive and hard simple loss (sum over the hard set), pair by pair."""
    hard, simple = [], []
    for i in range(len(x)):
        cosine = [float(torch.cosine_similarity(x[i], y[j], dim=0)) for j in range(len(y))]
        nearest = sorted((s for j, s in enumerate(cosine) if j != i), reverse=True)[:top_k]
        own = math.exp(cosine[i] / temperature)
        hard.append(-math.log(own / (own + sum(math.exp(s / temperature) for s in nearest))))
        simple.append(sum(nearest) - cosine[i])
    return sum(hard) / len(hard), sum(simple) / len(simple)


class TestThreePoints:
    """Three directions 120 degrees apart, all views equal: cosines are 1 with the positive, -1/2 with a negative."""

    x = torch.tensor([[1.0, 0.0], [-0.5, 3**0.5 / 2], [-0.5, -(3**0.5) / 2]], dtype=torch.float64)

    def test_ties_are_kept_so_one_hard_negative_is_two(self) -> None:
        similarity = torch.full((3, 3), -0.5).fill_diagonal_(1)
        assert hard_negatives(similarity, top_k=1).tolist() == (~torch.eye(3, dtype=torch.bool)).tolist()

    def test_values(self) -> None:
        assert float(HardContrastive(1.0, alpha=1.0)(self.x, self.x)) == pytest.approx(math.log(1 + 2 * math.exp(-1.5)))
        assert float(Simple()(self.x, self.x)) == pytest.approx(-1.5)
        assert float(Simple(1.0)(self.x, self.x)) == pytest.approx(-2.0)
        assert float(HardSimple()(self.x, self.x)) == pytest.approx(-1.5)


@pytest.mark.parametrize("top_k", [1, 3, 8])
@pytest.mark.parametrize("temperature", [0.01, 0.3, 2.0])
def test_equals_a_slow_loop(temperature: float, top_k: int) -> None:
    x, y = views(9)
    hard, simple = slow(x, y, temperature, top_k)
    assert float(HardContrastive(temperature, top_k=top_k)(x, y)) == pytest.approx(hard, rel=1e-9, abs=1e-12)
    assert float(HardSimple(1.0, top_k=top_k)(x, y)) == pytest.approx(simple)
    assert float(HardSimple(top_k=top_k)(x, y) - HardSimple(1 / top_k, top_k=top_k)(x, y)) == pytest.approx(0)


@pytest.mark.parametrize("settings", [{"alpha": 1.0}, {"top_k": 8}, {"top_k": 100}])
def test_with_all_negatives_it_is_the_plain_loss(settings: dict[str, float]) -> None:
    x, y = views(9)
    torch.testing.assert_close(HardContrastive(0.2, **settings)(x, y), InfoNCE(0.2, symmetric=False)(x, y))
    torch.testing.assert_close(HardSimple(**settings)(x, y), Simple()(x, y))
    assert hard_negatives(x @ y.T, top_k=100).sum() == 9 * 8


def test_share_is_rounded_up_and_at_least_one() -> None:
    x, y = views(12)
    for alpha, top_k in ((0.01, 1), (0.1, 2), (2 / 11, 2), (0.3, 4)):
        torch.testing.assert_close(HardContrastive(alpha=alpha)(x, y), HardContrastive(top_k=top_k)(x, y))


@pytest.mark.parametrize("loss", [hard_contrastive, hard_simple])
def test_blocks_do_not_change_it(loss: Callable[..., Tensor]) -> None:
    x, y = (v.requires_grad_() for v in views(11))

    def value_and_gradients(block: int) -> tuple[Tensor, ...]:
        value = loss(x, y, top_k=3, block=block)
        return value, *torch.autograd.grad(value.square().sum(), (x, y))

    for got, expected in zip(value_and_gradients(4), value_and_gradients(11), strict=True):
        torch.testing.assert_close(got, expected)


def test_negatives_outside_the_hard_set_get_no_push() -> None:
    x, y = views(10)
    y.requires_grad_()
    kept = hard_negatives(cosines(x, y), top_k=2)
    each = hard_contrastive(x, y, top_k=2)
    for i in range(10):
        (gradient,) = torch.autograd.grad(each[i], y, retain_graph=True)
        pushed = gradient.norm(dim=1) > 1e-12
        pushed[i] = False  # the pull on the positive
        assert pushed.tolist() == kept[i].tolist()


def test_published_property_the_hard_set_spreads_where_softness_does_not() -> None:
    """Eight clusters on the sphere, moved by gradient descent alone.

    At temperature 1 the plain loss leaves them in clumps; with the hard set it spreads them as a low temperature does.
    The simple loss spreads little, the hard simple loss nearly as much as the contrastive loss.
    """

    def spread(loss: torch.nn.Module) -> float:
        generator = torch.Generator().manual_seed(0)
        center = torch.randn(8, 8, generator=generator).repeat_interleave(12, 0)
        x = normalize(center + 0.3 * torch.randn(96, 8, generator=generator))
        noise = 0.1 * torch.randn(96, 8, generator=generator)
        for _ in range(60):
            x.requires_grad_()
            (gradient,) = torch.autograd.grad(loss(x, x + noise), x)
            x = normalize(x.detach() - 10 * gradient)
        return -float(uniformity(x))

    low = spread(InfoNCE(0.07, symmetric=False))
    assert spread(InfoNCE(1.0, symmetric=False)) < low - 0.15
    assert spread(HardContrastive(1.0)) > low - 0.05
    assert spread(Simple()) < low - 0.5
    assert spread(HardSimple()) > low - 0.1


def test_errors() -> None:
    x, y = views(4)
    with pytest.raises(ConfigurationError, match="at least 2 items"):
        HardContrastive()(x[:1], y[:1])
    with pytest.raises(ConfigurationError, match=r"alpha must be in \(0, 1\]. Got 0"):
        HardContrastive(alpha=0)
    with pytest.raises(ConfigurationError, match="top_k must be at least 1. Got 0"):
        HardSimple(top_k=0)
    with pytest.raises(ConfigurationError, match=r"weight must be .* Got 0"):
        Simple(0)
    for similarity, top_k in ((x @ y.T, 0), (x, 1), (torch.ones(1, 1), 1)):
        with pytest.raises(ConfigurationError, match=r"at least 2 items, and top_k of at least 1"):
            hard_negatives(similarity, top_k=top_k)
