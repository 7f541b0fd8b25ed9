"""SwAV: assignments of full views are predicted by the other views, with prototypes and queues as the state."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import SwAV, sinkhorn_assignments, swapped_prediction


def some(views: int = 2, items: int = 6, dim: int = 5) -> list[Tensor]:
    generator = torch.Generator().manual_seed(41)
    return [torch.randn(items, dim, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(views)]


def small(**settings: object) -> SwAV:
    torch.manual_seed(0)
    return SwAV(dim=5, **{"num_prototypes": 4, **settings}).double()


def test_known_by_thought() -> None:
    """Two items on two prototypes: the assignment is certain, and each view finds it against e^{-1/t}."""
    objective = SwAV(0.5, dim=2, num_prototypes=2).eval()
    objective.prototypes.data.copy_(torch.eye(2))
    views = torch.tensor([[3.0, 0.0], [0.0, 0.1]])
    assert objective(views, views).item() == pytest.approx(math.log1p(math.exp(-2)), rel=1e-5)
    # Views that say the opposite of each other are wrong by 1 / t more.
    assert objective(views, views.flip(0)).item() == pytest.approx(math.log1p(math.exp(-2)) + 2, rel=1e-5)
    objective.prototypes.data.fill_(1.0)
    assert objective(views, views).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize(("views", "assigned", "iterations"), [(2, 2, 3), (2, 1, 1), (5, 2, 3), (4, 3, 0)])
def test_is_the_mean_over_a_loop(views: int, assigned: int, iterations: int) -> None:
    embeddings = some(views)
    objective = small(num_assigned=assigned, iterations=iterations).eval()
    scores = [F.normalize(z) @ F.normalize(objective.prototypes).T for z in embeddings]
    total = []
    for a in range(assigned):
        shares = sinkhorn_assignments(scores[a], iterations=iterations)
        for v in range(views):
            if v != a:
                total.append(-(shares * (scores[v] / 0.1).log_softmax(1)).sum(1).mean())
    assert len(total) == assigned * (views - 1)
    torch.testing.assert_close(objective(*embeddings), torch.stack(total).mean())


def test_gradient_is_the_slope_where_assignments_are_constant() -> None:
    objective = small().eval()
    views = some(3, items=4)
    assigned = objective.assignments(*(objective.scores(z) for z in views))

    def loss(*embeddings: Tensor) -> Tensor:
        return swapped_prediction([objective.scores(z) for z in embeddings], assigned)

    assert torch.autograd.gradcheck(loss, views)
    for leaf in (*views, objective.prototypes):
        got, expected = (torch.autograd.grad(value, leaf)[0] for value in (objective(*views), loss(*views).mean()))
        torch.testing.assert_close(got, expected)


def test_small_views_are_predicted_from_and_never_predicted() -> None:
    objective = small()
    first, second, third = some(3)
    scores = [objective.scores(z) for z in (first, second, third)]
    assigned = objective.assignments(*scores)
    assert len(assigned) == 2
    for shares, of_view in zip(assigned, scores, strict=False):
        torch.testing.assert_close(shares, sinkhorn_assignments(of_view))
        assert not shares.requires_grad


def test_a_training_step_brings_prototypes_to_unit_length_and_an_evaluation_does_not() -> None:
    objective, views = small(), some()
    objective.prototypes.data.mul_(torch.tensor([[2.0], [0.5], [1.0], [7.0]]))
    before = objective.prototypes.detach().clone()
    value = objective.eval()(*views)
    torch.testing.assert_close(objective.prototypes.detach(), before)
    torch.testing.assert_close(objective.train()(*views), value)
    torch.testing.assert_close(objective.prototypes.detach(), F.normalize(before))


def test_gradient_of_a_prototype_does_not_change_its_length() -> None:
    objective = small()
    objective(*some()).backward()
    along = (objective.prototypes.grad * objective.prototypes).sum(1)
    torch.testing.assert_close(along, torch.zeros(4).double(), rtol=0, atol=1e-12)


def test_prototypes_are_frozen_for_the_first_steps() -> None:
    objective, views = small(freeze_steps=2), some()
    moved = []
    for _ in range(3):
        objective.zero_grad()
        objective(*views).backward()
        moved.append(float(objective.prototypes.grad.abs().max()) > 0)
    assert moved == [False, False, True]
    assert all(float(z.grad.abs().max()) > 0 for z in views)


def test_queues_fill_from_their_start_and_are_used_when_full() -> None:
    objective, views = small(queue_size=9, queue_start=1), some()
    assert [len(queue) for queue in objective.queues] == [9, 9]
    plain = small()(*views)
    for entered in (0, 6, 12):
        torch.testing.assert_close(objective(*views), plain)
        assert int(objective.queues[0].enqueued) == entered
    for queue, view in zip(objective.queues, views, strict=True):
        last = F.normalize(view.detach())
        torch.testing.assert_close(queue.rows, torch.cat([last[3:], last[3:], last[:3]]))
    scores = [objective.scores(view) for view in views]
    expected = [
        sinkhorn_assignments(torch.cat([objective.scores(queue.rows), of_view]))[9:]
        for queue, of_view in zip(objective.queues, scores, strict=True)
    ]
    assert abs(swapped_prediction(scores, expected).mean() - plain) > 1e-3
    torch.testing.assert_close(objective(*views), swapped_prediction(scores, expected).mean())


def test_a_full_queue_gives_a_single_item_an_assignment() -> None:
    first, second = (z[:1] for z in some())
    with pytest.raises(ConfigurationError, match="batch of 1 and no full queue"):
        small()(first, second)
    torch.testing.assert_close(small().assignments(small().scores(first))[0], torch.full((1, 4), 0.25).double())
    objective = small(queue_size=30)
    objective.queues[0].enqueue(F.normalize(torch.randn(30, 5, generator=torch.Generator().manual_seed(0))))
    (shares, _) = objective.assignments(objective.scores(first), objective.scores(second))
    assert float(shares.max()) > 0.5


def test_two_calls_may_be_followed_by_one_backward_pass() -> None:
    objective, views = small(), some(4)
    (objective(*views[:2]) + objective(*views[2:])).backward()
    together = objective.prototypes.grad.clone()
    objective.zero_grad()
    for pair in (views[:2], views[2:]):
        objective(*pair).backward()
    torch.testing.assert_close(objective.prototypes.grad, together)


def test_autocast_does_not_change_the_value() -> None:
    objective, views = small().float().eval(), [z.detach().float() for z in some()]
    with torch.autocast("cpu", torch.bfloat16):
        inside = objective(*views)
    torch.testing.assert_close(inside, objective(*views), rtol=0, atol=0)


def test_says_what_does_not_fit() -> None:
    views = some(3)
    with pytest.raises(ConfigurationError, match="At least 3 views"):
        small(num_assigned=3)(*views[:2])
    with pytest.raises(ConfigurationError, match=r"view 1 must be of shape \(items, 7\)"):
        SwAV(dim=7, num_prototypes=4).double()(*views)
    with pytest.raises(ConfigurationError, match="batch of 6 for a queue of 5"):
        small(queue_size=5)(*views)
    with pytest.raises(ConfigurationError, match="num_prototypes must be a whole number of at least 1"):
        small(num_prototypes=0)
    scores = torch.zeros(6, 4)
    with pytest.raises(ConfigurationError, match="Got 2 and 0"):
        swapped_prediction([scores, scores], [])
