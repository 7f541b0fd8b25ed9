import pytest
import torch
from torch import Tensor

from kinfolk import ConfigurationError
from kinfolk.views import bleed_through, draw_specks, draw_texture, fade_ink, speckle, stain_paper


def test_a_texture_is_cloudy_and_differs_from_image_to_image(generator: torch.Generator) -> None:
    smooth = draw_texture(3, 40, 60, cells=4, grain=0.0, generator=generator)
    assert smooth.shape == (3, 1, 40, 60)
    assert 0 <= smooth.min() <= smooth.max() <= 1
    assert len(torch.unique(smooth, dim=0)) == 3
    # between the middles of two cells, ten and fifteen pixels apart, the value goes in a straight line
    assert smooth.diff(dim=3).abs().max() <= 1 / 15 + 1e-6
    assert smooth.diff(dim=2).abs().max() <= 1 / 10 + 1e-6
    rough = draw_texture(3, 40, 60, cells=4, grain=1.0, generator=generator)
    assert rough.diff(dim=3).abs().max() > 0.9


@pytest.mark.parametrize(
    ("shade", "stained", "faded", "bled"),
    [(0.0, 0.0, 0.3, 0.0), (1.0, 0.7, 1.0, 0.85), (0.5, 0.35, 0.65, 0.425)],
)
def test_a_page_of_one_shade_by_thought(shade: float, stained: float, faded: float, bled: float) -> None:
    """Texture .6, strength .5: a share of .3 goes. A back of .7 has ink of .3: at strength .5 a share of .15 goes."""
    page = torch.full((1, 1, 2, 2), shade)
    texture, strength = torch.full((1, 1, 2, 2), 0.6), torch.tensor([0.5])
    torch.testing.assert_close(stain_paper(page, texture, strength), torch.full_like(page, stained))
    torch.testing.assert_close(fade_ink(page, texture, strength), torch.full_like(page, faded))
    torch.testing.assert_close(bleed_through(page, torch.full_like(page, 0.7), strength), torch.full_like(page, bled))


def test_specks_cover_the_share_they_should_half_in_black_half_in_white(generator: torch.Generator) -> None:
    specks = draw_specks(2, 301, 302, side=3, generator=generator)
    assert specks.shape == (2, 1, 301, 302)
    squares = specks[:, 0, :300, :300].unfold(1, 3, 3).unfold(2, 3, 3).flatten(3)
    assert (squares == squares[..., :1]).all()
    page = torch.full((2, 3, 301, 302), 0.5)
    dirty = speckle(page, specks, torch.tensor([0.0, 0.4]))
    assert torch.equal(dirty[0], page[0])
    for shade, share in ((0.0, 0.2), (0.5, 0.6), (1.0, 0.2)):
        assert (dirty[1] == shade).double().mean() == pytest.approx(share, abs=0.02)


def test_without_strength_nothing_happens(images: Tensor, generator: torch.Generator) -> None:
    texture, none = draw_texture(5, 11, 14, cells=3, generator=generator), torch.zeros(5)
    assert torch.equal(stain_paper(images, texture, none), images)
    torch.testing.assert_close(fade_ink(images, texture, none), images)
    assert torch.equal(bleed_through(images, images.flip(3), none), images)


def test_impossible_settings_are_refused(images: Tensor, generator: torch.Generator) -> None:
    with pytest.raises(ConfigurationError, match=r"strength must be in \[0, 1\] for every image"):
        stain_paper(images, torch.rand(5, 1, 11, 14), torch.full((5,), 1.2))
    with pytest.raises(ConfigurationError, match=r"share must be in \[0, 1\] for every image"):
        speckle(images, torch.rand(5, 1, 11, 14), torch.full((5,), -0.1))
    with pytest.raises(ConfigurationError, match="side must be at least 1 pixel"):
        draw_specks(1, 8, 8, side=0, generator=generator)
    with pytest.raises(ConfigurationError, match="cells must be at least 1"):
        draw_texture(1, 8, 8, cells=0, generator=generator)
