"""GroCo and NT-Xent with the hardest negatives: values known by thought, slow references, what the paper promises."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import GroCo, NTXent, NTXentTopK, groco_scores, soft_sort

SQUARE = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]], dtype=torch.float64)


def some_views(views: int, items: int = 9, dim: int = 6, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    center = torch.randn(items, dim, generator=generator, dtype=torch.float64)
    noise = torch.randn(views, items, dim, generator=generator, dtype=torch.float64)
    return [(center + 0.8 * each).requires_grad_() for each in noise]


def reference(views: list[Tensor], top_k: int, steepness: float, positive_views: int) -> Tensor:
    """One anchor at a time, from the permutation, with both cross-entropies written out."""
    losses = []
    for a, view in enumerate(views):
        for i, anchor in enumerate(view):

            def cosine(other: Tensor, anchor: Tensor = anchor) -> Tensor:
                return F.cosine_similarity(anchor, other.detach(), dim=0)

            positives = sorted(cosine(views[b][i]) for b in range(positive_views) if b != a)
            negatives = sorted(cosine(row) for j, row in enumerate(view) if j != i)[-top_k:]
            permutation = soft_sort(torch.stack(negatives + positives), steepness=steepness).permutation
            for m in range(len(permutation)):
                above, below = permutation[m, top_k:].sum(), permutation[m, :top_k].sum()
                right, wrong = (above, below) if m >= top_k else (below, above)
                losses.append((-right.log() - (1 - wrong).log()) / 2 / len(permutation))
    return torch.stack(losses).sum() / len(views) / len(views[0])


@pytest.mark.parametrize(("views", "positive_views", "top_k"), [(2, 2, 4), (3, 3, 1), (4, 2, 8), (4, 3, 3)])
def test_same_value_and_gradients_as_one_anchor_at_a_time(views: int, positive_views: int, top_k: int) -> None:
    leaves = some_views(views)
    got = GroCo(top_k, 2.0, positive_views=positive_views)(*leaves)
    wanted = reference(leaves, top_k, 2.0, positive_views)
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(torch.autograd.grad(got, leaves), torch.autograd.grad(wanted, leaves))


def test_one_negative_and_one_positive_are_one_comparison() -> None:
    """Equal views of a square: the positive has cosine 1, the nearest other corner 0."""
    alpha = 0.5 + math.atan(3.0) / math.pi
    loss = GroCo(top_k=1, steepness=3.0)(SQUARE, SQUARE)
    torch.testing.assert_close(loss, torch.tensor(-math.log(alpha), dtype=torch.float64))


def test_hardest_negatives_of_the_own_view_come_first_both_parts_ascending() -> None:
    turned = SQUARE.roll(1, 0)
    scores = groco_scores([SQUARE, turned, SQUARE], 0, top_k=2)
    torch.testing.assert_close(scores, torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64).expand(4, 4))


def test_a_small_crop_has_every_full_crop_as_a_positive() -> None:
    views = some_views(4)
    assert groco_scores(views, 0, top_k=3, positive_views=2).shape == (9, 3 + 1)
    assert groco_scores(views, 3, top_k=3, positive_views=2).shape == (9, 3 + 2)


def test_equal_rows_cost_what_equal_shares_of_the_ranks_cost() -> None:
    """Every comparison is a tie. With one negative and one positive both lands are 1/2."""
    same = torch.ones(5, 3, dtype=torch.float64)
    torch.testing.assert_close(GroCo(top_k=1)(same, same), torch.tensor(math.log(2), dtype=torch.float64))


def test_what_is_in_order_is_left_alone() -> None:
    """The claim of the paper: once positives are above the hardest negatives there is almost no gradient."""
    center = torch.eye(12, dtype=torch.float64)
    first, second = [center + 0.05 * each.detach() for each in some_views(2, 12, 12)]
    first.requires_grad_()

    def pull(other: Tensor, steepness: float) -> float:
        return float(torch.autograd.grad(GroCo(steepness=steepness)(first, other), first)[0].norm())

    shares = [pull(second, steepness) / pull(second.roll(1, 0), steepness) for steepness in (1.0, 10.0, 100.0)]
    assert shares[0] > shares[1] > shares[2]
    assert shares[2] < 0.01


def test_a_row_learns_as_an_anchor_only_unless_asked_for() -> None:
    anchors, positives = some_views(2)
    scores = groco_scores([anchors, positives], 0, top_k=3)
    assert torch.autograd.grad(scores.sum(), positives, allow_unused=True) == (None,)
    scores = groco_scores([anchors, positives], 0, top_k=3, stop_gradient=False)
    assert float(torch.autograd.grad(scores.sum(), positives)[0].abs().max()) > 0
    assert torch.autograd.gradcheck(GroCo(top_k=3, stop_gradient=False), (anchors, positives))


@pytest.mark.parametrize("steepness", [1.0, 1e3, 1e30])
def test_the_worst_order_is_finite_at_any_steepness(steepness: float) -> None:
    """Each item's other view is opposite to it, and all items are close: positives come last."""
    first = (
        torch.tensor([[1.0, 0.0]]) + 0.01 * torch.randn(12, 2, generator=torch.Generator().manual_seed(0))
    ).requires_grad_()
    loss = GroCo(steepness=steepness)(first, -first.detach())
    (gradient,) = torch.autograd.grad(loss, first)
    assert 0 < loss.item() <= 100
    assert bool(gradient.isfinite().all())


