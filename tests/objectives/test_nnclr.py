"""NNCLR: the neighbor of one view is contrasted with the predictions of the other."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import NNCLR, nearest_rows


def some(items: int = 5, dim: int = 6, size: int = 12) -> tuple[list[Tensor], NNCLR]:
    generator = torch.Generator().manual_seed(21)
    tables = [torch.randn(items, dim, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(4)]
    objective = NNCLR(dim=dim, queue_size=size).double()
    objective.queue.rows.copy_(F.normalize(torch.randn(size, dim, generator=generator, dtype=torch.float64)))
    return tables, objective


def test_known_by_thought() -> None:
    """Both views are near the rows x and y of the queue, and the predictions are x and y: e^{1/t} against e^0."""
    views = torch.tensor([[3.0, 1.0], [1.0, 9.0]])
    objective = NNCLR(0.5, dim=2, queue_size=2)
    objective.queue.rows.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    loss = objective(views, views, torch.eye(2) * 4, torch.eye(2))
    assert loss.item() == pytest.approx(math.log1p(math.exp(-2)), rel=1e-5)


def test_is_the_mean_over_a_loop() -> None:
    (z1, z2, p1, p2), objective = some()
    rows, total = objective.queue.rows.clone(), 0.0
    for z, p in ((z1.detach(), p2.detach()), (z2.detach(), p1.detach())):
        for i in range(5):
            similarity = [float(row @ z[i]) for row in rows]
            neighbor = rows[similarity.index(max(similarity))]
            logits = torch.stack([neighbor @ F.normalize(p[j], dim=0) / 0.1 for j in range(5)])
            total += float(logits.logsumexp(0) - logits[i]) / 10
    assert objective(z1, z2, p1, p2).item() == pytest.approx(total)


def test_the_search_comes_before_the_first_view_enters() -> None:
    (z1, z2, p1, p2), objective = some()
    fresh = objective.queue.rows.clone()
    before = nearest_rows(z1, fresh)
    first = objective(z1, z2, p1, p2)
    torch.testing.assert_close(objective.queue.rows, torch.cat([F.normalize(z1.detach()), fresh[5:]]))
    # Now each first view finds itself, at the next call and not at the one before.
    assert nearest_rows(z1, objective.queue.rows).flatten().tolist() == [0, 1, 2, 3, 4]
    assert before.flatten().tolist() != [0, 1, 2, 3, 4]
    objective.queue.rows.copy_(fresh)
    torch.testing.assert_close(objective.eval()(z1, z2, p1, p2), first)


def test_the_own_item_is_no_neighbor_where_ids_are_given() -> None:
    """Five orthogonal items find themselves; where they must not, the row between them all, which tells none apart."""
    items, ids = torch.eye(5), torch.arange(5)
    objective = NNCLR(dim=5, queue_size=6).eval()
    objective.queue.enqueue(torch.cat([items, torch.ones(1, 5) / 5**0.5]), torch.tensor([0, 1, 2, 3, 4, 99]))
    alone = objective(items, items, items, items)
    assert alone.item() == pytest.approx(math.log1p(4 * math.exp(-10)), abs=1e-6)
    assert objective(items, items, items, items, ids=ids).item() == pytest.approx(math.log(5))


def test_gradient_reaches_predictions_alone() -> None:
    (z1, z2, p1, p2), objective = some()
    objective(z1, z2, p1, p2).backward()
    assert z1.grad is None
    assert z2.grad is None
    assert float(p1.grad.norm()) > 0
    assert float(p2.grad.norm()) > 0


def test_backward_may_come_after_further_steps() -> None:
    (z1, z2, p1, p2), objective = some(size=6)
    first = objective(z1, z2, p1, p2)
    (expected,) = torch.autograd.grad(first, p1, retain_graph=True)
    objective(z1, z2, p1, p2)
    torch.testing.assert_close(torch.autograd.grad(first, p1)[0], expected)


def test_one_neighbor_for_all_tells_no_items_apart() -> None:
    """All rows of the softmax are equal then, and the mean of -log p_i over them is at least log N (concavity)."""
    (z1, z2, p1, p2), objective = some(size=1)
    objective.eval()
    assert objective(z1, z2, p1, p2).item() >= math.log(5)
    torch.testing.assert_close(objective(z1, z2, torch.ones_like(p1), torch.ones_like(p2)).item(), math.log(5))


def test_both_views_count_alike() -> None:
    (z1, z2, p1, p2), objective = some()
    objective.eval()
    torch.testing.assert_close(objective(z2, z1, p2, p1), objective(z1, z2, p1, p2))


def test_says_what_does_not_fit() -> None:
    (z1, z2, p1, p2), objective = some()
    with pytest.raises(ConfigurationError, match="at least 2 items"):
        objective(z1[:1], z2[:1], p1[:1], p2[:1])
    with pytest.raises(ConfigurationError, match="batch of 5 for a queue of 4"):
        NNCLR(dim=6, queue_size=4).double()(z1, z2, p1, p2)
    with pytest.raises(ConfigurationError, match=r"first view and first prediction.*\(5, 6\) and \(5, 4\)"):
        objective(z1, z2, p1[:, :4], p2)
    with pytest.raises(ConfigurationError, match=r"first view must be of shape \(items, 7\)"):
        NNCLR(dim=7, queue_size=9).double()(z1, z2, p1, p2)
