"""Differentiable sorting networks: known mixtures, a reference of matrices, hard sorting at the limit."""

import itertools
import math
from typing import get_args

import pytest
import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import rank_probabilities, soft_sort
from kinfolk.objectives.sorting import Network, Relaxation

NETWORKS, RELAXATIONS = get_args(Network), get_args(Relaxation)
MONOTONIC = ("cauchy", "reciprocal", "optimal")


def some_scores(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("relaxation", "alpha"),
    [
        ("cauchy", 0.75),
        ("logistic", 1 / (1 + math.exp(-1))),
        ("logistic_phi", 1 / (1 + math.exp(-(2**0.25)))),
        ("gaussian", 0.5 * (1 + math.erf(1 / math.sqrt(2)))),
        ("reciprocal", 2 / 3),
        ("optimal", 15 / 16),
    ],
)
def test_two_scores_are_mixed_by_the_sigmoid(relaxation: Relaxation, alpha: float) -> None:
    """Steepness 2 times a difference of 1/2: the argument of the sigmoid is 1."""
    values, permutation = soft_sort(torch.tensor([1.5, 1.0], dtype=torch.float64), steepness=2.0, relaxation=relaxation)
    torch.testing.assert_close(values, torch.tensor([1.5 - alpha / 2, 1 + alpha / 2], dtype=torch.float64))
    expected = torch.tensor([[1 - alpha, alpha], [alpha, 1 - alpha]], dtype=torch.float64)
    torch.testing.assert_close(permutation, expected)


def test_the_optimal_sigmoid_is_linear_up_to_a_quarter() -> None:
    alpha = soft_sort(torch.tensor([0.0, 0.2], dtype=torch.float64), steepness=1.0, relaxation="optimal").permutation
    torch.testing.assert_close(alpha[0, 0], torch.tensor(0.7, dtype=torch.float64))


def textbook(count: int, network: Network) -> list[list[tuple[int, int]]]:
    """Pairs (smaller, larger) of each layer; bitonic in the form with descending blocks, for powers of two."""
    if network == "odd_even":
        return [[(i, i + 1) for i in range(layer % 2, count - 1, 2)] for layer in range(count)]
    layers, block = [], 2
    while block <= count:
        step = block // 2
        while step:
            pairs = [(i, i ^ step) for i in range(count) if i ^ step > i]
            layers.append([(a, b) if not a & block else (b, a) for a, b in pairs])
            step //= 2
        block *= 2
    return layers


@pytest.mark.parametrize("relaxation", RELAXATIONS)
@pytest.mark.parametrize(
    ("network", "count"),
    [("odd_even", 1), ("odd_even", 2), ("odd_even", 5), ("odd_even", 8)] + [("bitonic", n) for n in (2, 4, 16)],
)
def test_same_values_and_gradients_as_a_product_of_matrices(
    network: Network, count: int, relaxation: Relaxation
) -> None:
    scores = some_scores(count).requires_grad_()
    values, permutation = soft_sort(scores, steepness=3.0, relaxation=relaxation, network=network)
    x, product = scores, torch.eye(count, dtype=torch.float64)
    for pairs in textbook(count, network):
        mixture = torch.eye(count, dtype=torch.float64)
        for a, b in pairs:
            # The permutation of two scores is [[alpha, 1 - alpha], [1 - alpha, alpha]], tested above by hand.
            two = soft_sort(torch.stack([x[a], x[b]]), steepness=3.0, relaxation=relaxation).permutation
            for row, i in enumerate((a, b)):
                for column, j in enumerate((a, b)):
                    mixture = mixture.index_put((torch.tensor(i), torch.tensor(j)), two[row, column])
        x, product = mixture.T @ x, product @ mixture
    torch.testing.assert_close(values, x)
    torch.testing.assert_close(permutation, product)
    probe = some_scores(count, count, seed=1)
    got = torch.autograd.grad((permutation * probe).sum() + values @ probe[0], scores, allow_unused=True)
    wanted = torch.autograd.grad((product * probe).sum() + x @ probe[0], scores, allow_unused=True)
    torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("count", range(1, 10))
def test_steep_networks_sort_every_order(network: Network, count: int) -> None:
    """A network that sorts all rows of zeros and ones sorts everything."""
    rows = torch.tensor(list(itertools.product((0.0, 1.0), repeat=count)), dtype=torch.float64)
    values = soft_sort(rows, steepness=1e12, network=network).values
    torch.testing.assert_close(values, rows.sort(dim=1).values, rtol=0, atol=1e-9)