def test_a_row_of_zeros_has_cosine_zero() -> None:
    views = [view.detach().clone() for view in some_views(2)]
    views[0][0] = 0
    assert bool((groco_scores(views, 0, top_k=3)[0] == 0).all())
    assert bool(GroCo(top_k=3)(*views).isfinite())


def test_autocast_changes_nothing() -> None:
    views = [view.detach().float() for view in some_views(2)]
    for loss in (GroCo(top_k=3), NTXentTopK(top_k=3)):
        with torch.autocast("cpu", torch.bfloat16):
            inside = loss(*views)
        torch.testing.assert_close(inside, loss(*views), rtol=0, atol=0)


def test_says_what_is_wrong() -> None:
    views = some_views(3)
    with pytest.raises(ConfigurationError, match=r"top_k = 10 .* at least 11 items\. Got 9"):
        GroCo()(*views)
    with pytest.raises(ConfigurationError, match=r"positive_views must be in \[2, 3\].*Got 4"):
        GroCo(3, positive_views=4)(*views)
    with pytest.raises(ConfigurationError, match=r"2 views of the batch are needed. Got 1"):
        GroCo(3)(views[0])
    with pytest.raises(ConfigurationError, match=r"top_k must be a whole number of at least 1. Got 0"):
        GroCo(0)
    with pytest.raises(ConfigurationError, match=r"steepness.*Got -1"):
        GroCo(steepness=-1)
    with pytest.raises(ConfigurationError, match=r"top_k = 25 .* the 24 that 9 items in 3 views have"):
        NTXentTopK(top_k=25)(*views)


@pytest.mark.parametrize("views", [2, 3])
def test_nt_xent_with_every_negative_is_nt_xent(views: int) -> None:
    leaves = some_views(views)
    got = NTXentTopK(0.3, top_k=views * 8, stop_gradient=False)(*leaves)
    wanted = NTXent(0.3)(*leaves)
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(torch.autograd.grad(got, leaves), torch.autograd.grad(wanted, leaves))


def test_nt_xent_with_the_nearest_corners_only() -> None:
    """On the square, each anchor has both neighbors in both views at cosine 0 as its four hardest negatives."""
    got = NTXentTopK(0.5, top_k=4)(SQUARE, SQUARE)
    torch.testing.assert_close(got, torch.tensor(math.log(1 + 4 * math.exp(-2)), dtype=torch.float64))


def test_nt_xent_top_k_learns_as_an_anchor_only() -> None:
    """With candidates constant, the gradient of a row is that of its own term."""
    first, second = some_views(2)
    (whole,) = torch.autograd.grad(NTXentTopK(top_k=5)(first, second), first)
    rows = torch.cat([first, second]).detach()
    term = torch.zeros((), dtype=torch.float64)
    for i, anchor in enumerate(first):
        cosines = F.cosine_similarity(anchor, rows) / 0.5
        negatives = cosines[torch.arange(18) % 9 != i].topk(5).values
        term = term - F.log_softmax(torch.cat([cosines[9 + i, None], negatives]), dim=0)[0]
    torch.testing.assert_close(whole, torch.autograd.grad(term / 18, first)[0])
