"""Pooling of token states, and the tanh head."""

import pytest
import torch
from torch import Tensor

from kinfolk.encoders.text_pooling import Pooling, TanhHead, pool_tokens
from kinfolk.errors import ConfigurationError

POOLINGS: list[Pooling] = ["cls", "mean", "first_last", "top2"]


@pytest.fixture
def states() -> tuple[Tensor, ...]:
    """Embeddings of the tokens and the states after four layers, float64 (3, 4, 5)."""
    generator = torch.Generator().manual_seed(2)
    return torch.randn(5, 3, 4, 5, generator=generator, dtype=torch.float64).unbind(0)


MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]])
LENGTHS = (4, 2, 1)


def means(layer: Tensor) -> Tensor:
    return torch.stack([tokens[:length].mean(0) for tokens, length in zip(layer, LENGTHS, strict=True)])


def test_each_pooling_by_its_definition(states: tuple[Tensor, ...]) -> None:
    expected = {
        "cls": states[4][:, 0],
        "mean": means(states[4]),
        "first_last": (means(states[1]) + means(states[4])) / 2,
        "top2": (means(states[3]) + means(states[4])) / 2,
    }
    for pooling in POOLINGS:
        torch.testing.assert_close(pool_tokens(states, MASK, pooling=pooling), expected[pooling], msg=pooling)


def test_first_is_the_first_layer_and_not_the_embeddings(states: tuple[Tensor, ...]) -> None:
    pooled = pool_tokens(states, MASK, pooling="first_last")
    other_embeddings = (states[0] + 100, *states[1:])
    assert torch.equal(pool_tokens(other_embeddings, MASK, pooling="first_last"), pooled)
    other_layer = (states[0], states[1] + 2, *states[2:])
    torch.testing.assert_close(pool_tokens(other_layer, MASK, pooling="first_last"), pooled + 1)


def test_of_one_layer_first_and_last_are_the_same(states: tuple[Tensor, ...]) -> None:
    one = states[:2]
    torch.testing.assert_close(pool_tokens(one, MASK, pooling="first_last"), pool_tokens(one, MASK, pooling="mean"))


@pytest.mark.parametrize("pooling", POOLINGS)
class TestEveryPooling:
    def test_padding_has_no_influence_and_no_gradient(self, states: tuple[Tensor, ...], pooling: Pooling) -> None:
        expected = pool_tokens(states, MASK, pooling=pooling)
        spoiled = [state.masked_fill(MASK[:, :, None] == 0, torch.nan).requires_grad_() for state in states]
        pooled = pool_tokens(spoiled, MASK.bool(), pooling=pooling)
        assert torch.equal(pooled, expected)
        gradients = torch.autograd.grad(pooled.square().sum(), spoiled, allow_unused=True)
        for gradient in (g for g in gradients if g is not None):
            assert bool(gradient.isfinite().all())
            assert gradient[MASK == 0].abs().max() == 0

    def test_padding_may_stand_on_the_left(self, states: tuple[Tensor, ...], pooling: Pooling) -> None:
        moved = [
            torch.stack([tokens.roll(4 - length, 0) for tokens, length in zip(state, LENGTHS, strict=True)])
            for state in states
        ]
        torch.testing.assert_close(
            pool_tokens(moved, MASK.flip(1), pooling=pooling), pool_tokens(states, MASK, pooling=pooling)
        )

    def test_all_padding_gives_zeros(self, states: tuple[Tensor, ...], pooling: Pooling) -> None:
        mask = MASK.clone()
        mask[1] = 0
        leaves = [state.clone().requires_grad_() for state in states]
        pooled = pool_tokens(leaves, mask, pooling=pooling)
        assert torch.equal(pooled[1], torch.zeros(5, dtype=torch.float64))
        assert torch.equal(pooled[0], pool_tokens(states, MASK, pooling=pooling)[0])
        (gradient,) = torch.autograd.grad(pooled.sum(), leaves[-1])
        assert bool(gradient.isfinite().all())

    def test_gradient_is_the_slope(self, states: tuple[Tensor, ...], pooling: Pooling) -> None:
        leaves = [state.clone().requires_grad_() for state in states]
        assert torch.autograd.gradcheck(lambda *s: pool_tokens(s, MASK, pooling=pooling), leaves)

    def test_keeps_the_type_and_sums_in_float32(self, states: tuple[Tensor, ...], pooling: Pooling) -> None:
        half = [state.bfloat16() for state in states]
        pooled = pool_tokens(half, MASK, pooling=pooling)
        assert pooled.dtype == torch.bfloat16
        exact = pool_tokens([state.double() for state in half], MASK, pooling=pooling)
        assert torch.equal(pooled, exact.bfloat16())


def test_a_long_text_overflows_no_half() -> None:
    states = torch.full((1, 2000, 2), 100.0, dtype=torch.float16)  # the sum is above the largest half
    pooled = pool_tokens([states], torch.ones(1, 2000))
    assert torch.equal(pooled, torch.full((1, 2), 100.0, dtype=torch.float16))


def test_says_what_does_not_fit(states: tuple[Tensor, ...]) -> None:
    with pytest.raises(ConfigurationError, match="'top2' needs 3 states at least.* Got 2"):
        pool_tokens(states[:2], MASK, pooling="top2")
    with pytest.raises(ConfigurationError, match="'first_last' needs 2 states at least.* Got 1"):
        pool_tokens(states[-1:], MASK, pooling="first_last")
    with pytest.raises(ConfigurationError, match=r"one shape .* Got \[\(3, 4, 5\)\] and \(3, 3\)"):
        pool_tokens(states[-1:], MASK[:, 1:])
    with pytest.raises(ConfigurationError, match="pooling must be one of cls, mean, first_last, top2. Got 'max'"):
        pool_tokens(states, MASK, pooling="max")


class TestTanhHead:
    def test_equals_the_formula(self) -> None:
        head, pooled = TanhHead(4), torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
        expected = torch.tanh(pooled @ head.linear.weight.T + head.linear.bias)
        torch.testing.assert_close(head(pooled), expected)
        torch.testing.assert_close(head.eval()(pooled), expected)

    def test_for_training_only_lets_everything_pass_afterwards(self) -> None:
        head, pooled = TanhHead(4, training_only=True), torch.ones(2, 4)
        torch.testing.assert_close(head(pooled), head.linear(pooled).tanh())
        assert head.eval()(pooled) is pooled
