"""GradCache: gradients of a batch as large as its embeddings allow, with the activations of one chunk at a time.

1. Embed all chunks without gradient, remembering the state of the random numbers before each.
2. Compute the loss on all embeddings together, and its gradient with respect to them.
3. Embed each chunk again, with gradient and the same random numbers, and send its part of that gradient back.

Gradients of the parameters are those of the whole batch, whatever the chunks, as long as the encoder treats items one by
one: batch normalization does not, for its statistics would be those of a chunk. Costs one forward pass more.

Source: Gao, Zhang, Han & Callan, "Scaling deep contrastive learning batch size under memory limited setup", 2021,
arXiv 2101.06983, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from kinfolk.errors import ConfigurationError


def backward_in_chunks(
    encoders: Sequence[nn.Module],
    inputs: Sequence[Tensor],
    loss: Callable[..., Tensor],
    *,
    chunk_size: int,
) -> Tensor:
    """Add the gradients of ``loss(encoders[0](inputs[0]), encoders[1](inputs[1]), ...)`` to the encoders' parameters.

    The step of the optimizer is the caller's.

    Args:
        encoders: one for each input; one encoder may stand for several inputs and gets the gradients of all.
        inputs: what each encoder embeds, (items, ...).
        loss: a function of the embeddings alone, such as an objective; it may have parameters.
        chunk_size: items that are encoded with gradient at a time, at least 1.

    Returns:
        The loss, a scalar without gradient.

    Raises:
        ConfigurationError: numbers that do not fit, or batch normalization that would see chunks instead of the batch.
    """
    if chunk_size < 1:
        raise ConfigurationError(f"chunk_size must be at least 1. Got {chunk_size}.")
    if len(encoders) != len(inputs):
        raise ConfigurationError(f"Each input needs an encoder. Got {len(encoders)} encoders and {len(inputs)} inputs.")
    for encoder, items in zip(encoders, inputs, strict=True):
        if len(items) > chunk_size and _normalizes_batches(encoder):
            raise ConfigurationError(
                "Chunks give other gradients than the whole batch where an encoder in training has batch "
                "normalization. Use group or layer normalization, or freeze it with eval()."
            )
    states: list[list[_RandomState]] = []
    leaves: list[Tensor] = []
    for encoder, items in zip(encoders, inputs, strict=True):
        of_input, embedded = [], []
        for chunk in items.split(chunk_size):
            of_input.append(_RandomState.now(items.device))
            with torch.no_grad():
                embedded.append(encoder(chunk))
        states.append(of_input)
        leaves.append(torch.cat(embedded).requires_grad_())
    with torch.enable_grad():
        value = loss(*leaves)
        value.backward()
    after = _RandomState.now(inputs[0].device)
    for encoder, items, of_input, leaf in zip(encoders, inputs, states, leaves, strict=True):
        if leaf.grad is None:
            continue
        for chunk, gradient, state in zip(items.split(chunk_size), leaf.grad.split(chunk_size), of_input, strict=True):
            state.restore()
            with torch.enable_grad():
                encoder(chunk).backward(gradient)
    after.restore()
    return value.detach()


def _normalizes_batches(encoder: nn.Module) -> bool:
    return any(isinstance(module, _BatchNorm) and module.training for module in encoder.modules())


@dataclass(frozen=True)
class _RandomState:
    """Where the random numbers stand, so that dropout falls on the same units a second time."""

    cpu: Tensor
    device: torch.device
    on_device: Tensor | None

    @classmethod
    def now(cls, device: torch.device) -> _RandomState:
        on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        return cls(torch.get_rng_state(), device, on_device)

    def restore(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.on_device is not None:
            torch.cuda.set_rng_state(self.on_device, self.device)
