"""Sinkhorn in logarithms is the scaling of the matrix, and stays finite where that overflows."""

import math

import pytest
import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import sinkhorn_assignments


def some(items: int, prototypes: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(31)
    return torch.rand(items, prototypes, generator=generator, dtype=torch.float64).mul(2).sub(1).to(dtype)


def scaled(scores: Tensor, epsilon: float, iterations: int) -> Tensor:
    """As the authors write it, on the matrix of prototypes x items itself."""
    q = (scores / epsilon).exp().T
    num_prototypes, items = q.shape
    q = q / q.sum()
    for _ in range(iterations):
        q = q / q.sum(1, keepdim=True) / num_prototypes
        q = q / q.sum(0, keepdim=True) / items
    return (q * items).T


@pytest.mark.parametrize("iterations", [0, 1, 3, 20])
@pytest.mark.parametrize("shape", [(10, 4), (3, 8), (1, 5), (6, 1)])
def test_is_the_scaling(shape: tuple[int, int], iterations: int) -> None:
    for epsilon in (0.05, 0.5):
        got = sinkhorn_assignments(some(*shape), epsilon=epsilon, iterations=iterations)
        torch.testing.assert_close(got, scaled(some(*shape), epsilon, iterations))


def test_known_by_thought() -> None:
    """Two items, both nearer to the first prototype: equal shares mean one each, to the one that loses less."""
    shares = sinkhorn_assignments(torch.tensor([[1.0, 0.0], [1.0, 0.8]]), epsilon=0.4, iterations=200)
    # At equal shares the matrix is [[p, 1 - p], [1 - p, p]] with (p / (1 - p))^2 = e^{(1 + 0.8 - 1 - 0) / 0.4}.
    p = 1 / (1 + math.exp(-1))
    torch.testing.assert_close(shares, torch.tensor([[p, 1 - p], [1 - p, p]]))
    torch.testing.assert_close(sinkhorn_assignments(torch.full((4, 5), 0.3)), torch.full((4, 5), 0.2))
    torch.testing.assert_close(sinkhorn_assignments(some(1, 5)), torch.full((1, 5), 0.2).double())


def test_rows_sum_to_one_and_columns_tend_to_equal_shares() -> None:
    scores = some(30, 6)
    distance = []
    for iterations in (1, 3, 10, 300):
        shares = sinkhorn_assignments(scores, iterations=iterations)
        torch.testing.assert_close(shares.sum(1), torch.ones(30).double())
        distance.append((shares.sum(0) - 5).abs().max().item())
    assert distance == sorted(distance, reverse=True)
    assert distance[-1] < 1e-6


def test_equal_shares_even_where_one_prototype_is_nearest_to_all() -> None:
    """What keeps SwAV from collapse: a softmax of the same scores gives all items to one prototype."""
    scores = some(40, 4) / 10
    scores[:, 2] += 0.8
    assert (scores / 0.05).softmax(1).mean(0)[2] > 0.99
    shares = sinkhorn_assignments(scores, iterations=3).mean(0)
    assert -(shares * shares.log()).sum() > 0.99 * math.log(4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("epsilon", [0.05, 0.01, 1e-4])
def test_no_overflow_at_any_epsilon(epsilon: float, dtype: torch.dtype) -> None:
    scores = some(9, 5, dtype)  # e^{1 / epsilon} is beyond float16 at 0.09 already, and beyond float32 at 0.011
    got = sinkhorn_assignments(scores, epsilon=epsilon)
    assert got.dtype == torch.float32
    exact = sinkhorn_assignments(scores.double(), epsilon=epsilon)
    torch.testing.assert_close(got.double(), exact, rtol=1e-3, atol=3e-6 / epsilon)
    torch.testing.assert_close(got.sum(1), torch.ones(9))


def test_order_of_items_and_prototypes_and_an_offset_do_not_matter() -> None:
    scores = some(7, 5)
    rows, columns = torch.randperm(7), torch.randperm(5)
    shares = sinkhorn_assignments(scores)
    torch.testing.assert_close(sinkhorn_assignments(scores[rows][:, columns]), shares[rows][:, columns])
    torch.testing.assert_close(sinkhorn_assignments(scores + 3), shares)


def test_is_a_constant() -> None:
    assert not sinkhorn_assignments(some(4, 3).requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"epsilon": 0.0}, r"epsilon.*Got 0"), ({"iterations": -1}, "iterations.*at least 0")],
)
def test_arguments_are_checked(settings: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        sinkhorn_assignments(some(4, 3), **settings)
    with pytest.raises(ConfigurationError, match="scores must be .* shape"):
        sinkhorn_assignments(torch.zeros(3))
