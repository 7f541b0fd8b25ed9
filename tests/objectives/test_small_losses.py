"""A loss that is nearly learned is small, and keeps its digits in float32: it is no difference of two large logits."""

import pytest
import torch

from kinfolk.objectives import (
    CLIP,
    CACRMomentum,
    HardContrastive,
    InfoNCE,
    MoCHi,
    MoCo,
    MultipleNegativesRanking,
    NTXent,
    NTXentTopK,
    Objective,
)

LOSSES = {
    "ntxent": NTXent(0.02),
    "infonce": InfoNCE(0.02),
    "clip": CLIP(0.02),
    "mnr": MultipleNegativesRanking(0.02),
    "mnr-symmetric": MultipleNegativesRanking(0.02, symmetric=True),
    "moco": MoCo(0.02, dim=16, queue_size=32),
    "mochi": MoCHi(0.02, dim=16, queue_size=32, num_hard=8),
    "ntxenttopk": NTXentTopK(0.02, top_k=8),
    "hardcontrastive": HardContrastive(0.02, top_k=8),
    "cacrmomentum": CACRMomentum(0.02),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_near_pairs_at_low_temperature(loss: Objective) -> None:
    generator = torch.Generator().manual_seed(4)
    first = torch.randn(64, 16, generator=generator, dtype=torch.float64).float()
    second = first + 0.05 * torch.randn(first.shape, generator=generator)
    got, exact = (
        _value_and_gradient(loss, first.to(dtype), second.to(dtype)) for dtype in (torch.float32, torch.float64)
    )
    assert 0 < exact[0] < 1e-3
    torch.testing.assert_close(got[0].double(), exact[0], rtol=1e-3, atol=1e-8)
    torch.testing.assert_close(got[1].double(), exact[1], rtol=1e-3, atol=1e-5)


def _value_and_gradient(
    loss: Objective, first: torch.Tensor, second: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    anchors = first.requires_grad_()
    value = loss.to(first.dtype).eval()(anchors, second)
    return value.detach(), torch.autograd.grad(value, anchors)[0]
