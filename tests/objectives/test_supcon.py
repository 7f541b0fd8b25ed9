"""SupCon: labels and masks."""

import pytest
import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import NTXent, SupCon


def views(items: int, number: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(3)
    return tuple(torch.randn(items, 6, generator=generator, dtype=torch.float64) for _ in range(number))


def by_hand(given: tuple[Tensor, ...], mask: Tensor, temperature: float, anchor_views: int) -> Tensor:
    """The loss anchor by anchor, positives weighted by the mask."""
    rows = {(i, v): view[i] / view[i].norm() for v, view in enumerate(given) for i in range(len(view))}
    losses = []
    for (i, v), anchor in rows.items():
        if v >= anchor_views:
            continue
        logits = {at: anchor @ row / temperature for at, row in rows.items() if at != (i, v)}
        log_sum = torch.stack(list(logits.values())).logsumexp(0)
        weights = {at: float(mask[i, at[0]]) for at in logits}
        total = sum(weights.values())
        pulled = sum(weights[at] * (log_sum - logit) for at, logit in logits.items())
        losses.append(pulled / total if total else 0 * log_sum)
    return torch.stack(losses).mean()


MASKS = {
    "not symmetric": [[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [1, 1, 1, 1]],
    "own views apart": [[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]],
    "fractions": [[0.3, 0.5, 0, 0], [0.5, 0.2, 0.1, 0], [0, 0.1, 0, 0], [0, 0, 0, 0.1]],
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("first_view_only", [False, True])
def test_is_the_sum_by_hand(mask: list[list[float]], number: int, first_view_only: bool) -> None:
    given, share = views(4, number), torch.tensor(mask, dtype=torch.float64)
    loss = SupCon(0.2, first_view_only=first_view_only)(*given, mask=share)
    torch.testing.assert_close(loss, by_hand(given, share, 0.2, 1 if first_view_only else number))


def test_with_a_label_for_each_item_it_is_ntxent() -> None:
    given = views(5, 3)
    torch.testing.assert_close(SupCon(0.2)(*given, labels=torch.arange(5)), NTXent(0.2)(*given))


def test_a_batch_without_positives_is_refused() -> None:
    (given,) = views(4, 1)
    with pytest.raises(ConfigurationError, match="No item of the batch has a positive"):
        SupCon()(given, labels=torch.arange(4))
