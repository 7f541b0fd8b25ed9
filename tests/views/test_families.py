import subprocess
import sys
from dataclasses import asdict, replace

import pytest
import torch
from torch import Tensor

from kinfolk import ConfigurationError
from kinfolk.views import (
    PhotoView,
    View,
    ViewRecipe,
    byol,
    crop,
    document_scan,
    draw_views,
    multi_crop,
    simclr,
)

FAMILIES: dict[str, tuple[ViewRecipe, ...]] = {
    "simclr": simclr(16),
    "byol": byol(16),
    "multi_crop": multi_crop(16, small_size=8),
    "document_scan": document_scan(16),
}
families = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())

PLAIN = PhotoView(24, flip=0.0, jitter=0.0, gray=0.0, blur=0.0)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def photos() -> Tensor:
    """uint8 (12, 3, 20, 30)."""
    return torch.randint(0, 256, (12, 3, 20, 30), dtype=torch.uint8, generator=seeded(0))


@families
def test_a_seed_gives_the_same_views(family: tuple[ViewRecipe, ...], photos: Tensor) -> None:
    first, second, other = (draw_views(photos, family, generator=seeded(seed)) for seed in (1, 1, 2))
    for a, b, c in zip(first, second, other, strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.boxes, b.boxes)
        assert not torch.equal(a.images, c.images)


@families
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32])
def test_views_have_the_size_asked_for_and_the_type_given(
    family: tuple[ViewRecipe, ...], channels: int, dtype: torch.dtype, photos: Tensor
) -> None:
    given = photos[:, :channels]
    given = given if dtype == torch.uint8 else (given / 255).to(dtype)
    views = draw_views(given, family, generator=seeded(1))
    assert [tuple(view.images.shape) for view in views] == [(12, channels, r.size, r.size) for r in family]
    assert {view.images.dtype for view in views} == {dtype}
    assert all(0 <= view.images.min() <= view.images.max() <= (255 if dtype == torch.uint8 else 1) for view in views)


@families
def test_equal_images_get_different_views(family: tuple[ViewRecipe, ...], photos: Tensor) -> None:
    for view in draw_views(photos[:1].expand(12, -1, -1, -1), family, generator=seeded(3)):
        assert len(torch.unique(view.images, dim=0)) == 12
        assert len(torch.unique(view.boxes, dim=0)) == 12


def test_a_batch_larger_than_what_is_worked_on_at_once_keeps_its_order() -> None:
    """Each image is one shade, so that a crop of it is that shade again; 300 of them are more than go through at once."""
    shades = (torch.arange(300) % 256).to(torch.uint8).view(-1, 1, 1, 1)
    (view,) = draw_views(shades.expand(-1, 3, 32, 32), [replace(PLAIN, size=32)], generator=seeded(1))
    assert torch.equal(view.images, shades.expand(-1, 3, 32, 32))
    assert len(torch.unique(view.boxes, dim=0)) == 300


def test_the_boxes_are_those_of_the_crops(photos: Tensor) -> None:
    (view,) = draw_views(photos, [replace(PLAIN, flip=0.5)], generator=seeded(1))
    assert torch.equal(view.images, crop(photos, view.boxes, 24))
    mirrored = view.boxes[:, 0] > view.boxes[:, 2]
    assert 0 < mirrored.sum() < 12


def mirrored(_images: Tensor, view: View) -> Tensor:
    return view.boxes[:, 0] > view.boxes[:, 2]


def gray(_images: Tensor, view: View) -> Tensor:
    return (view.images == view.images[:, :1]).all(3).all(2).all(1)


def more_than_cropped(images: Tensor, view: View) -> Tensor:
    return (view.images != crop(images, view.boxes, 8)).any(3).any(2).any(1)


