"""WhitenedCSE: a sum of cross-entropies in which the first view is the anchor always."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.encoders.text_pooling import TanhHead
from kinfolk.errors import ConfigurationError
from kinfolk.objectives import ShuffledGroupWhitening, SimCSE, WhitenedCSE, cosines


def views(items: int, number: int = 3, dim: int = 6) -> list[Tensor]:
    generator = torch.Generator().manual_seed(8)
    center = torch.randn(items, dim, generator=generator, dtype=torch.float64)
    noise = torch.randn(number, items, dim, generator=generator, dtype=torch.float64)
    return [(center + 0.7 * each).requires_grad_() for each in noise]


def test_known_by_thought() -> None:
    x = torch.eye(4, dtype=torch.float64)
    assert float(WhitenedCSE(1.0)(x, x, x)) == pytest.approx(2 * math.log(1 + 3 / math.e))
    same = torch.ones(4, 3, dtype=torch.float64)
    assert float(WhitenedCSE()(same, same, same)) == pytest.approx(2 * math.log(4))


@pytest.mark.parametrize("number", [3, 5])
def test_is_the_sum_of_cross_entropies_from_the_first_view(number: int) -> None:
    first, *others = views(7, number)
    labels = torch.arange(7)
    expected = sum(F.cross_entropy(cosines(first, other) / 0.05, labels) for other in others)
    got = WhitenedCSE()(first, *others)
    torch.testing.assert_close(got, expected)
    gradients = [torch.autograd.grad(each, (first, *others)) for each in (got, expected)]
    torch.testing.assert_close(gradients[0], gradients[1])


def test_further_views_may_change_places_and_the_anchor_may_not() -> None:
    first, second, third = views(6)
    loss = WhitenedCSE()
    torch.testing.assert_close(loss(first, third, second), loss(first, second, third))
    assert loss(second, first, third).item() != pytest.approx(loss(first, second, third).item(), rel=1e-3)


def test_two_equal_further_views_give_twice_simcse() -> None:
    first, second, _ = views(6)
    torch.testing.assert_close(WhitenedCSE(0.1)(first, second, second), 2 * SimCSE(0.1)(first, second))


def test_one_item_has_no_negative() -> None:
    assert WhitenedCSE()(*views(1)).item() == 0


def test_two_views_are_too_few() -> None:
    with pytest.raises(ConfigurationError, match="At least 3 views of the batch are needed. Got 2"):
        WhitenedCSE()(*views(4, 2))


def test_the_recipe_trains_and_leaves_the_encoder_alone_in_evaluation() -> None:
    """Pooled states of three dropout views, whitened, through the head, into the loss; in evaluation mode as they came."""
    torch.manual_seed(0)
    rows = torch.stack(views(16, dim=12), dim=1).detach().flatten(0, 1).float().requires_grad_()
    head = torch.nn.Sequential(ShuffledGroupWhitening(), TanhHead(12, training_only=True))
    loss = WhitenedCSE()(*head(rows).unflatten(0, (16, 3)).unbind(1))
    (gradient,) = torch.autograd.grad(loss, rows)
    assert bool(gradient.isfinite().all())
    assert float(gradient.abs().max()) > 0
    assert torch.equal(head.eval()(rows), rows)
