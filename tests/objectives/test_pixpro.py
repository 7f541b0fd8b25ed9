"""Propagation of pixels, and the consistency of two crops."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import PixelPropagation, PixPro, pixel_consistency, propagate

WHOLE = torch.tensor(
    [0.0, 0.0, 3.0, 2.0], dtype=torch.float64
)  # square pixels for a map of 2 x 3: neighbors are .707 apart
FAR = WHOLE + 5


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def one_hot_map() -> Tensor:
    """Six pixels at right angles to one another, (1, 6, 2, 3)."""
    return torch.eye(6, dtype=torch.float64).view(1, 6, 2, 3)


class TestPropagation:
    def test_pixels_at_right_angles_stay_as_they_are(self) -> None:
        torch.testing.assert_close(propagate(one_hot_map(), one_hot_map() * 3), one_hot_map())

    def test_a_constant_map_gives_the_number_of_pixels_times_its_value(self) -> None:
        constant = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 3, 5)
        torch.testing.assert_close(propagate(constant, constant), 15 * constant / 5)

    @pytest.mark.parametrize(("gamma", "clamp"), [(2.0, 0.0), (1.0, 0.2), (0.5, 0.0)])
    def test_equals_a_slow_loop(self, gamma: float, clamp: float) -> None:
        x, values = maps(2, 4, 2, 3), maps(2, 5, 2, 3, seed=1)
        found = propagate(x, values, gamma=gamma, clamp=clamp).flatten(2)
        for item in range(2):
            pixels, summed = x[item].flatten(1).T, values[item].flatten(1).T
            for i in range(6):
                expected = torch.zeros(5, dtype=torch.float64)
                for j in range(6):
                    cosine = max(float(torch.cosine_similarity(pixels[i], pixels[j], dim=0)), clamp)
                    expected += (cosine + (1e-6 if gamma < 1 else 0)) ** gamma * summed[j] / summed[j].norm()
                torch.testing.assert_close(found[item, :, i], expected)

    @pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
    def test_gradient_is_finite_where_pixels_are_at_right_angles_or_zero(self, gamma: float) -> None:
        x = torch.cat([one_hot_map(), torch.zeros(1, 6, 2, 3, dtype=torch.float64)]).requires_grad_()
        propagate(x, x, gamma=gamma).sum().backward()
        assert bool(x.grad.isfinite().all())

    def test_published_property_it_smooths(self) -> None:
        """Pixels of a map are closer to one another after it than before."""
        x = maps(1, 8, 6, 6) + 1

        def likeness(of: Tensor) -> float:
            pixels = normalize(of.flatten(2).mT, dim=2)
            return float((pixels @ pixels.mT).mean())

        assert likeness(propagate(x, x)) > likeness(x) + 0.1

    @pytest.mark.parametrize("layers", [0, 1, 2])
    def test_module_is_the_function_of_its_transform(self, layers: int) -> None:
        torch.manual_seed(0)
        module = PixelPropagation(4, layers=layers, gamma=1.5).double()
        assert sum(isinstance(step, torch.nn.Conv2d) for step in module.transform) == layers
        x = maps(3, 4, 2, 3)
        expected = propagate(x, module.transform(x), gamma=1.5)
        torch.testing.assert_close(module(x), expected)
        if layers == 0:
            torch.testing.assert_close(expected, propagate(x, x, gamma=1.5))

    def test_half_precision_is_computed_in_float32_under_autocast_too(self) -> None:
        x = maps(1, 6, 7, 7)
        with torch.autocast("cpu", torch.bfloat16):
            found = PixelPropagation(6, layers=0)(x.half())
        assert found.dtype == torch.float32
        torch.testing.assert_close(
            found.double(), propagate(x.half().double(), x.half().double()), rtol=1e-5, atol=1e-5
        )

    def test_errors(self) -> None:
        with pytest.raises(ConfigurationError, match="layers must be 0, 1 or 2. Got 3"):
            PixelPropagation(layers=3)
        with pytest.raises(ConfigurationError, match=r"gamma must be .* Got 0"):
            PixelPropagation(gamma=0)
        with pytest.raises(ConfigurationError, match=r"clamp must be in \[0, 1\]. Got -1"):
            PixelPropagation(clamp=-1)
        with pytest.raises(ConfigurationError, match=r"maps must be .* shape \(items, channels"):
            PixelPropagation(4)(maps(4, 2, 3))


class TestLoss:
    def test_equal_crops_agree_fully(self) -> None:
        x, boxes = one_hot_map(), WHOLE.expand(1, 2, 4)
        assert float(PixPro()(x, x, x, x, boxes=boxes)) == pytest.approx(-2, abs=1e-5)
        assert float(PixPro(variant="official")(x, x, x, x, boxes=boxes)) == pytest.approx(-4, abs=1e-5)
        assert float(PixPro()(x, x, -x, -x, boxes=boxes)) == pytest.approx(2, abs=1e-5)

    def test_equals_a_slow_loop(self) -> None:
        y, x = maps(2, 3, 2, 2), maps(2, 3, 2, 2, seed=1)
        positive = torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(2)) < 0.4
        found = pixel_consistency(y, x, positive)
        for item in range(2):
            pixels, others = y[item].flatten(1).T, x[item].flatten(1).T
            cosine = [
                float(torch.cosine_similarity(pixels[i], others[j], dim=0))
                for i in range(4)
                for j in range(4)
                if positive[item, i, j]
            ]
            assert float(found[item]) == pytest.approx(sum(cosine) / len(cosine), rel=1e-5)

    def test_crops_that_share_no_place_give_nothing_and_count(self) -> None:
        x = one_hot_map().requires_grad_()
        apart = PixPro()(x, x, x, x, boxes=torch.stack([WHOLE, FAR])[None])
        assert float(apart.detach()) == 0
        assert not torch.autograd.grad(apart, x)[0].any()
        twice = x.detach().expand(2, 6, 2, 3)
        boxes = torch.stack([torch.stack([WHOLE, WHOLE]), torch.stack([WHOLE, FAR])])
        assert float(PixPro()(twice, twice, twice, twice, boxes=boxes)) == pytest.approx(-1, abs=1e-5)

    def test_mirroring_a_crop_with_its_box_changes_nothing(self) -> None:
        embeddings = [maps(3, 4, 3, 5, seed=seed) for seed in range(4)]
        boxes = torch.rand(3, 2, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        mirrored = [m.flip(3) if view % 2 else m for view, m in enumerate(embeddings)]
        flipped = torch.stack([boxes[:, 0], boxes[:, 1][:, [2, 1, 0, 3]]], dim=1)
        straight = PixPro(2.0)(*embeddings, boxes=boxes)
        assert float(straight) != 0
        torch.testing.assert_close(PixPro(2.0)(*mirrored, boxes=flipped), straight)

    def test_gradient_is_the_slope_and_targets_get_none(self) -> None:
        first, second, *targets = (maps(2, 3, 2, 2, seed=seed).requires_grad_() for seed in range(4))
        boxes = WHOLE.expand(2, 2, 4)
        assert torch.autograd.gradcheck(lambda a, b: PixPro()(a, b, *targets, boxes=boxes), (first, second))
        PixPro()(first, second, *targets, boxes=boxes).backward()
        assert all(target.grad is None for target in targets)

    def test_one_pixel_compares_the_crops(self) -> None:
        x = maps(1, 4, 1, 1)
        near = torch.stack([WHOLE, WHOLE + torch.tensor([1.5, 1.0] * 2)])[None]  # half a diagonal apart
        assert float(PixPro()(x, x, x, x, boxes=near)) == pytest.approx(-2, abs=1e-5)
        assert float(PixPro(0.4)(x, x, x, x, boxes=near)) == 0

    def test_errors(self) -> None:
        x = one_hot_map()
        with pytest.raises(ConfigurationError, match=r"boxes must have shape \(1, 2, 4\).*Got \(1, 4\)"):
            PixPro()(x, x, x, x, boxes=WHOLE[None])
        with pytest.raises(ConfigurationError, match="first and second_targets must have one shape"):
            PixPro()(x, x, x, x[:, :3], boxes=WHOLE.expand(1, 2, 4))
        with pytest.raises(ConfigurationError, match="variant must be 'paper' or 'official'. Got 'code'"):
            PixPro(variant="code")
