"""A loss that is nearly learned is small, and keeps its digits in float32: it is no difference of two large logits."""

from collections.abc import Callable

import pytest
import torch

from kinfolk.objectives import (
    CLIP,
    CACRMomentum,
    DebCSE,
    HardContrastive,
    InfoNCE,
    MNRPlus,
    MoCHi,
    MoCo,
    MultipleNegativesRanking,
    NTXent,
    NTXentTopK,
    Objective,
    SimCSE,
)

LOSSES: dict[str, tuple[type[Objective], dict[str, object]]] = {
    "ntxent": (NTXent, {}),
    "infonce": (InfoNCE, {}),
    "clip": (CLIP, {}),
    "mnr": (MultipleNegativesRanking, {}),
    "mnr-symmetric": (MultipleNegativesRanking, {"symmetric": True}),
    "mnrplus": (MNRPlus, {}),
    "moco": (MoCo, {"queue_size": 32}),
    "mochi": (MoCHi, {"queue_size": 32, "num_hard": 8}),
    "ntxenttopk": (NTXentTopK, {"top_k": 8}),
    "hardcontrastive": (HardContrastive, {"top_k": 8}),
    "cacrmomentum": (CACRMomentum, {}),
    "simcse": (SimCSE, {}),
    "debcse": (DebCSE, {}),
}


@pytest.mark.parametrize(("cls", "settings"), LOSSES.values(), ids=LOSSES)
def test_near_pairs_at_low_temperature(
    cls: type[Objective], settings: dict[str, object], make_objective: Callable[..., Objective]
) -> None:
    loss = make_objective(cls, dim=16, temperature=0.02, **settings)
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
