"""PixContrast."""

import math

import pytest
import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import InfoNCE, PixContrast, pix_contrast

WHOLE = torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=torch.float64)
SAME = torch.stack([WHOLE, WHOLE])


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_equal_pixels_cannot_be_told_apart() -> None:
    """Each of 6 equal pixels has one positive: log 6."""
    x = torch.ones(2, 3, 2, 3, dtype=torch.float64)
    assert float(PixContrast(threshold=0.1)(x, x, x, x, boxes=SAME.expand(2, 2, 4))) == pytest.approx(math.log(6))


def test_with_one_positive_a_pixel_it_is_infonce_over_pixels() -> None:
    first, second = maps(1, 5, 3, 4), maps(1, 5, 3, 4, seed=1)
    found = PixContrast(0.2, threshold=0.1).one_way(first, second, WHOLE[None], WHOLE[None])
    rows = (m[0].flatten(1).T for m in (first, second))
    torch.testing.assert_close(found, InfoNCE(0.2, symmetric=False)(*rows))


@pytest.mark.parametrize("temperature", [0.01, 0.3])
def test_equals_a_slow_loop(temperature: float) -> None:
    first, second = maps(2, 3, 2, 2), maps(2, 3, 2, 2, seed=1)
    positive = torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(2)) < 0.4
    positive[0, 1] = False
    found = pix_contrast(first, second, positive, temperature=temperature)
    for item in range(2):
        pixels, others = first[item].flatten(1).T, second[item].flatten(1).T
        for i in range(4):
            powers = [math.exp(float(torch.cosine_similarity(pixels[i], o, dim=0)) / temperature) for o in others]
            pulled = sum(power for power, is_positive in zip(powers, positive[item, i], strict=True) if is_positive)
            expected = -math.log(pulled / sum(powers)) if pulled else 0
            assert float(found[item, i]) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_pixels_without_a_positive_do_not_count() -> None:
    """Two images, one of whose crops lie apart: the loss is that of the other one alone."""
    embeddings = [maps(2, 4, 2, 3, seed=seed) for seed in range(4)]
    boxes = torch.stack([SAME, torch.stack([WHOLE, WHOLE + 5])])
    alone = PixContrast()(*(m[:1] for m in embeddings), boxes=boxes[:1])
    torch.testing.assert_close(PixContrast()(*embeddings, boxes=boxes), alone)


def test_no_overlap_at_all_is_zero_with_no_gradient() -> None:
    x = maps(1, 4, 2, 3).requires_grad_()
    loss = PixContrast()(x, x, x, x, boxes=torch.stack([WHOLE, WHOLE + 5])[None])
    assert float(loss.detach()) == 0
    assert not torch.autograd.grad(loss, x)[0].any()


def test_all_pixels_positive_is_zero() -> None:
    x = maps(1, 4, 2, 3)
    assert float(PixContrast(threshold=100)(x, x, x, x, boxes=SAME[None])) == 0


def test_gradient_is_the_slope_and_targets_get_none() -> None:
    first, second, *targets = (maps(2, 3, 2, 2, seed=seed).requires_grad_() for seed in range(4))
    boxes = SAME.expand(2, 2, 4)
    assert torch.autograd.gradcheck(lambda a, b: PixContrast()(a, b, *targets, boxes=boxes), (first, second))
    PixContrast()(first, second, *targets, boxes=boxes).backward()
    assert all(target.grad is None for target in targets)


def test_published_property_pixels_of_one_place_are_pulled_and_others_pushed() -> None:
    first, second = maps(1, 6, 3, 3).requires_grad_(), maps(1, 6, 3, 3, seed=1)
    loss = PixContrast(threshold=0.1)
    (gradient,) = torch.autograd.grad(loss.one_way(first, second, WHOLE[None], WHOLE[None]), first)
    moved = first.detach() - 0.5 * gradient

    def cosine(of: Tensor) -> Tensor:
        pixels, others = (torch.nn.functional.normalize(m[0].flatten(1).T, dim=1) for m in (of, second))
        return pixels @ others.T

    change = cosine(moved) - cosine(first.detach())
    own = torch.eye(9, dtype=torch.bool)
    assert bool((change[own] > 0).all())
    assert float(change[~own].mean()) < 0


def test_errors() -> None:
    x = maps(1, 4, 2, 3)
    with pytest.raises(ConfigurationError, match=r"boxes must have shape \(1, 2, 4\)"):
        PixContrast()(x, x, x, x, boxes=SAME)
    with pytest.raises(ConfigurationError, match=r"threshold must be .* Got 0"):
        PixContrast(threshold=0)
