import pytest
import torch

from kinfolk.encoders.token_pooling import pool_tokens
from kinfolk.errors import ConfigurationError


def test_known_answer() -> None:
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [float("nan"), 9.0]], [[7.0, 8.0]] * 3])
    there = torch.tensor([[1, 1, 0], [0, 0, 0]])
    assert pool_tokens(hidden, there).tolist() == [[2, 3], [0, 0]]
    assert pool_tokens(hidden, there.bool(), by="first").tolist() == [[1, 2], [7, 8]]


def test_length_of_the_padding_does_not_matter() -> None:
    hidden = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    there = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]])
    wider = torch.cat([hidden, torch.ones(3, 2, 5)], dim=1)
    padded = torch.nn.functional.pad(there, (0, 2))
    torch.testing.assert_close(pool_tokens(wider, padded), pool_tokens(hidden, there))


def test_no_gradient_reaches_the_padding() -> None:
    hidden = torch.ones(1, 2, 3, requires_grad=True)
    pool_tokens(hidden, torch.tensor([[1, 0]])).sum().backward()
    assert hidden.grad.tolist() == [[[1, 1, 1], [0, 0, 0]]]


def test_another_way_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="by 'mean' or 'first'. Got 'max'"):
        pool_tokens(torch.zeros(1, 1, 1), torch.ones(1, 1), by="max")