@pytest.mark.parametrize(
    ("setting", "share", "happened"),
    [
        ("flip", 0.3, mirrored),
        ("gray", 0.2, gray),
        ("jitter", 0.6, more_than_cropped),
        ("blur", 0.5, more_than_cropped),
        ("solarize", 0.2, more_than_cropped),
    ],
)
def test_probabilities_are_shares_of_the_images(setting: str, share: float, happened) -> None:
    images = torch.rand(2_000, 3, 8, 8, generator=seeded(4))
    (view,) = draw_views(images, [replace(PLAIN, size=8, **{setting: share})], generator=seeded(5))
    assert float(happened(images, view).float().mean()) == pytest.approx(share, abs=0.04)


def test_small_views_show_little_of_the_image(photos: Tensor) -> None:
    views = draw_views(photos, multi_crop(16, small_size=8, num=2, num_small=4), generator=seeded(1))
    areas = [((v.boxes[:, 2] - v.boxes[:, 0]).abs() * (v.boxes[:, 3] - v.boxes[:, 1])) for v in views]
    assert [tuple(view.images.shape[2:]) for view in views] == [(16, 16)] * 2 + [(8, 8)] * 4
    assert all((area >= 0.139).all() for area in areas[:2])
    assert all(((area >= 0.049) & (area <= 0.141)).all() for area in areas[2:])


def test_families_are_those_of_the_papers() -> None:
    first, second = simclr(224)
    assert first == second == PhotoView(224)
    cifar, _ = simclr(32, strength=0.5, blur=0.0)
    assert (cifar.brightness, cifar.contrast, cifar.saturation, cifar.hue, cifar.blur) == (0.4, 0.4, 0.4, 0.1, 0.0)
    first, second = (asdict(view) for view in byol(224))
    assert {key: (first[key], second[key]) for key in first if first[key] != second[key]} == {
        "blur": (1.0, 0.1),
        "solarize": (0.0, 0.2),
    }
    assert len(multi_crop(224, small_size=96)) == 8


def test_a_blank_page_stays_blank_without_stains_and_ink_only_fades() -> None:
    white = torch.ones(6, 1, 30, 20)
    recipe = replace(document_scan(16)[0], stain=0.0)
    (view,) = draw_views(white, [recipe], generator=seeded(1))
    torch.testing.assert_close(view.images, torch.ones(6, 1, 16, 16))
    (faded,) = draw_views(1 - white, [replace(recipe, bleed=0.0)], generator=seeded(1))
    assert 0 < faded.images.max() <= 0.6


def test_pages_are_not_mirrored(photos: Tensor) -> None:
    for view in draw_views(photos, document_scan(16), generator=seeded(1)):
        assert (view.boxes[:, 0] < view.boxes[:, 2]).all()


@pytest.mark.parametrize("wrong", [2.0, -0.5, float("nan")])
def test_floats_out_of_range_are_refused(wrong: float) -> None:
    images = torch.rand(2, 3, 8, 8)
    images[0, 0, 0, 0] = wrong
    with pytest.raises(ConfigurationError, match=r"floats must be in \[0, 1\]. .* Divide by 255"):
        draw_views(images, simclr(8), generator=seeded(1))


def test_impossible_families_are_refused(photos: Tensor) -> None:
    with pytest.raises(ConfigurationError, match="at least one recipe"):
        draw_views(photos, (), generator=seeded(1))
    with pytest.raises(ConfigurationError, match="num must be at least 1"):
        multi_crop(16, small_size=8, num=0)
    with pytest.raises(ConfigurationError, match=r"solarize must be in \[0, 1\]. Got 1.5"):
        PhotoView(16, solarize=1.5)
    with pytest.raises(ConfigurationError, match=r"blur_sigma must be two numbers, the lower first.* Got 2 and 1"):
        PhotoView(16, blur_sigma=(2.0, 1.0))
    with pytest.raises(ConfigurationError, match=r"bleed must be in \[0, 1\]. Got -0.1"):
        replace(document_scan(16)[0], bleed=-0.1)
    with pytest.raises(ConfigurationError, match="size must be at least 1. Got 0 x 0"):
        draw_views(photos, simclr(0), generator=seeded(1))


def test_without_torch_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from kinfolk import MissingExtraError\n"
        "try:\n    import kinfolk.views\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed == "kinfolk.views needs an optional part of kinfolk. Install it with: pip install 'kinfolk[train]'\n"
