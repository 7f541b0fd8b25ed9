"""SimCSE: one direction, and a weight on the logit of the own hard negative."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import InfoNCE, MultipleNegativesRanking, SimCSE, sim_cse, simcse_logits


def some(items: int, dim: int = 6, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    tables = torch.randn(3, items, dim, generator=generator, dtype=torch.float64)
    first, second, hard = (tables + tables[:1]).to(dtype)
    return first.requires_grad_(), second.requires_grad_(), hard.requires_grad_()


def slow(first: Tensor, second: Tensor, hard: Tensor | None, temperature: float, weight: float) -> Tensor:
    """The formula, item by item."""

    def s(x: Tensor, y: Tensor) -> Tensor:
        return (torch.cosine_similarity(x, y, dim=0, eps=0) / temperature).exp()

    losses = []
    for i in range(len(first)):
        total = sum(s(first[i], other) for other in second)
        if hard is not None:
            total = total + sum(s(first[i], hard[j]) * math.exp(weight * (i == j)) for j in range(len(hard)))
        losses.append(-(s(first[i], second[i]) / total).log())
    return torch.stack(losses)


def test_known_by_thought() -> None:
    x = torch.eye(3, dtype=torch.float64)
    assert float(SimCSE(1.0)(x, x)) == pytest.approx(math.log(1 + 2 / math.e))
    # Each hard negative is the opposite of the own anchor, and at a right angle to the others.
    opposite = SimCSE(1.0, hard_negative_weight=1.0)(x, x, -x)
    assert float(opposite) == pytest.approx(math.log((math.e + 2 + 2 + math.exp(-1 + 1)) / math.e))
    same = torch.ones(5, 3)
    assert float(SimCSE()(same, same)) == pytest.approx(math.log(5))
    assert float(SimCSE()(same, same, same)) == pytest.approx(math.log(10), rel=1e-6)


@pytest.mark.parametrize("weight", [0.0, 1.0, -2.0])
@pytest.mark.parametrize("with_hard", [False, True])
def test_equals_a_slow_loop(with_hard: bool, weight: float) -> None:
    first, second, hard = some(5)
    tables = (first, second, hard) if with_hard else (first, second)
    got = sim_cse(*tables, temperature=0.2, hard_negative_weight=weight)
    expected = slow(first, second, hard if with_hard else None, 0.2, weight)
    torch.testing.assert_close(got, expected)
    gradients = [torch.autograd.grad(each.sum(), tables) for each in (got, expected)]
    torch.testing.assert_close(gradients[0], gradients[1])


def test_is_the_cross_entropy_of_its_logits() -> None:
    first, second, hard = some(7)
    logits = simcse_logits(first, second, hard, hard_negative_weight=0.7)
    assert logits.shape == (7, 14)
    expected = F.cross_entropy(logits, torch.arange(7))
    torch.testing.assert_close(SimCSE(hard_negative_weight=0.7)(first, second, hard), expected)
    torch.testing.assert_close(simcse_logits(first, second), logits[:, :7])
    plain = simcse_logits(first, second, hard)[:, 7:]
    torch.testing.assert_close(logits[:, 7:] - plain, 0.7 * torch.eye(7, dtype=torch.float64))


def test_without_weight_it_is_a_known_loss() -> None:
    first, second, hard = some(6)
    torch.testing.assert_close(SimCSE()(first, second), InfoNCE(0.05, symmetric=False)(first, second))
    torch.testing.assert_close(SimCSE()(first, second, hard), MultipleNegativesRanking()(first, second, hard))


def test_one_direction_only() -> None:
    first, second, _ = some(6)
    assert SimCSE()(first, second).item() != pytest.approx(SimCSE()(second, first).item(), rel=1e-3)


@pytest.mark.parametrize("weight", [0.0, 1.5])
def test_gradient_is_the_slope_with_hard_negatives(weight: float) -> None:
    assert torch.autograd.gradcheck(SimCSE(0.3, weight), some(4))


def test_one_item_has_no_negative_and_its_loss_is_nought() -> None:
    first, second, hard = some(1)
    loss = SimCSE()(first, second)
    assert loss.item() == 0
    assert [float(g.abs().max()) for g in torch.autograd.grad(loss, (first, second))] == [0, 0]
    with_hard = SimCSE(0.5)(first, second, hard)
    torch.testing.assert_close(with_hard, slow(first, second, hard, 0.5, 0).mean())
    expected = torch.autograd.grad(slow(first, second, hard, 0.5, 0).mean(), (first, second, hard))
    torch.testing.assert_close(torch.autograd.grad(with_hard, (first, second, hard)), expected)


def test_equal_sentences_of_a_batch_stay_finite_and_push_each_other() -> None:
    first, second, _ = some(4)
    twice = [torch.cat([rows, rows[:1]]) for rows in (first, second)]
    each = sim_cse(*twice)
    torch.testing.assert_close(each[0], each[4])
    assert each[0].item() >= math.log(2)


@pytest.mark.parametrize("temperature", [1e-6, 1e-4])
def test_low_temperature_overflows_nothing(temperature: float) -> None:
    tables = some(8, dtype=torch.float32)
    value = SimCSE(temperature, hard_negative_weight=1.0)(*tables)
    assert bool(value.isfinite())
    assert all(bool(g.isfinite().all()) for g in torch.autograd.grad(value, tables))


def test_a_heavier_own_hard_negative_is_pushed_harder() -> None:
    first, second, hard = some(6)
    pushes = []
    for weight in (0.0, 1.0, 3.0):
        (gradient,) = torch.autograd.grad(sim_cse(first, second, hard, hard_negative_weight=weight)[0], hard)
        pushes.append(float(gradient[0].norm() / gradient.norm()))
    assert pushes == sorted(pushes)
    assert pushes[0] < pushes[2]


def test_says_what_is_wrong() -> None:
    first, second, hard = some(4)
    with pytest.raises(ConfigurationError, match=r"view 1 and hard negatives must have one shape .* Got \(4, 6\) and"):
        SimCSE()(first, second, hard[:3])
    with pytest.raises(ConfigurationError, match="hard_negative_weight must be a finite number. Got inf"):
        SimCSE(hard_negative_weight=math.inf)
    with pytest.raises(ConfigurationError, match="Got 0"):
        SimCSE()(first[:0], second[:0])
