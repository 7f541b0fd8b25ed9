"""Gradients in chunks are those of the whole batch."""

import pytest
import torch
from torch import Tensor, nn

from kinfolk.errors import ConfigurationError
from kinfolk.methods.gradcache import backward_in_chunks
from kinfolk.objectives import CLIP, InfoNCE


def encoder(dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Dropout(dropout), nn.Linear(10, 5)).double()


def gradients(*modules: nn.Module) -> list[Tensor]:
    found = [p.grad for module in modules for p in module.parameters()]
    assert all(g is not None for g in found)
    return [g.clone() for g in found if g is not None]


@pytest.mark.parametrize("chunk_size", [1, 3, 8, 50])
@pytest.mark.parametrize("shared", [True, False])
def test_same_gradients_as_the_whole_batch(chunk_size: int, shared: bool) -> None:
    x, y = torch.randn(2, 8, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    loss = CLIP().double()
    first = encoder()
    second = first if shared else encoder().requires_grad_()
    whole = loss(first(x), second(y))
    whole.backward()
    expected = gradients(first, second, loss)
    for module in (first, second, loss):
        module.zero_grad()
    value = backward_in_chunks((first, second), (x, y), loss, chunk_size=chunk_size)
    torch.testing.assert_close(value, whole.detach())
    for got, wanted in zip(gradients(first, second, loss), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-12)


def test_dropout_falls_on_the_same_units_both_times() -> None:
    x, y = torch.randn(2, 8, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    model, loss = encoder(dropout=0.5), InfoNCE(0.5)
    torch.manual_seed(5)
    backward_in_chunks((model, model), (x, y), loss, chunk_size=8)
    got, after = gradients(model), torch.get_rng_state()
    model.zero_grad()
    torch.manual_seed(5)
    loss(model(x), model(y)).backward()
    for one, other in zip(got, gradients(model), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
    assert torch.equal(after, torch.get_rng_state()), "the random numbers go on as if the batch had been encoded once"


def test_what_would_give_other_gradients_is_refused() -> None:
    x = torch.randn(8, 6)
    normalized = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4))
    with pytest.raises(ConfigurationError, match="batch normalization"):
        backward_in_chunks((normalized, normalized), (x, x), InfoNCE(), chunk_size=4)
    backward_in_chunks((normalized, normalized), (x, x), InfoNCE(), chunk_size=8)
    with pytest.raises(ConfigurationError, match=r"chunk_size.*Got 0"):
        backward_in_chunks((normalized,), (x,), InfoNCE(), chunk_size=0)
    with pytest.raises(ConfigurationError, match="1 encoders and 2 inputs"):
        backward_in_chunks((normalized,), (x, x), InfoNCE(), chunk_size=8)
