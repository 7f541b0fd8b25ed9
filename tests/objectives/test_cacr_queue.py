"""CACR with a queue: a reference of matrices, values known by thought, what enters the queue."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import CACRQueue, queue_cacr


def some_views(views: int, items: int = 6, dim: int = 5) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    center = torch.randn(items, dim, generator=generator, dtype=torch.float64)
    noise = torch.randn(views, items, dim, generator=generator, dtype=torch.float64)
    return [(center + 0.8 * each).requires_grad_() for each in noise]


def costs(first: Tensor, second: Tensor) -> Tensor:
    return (first[:, None] - second[None]).square().sum(2)


@pytest.mark.parametrize(("items", "size"), [(6, 9), (2, 1), (300, 400)])
@pytest.mark.parametrize("with_ids", [True, False])
@pytest.mark.parametrize("views", [2, 3])
def test_same_value_and_gradients_as_with_matrices(views: int, with_ids: bool, items: int, size: int) -> None:
    """With 300 items and 400 rows the negatives are of several tiles."""
    leaves = some_views(2 * views, items)
    queries, keys = leaves[:views], leaves[views:]
    queue = normalize(torch.randn(size, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    ids, queue_ids = torch.arange(items), torch.arange(size) + 3
    apart = (ids, queue_ids) if with_ids else None
    got = queue_cacr(queries, keys, queue, alpha=0.7, beta=1.5, tau_pos=2.0, tau_neg=3.0, apart=apart)
    wanted = []
    for x, view in enumerate(queries):
        q = normalize(view)
        far = torch.stack([(q - normalize(k.detach())).square().sum(1) for y, k in enumerate(keys) if y != x])
        pull = 0.7 * ((2 * far).softmax(0).detach() * far).sum(0)
        near = costs(q, torch.cat([q, queue]))
        own = torch.cat([torch.eye(items, dtype=torch.bool), (ids[:, None] == queue_ids) & with_ids], dim=1)
        weights = (-3 * near).masked_fill(own, -torch.inf).softmax(1)
        wanted.append(pull - 1.5 * (weights * near).sum(1))
    wanted = torch.stack(wanted, dim=1)
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(
        torch.autograd.grad(got.sum(), queries, retain_graph=True), torch.autograd.grad(wanted.sum(), queries)
    )
    assert torch.autograd.grad(got.sum(), keys, allow_unused=True) == (None,) * views


def test_a_single_item_is_pushed_from_the_queue() -> None:
    """Both keys at distance 0; queue rows at costs 2 and 4 weigh 1 to e^-2 at tau 1."""
    row = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    queue = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    near = 1 / (1 + math.exp(-2))
    loss = queue_cacr([row, row], [row, row], queue, tau_neg=1.0)
    torch.testing.assert_close(loss, torch.full((1, 2), -(near * 2 + (1 - near) * 4), dtype=torch.float64))


def test_an_item_that_fills_the_queue_has_no_negatives() -> None:
    row = torch.tensor([[1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    own = torch.zeros(1, dtype=torch.int64)
    loss = queue_cacr([row, row], [row, row], row.detach(), apart=(own, own))
    assert bool((loss == 0).all())
    assert bool((torch.autograd.grad(loss.sum(), row)[0] == 0).all())


def test_keys_of_the_last_view_enter_the_queue_after_the_loss() -> None:
    torch.manual_seed(0)
    loss = CACRQueue(dim=5, queue_size=8).double()
    views = some_views(4, items=3)
    before = loss.queue.rows.clone()
    value = loss(*views)
    torch.testing.assert_close(value, queue_cacr(views[:2], views[2:], before).mean())
    torch.testing.assert_close(loss.queue.rows, torch.cat([normalize(views[3].detach()), before[3:]]))
    value.backward()  # the rows that the backward pass needs are those from before


def test_earlier_rows_of_the_own_item_are_left_out_by_ids() -> None:
    torch.manual_seed(0)
    loss = CACRQueue(dim=5, queue_size=6).double()
    views, ids = some_views(4), torch.arange(6)
    loss(*views, ids=ids)
    loss.eval()
    own = queue_cacr(views[:2], views[2:], loss.queue.rows, apart=(ids, ids)).mean()
    torch.testing.assert_close(loss(*views, ids=ids), own)
    assert loss(*views, ids=ids).item() < loss(*views).item()  # the own keys were the nearest, and pushed


def test_says_what_is_wrong() -> None:
    views = some_views(5)
    loss = CACRQueue(dim=5, queue_size=8).double()
    with pytest.raises(ConfigurationError, match=r"same two or more views are needed. Got 2 and 3"):
        loss(*views)
    with pytest.raises(ConfigurationError, match=r"same two or more views are needed. Got 1 and 1"):
        loss(*views[:2])
    with pytest.raises(ConfigurationError, match=r"made with dim=4"):
        CACRQueue(dim=4, queue_size=8).double()(*views[:4])
    with pytest.raises(ConfigurationError, match=r"tau_neg must be a number in \(0, inf\). Got 0"):
        CACRQueue(tau_neg=0.0)
