import pytest
import torch

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import MarginContrastive


def test_three_rows_by_hand():
    rows = torch.tensor([[2.0, 0.0], [0.6, 0.8], [0.0, 5.0]])  # distances .4 (same), 1 and .2 (different)
    loss = MarginContrastive(0.1, 0.5)(rows, torch.tensor([0, 0, 1]))
    torch.testing.assert_close(loss, torch.tensor(0.3 + 0.3))


def test_classes_of_one_are_pushed_apart():
    rows = torch.tensor([[1.0, 0.0], [0.9, 0.1]], requires_grad=True)
    MarginContrastive()(rows, torch.tensor([0, 1])).backward()
    assert rows.grad is not None
    assert rows.grad[0, 1] > 0 > rows.grad[1, 1]  # a step against the gradient turns them away from each other


def test_what_is_far_enough_is_left_alone():
    rows = torch.eye(4, requires_grad=True)
    loss = MarginContrastive()(rows, torch.arange(4))
    assert loss == 0
    loss.backward()
    assert rows.grad is not None
    assert rows.grad.eq(0).all()


def test_impossible_margins_are_refused():
    with pytest.raises(ConfigurationError, match=r"negative_margin in \(0, 2\]. Got 0.0 and 3"):
        MarginContrastive(0.0, 3)
