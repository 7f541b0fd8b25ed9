"""Alignment and uniformity: values known by thought."""

import math

import pytest
import torch

from kinfolk.objectives import alignment, uniformity


def test_opposite_rows() -> None:
    rows = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    assert uniformity(rows, t=2).item() == pytest.approx(-8)  # log e^{-2 * 4}
    assert alignment(rows, -rows, alpha=1).item() == pytest.approx(2)
    assert alignment(rows, rows).item() == 0


def test_equal_rows_are_as_far_from_uniform_as_can_be() -> None:
    assert uniformity(torch.ones(5, 3, dtype=torch.float64)).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("num_zeros", [1, 2])
def test_a_row_of_zeros_is_at_distance_1_of_all_others(num_zeros: int) -> None:
    units = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]], dtype=torch.float64)
    rows = torch.cat([units, torch.zeros(num_zeros, 3, dtype=torch.float64)]).requires_grad_()
    squared = [2.0, 2.0, 4.0] + [1.0] * 3 * num_zeros + [0.0] * (num_zeros - 1)
    potential = sum(math.exp(-0.5 * d) for d in squared) / len(squared)
    value = uniformity(rows, t=0.5)
    assert value.item() == pytest.approx(math.log(potential))
    value.backward()
    assert rows.grad is not None
    assert bool(rows.grad.isfinite().all())
