"""A block at a time gives what all at once gives, and keeps less."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from kinfolk.objectives._blocks import by_block


def test_same_values_and_gradients_whatever_the_block() -> None:
    generator = torch.Generator().manual_seed(0)
    anchors = torch.randn(7, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    candidates = torch.randn(5, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    offsets = torch.arange(7)

    def of_anchors(rows: Tensor, offset: Tensor) -> Tensor:
        return (rows @ candidates.T + offset[:, None]).logsumexp(1)

    def value_and_gradients(block: int) -> tuple[Tensor, ...]:
        value = by_block(of_anchors, anchors, offsets, block=block)
        return value, *torch.autograd.grad((value * torch.arange(7)).sum(), (anchors, candidates))

    for block in (1, 3, 7, 100):
        for got, expected in zip(value_and_gradients(block), value_and_gradients(7), strict=True):
            torch.testing.assert_close(got, expected)


def test_no_matrix_of_the_batch_is_kept_for_the_backward_pass() -> None:
    rows = normalize(torch.randn(600, 8, generator=torch.Generator().manual_seed(0))).requires_grad_()
    kept = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel()
        return tensor

    def of_anchors(anchors: Tensor) -> Tensor:
        return (anchors @ rows.T).logsumexp(1)

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        by_block(of_anchors, rows, block=50)
    assert kept < 600 * 600 / 10