@pytest.mark.parametrize("count", [22, 38, 64, 77])
def test_bitonic_networks_sort_where_there_is_no_power_of_two(count: int) -> None:
    rows = torch.stack([torch.randperm(count, generator=torch.Generator().manual_seed(s)) for s in range(200)]).double()
    values = soft_sort(rows, steepness=1e12, network="bitonic").values
    torch.testing.assert_close(values, rows.sort(dim=1).values, rtol=0, atol=1e-8)


@pytest.mark.parametrize("relaxation", RELAXATIONS)
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("count", [1, 3, 6, 8])
def test_the_permutation_is_doubly_stochastic_and_sorts(count: int, network: Network, relaxation: Relaxation) -> None:
    scores = some_scores(2, 3, count)
    values, permutation = soft_sort(scores, steepness=4.0, relaxation=relaxation, network=network)
    assert permutation.shape == (2, 3, count, count)
    assert bool((permutation >= 0).all())
    ones = torch.ones(2, 3, count, dtype=torch.float64)
    torch.testing.assert_close(permutation.sum(-1), ones)
    torch.testing.assert_close(permutation.sum(-2), ones)
    torch.testing.assert_close(values, (permutation.mT @ scores[..., None]).squeeze(-1))
    torch.testing.assert_close(values.sum(-1), scores.sum(-1))


@pytest.mark.parametrize("relaxation", RELAXATIONS)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_constant_moves_the_values_and_not_the_permutation(network: Network, relaxation: Relaxation) -> None:
    scores = some_scores(4, 7)
    values, permutation = soft_sort(scores, relaxation=relaxation, network=network)
    moved = soft_sort(scores + 3, relaxation=relaxation, network=network)
    torch.testing.assert_close(moved.values, values + 3)
    torch.testing.assert_close(moved.permutation, permutation)


@pytest.mark.parametrize("relaxation", MONOTONIC)
def test_sorted_values_never_fall_when_a_score_rises(relaxation: Relaxation) -> None:
    """The property that the second paper proves for these relaxations; the logistic one breaks it."""

    def least_slope(chosen: Relaxation) -> float:
        scores = 2 * some_scores(500, 2)
        jacobian = torch.func.vmap(torch.func.jacrev(lambda x: soft_sort(x, steepness=1.0, relaxation=chosen).values))(
            scores
        )
        return float(jacobian.min())

    assert least_slope(relaxation) >= -1e-12
    assert least_slope("logistic") < -0.01


@pytest.mark.parametrize("relaxation", RELAXATIONS)
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("count", [2, 5, 8])
def test_groups_of_ranks_are_sums_of_the_permutation(network: Network, relaxation: Relaxation, count: int) -> None:
    scores = some_scores(3, count).requires_grad_()
    groups = torch.arange(count)[:, None] % 3 == torch.arange(3)
    got = rank_probabilities(scores, groups, steepness=2.0, relaxation=relaxation, network=network)
    permutation = soft_sort(scores, steepness=2.0, relaxation=relaxation, network=network).permutation
    torch.testing.assert_close(got, permutation @ groups.double())
    probe = some_scores(3, count, 3, seed=2)
    gradients = [torch.autograd.grad((v * probe).sum(), scores) for v in (got, permutation @ groups.double())]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_equal_scores_have_finite_gradients(relaxation: Relaxation) -> None:
    scores = torch.ones(5, dtype=torch.float64, requires_grad=True)
    values, permutation = soft_sort(scores, relaxation=relaxation)
    (gradient,) = torch.autograd.grad((permutation * some_scores(5, 5)).sum(), scores)
    assert bool(gradient.isfinite().all())
    torch.testing.assert_close(values, scores)


def test_half_precision_is_computed_in_float32() -> None:
    scores = some_scores(2, 5).half()
    values, permutation = soft_sort(scores)
    assert values.dtype == permutation.dtype == torch.float32
    torch.testing.assert_close(values, soft_sort(scores.float()).values)


def test_says_what_is_wrong() -> None:
    scores = some_scores(3)
    with pytest.raises(ConfigurationError, match=r"scores.*Got torch.int64"):
        soft_sort(torch.arange(3))
    with pytest.raises(ConfigurationError, match=r"scores.*Got torch.float32 of shape \(2, 0\)"):
        soft_sort(torch.empty(2, 0))
    with pytest.raises(ConfigurationError, match=r"steepness.*Got 0"):
        soft_sort(scores, steepness=0)
    with pytest.raises(ConfigurationError, match=r"relaxation must be of cauchy.*'hard'"):
        soft_sort(scores, relaxation="hard")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"network must be of odd_even, bitonic.*'quick'"):
        soft_sort(scores, network="quick")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"art_lambda.*Got 2"):
        soft_sort(scores, art_lambda=2.0)
    with pytest.raises(ConfigurationError, match=r"groups must have shape \(3 ranks, groups\). Got \(2, 1\)"):
        rank_probabilities(scores, torch.ones(2, 1))
