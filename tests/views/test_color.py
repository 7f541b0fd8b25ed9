"""Colors against Pillow, against colorsys, and against loops over single images."""

import colorsys
import itertools

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from kinfolk import ConfigurationError, views
from kinfolk.views import Jitter, color_jitter, draw_jitter

FACTORS = torch.tensor([0.0, 0.4, 1.0, 1.3, 1.8], dtype=torch.float64)
LUMA = np.array([0.299, 0.587, 0.114])

_ENHANCERS = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "saturation": ImageEnhance.Color,
}


def slow(name: str, image: np.ndarray, factor: float) -> np.ndarray:
    """One operation on one image (3, height, width), pixel by pixel."""
    gray = np.einsum("c,chw->hw", LUMA, image)
    result = np.empty_like(image)
    for c, y, x in itertools.product(*map(range, image.shape)):
        if name == "hue":
            turned = (colorsys.rgb_to_hsv(*image[:, y, x])[0] + factor) % 1, *colorsys.rgb_to_hsv(*image[:, y, x])[1:]
            result[c, y, x] = colorsys.hsv_to_rgb(*turned)[c]
            continue
        target = {"brightness": 0.0, "contrast": gray.mean(), "saturation": gray[y, x]}[name]
        result[c, y, x] = min(1.0, max(0.0, factor * image[c, y, x] + (1 - factor) * target))
    return result


@pytest.mark.parametrize("name", _ENHANCERS)
def test_factors_are_those_of_pillow_and_of_a_loop(name: str, images: Tensor) -> None:
    given = (images * 255).round().to(torch.uint8)
    result = getattr(views, name)(given, FACTORS)
    floats = getattr(views, name)(images, FACTORS)
    for i, factor in enumerate(FACTORS.tolist()):
        image = Image.fromarray(given[i].permute(1, 2, 0).numpy())
        expected = torch.from_numpy(np.array(_ENHANCERS[name](image).enhance(factor))).permute(2, 0, 1)
        # Pillow rounds the gray it blends with, and cuts off instead of rounding the result
        assert (result[i].int() - expected.int()).abs().max() <= 2
        np.testing.assert_allclose(floats[i], slow(name, images[i].numpy(), factor), atol=1e-12)


def test_hue_is_that_of_colorsys(images: Tensor) -> None:
    turns = torch.tensor([0.0, 0.1, -0.5, 1 / 3, 0.77], dtype=torch.float64)
    result = views.turn_hue(images, turns)
    for i, turn in enumerate(turns.tolist()):
        np.testing.assert_allclose(result[i], slow("hue", images[i].numpy(), turn), atol=1e-12)


def test_a_third_of_a_turn_makes_red_green_and_a_whole_one_nothing(images: Tensor) -> None:
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    green = torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1)
    torch.testing.assert_close(views.turn_hue(red, torch.tensor([1 / 3])), green, rtol=0, atol=1e-6)
    torch.testing.assert_close(views.turn_hue(images, torch.ones(5)), images, rtol=0, atol=1e-12)


def test_grayscale_is_the_luma_of_the_chosen(images: Tensor) -> None:
    result = views.grayscale(images, torch.tensor([True, False, True, False, True]))
    np.testing.assert_allclose(
        result[0], np.einsum("c,chw->hw", LUMA, images[0].numpy())[None].repeat(3, 0), atol=1e-12
    )
    assert torch.equal(result[1], images[1])


def test_solarize_is_that_of_pillow(images: Tensor) -> None:
    given = (images * 255).round().to(torch.uint8)
    thresholds = torch.tensor([0, 90, 128, 200, 300])
    result = views.solarize(given, thresholds.float() / 255)
    for image, threshold, found in zip(given, thresholds.tolist(), result, strict=True):
        expected = ImageOps.solarize(Image.fromarray(image.permute(1, 2, 0).numpy()), threshold=threshold)
        assert np.array_equal(found.permute(1, 2, 0).numpy(), np.asarray(expected))


def test_jitter_takes_the_steps_in_the_order_of_each_image(images: Tensor) -> None:
    orders = list(itertools.permutations(range(4)))
    rows = [i % 5 for i in range(len(orders))]
    rng = torch.Generator().manual_seed(5)
    jitter = Jitter(
        *(torch.rand(24, generator=rng, dtype=torch.float64) * 1.5 + 0.2 for _ in range(3)),
        torch.rand(24, generator=rng, dtype=torch.float64) - 0.5,
        torch.tensor(orders),
    )
    result = color_jitter(images[rows], jitter)
    names = ("brightness", "contrast", "saturation", "hue")
    for i, order in enumerate(orders):
        expected = images[rows[i]].numpy()
        for step in order:
            expected = slow(names[step], expected, float(getattr(jitter, names[step])[i]))
        np.testing.assert_allclose(result[i], expected, atol=1e-10)


def test_jitter_is_drawn_from_the_ranges_asked_for(generator: torch.Generator) -> None:
    jitter = draw_jitter(
        20_000, brightness=0.4, contrast=2.0, saturation=0.0, hue=0.1, probability=0.7, generator=generator
    )
    changed = jitter.hue != 0
    assert float(changed.float().mean()) == pytest.approx(0.7, abs=0.02)
    assert torch.equal(jitter.brightness != 1, changed)
    for values, low, high in (
        (jitter.brightness, 0.6, 1.4),
        (jitter.contrast, 0.0, 3.0),
        (jitter.hue, -0.1, 0.1),
    ):
        own = values[changed]
        assert low <= own.min() <= own.max() <= high
        assert float(own.mean()) == pytest.approx((low + high) / 2, abs=0.02 * (high - low))
        assert float(own.std()) == pytest.approx((high - low) / 12**0.5, rel=0.03)
    assert torch.equal(jitter.saturation, torch.ones(20_000))
    _, counts = jitter.order.unique(dim=0, return_counts=True)
    assert len(counts) == 24
    assert counts.min() > 0.8 * 20_000 / 24


def test_impossible_strengths_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(ConfigurationError, match=r"hue at most 0.5. Got 0.8, 0.8, 0.8 and 0.6"):
        draw_jitter(2, hue=0.6, generator=generator)
    with pytest.raises(ConfigurationError, match="must be 0 or more"):
        draw_jitter(2, contrast=-0.1, generator=generator)
