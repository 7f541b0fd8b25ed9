"""MoCHi: what is mixed, how hard the mixtures are, and when mixing begins."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import (
    Mixing,
    MoCHi,
    MoCo,
    draw_mixing,
    mix_hard_negatives,
    momentum_contrast,
    nearest_rows,
    queue_logits,
)


def some(items: int = 4, size: int = 20, dim: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(11)
    drawn = [torch.randn(rows, dim, generator=generator, dtype=torch.float64) for rows in (items, items, size)]
    return drawn[0].requires_grad_(), drawn[1], F.normalize(drawn[2])


def drawn(items: int = 4, num_hard: int = 5, pairs: int = 7, with_query: int = 3) -> Mixing:
    generator = torch.Generator().manual_seed(12)
    available = torch.full((items,), num_hard)
    return draw_mixing(available, num_pairs=pairs, num_with_query=with_query, generator=generator)


def mixing(*, first: int, second: int, first_share: float, negative: int, query_share: float) -> Mixing:
    values = (first, second, first_share, negative, query_share)
    return Mixing(*(torch.tensor([[value]]) for value in values))


def small(size: int = 20, **settings: object) -> MoCHi:
    given = {"num_hard": 5, "num_pairs": 7, "num_with_query": 3, **settings}
    return MoCHi(dim=6, queue_size=size, **given).double()


def test_known_by_thought() -> None:
    queue, hard = torch.eye(3), torch.tensor([[2, 0]])
    query = torch.tensor([[0.0, 5.0, 0.0]])
    pairs, with_query = mix_hard_negatives(
        query, queue, hard, mixing(first=0, second=1, first_share=0.5, negative=1, query_share=0.25)
    )
    half = math.sqrt(0.5)
    torch.testing.assert_close(pairs, torch.tensor([[[half, 0, half]]]))
    torch.testing.assert_close(with_query, F.normalize(torch.tensor([[[0.75, 0.25, 0]]]), dim=2))


def test_a_row_mixed_with_itself_is_itself_and_with_its_opposite_nothing() -> None:
    queue, hard = torch.tensor([[0.6, 0.8], [-0.6, -0.8]]), torch.tensor([[0, 1]])
    query = torch.tensor([[-3.0, -4.0]])
    same = mixing(first=0, second=0, first_share=0.3, negative=1, query_share=0.4)
    torch.testing.assert_close(torch.cat(mix_hard_negatives(query, queue, hard, same))[:, 0], queue)
    opposite = mixing(first=0, second=1, first_share=0.5, negative=0, query_share=0.5)
    mixtures = torch.cat(mix_hard_negatives(query, queue, hard, opposite), dim=1)
    assert mixtures.abs().max() == 0
    query.requires_grad_()
    loss = momentum_contrast(query, query.detach(), queue, synthetic=mixtures)
    loss.sum().backward()
    assert bool(loss.isfinite().all())
    assert bool(query.grad.isfinite().all())


def test_mixtures_are_those_of_a_loop() -> None:
    queries, _, queue = some()
    draws, hard = drawn(), nearest_rows(queries, queue, count=5)
    pairs, with_query = mix_hard_negatives(queries, queue, hard, draws)
    q = F.normalize(queries)
    for item in range(4):
        for s in range(7):
            a = draws.first_share[item, s]
            one, other = queue[hard[item, draws.first[item, s]]], queue[hard[item, draws.second[item, s]]]
            torch.testing.assert_close(pairs[item, s], F.normalize(a * one + (1 - a) * other, dim=0))
        for s in range(3):
            b, one = draws.query_share[item, s], queue[hard[item, draws.negative[item, s]]]
            torch.testing.assert_close(with_query[item, s], F.normalize(b * q[item] + (1 - b) * one, dim=0))


def test_draws_are_uniform_in_their_ranges() -> None:
    num_hard = torch.tensor([4, 1])
    draws = draw_mixing(num_hard, num_pairs=8000, num_with_query=8000, generator=torch.Generator().manual_seed(0))
    for pick in (draws.first, draws.second, draws.negative):
        counts = pick[0].bincount(minlength=4)
        assert bool((counts > 1800).all())  # 2000 each on average, standard deviation 39
        assert len(counts) == 4
        assert int(pick[1].max()) == 0
    assert draws.first_share.mean().item() == pytest.approx(0.5, abs=0.02)
    assert draws.query_share.mean().item() == pytest.approx(0.25, abs=0.01)
    assert float(draws.query_share.max()) < 0.5


def test_mixing_makes_the_task_harder() -> None:
    """Mixtures with the query are nearer to it than their negative, and the loss is never below MoCo's (section 4)."""
    queries, keys, queue = some()
    draws, hard = drawn(), nearest_rows(queries, queue, count=5)
    _, with_query = mix_hard_negatives(queries, queue, hard, draws)
    q = F.normalize(queries)
    plain = (q[:, None] * queue[hard.gather(1, draws.negative)]).sum(2)
    assert bool(((q[:, None] * with_query).sum(2) > plain).all())
    objective = small().eval()
    objective.queue.rows.copy_(queue)
    assert objective(queries, keys, mixing=draws) > objective(queries, keys)


