"""What the learned encoder looked at, on a pair whose losses are known."""

import base64
import io
import re

import numpy as np
import pytest

from kinfolk.linking.focus import FieldFocus, Focus, PictureFocus, TextFocus
from kinfolk.report import focus_panel as module

Image = pytest.importorskip("PIL.Image", reason="needs kinfolk[images]: Pillow is not installed")


def focus_panel(focus):
    return module.focus_panel(focus, names=("first <f1>", "second s1"))


def picture(losses, shade=200):
    return PictureFocus(np.full((1, 64, 64), shade, np.uint8), np.array(losses, np.float32))


def test_the_fields_are_weighed_in_a_sentence():
    focus = Focus(0.75, (FieldFocus("crop", 0.25), FieldFocus("year", -0.05), FieldFocus("name", float("nan"))))
    panel = focus_panel(focus)
    assert "0 is unrelated): 0.75; without crop it would be 0.50; without year it would be 0.80." in panel
    assert "<table" not in panel


def test_words_are_shaded_by_their_share_of_the_largest_loss():
    left = TextFocus((("Smith", 0.4), ("&", 0.0), ("<Co>", 0.2)), spaced=True)
    right = TextFocus((("Smith", 0.1), ("Ltd", -0.3)), spaced=True)
    panel = focus_panel(Focus(0.5, (FieldFocus("name", 0.2, left, right),)))
    assert (
        '<span class="heat-4" title="+0.400">Smith</span> &amp; <span class="heat-2" title="+0.200">&lt;Co&gt;</span>'
        in panel
    )
    assert '<span class="heat-1" title="+0.100">Smith</span> Ltd' in panel


def test_characters_of_one_word_stand_together():
    one = TextFocus((("東", 0.1), ("京", 0.1)), spaced=False)
    assert re.search(r"東</span><span[^>]*>京", focus_panel(Focus(1.0, (FieldFocus("name", 0.2, one, one),))))


def test_the_patch_that_counts_is_colored_and_the_others_are_not():
    sides = picture([[0.3, 0.0], [0.0, -0.3]]), picture([[0.0, 0.0], [0.0, 0.0]])
    panel = focus_panel(Focus(0.9, (FieldFocus("crop", 0.2, *sides),)))
    shown = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(data))), dtype=int)
        for data in re.findall(r"base64,([^\"]+)", panel)
    ]
    assert [image.shape for image in shown] == [(192, 192, 3)] * 2
    red_over_blue = [image[..., 0] - image[..., 2] for image in shown]
    assert red_over_blue[0][16:80, 16:80].min() > 60
    assert abs(red_over_blue[0][112:, 112:]).max() < 12
    assert abs(red_over_blue[1]).max() < 12


def test_nothing_is_marked_where_nothing_counts():
    side = TextFocus((("a", 0.0), ("b", -0.1)), spaced=True)
    panel = focus_panel(Focus(0.1, (FieldFocus("name", -0.1, side, side),)))
    assert "heat-" not in panel[panel.index("<tbody") :]


def test_each_side_is_named_once():
    side = TextFocus((("a", 0.1),), spaced=True)
    panel = focus_panel(Focus(0.9, (FieldFocus("name", 0.1, side, side),)))
    assert re.findall(r'scope="col">([^<]+)<', panel) == ["first &lt;f1&gt;", "second s1"]


def test_ink_can_be_read_where_it_is_marked_most():
    def shown(shade):
        panel = focus_panel(Focus(0.9, (FieldFocus("crop", 0.2, picture([[0.3]], shade), None),)))
        data = re.findall(r"base64,([^\"]+)", panel)[0]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L"), dtype=int).mean()

    ink, paper = shown(0), shown(255)
    assert ink > 25, "a mark shows on what is black"
    assert paper - ink > 110, "more than two fifths of the contrast are left"
