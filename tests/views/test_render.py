"""Texts become crops: ink where glyphs are, the same pixels for the same seed, clean at degrade 0, and words for what cannot be."""

from unittest.mock import Mock

import numpy as np
import pytest
import torch

from kinfolk import ConfigurationError, DataError
from kinfolk.views import Font, render_text, render_texts, synthetic_classes

TEXTS = ["Arkwright", "Hallam & Son", "Smith", "Smith"]


def ink(image: object) -> np.ndarray:
    """Where an image is darker than half, (height, width)."""
    return np.asarray(image).min(axis=-1) < 128


def columns_with_ink(image: object) -> int:
    """How many runs of columns hold ink: letters that do not touch."""
    filled = ink(image).any(axis=0).astype(int)
    return int((np.diff(filled, prepend=0) == 1).sum())


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_clean_text_is_black_on_white_and_ends_where_its_ink_ends(latin: Font) -> None:
    image = render_text("lll", latin, glyph_size=64)
    pixels = np.asarray(image)
    assert image.mode == "RGB"
    assert (pixels == pixels[..., :1]).all()
    assert (pixels.min(), pixels.max()) == (0, 255)
    dark = pixels[..., 0] < 255
    assert dark[0].any()
    assert dark[-1].any()
    assert dark[:, 0].any()
    assert dark[:, -1].any()
    assert columns_with_ink(image) == 3
    assert pixels.shape[0] == pytest.approx(0.7 * 64, abs=8)  # what rises above the line, in sizes of a glyph


def test_size_is_the_size_of_the_glyphs(latin: Font) -> None:
    small, large = (render_text("Hallam", latin, glyph_size=size) for size in (30, 120))
    assert large.height == pytest.approx(4 * small.height, rel=0.1)  # hints round to pixels
    assert large.width == pytest.approx(4 * small.width, rel=0.1)


def test_vertical_text_stands_upright_from_top_to_bottom(latin: Font) -> None:
    across = render_text("lll", latin, glyph_size=40)
    down = render_text("lll", latin, glyph_size=40, vertical=True)
    one = render_text("l", latin, glyph_size=40)
    assert across.height == one.height == down.height - 2 * 40
    assert down.width == one.width < across.width
    assert down.height > down.width
    # each letter is drawn as it is in a line
    for top in (0, 40, 80):
        assert np.array_equal(np.asarray(down)[top : top + one.height], np.asarray(one))


def test_lines_go_down_and_columns_go_left(latin: Font) -> None:
    two = np.asarray(render_text("l\nll", latin, glyph_size=40))
    assert columns_with_ink(two[:30]) == 1
    assert columns_with_ink(two[-30:]) == 2
    standing = np.asarray(render_text("l\nll", latin, glyph_size=40, vertical=True))
    width = standing.shape[1] // 2
    assert not ink(standing[-30:, width:]).any()
    assert ink(standing[-30:, :width]).any()
    assert ink(standing[:30, width:]).any()


def test_control_characters_change_nothing(latin: Font) -> None:
    plain = np.asarray(render_text("cafe", latin))
    assert np.array_equal(np.asarray(render_text("ca\u200bfe\x07", latin)), plain)


def test_crops_have_the_shape_of_their_texts_on_white(latin: Font) -> None:
    crops = render_texts(["lllllllllllll", "lllllllllllll"], fonts=[latin], size=48, vertical=0.0, degrade=0.0)
    assert crops.shape == (2, 3, 48, 48)
    assert crops.dtype == np.uint8
    wide = crops[0].transpose(1, 2, 0)
    assert (wide[:12] == 255).all()
    assert (wide[-12:] == 255).all()
    assert ink(wide).any()
    tall = render_texts(["lllllllllllll"], fonts=[latin], size=48, vertical=1.0, degrade=0.0)[0].transpose(1, 2, 0)
    assert (tall[:, :12] == 255).all()
    assert (tall[:, -12:] == 255).all()
    assert tall.min() < 255


def test_the_share_of_vertical_texts_is_what_was_asked_for(latin: Font) -> None:
    crops = render_texts(
        ["lllllllllllll"] * 200, fonts=[latin], size=16, vertical=0.3, degrade=0.0, glyph_sizes=(8, 12)
    )
    standing = (crops[:, 0, :, :3] == 255).all(axis=(1, 2)).mean()
    assert standing == pytest.approx(0.3, abs=0.1)