def test_loss_is_the_cross_entropy_with_constant_mixtures() -> None:
    queries, keys, queue = some()
    objective, draws = small().eval(), drawn()
    objective.queue.rows.copy_(queue)
    hard = nearest_rows(queries, queue, count=5)
    synthetic = torch.cat(mix_hard_negatives(queries, queue, hard, draws), dim=1)
    logits = queue_logits(queries, keys, queue, temperature=0.2, synthetic=synthetic)
    expected = F.cross_entropy(logits, torch.zeros(4, dtype=torch.int64))
    loss = objective(queries, keys, mixing=draws)
    torch.testing.assert_close(loss, expected)
    got, wanted = (torch.autograd.grad(value, queries)[0] for value in (loss, expected))
    torch.testing.assert_close(got, wanted)

    def with_constant_mixtures(q: Tensor) -> Tensor:
        return momentum_contrast(q, keys, queue, temperature=0.2, synthetic=synthetic)

    assert torch.autograd.gradcheck(with_constant_mixtures, queries)


def test_order_of_items_does_not_matter_where_the_draws_follow_them() -> None:
    queries, keys, _ = some()
    objective, draws = small().eval(), drawn()
    order = torch.tensor([2, 0, 3, 1])
    moved = Mixing(*(part[order] for part in vars(draws).values()))
    torch.testing.assert_close(
        objective(queries[order], keys[order], mixing=moved), objective(queries, keys, mixing=draws)
    )


def test_without_mixtures_it_is_moco() -> None:
    queries, keys, _ = some()
    torch.manual_seed(0)
    plain = MoCo(0.2, dim=6, queue_size=4).double()
    torch.manual_seed(0)
    none = small(4, num_hard=1, num_pairs=0, num_with_query=0)
    for _ in range(3):
        torch.testing.assert_close(none(queries, keys), plain(queries, keys))


def test_mixing_begins_when_the_queue_is_full_of_keys_and_warm() -> None:
    queries, keys, _ = some()
    objective, began = small(8, warmup_items=12), []
    for _ in range(4):
        expected = momentum_contrast(queries, keys, objective.queue.rows, temperature=0.2).mean()
        began.append(bool(objective(queries, keys) > expected + 1e-6))
    assert began == [False, False, False, True]
    small_queue = small(8)
    assert [small_queue.is_mixing for _ in range(3) if small_queue(queries, keys)] == [False, True, True]
    assert objective.eval()(queries, keys) == objective(queries, keys)


def test_rows_of_the_own_item_are_not_mixed() -> None:
    """The nearest rows are old views of the query's item; all other rows are opposite, so that mixtures are far, too."""
    query = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    objective = MoCHi(dim=2, queue_size=4, num_hard=4, num_pairs=50, num_with_query=0).double()
    for row, item in ((1.0, 7), (1.0, 7), (-1.0, 1), (-1.0, 2)):
        objective.queue.enqueue(torch.tensor([[row, 0.0]]), torch.tensor([item]))
    torch.manual_seed(0)
    loss = objective(query, query, ids=torch.tensor([7]))
    assert loss.item() == pytest.approx(math.log1p(52 * math.exp(-2 / 0.2)))
    # Alone with its own rows the query has no negative in the queue, and everything stays finite.
    objective.queue.ids.fill_(7)
    assert bool(objective(query, query, ids=torch.tensor([7])).isfinite())


def test_equal_rows_in_the_queue_are_finite() -> None:
    queries, keys, _ = some()
    objective = small(8)
    objective.queue.enqueue(torch.ones(8, 6) / 6**0.5)
    loss = objective(queries, keys)
    (gradient,) = torch.autograd.grad(loss, queries)
    assert bool(loss.isfinite())
    assert bool(gradient.isfinite().all())


def test_says_what_does_not_fit() -> None:
    with pytest.raises(ConfigurationError, match="num_hard must be at most queue_size. Got 9 for a queue of 8"):
        small(8, num_hard=9)
    with pytest.raises(ConfigurationError, match="num_pairs must be a whole number of at least 0"):
        small(num_pairs=-1)
    with pytest.raises(ConfigurationError, match=r"three parts of shape \(items, s\)"):
        Mixing(*(torch.zeros(2, n) for n in (3, 4, 3, 1, 1)))
