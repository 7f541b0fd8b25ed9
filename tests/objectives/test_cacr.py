"""CACR: values known by thought, a reference of matrices with every option, what the weights are for."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import CACR, contrastive_attraction, contrastive_repulsion, repulsion_weights


def some_views(views: int, items: int = 7, dim: int = 5, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    center = torch.randn(items, dim, generator=generator, dtype=torch.float64)
    noise = torch.randn(views, items, dim, generator=generator, dtype=torch.float64)
    return [(center + 0.8 * each).requires_grad_() for each in noise]


def costs(first: Tensor, second: Tensor) -> Tensor:
    return (normalize(first, dim=1)[:, None] - normalize(second, dim=1)[None]).square().sum(2)


def reference(
    views: list[Tensor],
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    tau_pos: float = 1.0,
    tau_neg: float = 0.9,
    tau_plus: float = 0.0,
    rbf: float | None = None,
    symmetric: bool = False,
    weight_gradient: bool = True,
) -> Tensor:
    """With the whole matrix of costs, a pair of views at a time."""

    def held(weights: Tensor) -> Tensor:
        return weights if weight_gradient else weights.detach()

    count = len(views[0])
    pulls = []
    for x, view in enumerate(views):
        cost = torch.stack([costs(view, other).diagonal() for y, other in enumerate(views) if y != x], dim=1)
        pulls.append((held((tau_pos * cost).softmax(1)) * alpha * cost).sum(1).mean())
    pushes = []
    pairs = itertools.permutations(views, 2) if symmetric else itertools.combinations(views, 2)
    for first, second in pairs:
        cost = costs(first, second)
        positive, cost = cost.diagonal(), cost[~torch.eye(count, dtype=torch.bool)].view(count, count - 1)
        weights = held((-tau_neg * cost).softmax(1))
        if rbf is None:
            push = (-tau_plus * positive - beta * (weights * cost).sum(1)) / (1 - tau_plus)
            pushes.append(push.mean())
        else:
            pushes.append(beta * (weights * (-rbf * cost).exp()).sum(1).mean().log())
    return sum(pulls) / len(pulls) + sum(pushes) / len(pushes)


OPTIONS = [
    {},
    {"alpha": 0.7, "beta": 1.6, "tau_pos": 3.0, "tau_neg": 5.0},
    {"tau_pos": 0.0, "tau_neg": 0.0, "beta": 2.0},
    {"tau_plus": 0.1, "beta": 2.0},
    {"tau_plus": 0.3, "tau_neg": 0.0},
    {"rbf": 2.0, "beta": 0.5},
    {"rbf": 2.0, "tau_neg": 0.0},
    {"symmetric": True, "tau_neg": 30.0},
]


@pytest.mark.parametrize("weight_gradient", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("views", [2, 4])
def test_same_value_and_gradients_as_with_matrices(views: int, options: dict, weight_gradient: bool) -> None:
    leaves = some_views(views)
    with torch.no_grad():
        leaves[0][2] = 0  # a row of zeros is at distance 1 from every other
    leaves = [leaf.detach().requires_grad_() for leaf in leaves]
    got = CACR(**options, weight_gradient=weight_gradient)(*leaves)
    wanted = reference(leaves, **options, weight_gradient=weight_gradient)
    torch.testing.assert_close(got, wanted)
    used = [torch.where(leaf == 0, 0, g) for leaf, g in zip(leaves, torch.autograd.grad(got, leaves), strict=True)]
    slow = [torch.where(leaf == 0, 0, g) for leaf, g in zip(leaves, torch.autograd.grad(wanted, leaves), strict=True)]
    torch.testing.assert_close(used, slow)


@pytest.mark.parametrize("options", [{}, {"rbf": 2.0}, {"tau_neg": 20.0, "tau_plus": 0.1}], ids=str)
def test_a_batch_of_several_tiles_is_the_plain_one(options: dict) -> None:
    leaves = some_views(2, items=700)
    got, wanted = CACR(**options)(*leaves), reference(leaves, **options)
    torch.testing.assert_close(got, wanted, rtol=1e-10, atol=0)
    torch.testing.assert_close(torch.autograd.grad(got, leaves), torch.autograd.grad(wanted, leaves))


def test_a_square_in_two_equal_views() -> None:
    """No attraction; two corners at cost 2 and one at cost 4, with weights 2/(2 + e^-2) and the rest at tau = 1."""
    square = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]], dtype=torch.float64)
    near = 2 / (2 + math.exp(-2))
    expected = torch.tensor(-(near * 2 + (1 - near) * 4), dtype=torch.float64)
    torch.testing.assert_close(CACR(tau_neg=1.0)(square, square), expected)
    weights = repulsion_weights(square, square, tau_neg=1.0)
    torch.testing.assert_close(weights[0], torch.tensor([near / 2, 1 - near, near / 2], dtype=torch.float64))


def test_one_positive_opposite_and_one_equal() -> None:
    """Costs 4 and 0: the far one has the weight e^4 / (e^4 + 1)."""
    first = torch.eye(2, dtype=torch.float64)
    pull = contrastive_attraction(first, first, -first)
    far = math.exp(4) / (math.exp(4) + 1)
    torch.testing.assert_close(pull[:, :2], torch.full((2, 2), 4 * far, dtype=torch.float64))
    torch.testing.assert_close(pull[:, 2], torch.full((2,), 4.0, dtype=torch.float64))


def test_with_two_items_the_weights_say_nothing() -> None:
    views = some_views(2, items=2)
    assert bool((repulsion_weights(*views) == 1).all())
    torch.testing.assert_close(CACR(tau_neg=7.0)(*views), CACR(tau_neg=0.0)(*views))


def test_weights_raise_the_loss() -> None:
    """The far positive counts more and the far negative less than in a plain mean, and more so the larger tau."""
    views = some_views(4)
    pulls = [contrastive_attraction(*views, tau_pos=tau).mean().item() for tau in (0.0, 1e-4, 1.0, 5.0, 500.0)]
    assert pulls == sorted(pulls)
    pushes = [contrastive_repulsion(*views, tau_neg=tau).item() for tau in (0.0, 1e-4, 0.9, 5.0, 500.0)]
    assert pushes == sorted(pushes)
    assert pulls[1] == pytest.approx(pulls[0], rel=1e-3)
    assert pushes[1] == pytest.approx(pushes[0], rel=1e-3)


def test_large_tau_leaves_the_farthest_positive_and_the_nearest_negative() -> None:
    views = some_views(3)
    pull = contrastive_attraction(*views, tau_pos=1e4)[:, 0]
    farthest = torch.stack([costs(views[0], other).diagonal() for other in views[1:]]).amax(0)
    torch.testing.assert_close(pull, farthest)
    push = contrastive_repulsion(*views[:2], tau_neg=1e4)
    nearest = costs(*views[:2]).fill_diagonal_(torch.inf).amin(1)
    torch.testing.assert_close(push, -nearest.mean())


def test_an_anchor_between_two_negatives_leaves_the_nearer_one() -> None:
    """The claim of the paper: counted alike, the farther one pushes more, as its cost is steeper, and they collide."""
    degrees = torch.tensor([0.0, 30.0, -60.0], dtype=torch.float64).deg2rad()
    circle = torch.stack([degrees.cos(), degrees.sin()], dim=1)
    for tau, towards in ((0.0, 1), (3.0, -1)):
        anchors = circle.clone().requires_grad_()
        push = contrastive_repulsion(anchors, circle, tau_neg=tau, weight_gradient=False)
        (gradient,) = torch.autograd.grad(push, anchors)
        assert -gradient[0, 1].sign() == towards


def test_both_views_of_a_pair_are_anchors_on_request() -> None:
    first, second = some_views(2)
    one, other = CACR()(first, second), CACR()(second, first)
    assert one.item() != pytest.approx(other.item(), rel=1e-6)
    torch.testing.assert_close(CACR(symmetric=True)(first, second), (one + other) / 2)
    torch.testing.assert_close(CACR(symmetric=True)(second, first), (one + other) / 2)


def test_equal_rows_cost_nothing_and_do_not_move() -> None:
    same = torch.ones(5, 3, dtype=torch.float64, requires_grad=True)
    loss = CACR()(same, same, same)
    torch.testing.assert_close(loss, torch.zeros((), dtype=torch.float64))
    (gradient,) = torch.autograd.grad(loss, same)
    torch.testing.assert_close(gradient, torch.zeros_like(same))


def test_says_what_is_wrong() -> None:
    views = some_views(2)
    with pytest.raises(ConfigurationError, match="2 views of the batch are needed. Got 1"):
        CACR()(views[0])
    with pytest.raises(ConfigurationError, match="at least 2 items.*Got 1"):
        CACR()(*(view[:1] for view in views))
    with pytest.raises(ConfigurationError, match=r"tau_neg must be a number in \[0, inf\). Got -1"):
        CACR(tau_neg=-1.0)
    with pytest.raises(ConfigurationError, match=r"alpha .*Got 0"):
        CACR(alpha=0.0)
    with pytest.raises(ConfigurationError, match=r"tau_plus = 1"):
        CACR(tau_plus=1.0)
    with pytest.raises(ConfigurationError, match=r"not debiased.*tau_plus = 0.1, rbf = 2"):
        CACR(tau_plus=0.1, rbf=2.0)
