"""MoCo: cross-entropy against a queue, of which a query may leave out the rows of its own item."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import MoCo, momentum_contrast, queue_logits


def some(items: int, size: int, dim: int = 6, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)

    def draw(rows: int) -> Tensor:
        return torch.randn(rows, dim, generator=generator, dtype=torch.float64).to(dtype)

    return draw(items).requires_grad_(), draw(items), F.normalize(draw(size))


def test_known_by_thought() -> None:
    query, queue = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, -1.0], [-1.0, 0.0]])
    loss = momentum_contrast(query, query, queue, temperature=0.5)
    assert loss.item() == pytest.approx(math.log(1 + 2 * math.exp(-2) + math.exp(-4)))
    # Where keys and queue are all the same row nothing can be told from anything.
    same = torch.ones(4, 3)
    loss = momentum_contrast(same, same, F.normalize(torch.ones(7, 3)))
    torch.testing.assert_close(loss, torch.full((4,), math.log(8)))


@pytest.mark.parametrize("temperature", [1.0, 0.07, 0.01])
@pytest.mark.parametrize(("items", "size"), [(1, 1), (5, 3), (4, 1500)])
def test_is_the_cross_entropy_of_all_logits(items: int, size: int, temperature: float) -> None:
    queries, keys, queue = some(items, size)
    synthetic = F.normalize(torch.randn(items, 4, 6, generator=torch.Generator().manual_seed(0)).double(), dim=2)
    for extra in (None, synthetic):
        logits = queue_logits(queries, keys, queue, temperature=temperature, synthetic=extra)
        assert logits.shape == (items, 1 + size + (0 if extra is None else 4))
        expected = F.cross_entropy(logits, torch.zeros(items, dtype=torch.int64), reduction="none")
        got = momentum_contrast(queries, keys, queue, temperature=temperature, synthetic=extra)
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)
        gradients = [torch.autograd.grad(loss.sum(), queries)[0] for loss in (got, expected)]
        torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_similarity_and_smoothing_are_those_of_the_cross_entropy(similarity: str, smoothing: float) -> None:
    queries, keys, queue = some(4, 9)
    queue = queue * torch.arange(1, 10).view(-1, 1)
    synthetic = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(0)).double()
    of_queries, of_keys = (queries, keys) if similarity == "dot" else (F.normalize(queries), F.normalize(keys))
    for extra in (None, synthetic):
        rows = queue.expand(4, -1, -1) if extra is None else torch.cat([queue.expand(4, -1, -1), extra], dim=1)
        logits = torch.einsum("id,ind->in", of_queries, torch.cat([of_keys[:, None], rows], dim=1)) / 0.5
        target = torch.zeros(4, dtype=torch.int64)
        expected = F.cross_entropy(logits, target, reduction="none", label_smoothing=smoothing)
        settings = {"temperature": 0.5, "similarity": similarity, "synthetic": extra}
        torch.testing.assert_close(queue_logits(queries, keys, queue, **settings), logits)
        got = momentum_contrast(queries, keys, queue, label_smoothing=smoothing, **settings)
        torch.testing.assert_close(got, expected)
        gradients = [torch.autograd.grad(loss.sum(), queries, retain_graph=True)[0] for loss in (got, expected)]
        torch.testing.assert_close(gradients[0], gradients[1])


def test_smoothing_spreads_nothing_over_keys_of_the_own_item() -> None:
    queries, keys, queue = some(2, 4)
    apart = torch.tensor([4, 9]), torch.tensor([9, 4, 4, 7])
    got = momentum_contrast(queries, keys, queue, label_smoothing=0.3, apart=apart)
    for item, others in ((0, [0, 3]), (1, [1, 2, 3])):
        alone = momentum_contrast(queries[[item]], keys[[item]], queue[others], label_smoothing=0.3)
        torch.testing.assert_close(got[[item]], alone)


def test_by_dot_products_keys_enter_the_queue_as_they_are() -> None:
    queries, keys, queue = some(2, 3)
    objective = MoCo(0.05, dim=6, queue_size=3, similarity="dot").double()
    objective.queue.rows.copy_(queue)
    expected = momentum_contrast(queries, keys, queue, temperature=0.05, similarity="dot").mean()
    torch.testing.assert_close(objective(queries, keys), expected)
    torch.testing.assert_close(objective.queue.rows, torch.cat([keys, queue[2:]]))


def test_order_of_a_step_loss_first_then_the_keys_are_negatives() -> None:
    queries, keys, queue = some(2, 5)
    objective = MoCo(0.2, dim=6, queue_size=5).double()
    objective.queue.rows.copy_(queue)
    expected = momentum_contrast(queries, keys, queue, temperature=0.2).mean()
    torch.testing.assert_close(objective(queries, keys), expected)
    after = torch.cat([F.normalize(keys), queue[2:]])
    torch.testing.assert_close(objective.queue.rows, after)
    torch.testing.assert_close(
        objective(queries, keys), momentum_contrast(queries, keys, after, temperature=0.2).mean()
    )


def test_backward_may_come_after_further_steps() -> None:
    queries, keys, _ = some(3, 3)
    objective = MoCo(0.2, dim=6, queue_size=4).double()
    ids = torch.arange(3)
    first = objective(queries, keys, ids=ids)
    (expected,) = torch.autograd.grad(first, queries, retain_graph=True)
    objective(queries, keys, ids=ids)
    torch.testing.assert_close(torch.autograd.grad(first, queries)[0], expected)


def test_a_query_has_the_same_negatives_in_any_batch() -> None:
    """The size of the batch does not matter, as the queue gives the negatives (section 3.2 of the paper)."""
    queries, keys, queue = some(8, 40)
    together = momentum_contrast(queries, keys, queue)
    alone = [momentum_contrast(queries[i : i + 1], keys[i : i + 1], queue) for i in range(8)]
    torch.testing.assert_close(torch.cat(alone), together)


def test_keys_of_the_own_item_are_no_negatives() -> None:
    queries, keys, queue = some(3, 6)
    ids, queue_ids = torch.tensor([4, 9, 5]), torch.tensor([9, 4, 4, 7, 9, 8])
    got = momentum_contrast(queries, keys, queue, apart=(ids, queue_ids))
    logits = queue_logits(queries, keys, queue)
    own = F.pad(ids[:, None] == queue_ids, (1, 0))
    expected = F.cross_entropy(logits.masked_fill(own, -math.inf), torch.zeros(3, dtype=torch.int64), reduction="none")
    torch.testing.assert_close(got, expected)


def test_ids_travel_with_the_keys_and_unknown_ones_mask_nothing() -> None:
    queries, keys, _ = some(2, 2)
    objective = MoCo(dim=6, queue_size=2).double()
    objective(queries, keys, ids=torch.tensor([3, 8]))
    objective.eval()
    # Each query leaves out its own key, and both together leave out the whole queue: the loss is that of no negative.
    swapped = momentum_contrast(queries, keys, F.normalize(keys[[1]]))[0]
    torch.testing.assert_close(objective(queries[:1], keys[:1], ids=torch.tensor([3])), swapped)
    objective.queue.ids.fill_(3)
    alone = objective(queries[:1], keys[:1], ids=torch.tensor([3]))
    assert alone.item() == 0
    assert torch.autograd.grad(alone, queries)[0].abs().max() == 0
    objective.train()
    objective(queries, keys)
    torch.testing.assert_close(objective.eval()(queries, keys, ids=torch.tensor([3, 8])), objective(queries, keys))


def test_no_gradient_reaches_keys_and_queue() -> None:
    queries, keys, queue = some(3, 5)
    keys.requires_grad_()
    queue.requires_grad_()
    momentum_contrast(queries, keys, queue).sum().backward()
    assert queries.grad is not None
    assert keys.grad is None
    assert queue.grad is None


def test_autocast_does_not_change_the_value() -> None:
    queries, keys, _ = some(4, 4, dtype=torch.float32)
    objective = MoCo(dim=6, queue_size=50).eval()
    with torch.autocast("cpu", torch.bfloat16):
        inside = objective(queries, keys)
    torch.testing.assert_close(inside, objective(queries, keys), rtol=0, atol=0)


def test_says_what_does_not_fit() -> None:
    queries, keys, queue = some(4, 5)
    with pytest.raises(ConfigurationError, match="batch of 4 for a queue of 3"):
        MoCo(dim=6, queue_size=3).double()(queries, keys)
    with pytest.raises(ConfigurationError, match=r"queries must be of shape \(items, 5\).*dim=6"):
        MoCo(dim=5, queue_size=8).double()(queries, keys)
    with pytest.raises(ConfigurationError, match="ids must be 4 integers"):
        MoCo(dim=6, queue_size=8).double()(queries, keys, ids=torch.arange(3))
    with pytest.raises(ConfigurationError, match="similarity must be 'cosine' or 'dot'. Got 'euclidean'"):
        MoCo(dim=6, queue_size=8, similarity="euclidean")
    with pytest.raises(ConfigurationError, match=r"label_smoothing must be in \[0, 1\]. Got 2"):
        MoCo(dim=6, queue_size=8, label_smoothing=2)
    with pytest.raises(ConfigurationError, match="one shape"):
        momentum_contrast(queries, keys[:2], queue)
