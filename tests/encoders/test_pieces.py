"""Views that are cut from the tokens of texts: a whole text in pieces and put together again has the tokens it had."""

import pytest
import torch

from kinfolk.encoders.text_by_name import text_tower_for
from kinfolk.errors import ConfigurationError

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")
TEXTS = ("the cats sleep outside", "dogs", "birds and fish eat in the old house", "")
SETTINGS = {"characters": {"max_characters": 20}, "subwords": {"max_tokens": 12}, "bag": {"max_tokens": 6}}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_pieces_of_a_text_wrapped_are_its_tokens(name):
    tower = text_tower_for(TEXTS, name, SETTINGS[name])
    wrapped, whole = tower.wrap(tower.pieces(TEXTS, most=100)), tower.tokens(TEXTS)
    length = min(wrapped.shape[1], whole.shape[1])
    assert torch.equal(wrapped[:, :length], whole[:, :length])
    assert (wrapped[:, length:] == -1).all()
    assert (whole[:, length:] == -1).all()


@pytest.mark.parametrize("name", SETTINGS)
def test_pieces_are_cut_where_it_is_asked_for(name):
    assert text_tower_for(TEXTS, name, SETTINGS[name]).pieces(TEXTS, most=3).shape[1] == 3


def test_a_setting_that_a_tower_does_not_have_is_refused():
    with pytest.raises(ConfigurationError, match="The text tower 'bag' has no setting 'depth'"):
        text_tower_for(TEXTS, "bag", {"depth": 2})