def test_a_seed_is_a_batch_and_a_place_is_a_crop(latin: Font) -> None:
    first, again, other = (
        render_texts(TEXTS, fonts=[latin], size=32, vertical=0.5, seed=seed, degrade=1.0, glyph_sizes=(32, 40))
        for seed in (7, 7, 8)
    )
    assert np.array_equal(first, again)
    assert all(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert not np.array_equal(first[2], first[3])  # the same text in two places
    fewer = render_texts(
        ["x", *TEXTS[1:3]], fonts=[latin], size=32, vertical=0.5, seed=7, degrade=1.0, glyph_sizes=(32, 40)
    )
    assert np.array_equal(fewer[1:], first[1:3])


def test_without_degrading_a_page_has_two_shades_and_with_it_many(latin: Font) -> None:
    clean = np.asarray(render_text("lll", latin, glyph_size=64))
    assert np.isin(clean, (0, 255)).mean() > 0.8  # the rest are the edges of letters
    worn = np.asarray(render_text("lll", latin, glyph_size=64, degrade=1.0, generator=generator(1)))
    assert np.isin(worn, (0, 255)).mean() < 0.2
    assert np.ptp(worn.astype(int), axis=2).max() > 5  # paper has a color


def test_degrading_grows_with_its_strength(latin: Font) -> None:
    """The mean of many pages: a single one may be lucky. The upper margin, which is paper, darkens."""
    paper = []
    for degrade in (0.01, 0.5, 1.0):
        pages = [
            np.asarray(render_text("l", latin, glyph_size=48, degrade=degrade, generator=generator(seed)))
            for seed in range(20)
        ]
        paper.append(np.mean([page[:3].mean() for page in pages]))
    assert paper[0] > 250
    assert paper[0] - 10 > paper[1] > paper[2] + 10


def test_every_font_that_can_is_used_and_no_other(latin: Font) -> None:
    never = Mock(spec=Font)  # drawing with it would fail
    never.covers.return_value = False
    both = render_texts(TEXTS, fonts=[never, latin], size=24, degrade=0.0)
    assert np.array_equal(both, render_texts(TEXTS, fonts=[latin], size=24, degrade=0.0))


def test_what_cannot_be_drawn_is_named(latin: Font) -> None:
    with pytest.raises(
        DataError, match=r"text 2, 'a東', can be drawn by none of 1 fonts; .* 東 \(U\+6771\)\. Leave it out"
    ):
        render_texts(["a", "a東"], fonts=[latin])
    for blank in ("", " \n", "\u200b"):
        with pytest.raises(DataError, match="text 1 is blank"):
            render_texts([blank], fonts=[latin])
        with pytest.raises(DataError, match="at least one visible character"):
            render_text(blank, latin)
    with pytest.raises(DataError, match=r"Aileron Regular cannot draw '東': it has no glyph for 東 \(U\+6771\)"):
        render_text("東", latin)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"fonts": []}, "fonts must hold at least one font"),
        ({"vertical": 1.5}, r"vertical must be in \[0, 1\]\. Got 1\.5"),
        ({"degrade": -0.1}, r"degrade must be in \[0, 1\]"),
        ({"size": 0}, "size must be at least 1"),
        ({"seed": -1}, "seed at least 0"),
        ({"glyph_sizes": (40, 30)}, "the smaller first"),
    ],
)
def test_impossible_settings_are_refused(setting: dict[str, object], message: str, latin: Font) -> None:
    with pytest.raises(ConfigurationError, match=message):
        render_texts(["a"], **{"fonts": [latin], **setting})


def test_one_text_needs_a_generator_and_a_size(latin: Font) -> None:
    with pytest.raises(ConfigurationError, match="texts must be a list of texts. Got one text, 'Smith'"):
        render_texts("Smith", fonts=[latin])
    with pytest.raises(ConfigurationError, match="degrade needs a generator"):
        render_text("a", latin, degrade=0.5)
    with pytest.raises(ConfigurationError, match="glyph_size must be at least 4"):
        render_text("a", latin, glyph_size=3)


def test_synthetic_classes_are_negative_and_in_order(latin: Font) -> None:
    classes = synthetic_classes(
        ["Smith", "東", "Hallam", "Smith"], per_class=3, fonts=[latin], size=16, on_error="skip"
    )
    assert len(classes) == 6
    assert classes.pixels.shape == (6, 3, 16, 16)
    assert classes.labels.tolist() == [-1, -1, -1, -2, -2, -2]
    assert classes.texts == ("Smith",) * 3 + ("Hallam",) * 3
    assert len(np.unique(classes.pixels, axis=0)) == 6
    (skipped,) = classes.skipped
    assert skipped.startswith("text 2, '東', can be drawn by none of 1 fonts")
    same = render_texts(classes.texts, fonts=[latin], size=16, vertical=0.5)
    assert np.array_equal(classes.pixels, same)


def test_synthetic_classes_refuse_what_gives_no_class(latin: Font) -> None:
    with pytest.raises(DataError, match="text 1, '東'"):
        synthetic_classes(["東"], per_class=2, fonts=[latin])
    with pytest.raises(DataError, match=r"No text is left to render\. text 1"):
        synthetic_classes(["東"], per_class=2, fonts=[latin], on_error="skip")
    with pytest.raises(ConfigurationError, match="per_class must be at least 2"):
        synthetic_classes(["a"], per_class=1, fonts=[latin])
