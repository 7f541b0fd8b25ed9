"""Families of views by their names."""

import pytest
import torch

from kinfolk.errors import ConfigurationError
from kinfolk.methods.families import views_of
from kinfolk.views import draw_views


def test_a_drawing_is_seen_nearly_whole_and_never_mirrored():
    arrows = torch.zeros(64, 3, 32, 32)
    arrows[..., 16:] = 1  # dark on the left
    for view in draw_views(arrows, views_of("drawing", 32), generator=torch.Generator().manual_seed(0)):
        assert (view.images[..., :6].mean((1, 2, 3)) < view.images[..., -6:].mean((1, 2, 3))).all()


def test_a_family_without_a_name_is_refused_with_those_that_have_one():
    with pytest.raises(ConfigurationError, match="photo, asymmetric, crop, drawing, document. Got 'sketch'"):
        views_of("sketch", 32)
